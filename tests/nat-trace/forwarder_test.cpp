// SPDX-License-Identifier: Apache-2.0
// DNS forwarders: the same question asked anew under another id, or answered out of memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "nat-trace/engine.h"
#include "tests/sim/journey.h"

namespace clew {
namespace {

using sim::Journey;

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;
constexpr DurationNs us = ns_per_us;

class ForwarderTest : public testing::Test {
  protected:
    ForwarderTest() : front_tap(engine.add_tap({"lan", "one"})), back_tap(engine.add_tap({"wan", "one"})) {}

    Leg query(TapId tap, const std::string& client, const std::string& server, std::uint64_t name, DurationNs asked,
              DurationNs answered) {
        Leg leg = Journey::dns(world, client, server, noon + asked, static_cast<std::uint16_t>(world.number()), name)
                      .tap(tap)
                      .done()
                      .legs[0];
        const TimeNs times[] = {noon + asked, noon + answered};
        for (std::size_t d = 0; d < direction_count; ++d) {
            leg.flows[d].first_ns = leg.flows[d].last_ns = leg.flows[d].first_payload_ns = times[d];
            leg.flows[d].samples[0].time_ns = times[d];
        }
        leg.first_ns = leg.hints[0].time_ns = times[0];
        leg.last_ns = times[1];
        return leg;
    }
    Leg front(int n, std::uint64_t name, DurationNs asked, DurationNs answered) {
        return query(front_tap, "10.0.0." + std::to_string(n) + ":" + std::to_string(40'000 + n), "10.0.0.254:53", name,
                     asked, answered);
    }
    Leg back(int n, std::uint64_t name, DurationNs asked, DurationNs answered) {
        return query(back_tap, "203.0.113.7:" + std::to_string(20'000 + n), "198.51.100.53:53", name, asked, answered);
    }
    /// The forwarder is known by what it passed on before.
    void add_past() {
        for (int n = 0; n < 12; ++n) {
            const DurationNs at = (n - 20) * 100 * ns_per_ms;
            legs.push_back(front(n, 1000 + static_cast<std::uint64_t>(n), at, at + 9 * ns_per_ms));
            legs.push_back(back(n, 1000 + static_cast<std::uint64_t>(n), at + 100 * us, at + 9 * ns_per_ms - 100 * us));
        }
    }
    void run() {
        for (const Leg& leg : legs) engine.add(leg);
        engine.finish();
        for (Path& path : engine.drain()) {
            std::erase_if(paths, [&](const Path& p) { return p.id == path.id; });
            if (!path.retracted) paths.push_back(std::move(path));
        }
    }
    const Path& path_of(const Leg& leg) const {
        return *std::find_if(paths.begin(), paths.end(), [&](const Path& p) {
            return std::any_of(p.legs.begin(), p.legs.end(), [&](const PathLeg& l) { return l.leg == leg.id; });
        });
    }
    bool joined(const Leg& a, const Leg& b) const { return path_of(a).id == path_of(b).id; }

    Engine engine{EngineLimits{}};
    sim::World world{11};
    TapId front_tap, back_tap;
    std::vector<Leg> legs;
    std::vector<Path> paths;
};

TEST_F(ForwarderTest, AQueryIsLinkedWithWhatItWasAskedFor) {
    add_past();
    const Leg f = front(50, 7, 0, 5 * ns_per_ms), b = back(50, 7, 80 * us, 5 * ns_per_ms - 80 * us);
    legs.insert(legs.end(), {b, f});
    run();
    ASSERT_TRUE(joined(f, b));
    const Path& path = path_of(f);
    ASSERT_EQ(path.links.size(), 1u);
    EXPECT_EQ(path.legs[0].leg, f.id);
    EXPECT_EQ(path.links[0].kind, LinkKind::relay);
    EXPECT_EQ(path.links[0].grade, Grade::c);
    EXPECT_EQ(path.links[0].evidence.begin()->by, EvidenceBy::dns_question);
}

TEST_F(ForwarderTest, AnAnswerOutOfMemoryHasNothingBehindIt) {
    add_past();
    const Leg early = front(51, 7, -50 * us, 40 * us), late = front(52, 7, 2 * ns_per_ms, 2 * ns_per_ms + 90 * us);
    const Leg f = front(50, 7, 0, 5 * ns_per_ms), b = back(50, 7, 80 * us, 5 * ns_per_ms - 80 * us);
    legs.insert(legs.end(), {early, f, b, late});
    run();
    EXPECT_TRUE(joined(f, b));
    EXPECT_EQ(path_of(early).legs.size(), 1u);
    EXPECT_EQ(path_of(late).legs.size(), 1u);
}

TEST_F(ForwarderTest, EqualQuestionsAtOneTimeAreNotGuessedAt) {
    add_past();
    std::vector<Leg> fronts, backs;
    for (int n = 0; n < 6; ++n) {
        fronts.push_back(front(60 + n, 7, n * 20 * us, 5 * ns_per_ms + n * 20 * us));
        backs.push_back(back(60 + n, 7, 80 * us + n * 20 * us, 5 * ns_per_ms - 80 * us + n * 20 * us));
    }
    legs.insert(legs.end(), fronts.begin(), fronts.end());
    legs.insert(legs.end(), backs.begin(), backs.end());
    run();
    for (std::size_t n = 0; n < fronts.size(); ++n)
        for (std::size_t m = 0; m < backs.size(); ++m) EXPECT_FALSE(n != m && joined(fronts[n], backs[m]));
}

TEST_F(ForwarderTest, TwoThatAskOneNameOfTwoServersAreNoForwarder) {
    const Leg a = front(50, 7, 0, 5 * ns_per_ms), b = back(50, 7, 80 * us, 5 * ns_per_ms - 80 * us);
    legs = {a, b};
    run();
    EXPECT_FALSE(joined(a, b)) << "nobody is known to ask for others";
}

TEST_F(ForwarderTest, WhatIsAskedOnForSeveralIsNobodysAlone) {
    add_past();
    const Leg f = front(50, 7, 0, 5 * ns_per_ms);
    Leg b = back(50, 7, 80 * us, 5 * ns_per_ms - 80 * us);
    Hint other = b.hints[0];
    other.bytes[5] = static_cast<std::uint8_t>(other.bytes[5] + 1);
    b.add_hint(other);
    legs.insert(legs.end(), {f, b});
    run();
    EXPECT_FALSE(joined(f, b));
}

}  // namespace
}  // namespace clew
