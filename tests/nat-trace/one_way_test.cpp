// SPDX-License-Identifier: Apache-2.0
// Mirrors of one way each: one tap saw only what goes to the server, the other only what comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "nat-trace/engine.h"
#include "tests/nat-trace/leg_views.h"
#include "tests/sim/journey.h"

namespace clew {
namespace {

using sim::Journey;
using sim::Truth;
using sim::World;

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;
constexpr DurationNs clock_shift = -40 * ns_per_ms;

class OneWayTest : public testing::Test {
  protected:
    OneWayTest() {
        inside = engine.add_tap({"inside", "one"});
        outside = engine.add_tap({"outside", "two"});
    }

    Journey from_client(int n) {
        const std::string port = std::to_string(40'000 + n);
        return Journey::tcp(world, "10.0.0.2:" + port, "198.51.100.10:80", noon + n * 30 * ns_per_ms);
    }
    static std::string outer(int n) { return "203.0.113.9:" + std::to_string(50'000 + n); }

    /// Leaves of the first leg what goes `first_sees`, of the second what goes the other way, by another clock.
    static Truth halved(Truth truth, Direction first_sees) {
        for (std::size_t n = 0; n < 2; ++n) {
            Leg& leg = truth.legs[n];
            hide(leg, n == 0 ? opposite(first_sees) : first_sees);
            leg.first_ns = leg.flow(n == 0 ? first_sees : opposite(first_sees)).first_ns;
        }
        shift_times(truth.legs[1], clock_shift);
        return truth;
    }

    std::vector<Path> run(const std::vector<Truth>& truths) { return paths_of(engine, truths); }

    Engine engine{EngineLimits{}};
    World world{19};
    TapId inside = 0, outside = 0;
};

TEST_F(OneWayTest, AnAckOfTheOtherSideIsEnoughBehindAGatewayThatShiftsOneSide) {
    const auto paths =
        run({halved(from_client(1).tap(inside).delta_fullnat("10.1.0.1:1025", "10.1.0.5:80", false).tap(outside).done(),
                    Direction::to_server)});
    ASSERT_EQ(paths.size(), 1u);
    EXPECT_EQ(paths[0].links[0].kind, LinkKind::fullnat);
}

TEST_F(OneWayTest, PrivateAddressesStandInsideWhateverTheClocksSay) {
    for (const Direction inside_sees : {Direction::to_server, Direction::to_client}) {
        engine = Engine(EngineLimits{});
        inside = engine.add_tap({"inside", "one"});
        outside = engine.add_tap({"outside", "two"});
        const Truth truth = halved(from_client(1).tap(inside).snat(outer(1)).tap(outside).done(), inside_sees);
        const auto paths = run({truth});
        ASSERT_EQ(paths.size(), 1u);
        EXPECT_EQ(paths[0].legs[0].leg, truth.legs[0].id);
    }
}

TEST_F(OneWayTest, TheHandshakeBoundsTheClocks) {
    std::vector<Truth> truths;
    for (int n = 0; n < 8; ++n)
        truths.push_back(halved(from_client(n).tap(inside).snat(outer(n)).tap(outside).done(), Direction::to_server));
    std::size_t told = 0;
    for (const Path& path : run(truths))
        for (const Link& link : path.links) {
            if (!link.clock.known) continue;
            ++told;
            EXPECT_LE(std::llabs(link.clock.offset_ns - clock_shift), link.clock.error_ns);
            EXPECT_LT(link.clock.error_ns, ns_per_ms);
        }
    EXPECT_GE(told, 6u);
}

TEST_F(OneWayTest, FoundInTheMiddleByWhatTheOneAcknowledgesOfTheOther) {
    std::vector<Truth> truths;
    for (int n = 0; n < 4; ++n) {
        Journey journey = from_client(n);
        journey.stream().from_middle = true;
        truths.push_back(halved(journey.tap(inside).snat(outer(n)).tap(outside).done(), Direction::to_server));
    }
    const auto paths = run(truths);
    ASSERT_EQ(paths.size(), truths.size());
    for (const Path& path : paths) {
        ASSERT_EQ(path.links.size(), 1u);
        EXPECT_EQ(path.links[0].kind, LinkKind::snat);
        EXPECT_EQ(path.links[0].grade, Grade::a);
    }
}

}  // namespace
}  // namespace clew
