// SPDX-License-Identifier: Apache-2.0
#include "controlplane/time_comparison.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace clew::control {
namespace {

constexpr std::int64_t ms = 1'000'000;

/// One group of two instances, `paths` paths each, at one time.
struct Side {
    explicit Side(std::uint64_t paths = 400) {
        v1::GatewayGroup& group = *gateways.add_groups();
        group.set_kind("snat");
        group.set_from_tap("edge");
        group.set_to_tap("core");
        group.set_paths(2 * paths);
        for (const char* name : {"a", "b"}) {
            v1::GatewayInstance& one = *group.add_instances();
            one.set_instance(name);
            one.set_paths(paths);
            one.set_packets_before(paths * 10);
            one.set_resets(paths / 100);
            set_delay(one, paths, ms);
        }
        group.mutable_delay()->CopyFrom(group.instances(0).delay());
        histogram.add_buckets()->set_paths(2 * paths);
    }
    static void set_delay(v1::GatewayInstance& one, std::uint64_t paths, std::int64_t p50_ns) {
        one.mutable_delay()->set_paths(paths);
        one.mutable_delay()->set_p50_ns(p50_ns);
        one.mutable_delay()->set_p99_ns(3 * p50_ns);
        one.mutable_delay()->set_error_ns(20'000);
    }
    v1::GatewayInstance& instance(int i) { return *gateways.mutable_groups(0)->mutable_instances(i); }
    TimeSide side() const { return {gateways, histogram}; }

    v1::GatewayGroupList gateways;
    v1::Histogram histogram;
};

const v1::ComparedTimes& row_of(const v1::TimeComparison& all, const std::string& instance) {
    const auto found = std::ranges::find_if(
        all.rows(), [&](const v1::ComparedTimes& row) { return !row.kind().empty() && row.instance() == instance; });
    EXPECT_NE(found, all.rows().end()) << instance;
    return found == all.rows().end() ? all.rows(0) : *found;
}

std::vector<std::string> words(const google::protobuf::RepeatedPtrField<std::string>& list) {
    return {list.begin(), list.end()};
}

using Words = std::vector<std::string>;

TEST(TimeComparison, AllPathsStandFirstThenTheGroupThenItsInstancesAndNothingChanged) {
    const Side before, now;
    const auto all = compare_times(before.side(), now.side());
    ASSERT_EQ(all.rows_size(), 4);
    EXPECT_EQ(all.rows(0).kind(), "");
    EXPECT_EQ(all.rows(0).now().paths(), 800u);
    EXPECT_EQ(all.rows(1).instance(), "");
    EXPECT_EQ(all.rows(1).now().packets_before(), 8000u);
    EXPECT_EQ(all.rows(1).now().delay().p50_ns(), ms);
    EXPECT_EQ(all.rows(2).instance(), "a");
    for (const v1::ComparedTimes& row : all.rows()) EXPECT_EQ(row.worse_size() + row.better_size(), 0);
}

TEST(TimeComparison, ADelayThatGrewByMoreThanItsErrorIsWorseAndTheOtherWayRoundBetter) {
    Side before, now;
    Side::set_delay(now.instance(1), 400, 2 * ms);
    EXPECT_EQ(words(row_of(compare_times(before.side(), now.side()), "b").worse()), (Words{"delay_p50", "delay_p99"}));
    EXPECT_EQ(words(row_of(compare_times(now.side(), before.side()), "b").better()), (Words{"delay_p50", "delay_p99"}));
    EXPECT_EQ(row_of(compare_times(before.side(), now.side()), "a").worse_size(), 0);
    now.instance(1).mutable_delay()->set_error_ns(4 * ms);
    EXPECT_EQ(words(row_of(compare_times(before.side(), now.side()), "b").worse()), (Words{}));
    Side::set_delay(now.instance(1), 9, 2 * ms);  // too few paths to tell
    EXPECT_EQ(words(row_of(compare_times(before.side(), now.side()), "b").worse()), (Words{}));
    Side::set_delay(now.instance(1), 99, 2 * ms);  // too few for the tail
    EXPECT_EQ(words(row_of(compare_times(before.side(), now.side()), "b").worse()), (Words{"delay_p50"}));
}

TEST(TimeComparison, SharesChangeWhereChanceDoesNotExplainIt) {
    Side before, now;
    now.instance(0).set_resets(60);
    now.instance(0).set_packets_missing(200);
    now.instance(0).set_lost(150);
    now.histogram.mutable_buckets(0)->set_unlinked(90);
    auto all = compare_times(before.side(), now.side());
    EXPECT_EQ(words(row_of(all, "a").worse()), (Words{"packets_missing", "lost", "resets"}));
    EXPECT_EQ(words(all.rows(0).worse()), (Words{"unlinked"}));
    now.instance(0).set_packets_missing(0);
    now.instance(0).set_lost(0);
    now.instance(0).set_resets(8);  // twice as many: four more of 400
    EXPECT_EQ(row_of(compare_times(before.side(), now.side()), "a").worse_size(), 0);
    Side few(9), more(9);
    more.instance(0).set_resets(9);
    EXPECT_EQ(row_of(compare_times(few.side(), more.side()), "a").worse_size(), 0);
}

TEST(TimeComparison, WhatOnlyOneTimeHasIsToldAndWhatWasCutIsSaid) {
    Side before, now;
    now.instance(1).set_instance("c");
    now.gateways.mutable_groups(0)->set_to_tap("core");
    before.histogram.set_partial("cut");
    v1::GatewayGroup& gone = *before.gateways.add_groups();
    gone.set_kind("dnat");
    gone.set_paths(5);
    const auto all = compare_times(before.side(), now.side());
    EXPECT_EQ(row_of(all, "b").now().paths(), 0u);
    EXPECT_EQ(row_of(all, "b").before().paths(), 400u);
    EXPECT_EQ(row_of(all, "c").before().paths(), 0u);
    EXPECT_EQ(all.rows(all.rows_size() - 1).kind(), "dnat");
    EXPECT_FALSE(all.rows(all.rows_size() - 1).has_now());
    EXPECT_EQ(all.partial(), "cut");
}

}  // namespace
}  // namespace clew::control
