// SPDX-License-Identifier: Apache-2.0
// One log searched: what is not written yet and what is on disk, as one. Log has Appender and take() for an open block
// and for a stored one.
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

/// `take_open(block)` and `take_stored(block)` put what they find into the builder.
template <class Appender, class TakeOpen, class TakeStored>
void search_log(const BlockStore& store, const std::vector<const Appender*>& appenders, AnswerBuilder& builder,
                TakeOpen&& take_open, TakeStored&& take_stored) {
    const Question& question = builder.question();
    std::unordered_set<std::uint64_t> read_open;
    // First what is not written: a block that moves to disk meanwhile is then found twice, never missed.
    for (std::size_t i = 0; i < appenders.size(); ++i)
        appenders[i]->read_unwritten([&](const auto& block) {
            read_open.insert(origin_of(i, block.number()));
            if (!question.is_cancelled()) take_open(block);
        });
    const std::size_t from_open = builder.answer.packets.size();
    auto blocks = store.find(question.from, question.to, question.choice.keys());
    std::sort(blocks.begin(), blocks.end(),
              [](const StoredBlock& a, const StoredBlock& b) { return a.first_ns < b.first_ns; });
    for (const StoredBlock& block : blocks) {
        if (question.is_cancelled()) break;
        if (block.origin != 0 && read_open.contains(block.origin)) continue;
        if (builder.answer.packets.size() - from_open >= question.count_max ||
            (builder.is_full() && builder.answer.packets.size() != from_open)) {
            builder.answer.complete_until = block.first_ns;
            break;
        }
        take_stored(block);
    }
}

}  // namespace clew::vault
