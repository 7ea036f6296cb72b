// SPDX-License-Identifier: Apache-2.0
// What the engine says does not depend on how many legs lie open.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "nat-trace/engine.h"
#include "tests/sim/region_world.h"

namespace clew {
namespace {

/// What is told of a path, as far as linking decides it.
struct Told {
    PathId id = 0;
    std::uint32_t revision = 0;
    bool retracted = false;
    PathId merged_into = 0;
    Unlinked unlinked = Unlinked::linked;
    std::vector<std::tuple<LegId, Endpoint, Endpoint, TimeNs, TimeNs, std::uint64_t, std::uint32_t>> legs;
    std::vector<std::tuple<Grade, float, std::uint32_t>> links;

    bool operator==(const Told&) const = default;
};

std::vector<Told> run(const sim::Region& region, EngineLimits limits, std::size_t open_leg_count) {
    limits.open_leg_count = open_leg_count;
    Engine engine(limits);
    for (const Tap& tap : region.taps) engine.add_tap(tap);
    std::vector<Told> out;
    const auto tell = [&] {
        engine.tell([&](const Path& path) {
            Told told{path.id, path.revision, path.retracted, path.merged_into, path.unlinked, {}, {}};
            for (const PathLeg& l : path.legs)
                told.legs.emplace_back(l.leg, l.client, l.server, l.first_ns, l.last_ns, l.flows[0].bytes,
                                       l.flows[1].isn);
            for (const Link& link : path.links) told.links.emplace_back(link.grade, link.bits, link.rivals);
            out.push_back(std::move(told));
        });
    };
    std::size_t fed = 0;
    TimeNs now = 0;
    for (const Leg& leg : region.legs_in_time()) {
        now = std::max(now, leg.last_ns);
        engine.expect(leg.id);
        engine.add(leg);
        if (++fed % 50 != 0) continue;
        engine.tick(now);
        tell();
    }
    engine.finish();
    tell();
    return out;
}

TEST(PackedWindow, TheSamePathsAreToldHoweverFewLegsLieOpen) {
    sim::RegionSettings settings;
    settings.journeys = 400;
    settings.agent_share = 0.3;
    const sim::Region region = sim::make_region(settings);
    EngineLimits limits;
    limits.leg_count_max = 700;  // so that some leave while others come
    limits.leg_age_ns_max = 500 * ns_per_ms;
    const std::vector<Told> all_open = run(region, limits, 1'000'000);
    ASSERT_GT(all_open.size(), 400u);
    for (const std::size_t open : {std::size_t{0}, std::size_t{20}, std::size_t{150}})
        EXPECT_TRUE(run(region, limits, open) == all_open) << open << " open";
}

}  // namespace
}  // namespace clew
