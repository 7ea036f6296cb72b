// SPDX-License-Identifier: Apache-2.0
// The leg table, the segment table and the deadline wheel against simple twins, with a printed seed.
#include "dataplane/leg_table.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "dataplane/deadline_wheel.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

class Tables : public ::testing::Test {
  protected:
    void SetUp() override { random.seed(printed_seed()); }
    std::uint64_t below(std::uint64_t limit) { return random() % limit; }
    std::mt19937_64 random;
};

LegKey key_of(std::uint64_t number) {
    LegKey key;
    key.ports = static_cast<std::uint16_t>(number);
    key.segment = static_cast<SegmentNumber>(number >> 16);
    key.protocol = 6;
    return key;
}

TEST_F(Tables, ANewLegIsTheSameInAPlaceThatWasNeverUsedAndInOneThatWas) {
    LegTable table;
    ASSERT_TRUE(table.allocate(1, false));
    for (int turn = 0; turn < 2; ++turn) {
        const LegNumber leg = table.insert(key_of(1), 1, {});
        ASSERT_NE(leg, leg_none);
        ColdLeg& cold = table.cold(leg);
        TcpLeg& tcp = table.tcp(leg);
        EXPECT_EQ(cold.hint_count, 0);
        EXPECT_EQ(cold.hints, 0u);
        EXPECT_EQ(cold.names, 0u);
        EXPECT_EQ(cold.first_ns, 0);
        for (Side side : {Side{0}, Side{1}}) {
            const ColdFlow nothing{};
            EXPECT_EQ(std::memcmp(&cold.flows[side], &nothing, sizeof nothing), 0);
            EXPECT_EQ(tcp.sides[side].oddities, 0u);
            EXPECT_EQ(tcp.sides[side].resets, 0u);
            EXPECT_EQ(tcp.sides[side].rtt.count, 0u);
        }
        std::memset(static_cast<void*>(&cold), 0xff, sizeof cold);
        std::memset(static_cast<void*>(&tcp), 0xff, sizeof tcp);
        table.remove(leg, 1);
    }
}

TEST_F(Tables, LegTableIsAMap) {
    constexpr std::uint32_t capacity = 50;
    LegTable table;
    ASSERT_TRUE(table.allocate(capacity, false));
    std::map<std::uint64_t, LegNumber> twin;
    for (int step = 0; step < 200'000; ++step) {
        const std::uint64_t number = below(120);
        const LegKey key = key_of(number);
        // Long probe runs on purpose: of few lines of slots, and around the table's end.
        const std::uint32_t hash = 13 + static_cast<std::uint32_t>(number % 7);
        const auto known = twin.find(number);
        ASSERT_EQ(table.find(key, hash, {}), known == twin.end() ? leg_none : known->second);
        ASSERT_TRUE(!table.holds(table.guess(hash), key) || known->second == table.guess(hash));
        if (known != twin.end() && below(2) == 0) {
            table.remove(known->second, hash);
            twin.erase(known);
        } else if (known == twin.end()) {
            const LegNumber leg = table.insert(key, hash, {});
            ASSERT_EQ(leg == leg_none, twin.size() == capacity);
            if (leg != leg_none) twin[number] = leg;
        }
        ASSERT_EQ(table.count(), twin.size());
    }
}

TEST_F(Tables, AGuessIsTheLegWhereHashesDiffer) {
    LegTable table;
    ASSERT_TRUE(table.allocate(1000, false));
    std::map<std::uint32_t, LegNumber> legs;
    for (std::uint64_t number = 0; legs.size() < 1000; ++number) {
        const auto hash = static_cast<std::uint32_t>(random());
        if (!legs.contains(hash)) legs[hash] = table.insert(key_of(number), hash, {});
    }
    std::size_t right = 0;
    for (const auto& [hash, leg] : legs) right += table.guess(hash) == leg;
    EXPECT_GT(right, 950u) << "all but those of lines that are full";
    LegTable none;
    ASSERT_TRUE(none.allocate(0, false));
    EXPECT_FALSE(none.holds(none.guess(7), key_of(7)));
}

TEST_F(Tables, EvictionTakesTheOldestOfItsSample) {
    LegTable table;
    ASSERT_TRUE(table.allocate(16, false));
    for (std::uint64_t i = 0; i < 16; ++i)
        table.hot(table.insert(key_of(i), static_cast<std::uint32_t>(i), {})).times[0] =
            100 + static_cast<TimeNs>((i * 5) % 16);
    const LegNumber oldest = table.longest_idle(16);
    EXPECT_EQ(table.hot(oldest).last_ns(), 100);
}

TEST_F(Tables, SegmentTableIsASetThatForgets) {
    using namespace frames;
    SegmentTable table;
    ASSERT_TRUE(table.allocate(20, false));
    std::map<unsigned, std::pair<SegmentNumber, unsigned>> twin;
    for (int step = 0; step < 50'000; ++step) {
        const unsigned id = 1 + static_cast<unsigned>(below(40));
        const Bytes frame = ethernet(1, 2, 0x8100, vlan(id, 0x0800, ipv4("10.0.0.1", "10.0.0.2", {}, tcp({}))));
        const Packet packet = packet_of(frame);
        const SegmentKey key = segment_key(frame.data(), decap(packet, {}));
        const auto known = twin.find(id);
        ASSERT_EQ(table.find(key), known == twin.end() ? segment_none : known->second.first);
        if (known != twin.end() && below(3) != 0) {
            table.release(known->second.first);
            if (--known->second.second == 0) twin.erase(known);
            continue;
        }
        const SegmentNumber number = table.add(key);
        ASSERT_EQ(number == segment_none, known == twin.end() && twin.size() == 20);
        if (number == segment_none) continue;
        table.use(number);
        auto& entry = twin[id];
        entry = {number, entry.second + 1};
        ASSERT_EQ(table.segment(number, key.swapped), segment_of(frame.data(), decap(packet, {})));
    }
    EXPECT_EQ(table.count(), twin.size());
}

TEST_F(Tables, WheelFiresWhatIsDueAndNothingTooSoon) {
    constexpr std::uint32_t legs = 40;
    DeadlineWheel wheel;
    ASSERT_TRUE(wheel.allocate(legs, false));
    TimeNs now = 1'000'000 * ns_per_ms;
    wheel.start(now);
    std::map<LegNumber, TimeNs> twin;
    for (int step = 0; step < 20'000; ++step) {
        const auto leg = static_cast<LegNumber>(below(legs));
        const TimeNs due = now + static_cast<DurationNs>(below(100)) * static_cast<DurationNs>(below(1000)) * ns_per_ms;
        if (below(5) == 0) {
            wheel.clear(leg);
            twin.erase(leg);
        } else {
            wheel.set(leg, due);
            twin[leg] = due;
        }
        now += static_cast<DurationNs>(below(below(50) == 0 ? 90'000 : 40)) * ns_per_ms;
        std::set<LegNumber> fired;
        LegNumber announced = leg_none, expected = leg_none;
        const auto ahead = [&](LegNumber next) { announced = next; };
        const auto fire = [&](LegNumber f) {
            ASSERT_TRUE(fired.insert(f).second);
            ASSERT_TRUE(expected == leg_none || expected == f);
            expected = std::exchange(announced, leg_none);
            const TimeNs wanted = twin.at(f);
            if (wanted > now) {  // beyond the wheel's circumference: set again, and met again where it lags so far
                fired.erase(f);
                return wheel.set(f, wanted);
            }
            twin.erase(f);
        };
        wheel.advance(now, 1000, fire, ahead);
        ASSERT_EQ(expected, leg_none);
        for (const auto& [waiting, wanted] : twin)
            ASSERT_GT(wanted + 2 * DeadlineWheel::tick_ns, now) << "leg " << waiting;
    }
}

}  // namespace
}  // namespace clew::sensor
