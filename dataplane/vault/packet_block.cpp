// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/packet_block.h"

#include <lz4.h>

#include <algorithm>
#include <cstring>

#include "dataplane/vault/block_check.h"
#include "nat-trace/check.h"

namespace clew::vault {
namespace {

constexpr std::size_t checked_from = offsetof(PacketBlockHead, version);

}  // namespace

PacketBlockEncoder::PacketBlockEncoder() : lz4_state_(static_cast<std::size_t>(LZ4_sizeofState())) {}
PacketBlockEncoder::~PacketBlockEncoder() = default;

/// Brings the legs into the order of their numbers, with their counts, and sums up the head.
void PacketBlockEncoder::gather_legs(const OpenPacketBlock& block, PacketBlockHead& head) {
    order_.sort(block);
    numbers_.clear();
    for (std::uint32_t leg = 0; leg < order_.leg_count(); ++leg)
        if (!order_.packets_of(leg).empty()) numbers_.push_back(leg);
    std::sort(numbers_.begin(), numbers_.end(), [&](std::uint32_t a, std::uint32_t b) {
        return leg_number_of(block.label(a).id, head.id_base) < leg_number_of(block.label(b).id, head.id_base);
    });
    keys_.clear();
    legs_.resize(numbers_.size());
    head.first_ns = INT64_MAX;
    head.last_ns = INT64_MIN;
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
        const auto packets = order_.packets_of(numbers_[i]);
        legs_[i] = {block.label(numbers_[i]), static_cast<std::uint32_t>(packets.size()), 1};
        keys_.add(legs_[i].label);
        for (const std::uint32_t at : packets) {
            const TimeNs time = block.entry(at).time_ns;
            head.first_ns = std::min(head.first_ns, time);
            head.last_ns = std::max(head.last_ns, time);
        }
    }
    head.packet_count = static_cast<std::uint32_t>(order_.packet_count());
    head.leg_count = static_cast<std::uint32_t>(legs_.size());
}

void PacketBlockEncoder::encode_labels(PacketBlockHead& head) {
    labels_.clear();
    RangeEncoder coder(labels_);
    auto labels = std::make_unique<LabelModel>(head.id_base);
    for (BlockLeg& leg : legs_) labels->code(coder, leg);
    coder.finish();
    filter_ = keys_.build(filter_bits_per_key);
    head.labels_bytes = static_cast<std::uint32_t>(labels_.size());
    head.labels_check = check_of(labels_);
    head.filter_bytes = static_cast<std::uint32_t>(filter_.byte_count());
    head.filter_check = check_of(filter_.bytes());
}

/// Compresses what raw_ holds; where that gains nothing it is kept as it is.
void PacketBlockEncoder::close_chunk(PacketChunkHead& chunk) {
    constexpr int acceleration = 1;
    const auto raw_bytes = static_cast<int>(raw_.size());
    const std::size_t at = packets_.size();
    packets_.resize(at + raw_.size());
    const int packed = LZ4_compress_fast_extState(lz4_state_.data(), reinterpret_cast<const char*>(raw_.data()),
                                                  reinterpret_cast<char*>(packets_.data() + at), raw_bytes,
                                                  raw_bytes - 1, acceleration);
    if (packed > 0)
        packets_.resize(at + static_cast<std::size_t>(packed));
    else
        std::memcpy(packets_.data() + at, raw_.data(), raw_.size());
    chunk.raw_bytes = static_cast<std::uint32_t>(raw_bytes);
    chunk.bytes = static_cast<std::uint32_t>(packets_.size() - at);
    chunk.check = check_of(std::span(packets_).subspan(at));
    chunks_.push_back(chunk);
    chunk = {};
    raw_.clear();
}

void PacketBlockEncoder::encode_chunks(const OpenPacketBlock& block, PacketBlockHead& head) {
    packets_.clear();
    chunks_.clear();
    raw_.clear();
    PacketChunkHead chunk{};
    for (std::uint32_t i = 0; i < numbers_.size(); ++i)
        for (const std::uint32_t at : order_.packets_of(numbers_[i])) {
            const PacketEntry& entry = block.entry(at);
            const auto* bytes = reinterpret_cast<const std::uint8_t*>(&entry);
            const std::size_t place = raw_.size();
            raw_.insert(raw_.end(), bytes, bytes + OpenPacketBlock::size_of(entry));
            std::memcpy(raw_.data() + place + offsetof(PacketEntry, leg), &i, sizeof i);
            head.raw_bytes += OpenPacketBlock::size_of(entry);
            ++chunk.packet_count;
            if (raw_.size() >= packet_chunk_raw_bytes) close_chunk(chunk);
        }
    if (!raw_.empty()) close_chunk(chunk);
}

void PacketBlockEncoder::put_together(PacketBlockHead& head, std::vector<std::uint8_t>& out) const {
    CLEW_CHECK(chunks_.size() <= 0xffff && head.packet_count <= packet_block_packet_limit);
    head.chunk_count = static_cast<std::uint16_t>(chunks_.size());
    const std::size_t table_bytes = chunks_.size() * sizeof(PacketChunkHead);
    head.block_bytes =
        static_cast<std::uint32_t>(sizeof head + table_bytes + filter_.byte_count() + labels_.size() + packets_.size());
    const std::size_t at = out.size();
    out.reserve(at + head.block_bytes);
    out.resize(at + sizeof head + table_bytes);
    std::memcpy(out.data() + at, &head, sizeof head);
    std::memcpy(out.data() + at + sizeof head, chunks_.data(), table_bytes);
    head.head_check = check_of(std::span(out).subspan(at + checked_from));
    std::memcpy(out.data() + at, &head, sizeof head);
    out.insert(out.end(), filter_.bytes().begin(), filter_.bytes().end());
    out.insert(out.end(), labels_.begin(), labels_.end());
    out.insert(out.end(), packets_.begin(), packets_.end());
}

void PacketBlockEncoder::encode(const OpenPacketBlock& block, std::vector<std::uint8_t>& out) {
    PacketBlockHead head{};
    head.magic = packet_block_magic;
    head.version = packet_block_version;
    head.id_base = block.id_base();
    gather_legs(block, head);
    if (legs_.empty()) return;
    encode_labels(head);
    encode_chunks(block, head);
    put_together(head, out);
}

}  // namespace clew::vault
