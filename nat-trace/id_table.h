// SPDX-License-Identifier: Apache-2.0
// From a leg's id to its place in the window: buckets of one cache line with twelve places each. A leg whose bucket is
// full stands in the next that is not; every bucket it passed counts it, so that a look-up knows whether to go on and
// a removal needs to look at no other leg. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "nat-trace/check.h"
#include "nat-trace/leg.h"
#include "nat-trace/pages.h"
#include "nat-trace/prefetch.h"

namespace clew {

class IdTable {
  public:
    /// The place for which `holds(place)` says true, of those that may have this hash of an id; else `none`.
    template <typename F>
    std::uint32_t find(std::uint64_t hash, std::uint32_t none, F&& holds) const {
        if (buckets_.empty()) return none;
        for (std::size_t at = home_of(hash);; at = next(at)) {
            const Bucket& b = buckets_[at];
            for (std::size_t n = 0; n < b.count; ++n)
                if (b.tags[n] == tag_of(hash) && holds(b.places[n])) return b.places[n];
            if (b.passed == 0) return none;
        }
    }

    bool is_full() const { return (size_ + 1) * full_share_of > buckets_.size() * bucket_size * full_share; }

    /// Twice the room, at least for one; `each(add)` must call add(hash, place) for all that it holds.
    template <typename F>
    void grow(F&& each) {
        PageVector<Bucket>(buckets_.empty() ? 64 : buckets_.size() * 2).swap(buckets_);
        size_ = 0;
        each([this](std::uint64_t hash, std::uint32_t place) { add(hash, place); });
    }

    /// There must be room (is_full), and the id must not be in.
    void add(std::uint64_t hash, std::uint32_t place) {
        std::size_t at = home_of(hash);
        for (; buckets_[at].count == bucket_size; at = next(at)) {
            CLEW_CHECK(buckets_[at].passed < 0xffff);
            ++buckets_[at].passed;
        }
        Bucket& b = buckets_[at];
        b.tags[b.count] = tag_of(hash);
        b.places[b.count++] = place;
        ++size_;
    }

    /// It must be in.
    void remove(std::uint64_t hash, std::uint32_t place) {
        for (std::size_t at = home_of(hash);; at = next(at)) {
            Bucket& b = buckets_[at];
            for (std::size_t n = 0; n < b.count; ++n) {
                if (b.places[n] != place) continue;
                --b.count;
                b.tags[n] = b.tags[b.count];
                b.places[n] = b.places[b.count];
                --size_;
                return;
            }
            CLEW_CHECK(b.passed > 0);
            --b.passed;
        }
    }

    void prefetch(std::uint64_t hash) const {
        if (!buckets_.empty()) prefetch_line(&buckets_[home_of(hash)]);
    }
    std::size_t memory_bytes() const { return buckets_.capacity() * sizeof(Bucket); }

  private:
    static constexpr std::size_t bucket_size = 12;
    static constexpr std::size_t full_share = 3;  ///< three of four places may be taken
    static constexpr std::size_t full_share_of = 4;
    struct alignas(64) Bucket {
        std::array<std::uint8_t, bucket_size> tags{};
        std::array<std::uint32_t, bucket_size> places{};
        std::uint8_t count = 0;
        std::uint16_t passed = 0;  ///< entries that stand behind because this one was full
    };
    static_assert(sizeof(Bucket) == 64, "one cache line");

    std::size_t home_of(std::uint64_t hash) const { return hash & (buckets_.size() - 1); }
    std::size_t next(std::size_t at) const { return (at + 1) & (buckets_.size() - 1); }
    static std::uint8_t tag_of(std::uint64_t hash) { return static_cast<std::uint8_t>(hash >> 56); }

    PageVector<Bucket> buckets_;
    std::size_t size_ = 0;
};

}  // namespace clew
