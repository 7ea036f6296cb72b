// SPDX-License-Identifier: Apache-2.0
// Profiles of gateways, learnt from paths; their changes as events; bounds.
#include "nat-trace/gateway_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nat-trace/engine.h"
#include "tests/sim/journey.h"

namespace clew {
namespace {

using sim::Journey;
using sim::Truth;
using sim::World;
using testing::ElementsAre;

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

class GatewayTest : public testing::Test {
  protected:
    GatewayTest() : engine(EngineLimits{}), world(3) {
        inside = engine.add_tap({"inside", "one"});
        outside = engine.add_tap({"outside", "one"});
    }

    static MacAddress mac(std::uint8_t last) { return {{2, 0, 0, 0, 0, last}}; }
    static std::string client(int n) {
        return "10.0.0." + std::to_string(1 + n % 200) + ":" + std::to_string(40000 + n);
    }

    /// One connection through gateway `instance`; `shift`: it moves the client's sequence numbers.
    void connect(int n, std::uint8_t instance, bool shift = false, DurationNs hop_ns = 60 * ns_per_us) {
        world.hop_ns = hop_ns;
        Journey journey = Journey::tcp(world, client(n), "198.51.100.1:80", noon + n * 10 * ns_per_ms);
        const std::string pool = "203.0.113." + std::to_string(instance) + ":" + std::to_string(1024 + n);
        journey.tap(inside);
        if (shift)
            journey.delta_fullnat(pool, "10.1.0.9:8080", false);
        else
            journey.snat(pool);
        Truth truth = journey.tap(outside).done();
        for (Leg& leg : truth.legs) leg.phase = LegPhase::ended, leg.end = LegEnd::fin;
        truth.legs[0].segment.server_mac = mac(instance);
        truth.legs[0].segment.client_mac = mac(99);
        truth.legs[1].segment.client_mac = mac(static_cast<std::uint8_t>(instance + 100));
        truth.legs[1].segment.server_mac = mac(98);
        for (const Leg& leg : truth.legs) engine.add(leg);
        engine.tick(noon + n * 10 * ns_per_ms);
        for (const Path& path : engine.drain()) book.learn(path);
    }
    const Gateway& only() {
        EXPECT_EQ(book.all().size(), 1u);
        return book.all().begin()->second;
    }

    Engine engine;
    World world;
    TapId inside = 0, outside = 0;
    GatewayBook book{engine};
};

TEST_F(GatewayTest, AGatewayIsKnownByItsMacAndWhatItDoesIsLearnt) {
    for (int n = 0; n < 40; ++n) connect(n, 7);
    const Gateway& g = only();
    EXPECT_EQ(g.known_by, "MAC 02:00:00:00:00:07");
    EXPECT_EQ(g.links, 40u);
    EXPECT_EQ(g.trait(GatewayTrait::kind).settled, static_cast<std::uint8_t>(LinkKind::snat));
    EXPECT_EQ(g.trait(GatewayTrait::client_sequence).settled, 0);
    EXPECT_EQ(g.trait(GatewayTrait::client_port).settled, 1);
    EXPECT_THAT(g.pool.addresses, ElementsAre(*parse_ip("203.0.113.7")));
    EXPECT_TRUE(g.backends.addresses.empty());
    EXPECT_EQ(g.delay[0].count, 40u);
    EXPECT_GT(g.delay[0].quantile(0.5), 0);
    EXPECT_TRUE(g.events.empty());
}

TEST_F(GatewayTest, EachInstanceHasItsOwnProfile) {
    for (int n = 0; n < 60; ++n) connect(n, static_cast<std::uint8_t>(1 + n % 3));
    EXPECT_EQ(book.all().size(), 3u);
    for (const auto& [id, g] : book.all()) EXPECT_EQ(g.links, 20u);
}

TEST_F(GatewayTest, AChangeOfBehaviourIsAnEventWithBeforeAndAfter) {
    for (int n = 0; n < 40; ++n) connect(n, 7);
    for (int n = 40; n < 90; ++n) connect(n, 7, true);
    const Gateway& g = only();
    std::vector<std::string> changed;
    for (const GatewayEvent& event : g.events)
        changed.push_back(event.what + ": " + event.before + " > " + event.after);
    EXPECT_THAT(changed, testing::IsSupersetOf({"kind: snat > fullnat", "client-sequence: kept > shifted"}));
    EXPECT_THAT(changed, testing::Not(testing::Contains("server-sequence: kept > shifted")));
}

TEST_F(GatewayTest, AGatewayThatGetsSlowSaysSo) {
    for (int n = 0; n < 70; ++n) connect(n, 7);
    for (int n = 70; n < 220; ++n) connect(n, 7, false, 2 * ns_per_ms);
    const Gateway& g = only();
    EXPECT_TRUE(std::any_of(g.events.begin(), g.events.end(),
                            [](const GatewayEvent& event) { return event.what == "delay to_server"; }));
}

TEST_F(GatewayTest, APathThatIsToldAgainCountsOnce) {
    connect(0, 7);
    engine.finish();
    for (const Path& path : engine.drain()) book.learn(path), book.learn(path);
    EXPECT_EQ(only().links, 1u);
}

TEST_F(GatewayTest, ABookThatIsRestoredGoesOnAndCountsNoPathTwice) {
    std::vector<Path> paths;
    Path path;
    path.legs.resize(2);
    path.links.resize(1);
    for (PathLeg& leg : path.legs) leg.phase = LegPhase::ended;
    path.legs[0].tap = inside;
    path.legs[1].tap = outside;
    path.legs[0].segment.server_mac = mac(7);
    for (PathId id = 1; id <= 30; ++id) path.id = id, paths.push_back(path);
    for (std::size_t n = 0; n < 20; ++n) book.learn(paths[n]);
    // The taps come in another order after the restart.
    Engine later_engine{EngineLimits{}};
    const TapId later_outside = later_engine.add_tap({"outside", "one"});
    const TapId later_inside = later_engine.add_tap({"inside", "one"});
    GatewayBook later{later_engine};
    later.restore({only()}, book.counted());
    for (Path& one : paths) {
        one.legs[0].tap = later_inside;
        one.legs[1].tap = later_outside;
        later.learn(one);
    }
    ASSERT_EQ(later.all().size(), 1u);
    const Gateway& g = later.all().begin()->second;
    EXPECT_EQ(g.id, only().id);
    EXPECT_EQ(g.links, 30u);
    EXPECT_EQ(g.trait(GatewayTrait::kind).total, 30u);
    ASSERT_NE(later.behind(paths[0].legs[0]), nullptr);
    EXPECT_EQ(later.behind(paths[0].legs[0])->id, g.id);
}

TEST_F(GatewayTest, WhatStandsBehindALegIsKnownByWhereItsPacketsAreSent) {
    for (int n = 0; n < 5; ++n) connect(n, 7);
    PathLeg leg;
    leg.tap = inside;
    leg.segment.server_mac = mac(7);
    ASSERT_NE(book.behind(leg), nullptr);
    EXPECT_EQ(book.behind(leg)->to_tap, "outside");
    leg.segment.server_mac = mac(8);
    EXPECT_EQ(book.behind(leg), nullptr);
}

TEST_F(GatewayTest, MoreGatewaysThanAreKeptPushOutTheOneLongestNotSeen) {
    Path path;
    path.legs.resize(2);
    path.links.resize(1);
    for (PathLeg& leg : path.legs) leg.phase = LegPhase::ended;
    path.legs[1].tap = outside;
    for (std::size_t n = 0; n < gateway_count_max + 10; ++n) {
        path.id = n + 1;
        path.legs[0].first_ns = noon + static_cast<TimeNs>(n);
        path.legs[0].segment.server_mac = {
            {2, 0, 0, 0, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}};
        book.learn(path);
    }
    EXPECT_EQ(book.all().size(), gateway_count_max);
    EXPECT_EQ(book.evicted(), 10u);
    EXPECT_EQ(book.behind(path.legs[0])->links, 1u);
}

TEST(DelayHistograms, AddUpAndTellQuantilesWithinABin) {
    DelayHistogram a, b, both;
    for (int n = 1; n <= 1000; ++n) {
        (n % 2 == 0 ? a : b).add(n * ns_per_us, 10);
        both.add(n * ns_per_us, 10);
    }
    a.merge(b);
    EXPECT_EQ(a.count, both.count);
    EXPECT_EQ(a.bins, both.bins);
    EXPECT_NEAR(static_cast<double>(a.quantile(0.5)), 500e3, 0.25 * 500e3);
    EXPECT_EQ(a.quantile(1), ns_per_ms);
    EXPECT_EQ(a.min_ns, ns_per_us);
}

}  // namespace
}  // namespace clew
