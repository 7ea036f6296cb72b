// SPDX-License-Identifier: Apache-2.0
// What only some legs have: delays against DelayStatistics, parts taken, given back and run out of.
#include "dataplane/leg_parts.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

#include "dataplane/pipeline.h"
#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

class Parts : public testing::Test {
  protected:
    void SetUp() override { random.seed(printed_seed()); }
    void add(LegDelays& to, DurationNs delay) {
        parts.add_delay(to, delay, static_cast<std::uint8_t>(delay_bin_of(delay)));
    }

    std::mt19937_64 random;
    ReasonCounters counters;
    LegParts parts{counters};
};

constexpr LegPartShares nothing{0, 0, 0, 0, 0, 0, 0};

TEST_F(Parts, DelaysAddUpAsDelayStatisticsDo) {
    ASSERT_TRUE(parts.allocate(1, {}, false));
    for (unsigned spread = 1; spread <= 40; ++spread) {
        LegDelays delays{};
        DelayStatistics twin;
        for (int i = 0; i < 100'000; ++i) {  // bins fill up and are halved
            const auto delay = static_cast<DurationNs>((std::uint64_t{1000} << (random() % spread)) + random() % 500);
            add(delays, delay);
            twin.add(delay);
        }
        ASSERT_EQ(parts.statistics(delays), twin) << "spread " << spread;
    }
    EXPECT_EQ(counters.value(Reason::delay_tables_short), 0u);
}

TEST_F(Parts, WithoutATableADelayIsCountedInANeighbouringBin) {
    ASSERT_TRUE(parts.allocate(1, nothing, false));
    LegDelays delays{};
    for (unsigned octave = 12; octave < 22; ++octave) add(delays, DurationNs{1} << octave);
    EXPECT_EQ(counters.value(Reason::delay_tables_short), 0u);
    add(delays, DurationNs{1} << 30);
    EXPECT_EQ(counters.value(Reason::delay_tables_short), 1u);
    const DelayStatistics all = parts.statistics(delays);
    EXPECT_EQ(all.count, 11u);
    EXPECT_EQ(all.max_ns, DurationNs{1} << 30);
    EXPECT_EQ(all.bins[delay_bin_of(DurationNs{1} << 21)], 2);
}

TEST_F(Parts, WhatALegTookIsThereForOthersAfterIt) {
    ASSERT_TRUE(parts.allocate(1, {}, false));
    const auto first = std::make_unique<ColdLeg>(ColdLeg{});
    const auto first_tcp = std::make_unique<TcpLeg>(TcpLeg{});
    const auto fill = [&](ColdLeg& cold, TcpLeg& tcp) {
        std::map<std::string, unsigned> taken;
        while (cold.hint_count < hint_count_max && parts.add_hint(cold)) ++taken["hints"];
        taken["names"] = parts.take_names(cold) != nullptr;
        for (ColdFlow& flow : cold.flows) taken["marks"] += parts.take_oddities(flow) != nullptr;
        for (TcpSide& side : tcp.sides) taken["tcp"] += parts.take_oddities(side) != nullptr;
        cold.flows[0].head_buffer = parts.take_stream_buffer();
        taken["buffers"] = cold.flows[0].head_buffer != 0;
        return taken;
    };
    const auto whole = fill(*first, *first_tcp);
    EXPECT_EQ(whole,
              (std::map<std::string, unsigned>{{"hints", 8}, {"names", 1}, {"marks", 2}, {"tcp", 2}, {"buffers", 1}}));
    const auto others = std::make_unique<std::array<std::pair<ColdLeg, TcpLeg>, 1024>>();
    std::map<std::string, unsigned> taken;
    for (auto& [cold, tcp] : *others)
        for (const auto& [kind, count] : fill(cold, tcp)) taken[kind] += count;
    EXPECT_EQ(taken, (std::map<std::string, unsigned>{
                         {"hints", 1016}, {"names", 1023}, {"marks", 1022}, {"tcp", 1022}, {"buffers", 1023}}));
    EXPECT_EQ(counters.value(Reason::leg_names_short), 1u);
    EXPECT_EQ(counters.value(Reason::marks_short), 1026u);
    EXPECT_EQ(counters.value(Reason::tcp_oddities_short), 1026u);
    EXPECT_EQ(counters.value(Reason::stream_buffers_short), 1u);
    EXPECT_NE(counters.value(Reason::hints_short), 0u);

    parts.take_oddities(first->flows[0])->loop.laps = 7;
    parts.give_back(*first, *first_tcp, true);
    ColdLeg& next = (*others)[1023].first;
    EXPECT_EQ(next.names, 0u);
    FlowOddities* again = parts.take_oddities(next.flows[0]);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(again->loop.laps, 0);
    EXPECT_NE(parts.take_names(next), nullptr);
    EXPECT_EQ(first->hints, 0u);
    EXPECT_EQ(first->flows[0].oddities, 0u);
}

TEST_F(Parts, HintsAreAChainWithTheNewestFirst) {
    ASSERT_TRUE(parts.allocate(1, {}, false));
    const auto cold = std::make_unique<ColdLeg>(ColdLeg{});
    EXPECT_EQ(parts.newest_hint(*cold), nullptr);
    for (TimeNs time : {1, 2, 3}) parts.add_hint(*cold)->time_ns = time;
    const KeptHint* hint = parts.newest_hint(*cold);
    for (TimeNs time : {3, 2, 1}) {
        ASSERT_NE(hint, nullptr);
        EXPECT_EQ(hint->time_ns, time);
        hint = parts.hint_before(*hint);
    }
    EXPECT_EQ(hint, nullptr);
}

TEST_F(Parts, TheBudgetGrowsWithTheShares) {
    const LegPartShares none = nothing, some{};
    EXPECT_EQ(LegParts::memory_bytes(1'000'000, none), 0u);
    const std::size_t bytes = LegParts::memory_bytes(1'000'000, some);
    EXPECT_GT(bytes, 1'000'000u * (sizeof(KeptHint) + sizeof(LegNames) / 2));
    PipelineSettings settings;
    settings.leg_count_max = 1'000'000;
    const std::size_t all = Pipeline::memory_bytes(settings);
    settings.leg_parts = none;
    EXPECT_EQ(all - Pipeline::memory_bytes(settings), bytes);
    const std::size_t least = Pipeline::memory_bytes(settings);
    settings.leg_count_max = 2'000'000;
    EXPECT_LE((Pipeline::memory_bytes(settings) - least) / 1'000'000, 1024u) << "bytes of a leg without rare parts";
}

}  // namespace
}  // namespace clew::sensor
