// SPDX-License-Identifier: Apache-2.0
// The segments that came by last, found by a frame's own bytes without sorting or hashing the whole stack: for stacks of
// at most two layers whose ends are IPv4 or none. Direct-mapped, exact, in front of a SegmentTable. One thread.
#pragma once

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
    FoundSegment find(const std::uint8_t* frame, const Decapped& decapped, TapId tap) {
        if (!fits(decapped)) return find_in_table(frame, decapped, tap);
        Words words{};
        const unsigned count = put_words(words, frame, decapped, tap);
        std::uint64_t hash = seed_;
        for (unsigned i = 0; i < count; i += 2) hash = fold(words[i] ^ hash, words[i + 1] ^ seed_);
        Entry& entry = entries_[hash % entry_count];
        if (entry.number_after != 0 && same(entry.words, words, count) &&
            entry.stamp == table_.stamp(entry.number_after - 1))
            return {entry.number_after - 1, entry.swapped};
        const FoundSegment found = find_in_table(frame, decapped, tap);
        if (found.segment != segment_none)
            entry = {words, found.segment + 1, table_.stamp(found.segment), found.swapped, {}};
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

    static bool fits(const Decapped& decapped) {
        if (!decapped.has_mac || decapped.layer_count > layer_count_here) return false;
        for (unsigned i = 0; i < decapped.layer_count; ++i)
            if (decapped.layers[i].ends_v6 && decapped.layers[i].ends_offset != 0) return false;
        return true;
    }

    /// All that tells segments apart, in the frame's own order; how many words.
    static unsigned put_words(Words& words, const std::uint8_t* frame, const Decapped& decapped, TapId tap) {
        std::uint32_t mac_rest;
        std::memcpy(&words[0], frame + decapped.mac_offset, 8);
        std::memcpy(&mac_rest, frame + decapped.mac_offset + 8, 4);
        words[1] = std::uint64_t{mac_rest} << 32 | std::uint64_t{tap} << 16 | decapped.layer_count;
        unsigned count = 2;
        for (unsigned i = 0; i < decapped.layer_count; ++i) {
            const FoundLayer& layer = decapped.layers[i];
            const bool has_ends = layer.ends_offset != 0;
            words[count] = std::uint64_t{layer.id} << 32 | std::uint64_t{static_cast<std::uint8_t>(layer.type)} << 8 |
                           std::uint64_t{has_ends} << 1 | std::uint64_t{layer.has_id};
            if (has_ends) std::memcpy(&words[count + 1], frame + layer.ends_offset, 8);
            count += 2;
        }
        return count;
    }

    static bool same(const Words& a, const Words& b, unsigned count) {
        std::uint64_t apart = 0;
        for (unsigned i = 0; i < count; ++i) apart |= a[i] ^ b[i];
        return apart == 0;
    }

    FoundSegment find_in_table(const std::uint8_t* frame, const Decapped& decapped, TapId tap) {
        const SegmentKey key = segment_key(frame, decapped, tap);
        return {table_.add(key), key.swapped};
    }

    SegmentTable& table_;
    std::uint64_t seed_;
    FixedArray<Entry> entries_;
};

}  // namespace clew::sensor
