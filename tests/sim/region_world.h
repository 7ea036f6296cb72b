// SPDX-License-Identifier: Apache-2.0
// A seeded region: clients behind tunnels and a NAT gateway, balancers of every kind, servers, agents. Gives the legs
// that sensors and agents would report, and what is true about them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nat-trace/engine.h"
#include "tests/sim/journey.h"

namespace clew::sim {

struct RegionSettings {
    std::uint64_t seed = 1;
    std::size_t journeys = 20'000;
    double journeys_per_second = 5'000;
    DurationNs late_ns_max = 200 * ns_per_us;  ///< time stamps may be late by up to this
    std::uint32_t lost_per_thousand = 0;       ///< packets that a tap misses
    double agent_share = 0.3;                  ///< of the ends whose sockets are seen
    TimeNs start_ns = 1'700'000'000 * ns_per_s;
};

struct Region {
    std::vector<Tap> taps;
    std::vector<Truth> truths;

    /// All legs in the order in which they ended.
    std::vector<Leg> legs_in_time() const;
};

Region make_region(const RegionSettings& settings);

}  // namespace clew::sim
