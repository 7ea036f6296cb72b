// SPDX-License-Identifier: Apache-2.0
// The keys under which a leg is found: what of it survives some middlebox. Two legs of one connection share at least
// one key; most legs that share a key belong together, and evidence.h decides. One thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nat-trace/pages.h"
#include "nat-trace/prefetch.h"
#include "nat-trace/window.h"

namespace clew {

/// At most key_slot_count keys of one leg, 32 bits each, sorted, different kinds salted differently.
struct LegKeys {
    std::array<std::uint32_t, key_slot_count> keys{};
    std::uint8_t count = 0;

    void add(std::uint64_t hash) {
        if (count < key_slot_count) keys[count++] = static_cast<std::uint32_t>(hash ^ (hash >> 32));
    }
};

/// The leg's keys, in order of worth: initial sequence numbers, client endpoint, first samples, explicit signals.
LegKeys keys_of(const LegWindow& window, const WindowLeg& leg);

/// From key to legs: buckets of one cache line with nine places each, so that a look-up, an insertion and a removal
/// read one line as a rule. A full bucket's content moves to an overflow bucket behind it. The legs know their keys.
class KeyIndex {
  public:
    /// Of the window's legs, which outlives it.
    explicit KeyIndex(const LegWindow& window) : window_(window) {}

    void insert(LegIndex i, WindowLeg& leg, const LegKeys& keys);
    /// Gives a leg other keys; those that stay are not touched.
    void change(LegIndex i, WindowLeg& leg, const LegKeys& keys);
    void remove(LegIndex i, WindowLeg& leg);

    /// Fetches the buckets of a leg's keys into the cache, all at once.
    void prefetch(const WindowLeg& leg) const {
        for (std::size_t n = 0; n < leg.key_count; ++n) prefetch_line(&heads_[place_of(leg.keys[n]).bucket]);
    }
    void prefetch(const LegKeys& keys) const {
        for (std::size_t n = 0; n < keys.count && !heads_.empty(); ++n)
            prefetch_line(&heads_[place_of(keys.keys[n]).bucket]);
    }

    enum class Look : std::uint8_t { take, pass_by, stop };

    /// Calls `take(LegIndex)` for each leg with this key, the newest first, until it returns false. Now and then
    /// (another key of the same bucket has the same 16-bit tag) it is a leg with another key; it is always one that is
    /// held.
    template <typename F>
    void each(std::uint32_t key, F&& take) const {
        each(
            key, [](LegIndex) { return Look::take; }, take);
    }
    /// The same, but asks `look(place)` first. Places that it is asked about may be of legs with other keys, or of
    /// none.
    template <typename L, typename F>
    void each(std::uint32_t key, L&& look, F&& take) const {
        if (heads_.empty()) return;
        const Place place = place_of(key);
        const bool some_left = heads_[place.bucket].some_left;
        for (const Bucket* b = &heads_[place.bucket];; b = &overflow_[b->next]) {
            if (b->next != no_bucket) prefetch_line(&overflow_[b->next]);
            for (std::uint32_t left = b->places_of(place.tag); left != 0;) {
                const auto n = static_cast<std::size_t>(std::bit_width(left) - 1);
                left ^= 1U << n;
                const Look found = look(b->legs[n]);
                if (found == Look::stop) return;
                if (found == Look::pass_by || (some_left && !has_key(b->legs[n], key))) continue;
                if (!take(b->legs[n])) return;
            }
            if (b->next == no_bucket) return;
        }
    }

    std::size_t memory_bytes() const;

  private:
    static constexpr std::size_t bucket_leg_count = 9;
    /// A flood of legs with one key: those beyond are not looked at, and are dropped from the chain.
    static constexpr std::size_t chain_bucket_count_max = 64;
    /// In a longer chain a removal does not look: its places may name legs that have left.
    static constexpr std::size_t removal_bucket_count_max = 4;
    static constexpr std::uint32_t no_bucket = 0xffff'ffff;
    static constexpr std::size_t head_count_min = 512;
    static constexpr std::size_t growth_share = 4;  ///< heads and buckets behind them grow by a quarter

    /// Places 0 … count-1 are taken, the newest last.
    struct alignas(64) Bucket {
        std::array<std::uint16_t, bucket_leg_count> tags{};
        std::uint8_t count = 0;
        std::array<LegIndex, bucket_leg_count> legs{};
        std::uint32_t next = no_bucket;  ///< in overflow_; older than this one
        std::uint16_t chain_length = 0;  ///< of a head: buckets behind it
        bool some_left = false;          ///< of a head: places here or behind may name legs that have left

        /// A bit for each taken place with this tag. All are looked at: a loop that ends early is guessed wrong too
        /// often.
        std::uint32_t places_of(std::uint16_t tag) const {
            std::uint32_t bits = 0;
            for (std::size_t n = 0; n < bucket_leg_count; ++n) bits |= std::uint32_t{tags[n] == tag} << n;
            return bits & ((1U << count) - 1);
        }
    };
    static_assert(sizeof(Bucket) == 64, "one cache line");
    struct Place {
        std::size_t bucket = 0;
        std::uint16_t tag = 0;
    };

    static Place place_of(std::uint32_t key, std::size_t head_count) {
        const std::uint64_t h = mix_bits(key);
        return {(h & 0xffff'ffff) * head_count >> 32, static_cast<std::uint16_t>(h >> 48)};
    }
    Place place_of(std::uint32_t key) const { return place_of(key, heads_.size()); }
    bool has_key(LegIndex i, std::uint32_t key) const {
        bool has = false;
        window_.each_key(i, [&](std::uint32_t k) { has |= k == key; });
        return has;
    }
    void push(std::uint32_t key, LegIndex i);
    void push_full_bucket_back(Bucket& head);
    void shorten(Bucket& head);
    void take_out(std::uint32_t key, LegIndex i);
    void drop_empty(Bucket& head, Bucket* before, std::uint32_t number);
    void grow();

    const LegWindow& window_;
    PageVector<Bucket> heads_;
    PageVector<Bucket> overflow_;
    std::vector<std::uint32_t> free_;  ///< of overflow_
    std::size_t key_total_ = 0;
};

}  // namespace clew
