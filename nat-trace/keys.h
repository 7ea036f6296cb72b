// SPDX-License-Identifier: Apache-2.0
// The keys under which a leg is found: what of it survives some middlebox. Two legs of one connection share at least
// one key; most legs that share a key belong together, and evidence.h decides. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "nat-trace/window.h"

namespace clew {

/// At most key_slot_count keys of one leg, 32 bits each, different kinds salted differently.
struct LegKeys {
    std::array<std::uint32_t, key_slot_count> keys{};
    std::uint8_t count = 0;

    void add(std::uint64_t hash) {
        if (count < key_slot_count) keys[count++] = static_cast<std::uint32_t>(hash ^ (hash >> 32));
    }
};

/// The leg's keys, in order of worth: initial sequence numbers, client endpoint, first samples, explicit signals.
LegKeys keys_of(const LegWindow& window, const WindowLeg& leg);

/// From key to legs: chains through slots that lie beside the legs, so that adding and removing allocates nothing.
class KeyIndex {
  public:
    void insert(LegIndex i, WindowLeg& leg, const LegKeys& keys);
    void remove(LegIndex i, WindowLeg& leg);

    /// Calls `take(LegIndex)` for each leg with this key, the newest first, until it returns false.
    template <typename F>
    void each(std::uint32_t key, F&& take) const {
        if (buckets_.empty()) return;
        std::size_t steps = 0;
        for (std::uint32_t slot = buckets_[bucket_of(key)]; slot != no_slot; slot = slots_[slot].next) {
            if (++steps > step_count_max) return;  // a flood shares this bucket
            if (slots_[slot].key == key && !take(slot / key_slot_count)) return;
        }
    }
    std::uint32_t key_at(LegIndex i, std::size_t n) const { return slots_[i * key_slot_count + n].key; }

    std::size_t memory_bytes() const {
        return slots_.capacity() * sizeof(Slot) + buckets_.capacity() * sizeof(std::uint32_t);
    }

  private:
    static constexpr std::uint32_t no_slot = 0xffff'ffff;
    static constexpr std::size_t step_count_max = 4096;
    struct Slot {
        std::uint32_t key = 0;
        std::uint32_t next = no_slot;
        std::uint32_t previous = no_slot;  ///< no_slot = the first of its bucket
    };

    std::size_t bucket_of(std::uint32_t key) const { return mix_bits(key) & (buckets_.size() - 1); }
    void push(std::uint32_t slot);
    void grow_buckets();

    std::vector<Slot> slots_;  ///< leg i's slots are [i * key_slot_count, (i + 1) * key_slot_count)
    std::vector<std::uint32_t> buckets_;
    std::size_t key_total_ = 0;
};

}  // namespace clew
