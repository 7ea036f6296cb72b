// SPDX-License-Identifier: Apache-2.0
// A block of the header log as a worker fills it: raw headers in the order they come. One thread appends; others read
// what was appended before the count they see. Its memory is taken once.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "dataplane/fixed_array.h"
#include "dataplane/transport.h"
#include "dataplane/vault/header_block.h"
#include "dataplane/vault/leg_order.h"
#include "dataplane/vault/raw_header.h"

namespace clew::vault {

/// One packet in an open block; its header bytes follow, then the next packet at a multiple of 8.
struct HeaderEntry {
    TimeNs time_ns;
    std::uint32_t leg;  ///< number within the block
    std::uint32_t wire_length;
    std::uint32_t payload_length;
    std::uint16_t ip_offset;
    std::uint16_t payload_check;
    std::uint16_t ip_bytes;        ///< of the IP header and its extensions, kept here
    std::uint8_t transport_bytes;  ///< behind them
    std::uint8_t marks;            ///< HeaderMark bits, and the Checksum of the transport header from bit 4 on
    std::uint32_t unused;
};
static_assert(sizeof(HeaderEntry) == 32);

constexpr std::size_t ip_header_bytes_max = 40 + ip_extra_bytes_max;
constexpr std::size_t entry_bytes_max = sizeof(HeaderEntry) + ip_header_bytes_max + 64;

struct OpenBlockLimits {
    std::uint32_t packet_count_max = 65'536;
    std::uint32_t leg_count_max = 16'384;
    std::uint32_t bytes_per_packet = 96;  ///< room; a block with longer headers closes earlier
};

/// What an append needs besides the packet's own bytes.
struct SeenHeader {
    const sensor::Packet* packet;
    const sensor::Decapped* decapped;
    const sensor::Transport* transport;
    std::uint8_t marks;  ///< mark_side, mark_to_server, mark_payload_check, checksum
    std::uint16_t payload_check;
};

class OpenBlock {
  public:
    bool allocate(const OpenBlockLimits& limits, std::uint64_t id_base, bool populate);
    static std::size_t memory_bytes(const OpenBlockLimits& limits);

    void clear(std::uint32_t number) {
        number_ = number;
        bytes_used_.store(0, std::memory_order_relaxed);
        leg_count_.store(0, std::memory_order_relaxed);
        packet_count_ = 0;
    }
    std::uint32_t number() const { return number_; }
    bool empty() const { return packet_count_ == 0; }
    bool is_full() const {
        return packet_count_ == limits_.packet_count_max ||
               leg_count_.load(std::memory_order_relaxed) == limits_.leg_count_max ||
               bytes_used_.load(std::memory_order_relaxed) + entry_bytes_max > bytes_.size();
    }
    TimeNs first_ns() const { return reinterpret_cast<const HeaderEntry*>(&bytes_[0])->time_ns; }

    /// The label to fill in for a new leg; it counts from commit_leg() on.
    LegLabel& next_label() { return labels_[leg_count_.load(std::memory_order_relaxed)]; }
    std::uint32_t commit_leg() {
        const std::uint32_t leg = leg_count_.load(std::memory_order_relaxed);
        leg_count_.store(leg + 1, std::memory_order_release);
        return leg;
    }
    void append(std::uint32_t leg, const SeenHeader& seen);

    std::uint64_t id_base() const { return id_base_; }
    const LegLabel& label(std::uint32_t leg) const { return labels_[leg]; }
    /// From any thread: what is whole by now.
    std::uint32_t bytes_used() const { return bytes_used_.load(std::memory_order_acquire); }
    std::uint32_t leg_count() const { return leg_count_.load(std::memory_order_acquire); }
    const HeaderEntry& entry(std::uint32_t at) const { return *reinterpret_cast<const HeaderEntry*>(&bytes_[at]); }
    static std::uint32_t size_of(const HeaderEntry& entry) {
        return (sizeof entry + entry.ip_bytes + entry.transport_bytes + 7u) & ~7u;
    }
    /// The packet of the entry at this place, taken apart.
    void read(std::uint32_t at, HeaderRecord& record) const;

  private:
    OpenBlockLimits limits_;
    std::uint64_t id_base_ = 0;
    std::uint32_t number_ = 0;
    std::uint32_t packet_count_ = 0;
    sensor::FixedArray<std::uint8_t> bytes_;
    sensor::FixedArray<LegLabel> labels_;
    std::atomic<std::uint32_t> bytes_used_{0};
    std::atomic<std::uint32_t> leg_count_{0};
};

inline void OpenBlock::append(std::uint32_t leg, const SeenHeader& seen) {
    const sensor::Packet& packet = *seen.packet;
    const sensor::Decapped& decapped = *seen.decapped;
    const std::uint32_t used = bytes_used_.load(std::memory_order_relaxed);
    const std::uint32_t ip_offset = decapped.addresses_offset - (decapped.v6 ? 8 : 12);
    const std::uint32_t ip_whole = decapped.transport_offset - ip_offset;
    const auto ip_bytes =
        static_cast<std::uint16_t>(std::min<std::size_t>(ip_whole, (decapped.v6 ? 40u : 20u) + ip_extra_bytes_max));
    const auto transport_bytes = static_cast<std::uint8_t>(seen.transport->payload_offset - decapped.transport_offset);
    std::uint8_t* const at = &bytes_[used];
    HeaderEntry& entry = *reinterpret_cast<HeaderEntry*>(at);
    entry.time_ns = packet.time_ns;
    entry.leg = leg;
    entry.wire_length = packet.wire_length;
    entry.payload_length = seen.transport->payload_length;
    entry.ip_offset = static_cast<std::uint16_t>(ip_offset);
    entry.payload_check = seen.payload_check;
    entry.ip_bytes = ip_bytes;
    entry.transport_bytes = transport_bytes;
    entry.marks = static_cast<std::uint8_t>(seen.marks | (ip_bytes != ip_whole ? mark_ip_extra_cut : 0));
    entry.unused = 0;
    constexpr std::uint32_t copied_at_once = 64;
    if (ip_bytes == ip_whole && ip_bytes + transport_bytes <= copied_at_once &&
        ip_offset + copied_at_once <= packet.captured_length) {
        std::memcpy(at + sizeof entry, packet.bytes + ip_offset, copied_at_once);
    } else {
        std::memcpy(at + sizeof entry, packet.bytes + ip_offset, ip_bytes);
        std::memcpy(at + sizeof entry + ip_bytes, packet.bytes + decapped.transport_offset, transport_bytes);
    }
    ++packet_count_;
    bytes_used_.store(used + size_of(entry), std::memory_order_release);
}

/// A full block, sorted by leg, for the encoder. Keeps its memory between blocks.
class SortedBlock final : public HeaderBlockSource {
  public:
    void sort(const OpenBlock& block);
    std::uint64_t id_base() const override { return block_->id_base(); }
    std::uint32_t leg_count() const override { return order_.leg_count(); }
    const LegLabel& label(std::uint32_t leg) const override { return block_->label(leg); }
    std::span<const std::uint32_t> packets_of(std::uint32_t leg) const override { return order_.packets_of(leg); }
    LegTimes times_of(std::uint32_t leg) const override { return times_[leg]; }
    void expect(std::uint32_t at) const override {
        const auto* entry = reinterpret_cast<const std::uint8_t*>(&block_->entry(at));
        __builtin_prefetch(entry);
        __builtin_prefetch(entry + 64);
    }
    void read(std::uint32_t at, HeaderRecord& record) const override { block_->read(at, record); }

  private:
    const OpenBlock* block_ = nullptr;
    LegOrder order_;
    std::vector<LegTimes> times_;
};

}  // namespace clew::vault
