// SPDX-License-Identifier: Apache-2.0
// Why a leg stands alone: each reason decided by what the leg and the window show.
#include "nat-trace/unlinked.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

class UnlinkedTest : public testing::Test {
  protected:
    /// A whole TCP connection with numbers of its own.
    Leg leg() {
        ++number;
        Leg out;
        out.id = number;
        out.first_ns = noon;
        out.last_ns = noon + ns_per_s;
        out.client = {IpAddress::from_v4(0x0a000000 + number), 40000};
        out.server = {IpAddress::from_v4(0xc6336401), 80};
        for (std::size_t d = 0; d < direction_count; ++d) {
            out.flows[d].packets = 5;
            out.flows[d].isn_from = IsnFrom::syn;
            out.flows[d].isn = number * 2654435761U + static_cast<std::uint32_t>(d);
            out.flows[d].syn_ns = noon;
            out.flows[d].syn_count = 1;
        }
        return out;
    }
    LegIndex add(const Leg& report, ClockId clock = 0) { return window.insert(report, clock); }
    Unlinked reason(LegIndex i) {
        window.begin_epoch();
        window.look_up_sharers(i);
        return reason_alone(window, window.leg(i));
    }

    LegWindow window;
    std::uint32_t number = 0;
};

TEST_F(UnlinkedTest, AWholeConnectionThatNoOtherTapSawHasNoCandidate) {
    EXPECT_EQ(reason(add(leg())), Unlinked::no_candidate);
}

TEST_F(UnlinkedTest, RivalsThatNothingTellsApartAreAmbiguous) {
    const LegIndex i = add(leg());
    window.leg(i).ambiguous = true;
    EXPECT_EQ(reason(i), Unlinked::ambiguous);
}

TEST_F(UnlinkedTest, OneOfManyAlikeIsFolded) {
    LegIndex last = no_leg;
    for (std::uint32_t n = 0; n < 2 * folded_count_min; ++n) {
        Leg probe = leg();
        probe.flow(Direction::to_server).isn = 0x2a2a2a2a;
        probe.flow(Direction::to_client) = Flow{};
        last = add(probe);
    }
    EXPECT_EQ(reason(last), Unlinked::folded);
    EXPECT_EQ(reason(add(leg())), Unlinked::no_candidate) << "a number of its own";
}

TEST_F(UnlinkedTest, TheSideThatAnswersWasNotSeen) {
    Leg report = leg();
    report.flow(Direction::to_client).packets = 0;
    EXPECT_EQ(reason(add(report)), Unlinked::one_way);
}

TEST_F(UnlinkedTest, WithoutASequenceNumberNothingIdentifies) {
    Leg report = leg();
    for (Flow& flow : report.flows) flow.isn_from = IsnFrom::none;
    EXPECT_EQ(reason(add(report)), Unlinked::capture_gap);
}

TEST_F(UnlinkedTest, ADatagramOnAClockThatNothingTiesToAnotherWaitsForThat) {
    Leg report = leg();
    report.protocol = Protocol::udp;
    for (Flow& flow : report.flows) flow.isn_from = IsnFrom::none;
    const LegIndex alone = add(report, 0);
    EXPECT_EQ(reason(alone), Unlinked::no_candidate) << "there is one clock only";
    add(leg(), 1);
    EXPECT_EQ(reason(alone), Unlinked::clock);
    window.clocks().observe({0, 1, noon, noon + 100, 0, 1});
    EXPECT_EQ(reason(alone), Unlinked::no_candidate);
}

TEST_F(UnlinkedTest, AProtocolWithNothingToCompareIsUnsupported) {
    Leg report = leg();
    report.protocol = static_cast<Protocol>(47);
    EXPECT_EQ(reason(add(report)), Unlinked::unsupported);
}

}  // namespace
}  // namespace clew
