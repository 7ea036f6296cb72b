// SPDX-License-Identifier: Apache-2.0
// Offsets and drifts of clocks, found from packets that passed between them.
#include "nat-trace/clocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace clew {
namespace {

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

/// A clock that stands off and drifts.
struct Clock {
    DurationNs offset;
    double drift;
    TimeNs shows(TimeNs real) const { return real + offset + std::llround(drift * static_cast<double>(real - noon)); }
};

class ClocksTest : public testing::Test {
  protected:
    /// Packets between two clocks' taps over `seconds`, both ways or one; the smallest delays there and back.
    void pass(ClockId a, ClockId b, int seconds, int packets_a_second, bool both_ways = true) {
        for (int n = 0; n < seconds * packets_a_second; ++n) {
            const TimeNs real = noon + n * (ns_per_s / packets_a_second);
            const DurationNs there = delay();
            book.observe({a, b, clocks[a].shows(real), clocks[b].shows(real + there), 0, ++connection});
            least_there = std::min(least_there, there);
            if (!both_ways) continue;
            const DurationNs back = delay();
            book.observe({b, a, clocks[b].shows(real), clocks[a].shows(real + back), 0, ++connection});
            least_back = std::min(least_back, back);
        }
        book.learn();
    }
    DurationNs delay() {
        return 40 * ns_per_us + std::llround(std::exponential_distribution<double>(1e-5)(random));  // 140 µs on average
    }

    /// How far off the book is at a moment, and how far it says it may be.
    void expect_right(ClockId a, ClockId b, TimeNs real, DurationNs error_max) {
        const ClockOffset offset = book.between(a, b, clocks[a].shows(real));
        ASSERT_TRUE(offset.known);
        const DurationNs right = clocks[b].shows(real) - clocks[a].shows(real);
        EXPECT_LE(std::llabs(offset.offset_ns - right), offset.error_ns + 10) << "of clocks " << a << " and " << b;
        EXPECT_LE(offset.error_ns, error_max);
    }

    ClockBook book;
    std::uint64_t connection = 0;
    std::mt19937_64 random{7};
    std::vector<Clock> clocks = {{0, 0}, {83 * ns_per_ms, 47e-6}, {-99 * ns_per_ms, -50e-6}};
    DurationNs least_there = ns_per_s;
    DurationNs least_back = ns_per_s;
};

TEST_F(ClocksTest, OffsetsLieWithinTheirBoundsWhileClocksDrift) {
    pass(0, 1, 60, 50);
    for (int n = 0; n <= 590; ++n) expect_right(0, 1, noon + n * 100 * ns_per_ms, least_there + least_back);
    for (int n = 0; n <= 590; ++n) expect_right(1, 0, noon + n * 100 * ns_per_ms, least_there + least_back);
}

TEST_F(ClocksTest, BoundIsNotWiderThanTheQuickestRoundTrip) {
    pass(1, 2, 30, 200);
    expect_right(1, 2, noon + 15 * ns_per_s, least_there + least_back);
}

TEST_F(ClocksTest, PacketsOfOneDirectionAloneTellNothing) {
    pass(0, 1, 10, 50, false);
    EXPECT_FALSE(book.between(0, 1, noon).known);
    EXPECT_FALSE(book.between(1, 0, noon).known);
    EXPECT_FALSE(book.between(0, 2, noon).known);
    EXPECT_TRUE(book.between(2, 2, noon).known);
}

TEST_F(ClocksTest, WhereFarMorePassedOneWayTheQuickestOfThemLostNoTime) {
    pass(0, 1, 10, 50);
    const ClockOffset even = book.between(0, 1, clocks[0].shows(noon));
    EXPECT_EQ(even.likely_ns, even.offset_ns);
    book = ClockBook{};
    pass(0, 1, 10, 50, false);
    // One packet came back, and late: the bound from below is far off, and so is the middle.
    book.observe({1, 0, clocks[1].shows(noon), clocks[0].shows(noon + 2 * ns_per_ms), 0, ++connection});
    book.learn();
    const DurationNs right = clocks[1].shows(noon) - clocks[0].shows(noon);
    const ClockOffset offset = book.between(0, 1, clocks[0].shows(noon));
    ASSERT_TRUE(offset.known);
    EXPECT_GT(std::llabs(offset.offset_ns - right), 500 * ns_per_us);
    EXPECT_LT(std::llabs(offset.likely_ns - right), 200 * ns_per_us);
    const ClockOffset turned = book.between(1, 0, clocks[1].shows(noon));
    EXPECT_LT(std::llabs(turned.likely_ns + right), 200 * ns_per_us);
}

TEST_F(ClocksTest, AConnectionThatIsFarQuickerThanAllOthersIsNotBelieved) {
    pass(0, 1, 10, 50);
    // A link that was wrong: its packets seem to have arrived 20 ms before they were sent.
    ++connection;
    for (int n = 0; n < 3; ++n)
        book.observe({0, 1, clocks[0].shows(noon), clocks[1].shows(noon) - 20 * ns_per_ms, 0, connection});
    book.learn();
    expect_right(0, 1, noon, ns_per_ms);
    // Two connections that agree are believed.
    ++connection;
    book.observe({0, 1, clocks[0].shows(noon), clocks[1].shows(noon) - 20 * ns_per_ms, 0, connection});
    book.learn();
    EXPECT_LT(book.between(0, 1, clocks[0].shows(noon)).offset_ns, 83 * ns_per_ms - 5 * ns_per_ms);
}

TEST_F(ClocksTest, OfBoundsThatContradictEachOtherThoseOfTheManyCount) {
    pass(0, 1, 10, 50, false);
    for (int n = 0; n < 4; ++n)  // two links that are turned round: they would put the offset 20 ms higher
        book.observe({1, 0, clocks[1].shows(noon), clocks[0].shows(noon) - 20 * ns_per_ms, 0, ++connection});
    book.learn();
    const ClockOffset offset = book.between(0, 1, clocks[0].shows(noon));
    EXPECT_FALSE(offset.known);
    EXPECT_TRUE(offset.guessed);
    EXPECT_LE(std::llabs(offset.offset_ns - (clocks[1].shows(noon) - clocks[0].shows(noon))), clock_guess_ns);
}

TEST_F(ClocksTest, RoundsAreClosedOverAThirdClock) {
    pass(0, 1, 20, 50);
    pass(1, 2, 20, 50);
    expect_right(0, 2, noon + 10 * ns_per_s, 2 * ns_per_ms);
    // There over one way, back over another: no two clocks see both, and still each pair is bounded.
    book = ClockBook{};
    pass(0, 1, 20, 50, false);
    pass(1, 2, 20, 50, false);
    pass(2, 0, 20, 50, false);
    for (const auto& [a, b] : {std::pair<ClockId, ClockId>{0, 1}, {1, 2}, {2, 0}})
        expect_right(a, b, noon + 10 * ns_per_s, 2 * ns_per_ms);
}

TEST_F(ClocksTest, NothingIsNewsTwice) {
    book.observe({0, 1, noon, noon + 100 * ns_per_us, 0, ++connection});
    EXPECT_TRUE(book.learn());
    book.observe({0, 1, noon, noon + 100 * ns_per_us, 0, ++connection});
    book.observe({0, 1, noon, noon + 900 * ns_per_us, 0, ++connection});
    EXPECT_FALSE(book.learn());
}

TEST_F(ClocksTest, StampsWorseThanStatedWidenTheBound) {
    for (int n = 0; n < 100; ++n) {  // a packet that seems to arrive 30 µs before it was sent
        book.observe({0, 1, noon + n * 10 * ns_per_ms, noon + n * 10 * ns_per_ms - 30 * ns_per_us, 0, ++connection});
        book.observe({1, 0, noon + n * 10 * ns_per_ms, noon + n * 10 * ns_per_ms - 10 * ns_per_us, 0, ++connection});
    }
    book.learn();
    const ClockOffset offset = book.between(0, 1, noon);
    ASSERT_TRUE(offset.known);
    EXPECT_LE(std::llabs(offset.offset_ns), offset.error_ns);
}

TEST_F(ClocksTest, MemoryIsBounded) {
    pass(0, 1, 400, 5);
    EXPECT_LT(book.memory_bytes(), 100'000u);
    expect_right(0, 1, noon + 390 * ns_per_s, 2 * ns_per_ms);
}

}  // namespace
}  // namespace clew
