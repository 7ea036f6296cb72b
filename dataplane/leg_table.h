// SPDX-License-Identifier: Apache-2.0
// The leg table: open addressing over fixed arrays, nothing allocated after allocate(). One thread. Needs AVX2.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include <immintrin.h>

#include "dataplane/fixed_array.h"
#include "dataplane/hash.h"
#include "dataplane/leg_state.h"
#include "dataplane/tcp_leg.h"
#include "nat-trace/prefetch.h"

namespace clew::sensor {

class LegTable {
  public:
    bool allocate(std::uint32_t leg_count_max, bool populate);
    static std::size_t memory_bytes(std::uint32_t leg_count_max);

    /// Of the whole key; strangers cannot choose it when the seed is not known to them.
    static std::uint32_t hash_of(const LegKey& key, std::uint64_t seed) {
        constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ull;
        const std::uint64_t ends = std::uint64_t{key.ports} << 32 | key.segment;
        const std::uint64_t kind = std::uint64_t{key.protocol} << 8 | std::uint64_t{key.v6};
        return static_cast<std::uint32_t>(fold(fold(key.addresses ^ seed, ends ^ seed * odd) ^ kind, seed | 1) >> 16);
    }

    void prefetch_slot(std::uint32_t hash) const { prefetch_line(&lines_[hash & line_mask_]); }
    /// The leg that find() will most probably give: the first of this hash in its line. Any leg where there is none.
    LegNumber guess(std::uint32_t hash) const {
        const Line& line = lines_[hash & line_mask_];
        const std::uint32_t leg = line.legs[place_of_first(places_of(line.hashes, hash))];
        return leg - (leg != 0 ? 1 : 0);
    }
    /// Fetches the hot lines.
    void prefetch_leg(LegNumber leg) const {
        const auto* at = reinterpret_cast<const char*>(&hot_[leg]);
        prefetch_line(at);
        prefetch_line(at + 64);
    }

    /// Fetches what a look at one of the leg's first packets, or first payloads, needs, if this is one.
    [[gnu::always_inline]] void prefetch_studied(LegNumber leg, Side side, bool has_payload) const {
        const HotFlow& flow = hot_[leg].flows[side];
        if (!flow.is_studied()) [[likely]]
            return;
        if (has_payload || flow.packets_to_study != 0) prefetch_study(cold_[leg], side, has_payload);
    }

    /// Fetches all that a report reads, but the hot part.
    void prefetch_cold(LegNumber leg) const {
        prefetch_all(cold_[leg]);
        prefetch_all(tcp_[leg]);
    }

    /// Whether this place holds the leg of this key, which is not IPv6.
    bool holds(LegNumber leg, const LegKey& key) const { return hot_[leg].key() == key; }

    /// `addresses` is only read of an IPv6 key, whose digest another pair may share.
    LegNumber find(const LegKey& key, std::uint32_t hash, const LegAddresses& addresses) const {
        for (std::size_t at = hash & line_mask_;; at = (at + 1) & line_mask_) {
            const Line& line = lines_[at];
            for (std::uint32_t with = places_of(line.hashes, hash); with != 0; with &= with - 1) {
                const LegNumber leg = line.legs[place_of_first(with)] - 1;
                if (leg == leg_none) continue;  // a free slot, and the hash is 0
                if (hot_[leg].key() == key && (!key.v6 || cold_[leg].addresses == addresses)) return leg;
            }
            if (places_of(line.legs, 0) != 0) return leg_none;
        }
    }
    /// A new leg, all zero but its key and addresses; leg_none when the table is full. It must not be there yet.
    LegNumber insert(const LegKey& key, std::uint32_t hash, const LegAddresses& addresses);
    void remove(LegNumber leg, std::uint32_t hash);

    /// The leg to evict: the one idle longest among the next `sample_count` of a cursor that goes round. The table is
    /// full.
    LegNumber longest_idle(unsigned sample_count);

    HotLeg& hot(LegNumber leg) { return hot_[leg]; }
    const HotLeg& hot(LegNumber leg) const { return hot_[leg]; }
    ColdLeg& cold(LegNumber leg) { return cold_[leg]; }
    TcpLeg& tcp(LegNumber leg) { return tcp_[leg]; }
    bool in_use(LegNumber leg) const { return hot_[leg].protocol != 0; }
    std::uint32_t count() const { return used_ - free_count_; }
    std::uint32_t capacity() const { return capacity_; }

  private:
    [[gnu::noinline]] static void prefetch_study(const ColdLeg& cold, Side side, bool has_payload) {
        const ColdFlow& flow = cold.flows[side];
        prefetch_line(&cold.revision);
        prefetch_line(&cold.time_error_ns);
        prefetch_line(&flow.first_ns);
        if (!has_payload) return;
        prefetch_line(&flow.head);
        prefetch_line(&cold.samples[side][0]);
        prefetch_line(&cold.samples[side][2]);
    }

    template <typename T>
    static void prefetch_all(const T& item) {
        for (std::size_t at = 0; at < sizeof item; at += 64) prefetch_line(reinterpret_cast<const char*>(&item) + at);
    }

    /// Slots are probed one after the other, but each leg's probing begins at a line's first, and a whole line is
    /// compared at once: nearly always one look, without a branch that cannot be foretold.
    static constexpr std::size_t slots_a_line = 8;
    using Words = std::array<std::uint32_t, slots_a_line>;
    struct alignas(64) Line {
        Words hashes;
        Words legs;  ///< number + 1; 0 = the slot is free
    };
    static_assert(sizeof(Line) == 64);

    /// A bit for each place of this value.
    static std::uint32_t places_of(const Words& words, std::uint32_t value) {
        const __m256i all = _mm256_load_si256(reinterpret_cast<const __m256i*>(words.data()));
        const __m256i same = _mm256_cmpeq_epi32(all, _mm256_set1_epi32(static_cast<int>(value)));
        return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(same)));
    }
    static std::size_t place_of_first(std::uint32_t places) {
        return static_cast<std::size_t>(std::countr_zero(places)) % slots_a_line;
    }

    std::size_t next_slot(std::size_t slot) const { return (slot + 1) & (lines_.size() * slots_a_line - 1); }
    std::size_t home_of(std::uint32_t hash) const { return (hash & line_mask_) * slots_a_line; }
    std::uint32_t& hash_at(std::size_t slot) { return lines_[slot / slots_a_line].hashes[slot % slots_a_line]; }
    std::uint32_t& leg_at(std::size_t slot) { return lines_[slot / slots_a_line].legs[slot % slots_a_line]; }

    std::uint32_t capacity_ = 0;
    FixedArray<HotLeg> hot_;  ///< one at least: a guess may be looked at
    FixedArray<ColdLeg> cold_;
    FixedArray<TcpLeg> tcp_;
    FixedArray<Line> lines_;
    FixedArray<LegNumber> free_;
    std::uint32_t free_count_ = 0;  ///< of those that were given away before
    std::uint32_t used_ = 0;        ///< places that were given away at least once
    std::uint32_t eviction_cursor_ = 0;
    std::size_t line_mask_ = 0;
};

}  // namespace clew::sensor
