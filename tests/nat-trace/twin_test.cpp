// SPDX-License-Identifier: Apache-2.0
// The engine against a twin that knows no keys, no index and no order: it weighs every leg of a small world against
// every other and divides them once, at the end. What the engine finds by look-ups, leg by leg, must be the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "nat-trace/chains.h"
#include "nat-trace/engine.h"
#include "tests/sim/region_world.h"
#include "tests/sim/score.h"

namespace clew {
namespace {

using Division = std::set<std::vector<LegId>>;

bool named_by_proxy(const PairEvidence& evidence) {
    return std::any_of(evidence.lines.begin(), evidence.lines.begin() + evidence.line_count,
                       [](const Evidence& line) { return line.by == EvidenceBy::proxy_header; });
}

/// As neighbourhood.h describes an edge; false when nothing is accepted.
bool weigh(const LegWindow& window, const EvidenceLimits& limits, LegIndex i, LegIndex j, Edge& edge, bool& swapped) {
    const WindowLeg& a = window.leg(i);
    const WindowLeg& b = window.leg(j);
    const PairEvidence same = same_connection(window, a, b, limits);
    swapped = false;
    if (same.accepted) {
        edge = {0, 0, same.bits, same.against, same.is_explicit};
        return true;
    }
    const PairEvidence forward = relayed(window, a, b, limits);
    const PairEvidence backward = relayed(window, b, a, limits);
    if (!forward.accepted && !backward.accepted) return false;
    const bool oriented = named_by_proxy(forward) != named_by_proxy(backward);
    swapped = oriented ? named_by_proxy(backward) : !forward.accepted;
    edge.bits = std::max(forward.bits, backward.bits);
    edge.is_explicit = forward.is_explicit || backward.is_explicit;
    edge.relay = true;
    edge.oriented = oriented;
    edge.sided = oriented || (edge.is_explicit && forward.accepted != backward.accepted);
    edge.rare = (swapped ? backward : forward).rare;
    return true;
}

Division twin_of(const std::vector<Leg>& legs) {
    const EngineLimits engine_limits;
    const EvidenceLimits limits{engine_limits.candidate_distance_ns_max};
    LegWindow window;
    Neighbourhood all;
    for (const Leg& leg : legs) {
        all.verified.push_back(static_cast<std::uint16_t>(all.legs.size()));  // nothing is taken for granted
        all.legs.push_back(window.insert(leg, 0));
    }
    window.begin_epoch();
    for (const LegIndex i : all.legs) window.look_up_sharers(i);
    for (std::size_t i = 0; i < all.legs.size(); ++i)
        for (std::size_t j = i + 1; j < all.legs.size(); ++j) {
            Edge edge;
            bool swapped = false;
            if (!weigh(window, limits, all.legs[i], all.legs[j], edge, swapped)) continue;
            edge.a = static_cast<std::uint16_t>(swapped ? j : i);
            edge.b = static_cast<std::uint16_t>(swapped ? i : j);
            all.edges.push_back(edge);
        }
    Chains chains;
    ChainMaker(window, limits).make(all, chains);
    Division out;
    for (std::size_t c = 0; c < chains.size(); ++c) {
        std::vector<LegId> ids;
        for (const ChainLeg& leg : chains[c]) ids.push_back(window.leg(leg.leg).id);
        out.insert(ids);
    }
    return out;
}

Division engine_of(const sim::Region& region, const std::vector<Leg>& legs) {
    Engine engine{EngineLimits{}};
    for (const Tap& tap : region.taps) engine.add_tap(tap);
    std::map<PathId, Path> live;
    for (std::size_t n = 0; n < legs.size(); ++n) {
        engine.add(legs[n]);
        if (n % 7 != 6) continue;
        engine.tick(legs[n].last_ns);
        sim::keep_latest(engine.drain(), live);
    }
    engine.finish();
    sim::keep_latest(engine.drain(), live);
    Division out;
    for (const auto& [id, path] : live) {
        std::vector<LegId> ids;
        for (const PathLeg& leg : path.legs) ids.push_back(leg.leg);
        out.insert(ids);
    }
    return out;
}

class TwinTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(TwinTest, WeighsEveryPairAndDividesASmallWorldAsTheEngineDoes) {
    sim::RegionSettings settings;
    settings.seed = GetParam();
    settings.journeys = 30;
    settings.journeys_per_second = 400;
    settings.lost_per_thousand = GetParam() % 2 == 0 ? 0 : 20;
    const sim::Region region = sim::make_region(settings);
    const std::vector<Leg> legs = region.legs_in_time();
    EXPECT_EQ(engine_of(region, legs), twin_of(legs)) << "seed " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Seeds, TwinTest, testing::Range<std::uint64_t>(1, 41));

TEST(Replays, TheSameLegsGiveTheSamePathsToTheLastField) {
    sim::RegionSettings settings;
    settings.seed = 77;
    settings.journeys = 150;
    const sim::Region region = sim::make_region(settings);
    const std::vector<Leg> legs = region.legs_in_time();
    const auto run = [&] {
        Engine engine{EngineLimits{}};
        for (const Tap& tap : region.taps) engine.add_tap(tap);
        std::vector<std::pair<PathId, std::uint32_t>> told;
        for (std::size_t n = 0; n < legs.size(); ++n) {
            engine.add(legs[n]);
            if (n % 10 == 9) engine.tick(legs[n].last_ns);
            for (const Path& path : engine.drain()) told.emplace_back(path.id, path.revision);
        }
        engine.finish();
        for (const Path& path : engine.drain()) told.emplace_back(path.id, path.revision);
        return told;
    };
    EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace clew
