// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/packet_look_back.h"

#include <algorithm>
#include <tuple>

#include "dataplane/vault/log_search.h"
#include "dataplane/vault/packet_block.h"

namespace clew::vault {
namespace {

constexpr std::size_t front_bytes_guess = 64u << 10;  // of most blocks: read at once

void take_packet(const BlockPacket& packet, const std::string& tap, AnswerBuilder& builder) {
    HeaderRecord record;
    if (builder.question().in_time(packet.entry->time_ns) && read_header(packet, record))
        builder.take_whole(packet.leg->label, tap, record, packet.entry->link, packet.bytes);
}

void take_open(const OpenPacketBlock& block, const TapNames& names, AnswerBuilder& builder) {
    const std::uint32_t end = block.bytes_used(), legs = block.leg_count();
    std::vector<bool> wanted(legs);
    bool any = false;
    for (std::uint32_t leg = 0; leg < legs; ++leg) any |= wanted[leg] = builder.wants(block.label(leg));
    for (std::uint32_t at = 0; any && at < end; at += OpenPacketBlock::size_of(block.entry(at))) {
        const PacketEntry& entry = block.entry(at);
        if (entry.leg >= legs || !wanted[entry.leg]) continue;
        const BlockLeg leg{block.label(entry.leg), 1, 1};
        take_packet({&leg, &entry, OpenPacketBlock::bytes_of(entry)}, names.now(leg.label.tap), builder);
    }
}

Result<PacketBlockReader> open_front(const BlockStore& store, const StoredBlock& stored) {
    auto front = store.read(stored, 0, front_bytes_guess);
    if (!front) return tl::make_unexpected(front.error());
    if (const std::size_t bytes = PacketBlockReader::front_bytes(*front); bytes > front->size())
        front = store.read(stored, 0, bytes);
    if (!front) return tl::make_unexpected(front.error());
    return PacketBlockReader::open(*front);
}

void take_stored(const BlockStore& store, const StoredBlock& stored, TapNames& names, AnswerBuilder& builder) {
    const auto block = open_front(store, stored);
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

/// What is the same of a packet in both logs.
using Identity = std::tuple<LegId, TimeNs, std::uint8_t, std::uint32_t, std::uint16_t, std::uint32_t>;
Identity identity_of(const Answer& answer, const FoundPacket& packet) {
    const HeaderRecord& record = packet.record;
    return {
        answer.legs[packet.leg].label.id, record.time_ns, record.side, record.seq, record.ip_id, record.wire_length};
}

}  // namespace

Answer PacketLookBack::find(const Question& question) const {
    AnswerBuilder builder(question);
    TapNames names(store_, taps_);
    search_log(
        store_, appenders_, builder, [&](const OpenPacketBlock& block) { take_open(block, names, builder); },
        [&](const StoredBlock& stored) { take_stored(store_, stored, names, builder); });
    builder.answer.finish(question);
    return std::move(builder.answer);
}

Answer join(const Question& question, Answer headers, Answer packets) {
    std::multimap<Identity, std::size_t> places;
    for (std::size_t i = 0; i < headers.packets.size(); ++i)
        places.emplace(identity_of(headers, headers.packets[i]), i);
    std::unordered_map<LegId, std::uint32_t> legs;
    for (std::uint32_t i = 0; i < headers.legs.size(); ++i) legs.emplace(headers.legs[i].label.id, i);
    for (FoundPacket& packet : packets.packets) {
        if (const auto same = places.find(identity_of(packets, packet)); same != places.end()) {
            FoundPacket& header = headers.packets[same->second];
            header.whole = true;
            header.link = packet.link;
            header.frame = std::move(packet.frame);
            places.erase(same);
            continue;
        }
        const AnswerLeg& leg = packets.legs[packet.leg];
        const auto [place, is_new] = legs.try_emplace(leg.label.id, static_cast<std::uint32_t>(headers.legs.size()));
        if (is_new) headers.legs.push_back(leg);
        packet.leg = place->second;
        headers.packets.push_back(std::move(packet));
    }
    if (!packets.partial.empty()) headers.note(packets.partial);
    if (packets.complete_until != 0 && (headers.complete_until == 0 || packets.complete_until < headers.complete_until))
        headers.complete_until = packets.complete_until;
    headers.finish(question);
    return headers;
}

}  // namespace clew::vault
