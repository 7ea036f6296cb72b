// SPDX-License-Identifier: Apache-2.0
#include <lz4.h>

#include <algorithm>
#include <cstring>

#include "dataplane/vault/block_check.h"
#include "dataplane/vault/packet_block.h"

namespace clew::vault {
namespace {

constexpr std::size_t checked_from = offsetof(PacketBlockHead, version);
constexpr std::size_t payload_check_bytes = 64;      // of PacketHeader::payload_check
constexpr std::uint32_t leg_count_limit = 1u << 18;  // a sensor's block has at most 16,384

tl::unexpected<Error> damaged(const char* what) {
    return fail(ErrorKind::failed, std::string("a packet log block is damaged: ") + what);
}

Result<std::vector<BlockLeg>> decode_labels(const PacketBlockHead& head, std::span<const std::uint8_t> bytes) {
    if (check_of(bytes) != head.labels_check) return damaged("the check sum of its legs is wrong");
    std::vector<BlockLeg> legs;
    RangeDecoder coder(bytes);
    auto labels = std::make_unique<LabelModel>(head.id_base);
    std::uint64_t packets = 0;
    while (legs.size() < head.leg_count) {
        BlockLeg& leg = legs.emplace_back();
        labels->code(coder, leg);
        packets += leg.packet_count;
        if (packets > head.packet_count || coder.overrun()) return damaged("its legs contradict its head");
    }
    if (packets != head.packet_count) return damaged("its legs contradict its head");
    return legs;
}

std::size_t fixed_transport_bytes(std::uint8_t protocol) {
    constexpr std::size_t tcp_bytes = 20, other_bytes = 8;
    return protocol == static_cast<std::uint8_t>(Protocol::tcp) ? tcp_bytes : other_bytes;
}

}  // namespace

bool read_header(const BlockPacket& packet, HeaderRecord& record) {
    const PacketEntry& entry = *packet.entry;
    const std::size_t ip = entry.ip_offset, transport = entry.transport_offset, payload = entry.payload_offset;
    const std::uint8_t protocol = packet.leg->label.protocol;
    if (ip >= transport || transport + fixed_transport_bytes(protocol) > payload || payload > packet.bytes.size())
        return false;
    const std::size_t fixed = packet.bytes[ip] >> 4 == 6 ? 40 : 20;
    if (transport - ip < fixed || payload - transport > fixed_transport_bytes(protocol) + options_bytes_max)
        return false;
    const std::size_t ip_bytes = std::min(transport - ip, fixed + ip_extra_bytes_max);
    const std::size_t check_bytes = std::min<std::size_t>(payload_check_bytes, entry.payload_length);
    const bool checked = check_bytes != 0 && payload + check_bytes <= packet.bytes.size();
    RawHeader raw{.time_ns = entry.time_ns,
                  .wire_length = entry.wire_length,
                  .payload_length = entry.payload_length,
                  .ip_offset = entry.ip_offset,
                  .payload_check = 0,
                  .marks = static_cast<std::uint8_t>(entry.marks & (mark_side | mark_to_server)),
                  .ip = packet.bytes.subspan(ip, ip_bytes),
                  .transport = packet.bytes.subspan(transport, payload - transport)};
    if (ip_bytes != transport - ip) raw.marks |= mark_ip_extra_cut;
    if (checked) {
        raw.marks |= mark_payload_check;
        raw.payload_check = static_cast<std::uint16_t>(check_of(packet.bytes.subspan(payload, check_bytes)));
    }
    read_header(raw, protocol, record);
    return true;
}

std::size_t PacketBlockReader::front_bytes(std::span<const std::uint8_t> bytes) {
    PacketBlockHead head;
    if (bytes.size() < sizeof head) return 0;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.magic != packet_block_magic || head.version != packet_block_version) return 0;
    const std::uint64_t front =
        sizeof head + std::uint64_t{head.chunk_count} * sizeof(PacketChunkHead) + head.filter_bytes + head.labels_bytes;
    return front <= head.block_bytes && head.block_bytes <= packet_block_bytes_limit ? front : 0;
}

Result<PacketBlockReader> PacketBlockReader::open(std::span<const std::uint8_t> front) {
    PacketBlockReader reader;
    PacketBlockHead& head = reader.head_;
    if (front.size() < sizeof head) return damaged("it is shorter than its head");
    std::memcpy(&head, front.data(), sizeof head);
    if (head.magic == packet_block_magic && head.version != packet_block_version)
        return fail(ErrorKind::failed, "a packet log block has format version " + std::to_string(head.version) +
                                           ", this program reads version " + std::to_string(packet_block_version));
    const std::size_t whole = front_bytes(front);
    if (whole == 0 || whole > front.size()) return damaged("its head's lengths do not fit");
    const std::size_t body = sizeof head + head.chunk_count * sizeof(PacketChunkHead);
    if (check_of(front.subspan(checked_from, body - checked_from)) != head.head_check)
        return damaged("the check sum of its head is wrong");
    std::uint64_t offset = whole, packets = 0, raw = 0;
    for (std::size_t i = 0; i < head.chunk_count; ++i) {
        Chunk chunk{offset, static_cast<std::uint32_t>(packets), {}};
        std::memcpy(&chunk.head, front.data() + sizeof head + i * sizeof(PacketChunkHead), sizeof(PacketChunkHead));
        if (chunk.head.raw_bytes > packet_chunk_raw_limit || chunk.head.bytes > chunk.head.raw_bytes ||
            chunk.head.packet_count > chunk.head.raw_bytes / sizeof(PacketEntry))
            return damaged("a chunk's length does not fit");
        offset += chunk.head.bytes;
        packets += chunk.head.packet_count;
        raw += chunk.head.raw_bytes;
        reader.chunks_.push_back(chunk);
    }
    if (offset != head.block_bytes || packets != head.packet_count || raw != head.raw_bytes ||
        packets > packet_block_packet_limit || head.leg_count > packets || head.leg_count > leg_count_limit)
        return damaged("its chunks contradict its head");
    auto legs = decode_labels(head, front.subspan(whole - head.labels_bytes, head.labels_bytes));
    if (!legs) return tl::make_unexpected(legs.error());
    reader.legs_ = std::move(*legs);
    return reader;
}

bool PacketBlockReader::undamaged(std::span<const std::uint8_t> block) const {
    const std::size_t filter_at = sizeof head_ + chunks_.size() * sizeof(PacketChunkHead);
    if (block.size() < head_.block_bytes ||
        check_of(block.subspan(filter_at, head_.filter_bytes)) != head_.filter_check)
        return false;
    return std::all_of(chunks_.begin(), chunks_.end(), [block](const Chunk& chunk) {
        return check_of(block.subspan(chunk.offset, chunk.head.bytes)) == chunk.head.check;
    });
}

std::vector<PacketBlockReader::Chunk> PacketBlockReader::chunks_of(
    const std::function<bool(const LegLabel&)>& wants) const {
    std::vector<Chunk> found;
    std::uint64_t first = 0;
    std::size_t next = 0;  // no chunk before it is still to be taken
    for (const BlockLeg& leg : legs_) {
        const std::uint64_t end = first + leg.packet_count;
        const bool wanted = leg.packet_count != 0 && wants(leg.label);
        for (; wanted && next < chunks_.size() && chunks_[next].first_packet < end; ++next)
            if (chunks_[next].first_packet + std::uint64_t{chunks_[next].head.packet_count} > first)
                found.push_back(chunks_[next]);
        first = end;
    }
    return found;
}

Result<void> PacketBlockReader::packets(const Chunk& chunk, std::span<const std::uint8_t> bytes,
                                        const std::function<bool(const BlockPacket&)>& visit) const {
    if (bytes.size() != chunk.head.bytes || check_of(bytes) != chunk.head.check)
        return damaged("the check sum of a chunk is wrong");
    // PacketEntry wants its alignment
    std::vector<std::uint64_t> raw(chunk.head.raw_bytes / sizeof(std::uint64_t) + 1);
    auto* at = reinterpret_cast<std::uint8_t*>(raw.data());
    if (chunk.head.bytes == chunk.head.raw_bytes) {
        std::copy(bytes.begin(), bytes.end(), at);
    } else {
        const int got = LZ4_decompress_safe(reinterpret_cast<const char*>(bytes.data()), reinterpret_cast<char*>(at),
                                            static_cast<int>(bytes.size()), static_cast<int>(chunk.head.raw_bytes));
        if (got != static_cast<int>(chunk.head.raw_bytes)) return damaged("a chunk cannot be decompressed");
    }
    return visit_raw(chunk, {at, chunk.head.raw_bytes}, visit);
}

Result<void> PacketBlockReader::visit_raw(const Chunk& chunk, std::span<const std::uint8_t> raw,
                                          const std::function<bool(const BlockPacket&)>& visit) const {
    std::size_t at = 0;
    for (std::uint32_t n = 0; n < chunk.head.packet_count; ++n) {
        if (raw.size() - at < sizeof(PacketEntry)) return damaged("a chunk ends before its packets do");
        const auto* entry = reinterpret_cast<const PacketEntry*>(raw.data() + at);
        if (entry->captured_length > OpenPacketBlock::packet_bytes_max || entry->leg >= legs_.size() ||
            OpenPacketBlock::size_of(*entry) > raw.size() - at)
            return damaged("a packet of a chunk does not fit into it");
        if (!visit({&legs_[entry->leg], entry, OpenPacketBlock::bytes_of(*entry)})) break;
        at += OpenPacketBlock::size_of(*entry);
    }
    return {};
}

}  // namespace clew::vault
