// SPDX-License-Identifier: Apache-2.0
// What became of packets, told from what each tap of a path saw: losses on the wire and gaps of the capture apart,
// openings that died, resets, loops.
#include "nat-trace/losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/journey.h"

namespace clew {
namespace {

using sim::Journey;
using sim::Truth;
using sim::World;

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;
constexpr std::uint32_t request_length = 120;

class LossesTest : public testing::Test {
  protected:
    LossesTest() : engine(EngineLimits{}), world(11) {
        for (const char* name : {"a", "b", "c"}) taps.push_back(engine.add_tap({name, "one"}));
        Journey journey = Journey::tcp(world, "10.0.0.7:40000", "198.51.100.1:80", noon);
        journey.stream().exchanges = 3;
        truth = journey.tap(taps[0]).snat("203.0.113.9:1024").tap(taps[1]).router().tap(taps[2]).done();
        for (Leg& leg : truth.legs) {
            leg.phase = LegPhase::ended;
            leg.end = LegEnd::fin;
        }
    }

    Flow& flow(std::size_t leg, Direction d = Direction::to_server) { return truth.legs[leg].flow(d); }
    std::uint32_t first_byte(std::size_t leg) { return flow(leg).isn + 1; }

    /// The request's bytes were seen so often.
    void see(std::size_t leg, int copies, bool late = false) {
        StreamMark mark{first_byte(leg), request_length, static_cast<std::uint8_t>(copies), late, 200};
        if (copies != 1 || late) flow(leg).marks.take(mark);
    }
    /// Of a leg nothing was captured before the last request and its answer.
    void begin_late(std::size_t leg) {
        for (Flow& f : truth.legs[leg].flows) {
            f.isn_from = IsnFrom::none;
            f.isn = f.syn_count = 0;
            f.syn_ns = f.first_ack_ns = 0;
            f.head = {};
            f.samples[0] = f.samples[f.sample_count - 1];
            f.sample_count = 1;
        }
    }
    /// The parts of the stream, without the handshake's packets, that the tap missed.
    static std::vector<LossCase> gaps(const Path& path, std::int16_t leg, Direction d) {
        std::vector<LossCase> out;
        for (const LossCase& one : path.losses)
            if (one.fate == LossFate::capture_gap && one.from_leg == leg && one.direction == d && !one.handshake)
                out.push_back(one);
        return out;
    }
    Path path() {
        for (const Leg& leg : truth.legs) engine.add(leg);
        engine.finish();
        std::vector<Path> paths = engine.drain();
        EXPECT_EQ(paths.size(), 1u);
        EXPECT_EQ(paths.at(0).legs.size(), truth.legs.size());
        return paths.at(0);
    }

    Engine engine;
    World world;
    std::vector<TapId> taps;
    Truth truth;
};

TEST_F(LossesTest, NothingIsToldOfAPathWithoutLoss) {
    const Path p = path();
    EXPECT_TRUE(p.losses.empty());
    EXPECT_TRUE(p.resets.empty());
    ASSERT_EQ(p.openings.size(), 1u);
    EXPECT_EQ(p.openings[0].fate, OpeningFate::answered);
}

TEST_F(LossesTest, WhatWasSeenTwiceBeforeAndOnceBehindWasLostBetween) {
    see(0, 2), see(1, 2), see(2, 1, true);
    const Path p = path();
    ASSERT_EQ(p.losses.size(), 1u);
    EXPECT_EQ(p.losses[0].fate, LossFate::network);
    EXPECT_EQ(p.losses[0].from_leg, 1);
    EXPECT_EQ(p.losses[0].to_leg, 2);
    EXPECT_EQ(p.losses[0].offset, 1u);
    EXPECT_EQ(p.losses[0].bytes, request_length);
    EXPECT_EQ(p.links[1].loss[0].lost, 1u);
    EXPECT_EQ(p.links[0].loss[0].lost, 0u);
}

TEST_F(LossesTest, WhatATapInTheMiddleMissedIsAGapOfItsCapture) {
    see(1, 0);
    const Path p = path();
    ASSERT_EQ(p.losses.size(), 1u);
    EXPECT_EQ(p.losses[0].fate, LossFate::capture_gap);
    EXPECT_EQ(p.losses[0].from_leg, 1);
    EXPECT_EQ(p.legs[1].flows[0].missed, 1u);
    EXPECT_EQ(p.legs[1].flows[0].missed_bytes, request_length);
}

TEST_F(LossesTest, WhatOnlyTheLastTapMissedAndWasAcknowledgedIsAGap) {
    see(2, 0);
    const Path p = path();
    ASSERT_EQ(p.losses.size(), 1u);
    EXPECT_EQ(p.losses[0].fate, LossFate::capture_gap);
    EXPECT_EQ(p.losses[0].from_leg, 2);
}

TEST_F(LossesTest, WhatCameBeforeTheFirstPacketOfATapIsAGapWhereAnotherTapSawTheSyn) {
    begin_late(1);
    const Path p = path();
    const auto told = gaps(p, 1, Direction::to_server);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].offset, 1u);
    EXPECT_EQ(told[0].bytes, 2 * request_length);
    EXPECT_EQ(gaps(p, 1, Direction::to_client).size(), 1u);
    EXPECT_TRUE(gaps(p, 0, Direction::to_server).empty());
}

TEST_F(LossesTest, TapsThatSawNoPacketInCommonAreComparedByTheStreamsEnd) {
    begin_late(1);
    for (const std::size_t leg : {0u, 2u})
        for (Flow& f : truth.legs[leg].flows) f.sample_count = 2;
    const Path p = path();
    const auto told = gaps(p, 1, Direction::to_server);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].offset, 1u);
    EXPECT_EQ(told[0].bytes, 2 * request_length);
}

TEST_F(LossesTest, WhereNoTapSawTheSynTheCaptureBeganLater) {
    for (std::size_t leg = 0; leg < 3; ++leg) begin_late(leg);
    EXPECT_TRUE(path().losses.empty());
}

TEST_F(LossesTest, WhatWasNeverAcknowledgedNorSentAgainIsUnknown) {
    for (Leg& leg : truth.legs) leg.end = LegEnd::flushed;
    see(2, 0);
    for (std::size_t n = 0; n < 3; ++n) flow(n, Direction::to_client).flags_seen = 0;
    const Path p = path();
    ASSERT_EQ(p.losses.size(), 1u);
    EXPECT_EQ(p.losses[0].fate, LossFate::unknown);
    EXPECT_EQ(p.links[1].loss[0].unknown, 1u);
    EXPECT_EQ(p.links[1].loss[0].lost, 0u);
}

TEST_F(LossesTest, ALossBeforeTheFirstTapIsSeenByTheHoleItLeaves) {
    see(0, 1, true), see(1, 1, true), see(2, 1, true);
    const Path p = path();
    ASSERT_EQ(p.losses.size(), 1u);
    EXPECT_EQ(p.losses[0].from_leg, no_place);
    EXPECT_EQ(p.losses[0].to_leg, 0);
}

TEST_F(LossesTest, PacketsOutOfOrderForAMomentAreNotLost) {
    for (std::size_t n = 0; n < 3; ++n) flow(n).marks.take({first_byte(n), request_length, 1, true, 1});
    EXPECT_TRUE(path().losses.empty());
}

TEST_F(LossesTest, ASynThatIsSentAgainWasLostWhereItStoppedBeingSeen) {
    flow(0).syn_count = 2;
    const Path p = path();
    ASSERT_EQ(p.losses.size(), 1u);
    EXPECT_TRUE(p.losses[0].handshake);
    EXPECT_EQ(p.losses[0].fate, LossFate::network);
    EXPECT_EQ(p.losses[0].from_leg, 0);
    EXPECT_EQ(p.losses[0].to_leg, 1);
}

TEST_F(LossesTest, AResetWithTheServersTtlIsTheServers) {
    for (std::size_t n = 0; n < 3; ++n) {
        Flow& back = flow(n, Direction::to_client);
        back.reset = {noon + ns_per_s, 1, 1, 0, back.samples[0].ttl};
    }
    const Path p = path();
    ASSERT_EQ(p.resets.size(), 1u);
    EXPECT_EQ(p.resets[0].by, ResetBy::server);
    EXPECT_TRUE(p.resets[0].certain);
}

TEST_F(LossesTest, AResetThatTheServersTapNeverSawIsAMiddleboxs) {
    for (std::size_t n = 0; n < 2; ++n) flow(n, Direction::to_client).reset = {noon + ns_per_s, 1, 1, 0, 255};
    const Path p = path();
    ASSERT_EQ(p.resets.size(), 1u);
    EXPECT_EQ(p.resets[0].by, ResetBy::middlebox);
    EXPECT_EQ(p.resets[0].from_leg, 2);
    EXPECT_EQ(p.resets[0].to_leg, 1);
}

TEST_F(LossesTest, AResetThatOneTapMissedIsStillTheServersByItsTtl) {
    for (std::size_t n = 0; n < 2; ++n) {
        Flow& back = flow(n, Direction::to_client);
        back.reset = {noon + ns_per_s, 1, 1, 0, back.samples[0].ttl};
    }
    const Path p = path();
    ASSERT_EQ(p.resets.size(), 1u);
    EXPECT_EQ(p.resets[0].by, ResetBy::server);
}

TEST_F(LossesTest, ALoopIsNamedAtItsTap) {
    flow(2).loop = {30, 62, 2};
    const Path p = path();
    EXPECT_EQ(p.legs[2].flows[0].loop.laps, 30);
    EXPECT_EQ(p.legs[1].flows[0].loop.laps, 0);
}

TEST(Openings, ASynThatNobodyAnswersIsToldWithItsLastTap) {
    Engine engine{EngineLimits{}};
    World world(5);
    const TapId a = engine.add_tap({"a", "one"}), b = engine.add_tap({"b", "one"});
    Journey journey = Journey::tcp(world, "10.0.0.7:40000", "198.51.100.1:80", noon);
    journey.stream().answered = false;
    Truth truth = journey.tap(a).snat("203.0.113.9:1024").tap(b).done();
    for (Leg& leg : truth.legs) leg.phase = LegPhase::ended, leg.end = LegEnd::idle, engine.add(leg);
    engine.finish();
    const std::vector<Path> paths = engine.drain();
    ASSERT_EQ(paths.size(), 1u);
    ASSERT_EQ(paths[0].openings.size(), 1u);
    EXPECT_EQ(paths[0].openings[0].fate, OpeningFate::unanswered);
    EXPECT_EQ(paths[0].openings[0].from_leg, 1);
    EXPECT_EQ(paths[0].openings[0].to_leg, no_place);
}

}  // namespace
}  // namespace clew
