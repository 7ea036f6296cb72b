// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/packet_look_back.h"

#include <algorithm>

#include "dataplane/vault/log_search.h"
#include "dataplane/vault/packet_block.h"
#include "dataplane/vault/streamed_answer.h"

namespace clew::vault {
namespace {

struct PacketLog {
    using Appender = PacketAppender;
    static constexpr std::size_t front_bytes = 64u << 10;
    static void open(const OpenPacketBlock& block, const TapNames& names, AnswerBuilder& builder);
    static void stored(const BlockStore& store, const StoredBlock& stored, TapNames& names, AnswerBuilder& builder);
};

void take_packet(const BlockPacket& packet, const std::string& tap, AnswerBuilder& builder) {
    HeaderRecord record;
    if (builder.question().in_time(packet.entry->time_ns) && read_header(packet, record))
        builder.take_whole(packet.leg->label, tap, record, packet.entry->link, packet.bytes);
}

void PacketLog::open(const OpenPacketBlock& block, const TapNames& names, AnswerBuilder& builder) {
    const std::uint32_t end = block.bytes_used();
    const std::vector<bool> wanted = wanted_legs(block, builder);
    for (std::uint32_t at = 0; !wanted.empty() && at < end; at += OpenPacketBlock::size_of(block.entry(at))) {
        const PacketEntry& entry = block.entry(at);
        if (entry.leg >= wanted.size() || !wanted[entry.leg]) continue;
        const BlockLeg leg{block.label(entry.leg), 1, 1};
        take_packet({&leg, &entry, OpenPacketBlock::bytes_of(entry)}, names.now(leg.label.tap), builder);
    }
}

void PacketLog::stored(const BlockStore& store, const StoredBlock& stored, TapNames& names, AnswerBuilder& builder) {
    const auto front = read_front<PacketBlockReader>(store, stored, front_bytes);
    if (!front) return builder.answer.note(front.error().sentence);
    if (front->empty()) return;
    const auto block = PacketBlockReader::open(*front);
    if (!block) return builder.answer.note(block.error().sentence);
    const auto wants = [&builder](const LegLabel& label) { return builder.wants(label); };
    std::vector<bool> wanted;
    for (const BlockLeg& leg : block->legs()) wanted.push_back(wants(leg.label));
    for (const PacketBlockReader::Chunk& chunk : block->chunks_of(wants)) {
        if (builder.question().is_cancelled()) return;
        const auto bytes = store.read(stored, chunk.offset, chunk.head.bytes);
        if (!bytes) return builder.answer.note(bytes.error().sentence);
        if (bytes->empty()) return;  // it left meanwhile
        const auto read = block->packets(chunk, *bytes, [&](const BlockPacket& packet) {
            if (wanted[packet.entry->leg]) take_packet(packet, names.of(stored, packet.leg->label.tap), builder);
            return true;
        });
        if (!read) builder.answer.note(read.error().sentence);
    }
}

}  // namespace

std::unique_ptr<LogSearch> PacketLookBack::begin(const Question& question) const {
    return std::make_unique<SearchOf<PacketLog>>(store_, appenders_, taps_, question);
}

Answer PacketLookBack::find(const Question& question) const { return find_all(question, begin(question), nullptr); }

}  // namespace clew::vault
