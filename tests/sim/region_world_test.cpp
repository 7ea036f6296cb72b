// SPDX-License-Identifier: Apache-2.0
// The engine on a seeded region: how often it is right, and that the order of arrival and re-sent reports change
// nothing.
#include "tests/sim/region_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <set>

#include "tests/sim/score.h"

namespace clew::sim {
namespace {

Engine engine_for(const Region& region) {
    Engine engine(EngineLimits{});
    for (const Tap& tap : region.taps) engine.add_tap(tap);
    return engine;
}

/// Legs and links of all live paths; the ids aside, which depend on what was said first.
using Shape = std::multiset<std::vector<std::string>>;
Shape shape_of(const std::map<PathId, Path>& paths) {
    Shape out;
    for (const auto& [id, path] : paths) {
        std::vector<std::string> line;
        for (const PathLeg& leg : path.legs) line.push_back(std::to_string(leg.leg));
        for (const Link& link : path.links)
            line.push_back(std::string(to_text(link.kind)) + std::string(to_text(link.grade)) +
                           std::to_string(link.bits) + "/" + std::to_string(link.margin_bits));
        line.emplace_back(to_text(path.unlinked));
        out.insert(line);
    }
    return out;
}

/// Ticks every so many legs, as a live engine does.
std::map<PathId, Path> run(const Region& region, const std::vector<Leg>& legs, std::size_t tick_every) {
    Engine engine = engine_for(region);
    std::map<PathId, Path> live;
    TimeNs now = 0;
    for (std::size_t n = 0; n < legs.size(); ++n) {
        engine.add(legs[n]);
        now = std::max(now, legs[n].last_ns);
        if (n % tick_every != tick_every - 1) continue;
        engine.tick(now);
        keep_latest(engine.drain(), live);
    }
    engine.finish();
    keep_latest(engine.drain(), live);
    return live;
}

TEST(RegionWorld, PrecisionAndRecall) {
    const Region region = make_region({});
    const auto live = run(region, region.legs_in_time(), 500);
    const auto scores = score(region.truths, live);
    std::cout << to_text(scores);
    const Score& all = scores.at("all");
    EXPECT_EQ(all.precision(), 1.0);
    EXPECT_EQ(all.precision_ab(), 1.0);
    EXPECT_GE(all.recall(), 0.995);
    EXPECT_GE(all.order(), 0.999);
    EXPECT_GE(all.kind(), 0.99);
    std::size_t legs = 0;
    for (const auto& [id, path] : live) legs += path.legs.size();
    EXPECT_EQ(legs, region.legs_in_time().size()) << "every leg stands in exactly one path";
}

TEST(RegionWorld, CaptureLossCostsRecallNotPrecision) {
    RegionSettings settings;
    settings.seed = 2;
    settings.lost_per_thousand = 10;
    const Region region = make_region(settings);
    const auto scores = score(region.truths, run(region, region.legs_in_time(), 500));
    std::cout << to_text(scores);
    EXPECT_GE(scores.at("all").precision(), 0.9999);
    EXPECT_GE(scores.at("all").precision_ab(), 0.9999);
    EXPECT_GE(scores.at("all").recall(), 0.97);
}

class OrderOfArrival : public testing::TestWithParam<std::uint64_t> {};

TEST_P(OrderOfArrival, ChangesNothing) {
    RegionSettings settings;
    settings.seed = GetParam();
    settings.journeys = 400;
    const Region region = make_region(settings);
    std::vector<Leg> legs = region.legs_in_time();
    const Shape expected = shape_of(run(region, legs, 50));
    std::mt19937_64 random(GetParam());
    for (int round = 0; round < 3; ++round) {
        std::shuffle(legs.begin(), legs.end(), random);
        EXPECT_EQ(shape_of(run(region, legs, 1 + random() % 100)), expected)
            << "seed " << GetParam() << ", round " << round;
    }
}

/// What a sensor would have said of the leg before: less seen, or nothing but the start.
Leg earlier_report(const Leg& leg, std::uint64_t how) {
    Leg out = leg;
    out.revision = leg.revision - 1;
    out.phase = LegPhase::opened;
    out.end = LegEnd::none;
    if (how % 3 == 0) return out;
    out.hint_count = 0;
    for (Flow& flow : out.flows) flow.sample_count = 0;
    if (how % 3 == 1) return out;
    out.flow(Direction::to_client) = Flow{};
    out.last_ns = out.first_ns;
    return out;
}

TEST_P(OrderOfArrival, RevisionsAndReSentReportsLeadToTheSamePaths) {
    RegionSettings settings;
    settings.seed = GetParam();
    settings.journeys = 300;
    const Region region = make_region(settings);
    std::vector<Leg> legs = region.legs_in_time();
    for (Leg& leg : legs) leg.revision = 2;
    const Shape expected = shape_of(run(region, legs, 50));
    std::mt19937_64 random(GetParam());
    std::vector<Leg> reports;
    for (const Leg& leg : legs) {
        reports.push_back(leg);
        reports.push_back(earlier_report(leg, random()));
        if (random() % 4 == 0) reports.push_back(leg);
    }
    for (int round = 0; round < 3; ++round) {
        std::shuffle(reports.begin(), reports.end(), random);
        EXPECT_EQ(shape_of(run(region, reports, 1 + random() % 100)), expected)
            << "seed " << GetParam() << ", round " << round;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, OrderOfArrival, testing::Range<std::uint64_t>(1, 9));

TEST(RegionWorld, IsAPureFunctionOfItsSeed) {
    RegionSettings settings;
    settings.journeys = 200;
    EXPECT_EQ(make_region(settings).legs_in_time(), make_region(settings).legs_in_time());
}

}  // namespace
}  // namespace clew::sim
