// SPDX-License-Identifier: Apache-2.0
// Where the window's legs lie. Those that were used last lie open, as a WindowLeg; the others lie packed
// (packed_leg.h), a third as large, and are opened where somebody asks for them. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nat-trace/packed_leg.h"
#include "nat-trace/pages.h"
#include "nat-trace/prefetch.h"
#include "nat-trace/window_leg.h"

namespace clew {

/// Packed legs: slots of so many sizes, each size with its own list of free ones.
class PackedLegs {
  public:
    using Slot = std::uint32_t;  ///< below 2^31

    Slot add(const std::uint8_t* packed, std::size_t bytes);
    void remove(Slot slot) { sizes_[slot % size_count].free.push_back(slot); }
    const std::uint8_t* at(Slot slot) const { return place_of(slot); }
    std::size_t memory_bytes() const;

  private:
    static constexpr std::size_t size_count = 64;
    static constexpr std::size_t size_step = 8;
    static constexpr std::size_t run_length = 64;  ///< slots of one size that lie behind each other
    static constexpr std::size_t block_bytes = huge_page_bytes;
    static constexpr std::size_t read_beyond = 8;  ///< see unpack_leg()
    static constexpr std::size_t bytes_of(std::size_t size) { return (size + 1) * size_step; }
    static_assert(size_count * size_step >= packed_leg_bytes_max);
    struct Size {
        std::vector<std::uint8_t*> runs;
        std::vector<Slot> free;
        std::uint32_t count = 0;  ///< slots that were ever taken
    };
    std::uint8_t* place_of(Slot slot) const {
        const Size& size = sizes_[slot % size_count];
        const std::size_t number = slot / size_count;
        return size.runs[number / run_length] + number % run_length * bytes_of(slot % size_count);
    }
    std::uint8_t* take_run(std::size_t bytes);

    std::array<Size, size_count> sizes_;
    std::vector<PageVector<std::uint8_t>> blocks_;  ///< block_bytes each
    std::size_t left_ = 0;                          ///< in the last block
};

class LegStore {
  public:
    /// So many legs lie open at least, before any is packed.
    explicit LegStore(std::size_t open_leg_count);

    /// The leg, open. What is returned stays where it is until rest(). Of a free place: an empty leg.
    WindowLeg& leg(LegIndex i) const {
        const std::uint32_t at = at_[i];
        return (at & open_bit) != 0 ? open_leg(at ^ open_bit) : open(i);
    }
    /// The leg as it is, for a look at many: a packed one is written to `unpacked` and stays packed.
    const WindowLeg& look_at(LegIndex i, WindowLeg& unpacked) const {
        const std::uint32_t at = at_[i];
        if ((at & open_bit) != 0) return open_leg(at ^ open_bit);
        unpack_leg(packed_.at(at), unpacked);
        return unpacked;
    }
    LegId id(LegIndex i) const {
        const std::uint32_t at = at_[i];
        return (at & open_bit) != 0 ? open_leg(at ^ open_bit).id : packed_leg_id(packed_.at(at));
    }

    /// Calls `take(key)` for each of the leg's keys, without opening it.
    template <typename F>
    void each_key(LegIndex i, F&& take) const {
        const std::uint32_t at = at_[i];
        if ((at & open_bit) == 0) return each_packed_key(packed_.at(at), take);
        const WindowLeg& leg = open_leg(at ^ open_bit);
        for (std::size_t n = 0; n < leg.key_count; ++n) take(leg.keys[n]);
    }

    /// A new leg, empty, at a place that is free.
    WindowLeg& take(LegIndex i);
    void give_back(LegIndex i);
    /// Room for places below `count`.
    void make_room(std::size_t count) {
        at_.reserve(count);
        at_.resize(count, open_bit | no_leg_slot);
    }

    /// Packs legs that were opened long ago, where too many are open. Nobody may hold one meanwhile.
    void rest() {
        if (open_count_ > open_leg_count_) pack_some();
    }

    /// Fetches a leg into the cache, as it lies.
    void prefetch(LegIndex i) const {
        const std::uint32_t at = at_[i];
        const bool is_open = (at & open_bit) != 0;
        const auto* from = is_open ? reinterpret_cast<const std::uint8_t*>(&open_leg(at ^ open_bit)) : packed_.at(at);
        const std::size_t bytes = is_open ? sizeof(WindowLeg) : packed_bytes_fetched;
        for (std::size_t n = 0; n < bytes; n += 64) prefetch_line(from + n);
    }
    void prefetch_place(LegIndex i) const { prefetch_line(&at_[i]); }

    std::size_t memory_bytes() const;

  private:
    static constexpr std::uint32_t open_bit = 0x8000'0000;
    static constexpr std::uint32_t no_leg_slot = 0;
    static constexpr std::size_t chunk_size = 8'192;  ///< large enough for huge pages
    static constexpr std::size_t packed_bytes_fetched = 192;
    static constexpr std::size_t looks_usual = 3;        ///< of one rest()
    static constexpr std::size_t looks_max = 32;         ///< likewise, where twice as many are open
    static constexpr std::size_t open_share_spared = 4;  ///< beyond so many times as many none is spared

    WindowLeg& open_leg(std::uint32_t slot) const { return chunks_[slot / chunk_size][slot % chunk_size]; }
    WindowLeg& open(LegIndex i) const;
    std::uint32_t take_slot(LegIndex i) const;
    void pack_some();
    void pack(std::uint32_t slot);

    std::size_t open_leg_count_;
    // A leg that is opened is the same leg: asking for it changes nothing that is seen from outside.
    mutable PageVector<std::uint32_t> at_;  ///< by place: an open leg's slot, or a packed one's
    mutable std::vector<PageVector<WindowLeg>> chunks_;
    mutable std::vector<LegIndex> owners_;  ///< of the open slots; no_leg: free
    mutable std::vector<std::uint32_t> free_;
    mutable std::size_t open_count_ = 0;
    mutable PackedLegs packed_;
    std::size_t hand_ = 0;  ///< the slot that is looked at next for what may be packed
};

}  // namespace clew
