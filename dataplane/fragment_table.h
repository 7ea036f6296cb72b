// SPDX-License-Identifier: Apache-2.0
// Which leg a cut IP packet belongs to: its first fragment, which carries the ports, is remembered by where it was
// seen, its addresses and its id, and later fragments find the leg. One thread, fixed memory: sets of a few entries,
// the oldest of a set leaves for a new one. A later fragment that comes before the first finds nothing.
#pragma once

#include <cstdint>

#include "dataplane/decap.h"
#include "dataplane/fixed_array.h"
#include "dataplane/leg_state.h"

namespace clew::sensor {

/// RFC 1122, 3.3.2 lets a host wait 60 to 120 s for the rest; the ids of a busy sender come round earlier.
constexpr DurationNs fragment_age_max_ns = 30 * ns_per_s;

/// What a first fragment told.
struct FragmentOwner {
    LegNumber leg = leg_none;
    std::uint32_t generation = 0;  ///< HotLeg::generation: the place may have been given to another leg meanwhile
    Side side = 0;
    bool of_tunnel = false;  ///< a tunnel's packet was cut: its fragments are pieces of one packet of the leg
};

class FragmentTable {
  public:
    bool allocate(std::uint32_t fragment_count_max, bool populate);
    static std::size_t memory_bytes(std::uint32_t fragment_count_max);

    /// `packet` is a fragment (Decapped::fragment.cut): the same for all fragments of one packet at one tap.
    static std::uint64_t digest_of(const std::uint8_t* frame, TapId tap, const Decapped& packet, std::uint64_t seed);

    /// False when an entry that was not too old had to leave.
    bool remember(std::uint64_t digest, const FragmentOwner& owner, TimeNs now);
    /// Null when no first fragment is known.
    const FragmentOwner* find(std::uint64_t digest, TimeNs now) const;

  private:
    static constexpr std::size_t way_count = 4;
    struct Entry {
        std::uint64_t digest;  ///< 0 = free
        TimeNs time_ns;
        FragmentOwner owner;
    };
    std::size_t first_of_set(std::uint64_t digest) const { return (digest & mask_) * way_count; }

    FixedArray<Entry> entries_;
    std::uint64_t mask_ = 0;
};

}  // namespace clew::sensor
