// SPDX-License-Identifier: Apache-2.0
// The segments that came by last, found by a frame's own bytes without sorting or hashing the whole stack: for stacks
// of at most two layers whose ends are IPv4 or none. Direct-mapped, exact, in front of a SegmentTable. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/decap.h"
#include "dataplane/fixed_array.h"
#include "dataplane/hash.h"
#include "dataplane/segment_table.h"

namespace clew::sensor {

struct FoundSegment {
    SegmentNumber segment = segment_none;
    std::uint16_t swapped = 0;
};

class SegmentCache {
  public:
    static constexpr std::size_t entry_count = 1024;

    SegmentCache(SegmentTable& table, std::uint64_t hash_seed) : table_(table), seed_(hash_seed | 1) {}
    bool allocate(bool populate) { return entries_.allocate(entry_count, populate); }
    static std::size_t memory_bytes() { return FixedArray<Entry>::memory_bytes(entry_count); }

    /// The packet's segment out of the table, added when it is new; segment_none when the table is full.
    [[gnu::always_inline]] FoundSegment find(const std::uint8_t* frame, const Decapped& decapped, TapId tap) {
        Words words;
        if (!put_words(words, frame, decapped, tap)) [[unlikely]]
            return find_in_table(frame, decapped, tap);
        const unsigned layers = decapped.layer_count;
        std::uint64_t hash = fold(words[0] ^ seed_, words[1] ^ seed_);
        if (layers > 0) hash = fold(words[2] ^ hash, words[3] ^ seed_);
        if (layers > 1) hash = fold(words[4] ^ hash, words[5] ^ seed_);
        Entry& entry = entries_[hash % entry_count];
        if (same(entry.words, words, layers) && entry.number_after != 0 &&
            entry.stamp == table_.stamp(entry.number_after - 1)) [[likely]]
            return {entry.number_after - 1, entry.swapped};
        const FoundSegment found = find_in_table(frame, decapped, tap);
        if (found.segment == segment_none) return found;
        std::copy_n(words.begin(), 2 + 2 * layers, entry.words.begin());
        entry.number_after = found.segment + 1;
        entry.stamp = table_.stamp(found.segment);
        entry.swapped = found.swapped;
        return found;
    }

  private:
    static constexpr unsigned layer_count_here = 2;
    using Words = std::array<std::uint64_t, 2 + 2 * layer_count_here>;
    struct alignas(64) Entry {
        Words words;
        std::uint32_t number_after;  ///< the segment's number + 1; 0 = free
        std::uint32_t stamp;
        std::uint16_t swapped;
        std::array<std::uint8_t, 6> unused;
    };
    static_assert(sizeof(Entry) == 64);

    /// All that tells segments apart, in the frame's own order: two words, and two for each layer. False: it does not
    /// fit.
    [[gnu::always_inline]] static bool put_words(Words& words, const std::uint8_t* frame, const Decapped& decapped,
                                                 TapId tap) {
        if (!decapped.has_mac || decapped.layer_count > layer_count_here) return false;
        std::uint32_t mac_rest;
        std::memcpy(&words[0], frame + decapped.mac_offset, 8);
        std::memcpy(&mac_rest, frame + decapped.mac_offset + 8, 4);
        words[1] = std::uint64_t{mac_rest} << 32 | std::uint64_t{tap} << 16 | decapped.layer_count;
        if (decapped.layer_count > 0 && !put_layer(&words[2], frame, decapped.layers[0])) return false;
        return decapped.layer_count < 2 || put_layer(&words[4], frame, decapped.layers[1]);
    }

    [[gnu::always_inline]] static bool put_layer(std::uint64_t* words, const std::uint8_t* frame,
                                                 const FoundLayer& layer) {
        const bool has_ends = layer.ends_offset != 0;
        words[0] = std::uint64_t{layer.id} << 32 | std::uint64_t{static_cast<std::uint8_t>(layer.type)} << 8 |
                   std::uint64_t{has_ends} << 1 | std::uint64_t{layer.has_id};
        words[1] = 0;
        if (has_ends) std::memcpy(&words[1], frame + layer.ends_offset, 8);
        return !(has_ends && layer.ends_v6);
    }

    static bool same(const Words& a, const Words& b, unsigned layers) {
        std::uint64_t apart = (a[0] ^ b[0]) | (a[1] ^ b[1]);
        if (layers > 0) apart |= (a[2] ^ b[2]) | (a[3] ^ b[3]);
        if (layers > 1) apart |= (a[4] ^ b[4]) | (a[5] ^ b[5]);
        return apart == 0;
    }

    [[gnu::noinline]] FoundSegment find_in_table(const std::uint8_t* frame, const Decapped& decapped, TapId tap) {
        const SegmentKey key = segment_key(frame, decapped, tap);
        return {table_.add(key), key.swapped};
    }

    SegmentTable& table_;
    std::uint64_t seed_;
    FixedArray<Entry> entries_;
};

}  // namespace clew::sensor
