// SPDX-License-Identifier: Apache-2.0
// The leg table: open addressing over fixed arrays, nothing allocated after allocate(). One thread.
#pragma once

#include <cstdint>

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

    void prefetch_slot(std::uint32_t hash) const { prefetch_line(&slots_[hash & mask_]); }
    /// Fetches the hot lines of the leg that find() will probably give: seldom it is behind another one's slot.
    void prefetch_leg(std::uint32_t hash) const {
        const std::uint32_t leg = slots_[hash & mask_].leg;
        const auto* at = reinterpret_cast<const char*>(&hot_[leg - (leg != 0 ? 1 : 0)]);
        prefetch_line(at);
        prefetch_line(at + 64);
    }

    /// Fetches what a look at one of the leg's first packets needs, where find() will probably give a leg that has
    /// such.
    [[gnu::always_inline]] void prefetch_studied(std::uint32_t hash, Side side) const {
        const std::uint32_t leg = slots_[hash & mask_].leg;
        if (leg == 0 || !hot_[leg - 1].flows[side].is_studied()) [[likely]]
            return;
        prefetch_study(cold_[leg - 1], side);
    }

    /// Fetches all that a report reads, but the hot part.
    void prefetch_cold(LegNumber leg) const {
        prefetch_all(cold_[leg]);
        prefetch_all(tcp_[leg]);
    }

    /// `addresses` is only read of an IPv6 key, whose digest another pair may share.
    LegNumber find(const LegKey& key, std::uint32_t hash, const LegAddresses& addresses) const {
        for (std::size_t slot = hash & mask_; slots_[slot].leg != 0; slot = (slot + 1) & mask_) {
            if (slots_[slot].hash != hash) continue;
            const LegNumber leg = slots_[slot].leg - 1;
            if (hot_[leg].key() == key && (!key.v6 || cold_[leg].addresses == addresses)) return leg;
        }
        return leg_none;
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
    std::uint32_t capacity() const { return static_cast<std::uint32_t>(hot_.size()); }

  private:
    [[gnu::noinline]] static void prefetch_study(const ColdLeg& cold, Side side) {
        const ColdFlow& flow = cold.flows[side];
        prefetch_line(&cold.revision);
        prefetch_line(&cold.time_error_ns);
        prefetch_line(&flow.first_ns);
        prefetch_line(&flow.head);
        prefetch_line(&cold.samples[side][0]);
        prefetch_line(&cold.samples[side][2]);
    }

    template <typename T>
    static void prefetch_all(const T& item) {
        for (std::size_t at = 0; at < sizeof item; at += 64) prefetch_line(reinterpret_cast<const char*>(&item) + at);
    }

    struct Slot {
        std::uint32_t hash;
        std::uint32_t leg;  ///< number + 1; 0 = free
    };

    FixedArray<HotLeg> hot_;
    FixedArray<ColdLeg> cold_;
    FixedArray<TcpLeg> tcp_;
    FixedArray<Slot> slots_;
    FixedArray<LegNumber> free_;
    std::uint32_t free_count_ = 0;  ///< of those that were given away before
    std::uint32_t used_ = 0;        ///< places that were given away at least once
    std::uint32_t eviction_cursor_ = 0;
    std::size_t mask_ = 0;
};

}  // namespace clew::sensor
