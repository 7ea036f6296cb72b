// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_look_back.h"

#include <algorithm>

#include "dataplane/vault/log_search.h"
#include "dataplane/vault/streamed_answer.h"

namespace clew::vault {
namespace {

struct HeaderLog {
    using Appender = HeaderAppender;
    static constexpr std::size_t front_bytes = 48u << 10;
    static void open(const OpenBlock& block, const TapNames& names, AnswerBuilder& builder);
    static void stored(const BlockStore& store, const StoredBlock& stored, TapNames& names, AnswerBuilder& builder);
};

void HeaderLog::open(const OpenBlock& block, const TapNames& names, AnswerBuilder& builder) {
    const std::uint32_t end = block.bytes_used();
    const std::vector<bool> wanted = wanted_legs(block, builder);
    HeaderRecord record;
    for (std::uint32_t at = 0; !wanted.empty() && at < end; at += OpenBlock::size_of(block.entry(at))) {
        const std::uint32_t leg = block.entry(at).leg;
        if (leg >= wanted.size() || !wanted[leg]) continue;
        block.read(at, record);
        builder.take(block.label(leg), names.now(block.label(leg).tap), record);
    }
}

void learn(const BlockStore& store, const StoredBlock& stored, const std::vector<BlockLeg>& legs) {
    std::vector<std::uint64_t> keys;
    for (const BlockLeg& leg : legs) add_keys_of(leg.label, keys);
    store.learn(stored, std::move(keys));
}

void HeaderLog::stored(const BlockStore& store, const StoredBlock& stored, TapNames& names, AnswerBuilder& builder) {
    const auto front = read_front<HeaderBlockReader>(store, stored, front_bytes);
    if (!front) return builder.answer.note(front.error().sentence);
    if (front->empty()) return;
    const auto block = HeaderBlockReader::open_front(*front);
    if (!block) return builder.answer.note(block.error().sentence);
    const auto legs = block->legs();
    if (!legs) return builder.answer.note(legs.error().sentence);
    if (!stored.keys_known) learn(store, stored, *legs);
    std::size_t wanted = 0;
    for (const BlockLeg& leg : *legs)
        if (builder.wants(leg.label)) wanted += leg.packet_count;
    builder.expect(wanted);
    const auto read = block->packets(
        *legs, [&](const BlockLeg& leg) { return builder.wants(leg.label); },
        [&](std::size_t offset, std::size_t bytes) { return store.read(stored, offset, bytes); },
        [&](const BlockLeg& leg, const HeaderRecord& record) {
            builder.take(leg.label, names.of(stored, leg.label.tap), record);
            return !builder.question().is_cancelled();
        });
    if (!read) builder.answer.note(read.error().sentence);
}

class HeaderSearch final : public SearchOf<HeaderLog> {
  public:
    HeaderSearch(const BlockStore& store, const std::vector<const HeaderAppender*>& appenders,
                 const std::vector<std::string>& taps, const Question& question)
        : SearchOf(store, appenders, taps, question), store_(store), appenders_(appenders) {}

    void end() override {
        Answer& answer = builder.answer;
        const TimeNs from = builder.question().from;
        const BlockStoreCounters counters = store_.counters();
        std::uint64_t dropped = counters.packets_dropped_disk_full + counters.packets_dropped_disk_failed;
        for (const HeaderAppender* appender : appenders_) dropped += appender->dropped();
        if (counters.packets_expired != 0 && (from == 0 || from < counters.oldest_ns))
            answer.note("the header log no longer holds packets this old: its budget of bytes is used up");
        if (dropped != 0)
            answer.note(std::to_string(dropped) +
                        " headers never reached the log (full or slow disk): the counters tell");
    }

  private:
    const BlockStore& store_;
    const std::vector<const HeaderAppender*>& appenders_;
};

}  // namespace

std::unique_ptr<LogSearch> HeaderLookBack::begin(const Question& question) const {
    return std::make_unique<HeaderSearch>(store_, appenders_, taps_, question);
}

Answer HeaderLookBack::find(const Question& question) const { return find_all(question, begin(question), nullptr); }

}  // namespace clew::vault
