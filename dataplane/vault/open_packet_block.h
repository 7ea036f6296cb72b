// SPDX-License-Identifier: Apache-2.0
// A block of the packet log as a worker fills it: packets in the order they come. One thread appends; others read what
// was appended before the count they see. Its memory is taken once.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/fixed_array.h"
#include "dataplane/vault/open_block.h"

namespace clew::vault {

/// One packet, in an open block and on disk, little endian; its bytes follow, then the next at a multiple of 8.
struct PacketEntry {
    TimeNs time_ns;
    std::uint32_t wire_length;
    std::uint32_t captured_length;  ///< bytes kept here, from the frame's first on
    std::uint32_t payload_length;   ///< behind the transport header, as sent
    std::uint32_t leg;              ///< number within the block
    std::uint16_t ip_offset;        ///< of the innermost IP header
    std::uint16_t transport_offset;
    std::uint16_t payload_offset;
    std::uint8_t marks;  ///< mark_side, mark_to_server
    std::uint8_t link;   ///< LinkType
};
static_assert(sizeof(PacketEntry) == 32);

struct OpenPacketBlockLimits {
    std::uint32_t bytes_max = 16u << 20;
    std::uint32_t leg_count_max = 16'384;
};

class OpenPacketBlock {
  public:
    static constexpr std::uint32_t packet_bytes_max = 1u << 18;  ///< of one packet; longer ones are cut

    bool allocate(const OpenPacketBlockLimits& limits, std::uint64_t id_base, bool populate) {
        limits_ = limits;
        id_base_ = id_base;
        return bytes_.allocate(limits.bytes_max, populate) && labels_.allocate(limits.leg_count_max, populate);
    }
    static std::size_t memory_bytes(const OpenPacketBlockLimits& limits) {
        return sensor::FixedArray<std::uint8_t>::memory_bytes(limits.bytes_max) +
               sensor::FixedArray<LegLabel>::memory_bytes(limits.leg_count_max);
    }

    void clear(std::uint32_t number) {
        number_ = number;
        bytes_used_.store(0, std::memory_order_relaxed);
        leg_count_.store(0, std::memory_order_relaxed);
    }
    std::uint32_t number() const { return number_; }
    bool empty() const { return bytes_used_.load(std::memory_order_relaxed) == 0; }
    /// Whether a packet of so many bytes, of a leg that is new here, fits.
    bool has_room(std::uint32_t packet_bytes) const {
        return leg_count_.load(std::memory_order_relaxed) != limits_.leg_count_max &&
               bytes_used_.load(std::memory_order_relaxed) + size_of(packet_bytes) <= bytes_.size();
    }
    TimeNs first_ns() const { return entry(0).time_ns; }

    LegLabel& next_label() { return labels_[leg_count_.load(std::memory_order_relaxed)]; }
    std::uint32_t commit_leg() {
        const std::uint32_t leg = leg_count_.load(std::memory_order_relaxed);
        leg_count_.store(leg + 1, std::memory_order_release);
        return leg;
    }
    void append(std::uint32_t leg, const SeenHeader& seen, std::uint32_t packet_bytes);

    std::uint64_t id_base() const { return id_base_; }
    const LegLabel& label(std::uint32_t leg) const { return labels_[leg]; }
    /// From any thread: what is whole by now.
    std::uint32_t bytes_used() const { return bytes_used_.load(std::memory_order_acquire); }
    std::uint32_t leg_count() const { return leg_count_.load(std::memory_order_acquire); }
    const PacketEntry& entry(std::uint32_t at) const { return *reinterpret_cast<const PacketEntry*>(&bytes_[at]); }
    static std::uint32_t size_of(std::uint32_t packet_bytes) {
        return (static_cast<std::uint32_t>(sizeof(PacketEntry)) + packet_bytes + 7u) & ~7u;
    }
    static std::uint32_t size_of(const PacketEntry& entry) { return size_of(entry.captured_length); }
    static std::span<const std::uint8_t> bytes_of(const PacketEntry& entry) {
        return {reinterpret_cast<const std::uint8_t*>(&entry + 1), entry.captured_length};
    }

  private:
    OpenPacketBlockLimits limits_;
    std::uint64_t id_base_ = 0;
    std::uint32_t number_ = 0;
    sensor::FixedArray<std::uint8_t> bytes_;
    sensor::FixedArray<LegLabel> labels_;
    std::atomic<std::uint32_t> bytes_used_{0};
    std::atomic<std::uint32_t> leg_count_{0};
};

inline void OpenPacketBlock::append(std::uint32_t leg, const SeenHeader& seen, std::uint32_t packet_bytes) {
    const std::uint32_t used = bytes_used_.load(std::memory_order_relaxed);
    const sensor::Decapped& decapped = *seen.decapped;
    PacketEntry& entry = *reinterpret_cast<PacketEntry*>(&bytes_[used]);
    entry = {.time_ns = seen.packet->time_ns,
             .wire_length = seen.packet->wire_length,
             .captured_length = packet_bytes,
             .payload_length = seen.transport->payload_length,
             .leg = leg,
             .ip_offset = static_cast<std::uint16_t>(decapped.addresses_offset - (decapped.v6 ? 8 : 12)),
             .transport_offset = static_cast<std::uint16_t>(decapped.transport_offset),
             .payload_offset = static_cast<std::uint16_t>(seen.transport->payload_offset),
             .marks = static_cast<std::uint8_t>(seen.marks & (mark_side | mark_to_server)),
             .link = static_cast<std::uint8_t>(seen.packet->link)};
    std::memcpy(&entry + 1, seen.packet->bytes, packet_bytes);
    const std::uint32_t end = used + size_of(packet_bytes);
    for (std::uint32_t i = used + static_cast<std::uint32_t>(sizeof entry) + packet_bytes; i < end; ++i) bytes_[i] = 0;
    bytes_used_.store(end, std::memory_order_release);
}

}  // namespace clew::vault
