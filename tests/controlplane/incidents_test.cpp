// SPDX-License-Identifier: Apache-2.0
#include "controlplane/incidents.h"

#include <gtest/gtest.h>

#include <random>

namespace clew::control {
namespace {

constexpr std::int64_t ms = 1'000'000;

v1::GatewayInstance& add_instance(v1::GatewayGroup& group, const std::string& name, std::uint64_t paths,
                                  std::int64_t p50_ns) {
    v1::GatewayInstance& one = *group.add_instances();
    one.set_instance(name);
    one.set_paths(paths);
    one.set_packets_before(paths * 10);
    one.mutable_delay()->set_paths(paths);
    one.mutable_delay()->set_p50_ns(p50_ns);
    one.mutable_delay()->set_error_ns(20'000);
    one.set_slowest_path("00000000000000aa");
    for (int i = 0; i < 8; ++i) {
        v1::TimePoint& point = *one.add_points();
        point.set_paths(paths / 8);
        point.set_delay_paths(paths / 8);
        point.set_p50_ns(p50_ns);
    }
    return one;
}

struct World {
    World() {
        gateways.set_since_ns(1000 * ms);
        gateways.set_step_ns(100 * ms);
        group = gateways.add_groups();
        group->set_kind("snat");
        group->set_from_tap("edge");
        group->set_to_tap("core");
        group->mutable_delay()->set_error_ns(20'000);
        for (const char* name : {"a", "b", "c"}) add_instance(*group, name, 80, ms / 10);
    }
    v1::IncidentList find() const { return find_incidents({gateways, histogram, clocks, status}); }

    v1::GatewayGroupList gateways;
    v1::GatewayGroup* group;
    v1::Histogram histogram;
    v1::ClockList clocks;
    v1::Status status;
};

TEST(Incidents, NothingIsToldOfARegionInLine) { EXPECT_EQ(World().find().incidents_size(), 0); }

TEST(Incidents, AnInstanceSlowerThanItsPeersIsToldWithItsPathAndBeginning) {
    World world;
    v1::GatewayInstance& slow = add_instance(*world.group, "d", 80, 5 * ms);
    for (int i = 0; i < 5; ++i) slow.mutable_points(i)->set_p50_ns(ms / 10);
    const auto list = world.find();
    ASSERT_EQ(list.incidents_size(), 1);
    EXPECT_EQ(list.incidents(0).kind(), "instance-delay");
    EXPECT_EQ(list.incidents(0).subject(), "d");
    EXPECT_EQ(list.incidents(0).where(), "snat edge → core");
    EXPECT_EQ(list.incidents(0).value(), 5 * ms);
    EXPECT_EQ(list.incidents(0).usual(), ms / 10);
    EXPECT_EQ(list.incidents(0).path_id(), "00000000000000aa");
    EXPECT_EQ(list.incidents(0).since_ns(), (1000 + 5 * 100) * ms);
    EXPECT_EQ(list.incidents(0).points_size(), 8);
}

TEST(Incidents, ADifferenceThatTheErrorExplainsIsNone) {
    World world;
    add_instance(*world.group, "d", 80, 5 * ms).mutable_delay()->set_error_ns(10 * ms);
    EXPECT_EQ(world.find().incidents_size(), 0);
}

TEST(Incidents, FewPathsShowNothing) {
    World world;
    add_instance(*world.group, "d", incident_paths_min - 1, 50 * ms).set_resets(incident_paths_min - 1);
    EXPECT_EQ(world.find().incidents_size(), 0);
}

TEST(Incidents, LossAndResetsAreComparedWithThePeers) {
    World world;
    v1::GatewayInstance& bad = add_instance(*world.group, "d", 80, ms / 10);
    bad.set_packets_missing(80);
    bad.set_resets(20);
    const auto list = world.find();
    ASSERT_EQ(list.incidents_size(), 2);
    EXPECT_EQ(list.incidents(0).kind(), "instance-resets");  // 25 % is worse than 10 %
    EXPECT_EQ(list.incidents(1).kind(), "instance-loss");
    EXPECT_EQ(list.incidents(0).path_id(), "") << "the slowest path need not have been reset";
    EXPECT_EQ(list.incidents(0).filter(), "gw.instance == \"d\" and link.kind == snat and leg.end == reset");
    for (v1::GatewayInstance& one : *world.group->mutable_instances()) one.set_resets(20), one.set_packets_missing(80);
    EXPECT_EQ(world.find().incidents_size(), 0) << "all alike: no instance stands out";
}

TEST(Incidents, AShareTellsItselfOverTimeAndSinceWhen) {
    World world;
    v1::GatewayInstance& bad = add_instance(*world.group, "d", 80, ms / 10);
    bad.set_resets(20);
    for (int i = 5; i < 7; ++i) bad.mutable_points(i)->set_resets(7);
    bad.mutable_points(7)->set_paths(0);  // nothing was seen: it goes on
    const auto list = world.find();
    ASSERT_EQ(list.incidents_size(), 1);
    EXPECT_EQ(list.incidents(0).unit(), "share");
    ASSERT_EQ(list.incidents(0).points_size(), 8);
    EXPECT_EQ(list.incidents(0).points(0), 0);
    EXPECT_DOUBLE_EQ(list.incidents(0).points(5), 0.7);
    EXPECT_EQ(list.incidents(0).points(7), -1);
    EXPECT_EQ(list.incidents(0).since_ns(), (1000 + 5 * 100) * ms);
}

TEST(Incidents, LossAndGapsOfAWholeSegmentAreComparedWithTheTimeBefore) {
    for (const bool gap : {false, true}) {
        World world;
        for (v1::GatewayInstance& one : *world.group->mutable_instances())
            for (int i = 0; i < 8; ++i) {
                v1::TimePoint& point = *one.mutable_points(i);
                point.set_packets_before(1000);
                const std::uint64_t count = i < 6 ? 1 : 60;
                gap ? point.set_not_captured(count) : point.set_lost(count);
            }
        const auto list = world.find();
        ASSERT_EQ(list.incidents_size(), 1);
        EXPECT_EQ(list.incidents(0).kind(), gap ? "capture-gap" : "segment-loss");
        EXPECT_EQ(list.incidents(0).where(), "snat edge → core");
        EXPECT_NEAR(list.incidents(0).value(), 0.06, 1e-9);
        EXPECT_EQ(list.incidents(0).since_ns(), (1000 + 6 * 100) * ms);
    }
}

/// A region where 1 % of the paths are reset, 20 % retransmit and 1 % of the packets go missing, two at a time,
/// wherever they go: few paths an instance, and a histogram of the same.
World quiet(std::mt19937_64& random) {
    World world;
    world.group->clear_instances();
    for (int i = 0; i < 40; ++i) {
        const std::uint64_t paths = 10 + random() % 31;
        v1::GatewayInstance& one = add_instance(*world.group, std::to_string(i), paths, ms / 10);
        one.set_resets(std::binomial_distribution<std::uint64_t>(paths, 0.01)(random));
        one.set_retransmitting(std::binomial_distribution<std::uint64_t>(paths, 0.2)(random));
        one.set_packets_missing(2 * std::binomial_distribution<std::uint64_t>(paths * 5, 0.01)(random));
    }
    for (int i = 0; i < 8; ++i) {
        v1::HistogramBucket& bucket = *world.histogram.add_buckets();
        bucket.set_paths(30);
        bucket.set_unlinked(std::binomial_distribution<std::uint64_t>(30, 0.1)(random));
        bucket.set_resets(std::binomial_distribution<std::uint64_t>(30, 0.05)(random));
        bucket.set_retransmitting(std::binomial_distribution<std::uint64_t>(30, 0.1)(random));
    }
    return world;
}

TEST(Incidents, AQuietRegionShowsNoneHoweverFewPathsItsSharesStandOn) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 100; ++i) {
        const auto list = quiet(random).find();
        EXPECT_EQ(list.incidents_size(), 0) << i << ": " << list.ShortDebugString();
    }
}

TEST(Incidents, AnInstanceThatResetsAThirdStandsOutOfAQuietRegion) {
    std::mt19937_64 random(2);
    for (int i = 0; i < 100; ++i) {
        World world = quiet(random);
        add_instance(*world.group, "bad", 30, ms / 10).set_resets(10);
        const auto list = world.find();
        ASSERT_EQ(list.incidents_size(), 1) << i;
        EXPECT_EQ(list.incidents(0).kind(), "instance-resets");
        EXPECT_EQ(list.incidents(0).subject(), "bad");
    }
}

TEST(Incidents, TheSameShareIsNoneOfFewPathsAndOneOfMany) {
    for (const std::uint64_t paths : {20u, 2000u}) {
        World world;
        add_instance(*world.group, "d", paths, ms / 10).set_resets(paths / 10);
        EXPECT_EQ(world.find().incidents_size(), paths == 2000 ? 1 : 0) << paths;
    }
}

TEST(Incidents, DelayThatGrewForAllIsOfTheSegment) {
    World world;
    for (v1::GatewayInstance& one : *world.group->mutable_instances())
        for (int i = 6; i < 8; ++i) one.mutable_points(i)->set_p50_ns(9 * ms);
    const auto list = world.find();
    ASSERT_EQ(list.incidents_size(), 1);
    EXPECT_EQ(list.incidents(0).kind(), "segment-delay");
    EXPECT_EQ(list.incidents(0).since_ns(), (1000 + 6 * 100) * ms);
}

TEST(Incidents, ASurgeIsToldAgainstTheTimeBefore) {
    World world;
    for (int i = 0; i < 8; ++i) {
        v1::HistogramBucket& bucket = *world.histogram.add_buckets();
        bucket.set_paths(100);
        bucket.set_unlinked(i < 6 ? 2 : 40);
        bucket.set_resets(5);
    }
    const auto list = world.find();
    ASSERT_EQ(list.incidents_size(), 1);
    EXPECT_EQ(list.incidents(0).kind(), "unlinked");
    EXPECT_EQ(list.incidents(0).paths(), 80u);
}

TEST(Incidents, WhoSentTheResetsIsToldInTheirPlace) {
    World world;
    world.histogram.set_since_ns(1000 * ms);
    world.histogram.set_step_ns(100 * ms);
    world.histogram.set_by("path.reset_by");
    v1::ValueSeries& box = *world.histogram.add_series();
    box.set_value("middlebox");
    v1::ValueSeries& clients = *world.histogram.add_series();
    clients.set_value("client");
    for (int i = 0; i < 8; ++i) {
        v1::HistogramBucket& bucket = *world.histogram.add_buckets();
        bucket.set_paths(100);
        bucket.set_resets(i < 6 ? 5 : 45);
        box.add_counts(i < 6 ? 0 : 40);
        clients.add_counts(5);
    }
    const auto list = world.find();
    ASSERT_EQ(list.incidents_size(), 1) << list.DebugString();
    const v1::Incident& incident = list.incidents(0);
    EXPECT_EQ(incident.kind(), "reset-sender");
    EXPECT_EQ(incident.subject(), "middlebox");
    EXPECT_EQ(incident.filter(), "path.reset_by == middlebox");
    EXPECT_EQ(incident.paths(), 80u);
    EXPECT_DOUBLE_EQ(incident.value(), 0.4);
    EXPECT_EQ(incident.since_ns(), (1000 + 600) * ms);
    EXPECT_EQ(incident.points_size(), 8);
    EXPECT_TRUE(is_shown_by_filter(incident));

    world.histogram.clear_by();  // without who sent them, that there are more is all that can be told
    ASSERT_EQ(world.find().incidents_size(), 1);
    EXPECT_EQ(world.find().incidents(0).kind(), "resets");
}

TEST(Incidents, AnObserverThatIsGoneAndAClockThatIsNotKnown) {
    World world;
    v1::ObserverStatus& observer = *world.status.add_observers();
    observer.set_name("sensor-a");
    observer.set_connected(false);
    observer.add_taps("edge");
    v1::ClockPair& pair = *world.clocks.add_pairs();
    pair.set_from("a");
    pair.set_to("b");
    pair.set_error_ns(incident_clock_error_ns * 2);
    const auto list = world.find();
    ASSERT_EQ(list.incidents_size(), 2);
    EXPECT_EQ(list.incidents(0).kind(), "observer");
    EXPECT_NE(list.incidents(0).sentence().find("edge"), std::string::npos);
    EXPECT_EQ(list.incidents(1).kind(), "clock");
}

}  // namespace
}  // namespace clew::control
