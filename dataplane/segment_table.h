// SPDX-License-Identifier: Apache-2.0
// The segments in use, each once, under a small number that leg keys carry; a segment belongs to one tap. The same for
// both directions of a segment: outer ends and MACs are held in sorted order, and which of them a packet bears swapped
// is told apart (SegmentKey::swapped). One thread. Fixed memory: a segment that no leg uses any more makes room.
#pragma once

#include <cstdint>

#include "dataplane/decap.h"
#include "dataplane/fixed_array.h"

namespace clew::sensor {

using SegmentNumber = std::uint32_t;
constexpr SegmentNumber segment_none = 0xffff'ffff;

/// A segment's bytes in sorted order, and how this packet differs from it: bit i = layer i, bit 15 = the MAC pair.
struct SegmentKey {
    static constexpr std::size_t bytes_max = sizeof(TapId) + 12 + layer_count_max * (8 + 32);
    std::uint16_t length = 0;
    std::uint16_t swapped = 0;
    alignas(8) std::uint8_t bytes[bytes_max];
};
constexpr std::uint16_t swapped_mac_bit = 1u << 15;

SegmentKey segment_key(const std::uint8_t* frame, const Decapped& decapped, TapId tap = 0);

class SegmentTable {
  public:
    bool allocate(std::uint32_t segment_count_max, bool populate);
    static std::size_t memory_bytes(std::uint32_t segment_count_max);

    SegmentNumber find(const SegmentKey& key) const;
    /// Finds or adds; segment_none when full. A segment stays while legs use it: call use() for each, release() at its
    /// end.
    SegmentNumber add(const SegmentKey& key);
    void use(SegmentNumber segment) { ++entries_[segment].legs; }
    void release(SegmentNumber segment);

    /// From keep_unused() to free_unused() no number is freed: a burst's packets may hold numbers that no leg uses.
    void keep_unused() { keeps_unused_ = true; }
    void free_unused();

    /// Changes whenever the number is freed, so that a remembered number can be told from a new one.
    std::uint32_t stamp(SegmentNumber segment) const { return stamps_[segment]; }
    TapId tap(SegmentNumber segment) const;

    /// The segment with the ends as a packet with these swapped bits has them, sender on the client's side.
    Segment segment(SegmentNumber segment, std::uint16_t swapped) const;
    std::uint32_t count() const { return count_; }

  private:
    struct Entry {
        std::uint32_t legs;
        bool unused_noted;
        std::uint32_t hash;
        std::uint16_t length;
        std::uint8_t bytes[SegmentKey::bytes_max];
    };
    std::size_t home(std::uint32_t hash) const { return hash & mask_; }
    void erase_slot(std::size_t slot);
    void free_number(SegmentNumber segment);
    void note_unused(SegmentNumber segment);

    FixedArray<Entry> entries_;
    FixedArray<std::uint32_t> slots_;  ///< entry + 1, 0 = free; linear probing
    FixedArray<std::uint32_t> free_;
    FixedArray<std::uint32_t> stamps_;
    FixedArray<SegmentNumber> unused_;  ///< to be looked at by free_unused()
    std::uint32_t unused_count_ = 0;
    bool keeps_unused_ = false;
    std::uint32_t free_count_ = 0;
    std::uint32_t count_ = 0;
    std::size_t mask_ = 0;
};

}  // namespace clew::sensor
