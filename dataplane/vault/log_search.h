// SPDX-License-Identifier: Apache-2.0
// One log searched: what is not written yet and what is on disk, as one.
#pragma once

#include <algorithm>
#include <map>
#include <unordered_set>

#include "dataplane/vault/block_store.h"
#include "dataplane/vault/log_writer.h"
#include "dataplane/vault/look_back.h"
#include "dataplane/vault/tap_table.h"

namespace clew::vault {

/// The names of taps: those of now, and those of the files of earlier runs. One question.
class TapNames {
  public:
    TapNames(const BlockStore& store, const std::vector<std::string>& now) : store_(store), now_(now) {}
    const std::string& now(TapId tap) const { return tap < now_.size() ? now_[tap] : nameless_; }
    const std::string& of(const StoredBlock& block, TapId tap) {
        const auto [place, is_new] = files_.try_emplace(block.file);
        if (is_new)
            if (const auto first = store_.read_first(block); first && !first->empty())
                if (auto table = decode_tap_table(*first)) place->second = std::move(table->taps);
        return tap < place->second.size() ? place->second[tap] : nameless_;
    }

  private:
    const BlockStore& store_;
    const std::vector<std::string>& now_;
    std::map<std::uint64_t, std::vector<std::string>> files_;
    const std::string nameless_;
};

/// A question's search through one log, block by block in the order of time.
class LogSearch {
  public:
    explicit LogSearch(const Question& question) : builder(question) {}
    virtual ~LogSearch() = default;
    /// Nothing that is still to be found is earlier; INT64_MAX: all is found.
    virtual TimeNs next_ns() const = 0;
    virtual void take_next() = 0;
    /// Whole: notes what the log lacks.
    virtual void end() {}

    AnswerBuilder builder;
};

/// The front of a block, which tells its legs; `guess`: of most blocks, read at once. Empty when it has left meanwhile.
template <class Reader>
Result<std::vector<std::uint8_t>> read_front(const BlockStore& store, const StoredBlock& stored, std::size_t guess) {
    auto front = store.read(stored, 0, guess);
    if (!front) return front;
    if (const std::size_t bytes = Reader::front_bytes(*front); bytes > front->size())
        return store.read(stored, 0, bytes);
    return front;
}

/// Which legs of a block that is not written yet are asked about; empty: none.
template <class Block>
std::vector<bool> wanted_legs(const Block& block, const AnswerBuilder& builder) {
    std::vector<bool> wanted(block.leg_count());
    bool any = false;
    for (std::uint32_t leg = 0; leg < wanted.size(); ++leg) any |= wanted[leg] = builder.wants(block.label(leg));
    if (!any) wanted.clear();
    return wanted;
}

/// Of Log: Appender, front_bytes, and open() and stored(), which put what they find in a block into the builder.
template <class Log>
class SearchOf : public LogSearch {
  public:
    using Appender = typename Log::Appender;
    SearchOf(const BlockStore& store, const std::vector<const Appender*>& appenders,
             const std::vector<std::string>& taps, const Question& question)
        : LogSearch(question), store_(store), names_(store, taps) {
        // First what is not written: a block that moves to disk meanwhile is then found twice, never missed.
        std::unordered_set<std::uint64_t> read_open;
        for (std::size_t i = 0; i < appenders.size(); ++i)
            appenders[i]->read_unwritten([&](const auto& block) {
                read_open.insert(origin_of(i, block.number()));
                if (!question.is_cancelled()) Log::open(block, names_, builder);
            });
        from_open_ = builder.taken();
        blocks_ = store.find(question.from, question.to, question.choice.keys());
        std::erase_if(blocks_,
                      [&](const StoredBlock& block) { return block.origin != 0 && read_open.contains(block.origin); });
        std::sort(blocks_.begin(), blocks_.end(),
                  [](const StoredBlock& a, const StoredBlock& b) { return a.first_ns < b.first_ns; });
        for (std::size_t i = 0; i < expected_ahead; ++i) expect(i);
    }

    TimeNs next_ns() const override { return next_ < blocks_.size() ? blocks_[next_].first_ns : INT64_MAX; }
    void take_next() override {
        const StoredBlock& block = blocks_[next_];
        const bool limit = builder.taken() - from_open_ >= builder.question().count_max ||
                           (builder.is_full() && builder.taken() != from_open_) || block.first_ns > builder.latest();
        if (limit) builder.answer.complete_until = block.first_ns;
        if (limit || builder.question().is_cancelled()) {
            next_ = blocks_.size();
            return;
        }
        expect(next_ + expected_ahead);
        Log::stored(store_, block, names_, builder);
        ++next_;
    }

  private:
    static constexpr std::size_t expected_ahead = 4;
    void expect(std::size_t number) const {
        if (number < blocks_.size()) store_.expect(blocks_[number], 0, Log::front_bytes);
    }

    const BlockStore& store_;
    TapNames names_;
    std::vector<StoredBlock> blocks_;
    std::size_t next_ = 0, from_open_ = 0;
};

}  // namespace clew::vault
