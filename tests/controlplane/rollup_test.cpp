// SPDX-License-Identifier: Apache-2.0
// Roll-ups against the rows they are made of, in a real clew-store: paths of many hours whose revisions come in the
// same and in later hours; the same question is answered by both.
#include "controlplane/store/rollup.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/overview.h"
#include "controlplane/store/path_search.h"
#include "controlplane/store/rollup_tables.h"
#include "controlplane/store/schema.h"
#include "controlplane/store_keeper.h"
#include "tests/controlplane/random_rows.h"
#include "tests/controlplane/store_fixture.h"

namespace clew::control {
namespace {

using store::Rollup;

constexpr std::uint32_t first_hour_s = 1'699'999'200;
constexpr std::uint32_t hour_count = 6;  // the last is open
constexpr std::uint32_t now_s = first_hour_s + (hour_count - 1) * 3600 + 1800;
constexpr std::uint64_t path_count = 900;
constexpr std::uint64_t seed = 5;
constexpr std::int64_t offset_ns = 2'000'000, offset_spread_ns = 20'000;
constexpr double delay_tolerance = 0.05;  // of a bucket, and of quantiles between two values
constexpr std::size_t told_max = 2000;    // of what differs

/// Nothing where they are equal.
std::string difference(const google::protobuf::Message& a, const google::protobuf::Message& b) {
    std::string told;
    google::protobuf::util::MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&told);
    if (differencer.Compare(a, b)) return {};
    return told.empty() ? "they differ" : told.substr(0, told_max);
}

class RollupTest : public store::StoreTest {
  protected:
    void SetUp() override {
        StoreTest::SetUp();
        if (IsSkipped()) return;
        settings_ = settings();
        settings_.retention_hours = 500'000;     // the test's hours are long gone
        settings_.query_timeout_ms = 120'000;    // what is compared is answers, however busy the machine is
        settings_.counted_paths_max = 1u << 30;  // by ids that are no random numbers nothing can be estimated
        make_old_store();
        open();
        fill();
    }
    void TearDown() override {
        client_.reset();  // ends the store, which may be merging: then its files are removed
        StoreTest::TearDown();
    }
    void open() {
        client_.reset();
        ASSERT_TRUE(store::Store::open(settings_));  // takes the tables to the version of today
        auto client = store::ClickHouseClient::connect(settings_);
        ASSERT_TRUE(client) << client.error().sentence;
        client_ = std::move(*client);
    }
    std::string sql(const std::string& text) { return store::must_ask(*client_, settings_, text); }

    /// A store of version 4.
    void make_old_store() {
        auto client = store::ClickHouseClient::connect(settings_);
        ASSERT_TRUE(client) << client.error().sentence;
        client_ = std::move(*client);
        const store::SchemaPlace place{
            .database = settings_.database, .cluster = {}, .retention_hours = settings_.retention_hours};
        for (std::uint32_t version = 0; version <= 4; ++version) {
            for (const std::string& statement :
                 version == 0 ? store::schema_base_statements(place) : store::schema_statements(place, version)) {
                store::ClickHouseCall call;
                call.sql = statement;
                ASSERT_TRUE(client_->must_succeed(call)) << statement;
            }
            if (version > 0) sql("INSERT INTO schema_versions (version) SELECT " + std::to_string(version));
        }
    }

    v1::Path path(std::uint64_t id, std::uint32_t revision, std::uint32_t at_s) {
        v1::Path path = random_.path(id, revision, 0);
        path.set_first_ns(std::int64_t{at_s} * ns_per_s - static_cast<std::int64_t>(random_.number(900 * ns_per_s)));
        path.set_last_ns(std::int64_t{at_s} * ns_per_s);
        path.set_retracted(revision > 1 && random_.number(9) == 0);
        if (random_.number(12) == 0) path.set_proto("icmp");
        const auto instance = random_.number(4);
        path.mutable_legs(0)->set_client("10.1." + std::to_string(random_.number(5)) + ".7:1234");
        path.mutable_legs(0)->set_server("10.2.0." + std::to_string(random_.number(3)) + ":80");
        path.mutable_legs(2)->set_server("10.3.0." + std::to_string(random_.number(9)) + ":80");
        path.mutable_legs(0)->set_server_mac("02:00:00:00:00:0" + std::to_string(instance));
        path.mutable_legs(1)->set_server_mac("02:00:00:00:01:0" + std::to_string(random_.number(3)));
        path.mutable_legs(0)->mutable_to_server()->set_packets(10);
        path.mutable_legs(1)->mutable_to_server()->set_packets(10 - random_.number(2));
        path.mutable_legs(1)->mutable_to_server()->set_retransmissions(random_.number(3) == 0 ? 1 : 0);
        path.mutable_legs(1)->mutable_to_server()->set_missed(static_cast<std::uint32_t>(random_.number(3)));
        if (random_.number(5) == 0) {
            path.mutable_legs(1)->set_end("reset");
            path.add_resets()->set_by(random_.number(2) == 0 ? "server" : "middlebox");
        }
        v1::PathDelay& delay = *path.mutable_links(0)->add_delays();
        delay.set_direction("to_server");
        const auto scale = static_cast<std::int64_t>(instance + 1);
        delay.set_mean_ns(scale * static_cast<std::int64_t>(100'000 + random_.number(50'000)));
        delay.set_error_ns(static_cast<std::int64_t>(10 + random_.number(1000)));
        delay.set_samples(static_cast<std::uint32_t>(random_.number(4)));
        path.mutable_legs(0)->set_clock("a");
        path.mutable_legs(1)->set_clock("b");
        path.mutable_links(0)->mutable_clock()->set_offset_ns(
            offset_ns + static_cast<std::int64_t>(random_.number(offset_spread_ns)));
        path.mutable_links(0)->mutable_clock()->set_error_ns(100 + static_cast<std::int64_t>(random_.number(50)));
        v1::PathLoss& loss = *path.mutable_links(0)->add_losses();
        loss.set_direction("to_server");
        loss.set_lost(static_cast<std::uint32_t>(instance));
        if (random_.number(8) == 0) {
            path.set_unlinked("no-candidate");
            path.mutable_legs()->DeleteSubrange(1, 2);
            path.clear_links();
        }
        return path;
    }

    void insert(const std::vector<v1::Path>& paths, std::uint32_t stored_at_s) {
        const auto rows = store::path_rows(paths, stored_at_s);
        ASSERT_TRUE(rows);
        store::ClickHouseCall call;
        call.sql = rows->sql;
        call.data = rows->block;
        call.database = settings_.database;
        ASSERT_TRUE(client_->must_succeed(call));
    }

    /// Of every hour new paths, and later revisions of some of any hour before; some rows stored twice.
    void fill() {
        for (std::uint32_t hour = 0; hour < hour_count; ++hour) {
            for (const std::uint32_t second : {600u, 1500u}) {
                const std::uint32_t at = first_hour_s + hour * 3600 + second;
                std::vector<v1::Path> paths;
                for (std::uint64_t n = 0; n < path_count / hour_count / 2; ++n)
                    paths.push_back(path(++id_, 1, at - static_cast<std::uint32_t>(random_.number(500))));
                std::set<std::uint64_t> again;  // a linker never tells two things of one path under one revision
                for (std::uint64_t n = 0; n < 20 && hour > 0; ++n) {
                    const std::uint64_t id = 1 + random_.number(id_);
                    v1::Path later = path(id, 2 + 2 * hour + (second > 600), at - 1);
                    if (again.insert(id).second) paths.push_back(std::move(later));
                }
                insert(paths, at);
                if (hour == 2) insert(paths, at + 5);
            }
        }
    }

    static store::OverviewQuery query(std::uint32_t from_minute, std::uint32_t to_minute) {
        store::OverviewQuery query;
        query.since_ns = (std::int64_t{first_hour_s} + from_minute * 60) * ns_per_s;
        query.until_ns = (std::int64_t{first_hour_s} + to_minute * 60) * ns_per_s;
        query.bucket_count = 7;
        query.count_max = 500;
        return query;
    }
    const Rollup rollup() const { return Rollup(*client_, settings_); }
    void make_all() {
        const auto due = rollup().due(now_s);
        ASSERT_TRUE(due) << due.error().sentence;
        for (const std::uint32_t hour : *due) {
            const auto made = rollup().make(hour, ++step_);
            ASSERT_TRUE(made) << made.error().sentence;
        }
        const auto left = rollup().due(now_s);
        ASSERT_TRUE(left);
        EXPECT_TRUE(left->empty());
    }

    void make_slices(std::uint32_t now = now_s + 20) {
        const auto due = rollup().due_slices(now);
        ASSERT_TRUE(due) << due.error().sentence;
        for (const std::uint32_t slice : *due) {
            const auto made = rollup().make_slice(slice, ++step_);
            ASSERT_TRUE(made) << made.error().sentence;
        }
        const auto left = rollup().due_slices(now);
        ASSERT_TRUE(left && left->empty());
    }
    std::uint32_t sliced() {
        const auto range = rollup().rolled(query(0, 360).since_ns);
        return range && *range ? (*range)->sliced_s : 0;
    }

    void compare_gateways(const v1::GatewayGroupList& rows, const v1::GatewayGroupList& rolled);
    void compare_clocks(const v1::ClockList& rows, const v1::ClockList& rolled);
    void compare(const store::OverviewQuery& range);
    void compare_addresses(const store::OverviewQuery& range);
    Result<v1::PathList> list(const store::OverviewQuery& range, const std::string& filter, std::uint32_t count_max,
                              bool oldest_first, bool abnormal_first = false) {
        return store::search_paths(*client_, settings_,
                                   {.since_ns = range.since_ns,
                                    .until_ns = range.until_ns - 1,
                                    .filter = filter,
                                    .count_max = count_max,
                                    .oldest_first = oldest_first,
                                    .abnormal_first = abnormal_first});
    }
    void compare_all() {
        for (const auto& [from, to] : {std::pair{0u, 360u}, {95u, 275u}}) compare(query(from, to));
    }

    store::StoreSettings settings_;
    std::unique_ptr<store::ClickHouseClient> client_;
    store::RandomRows random_{seed};
    std::uint64_t id_ = 0;
    TimeNs step_ = 0;
};

void RollupTest::compare_gateways(const v1::GatewayGroupList& rows, const v1::GatewayGroupList& rolled) {
    ASSERT_EQ(rows.groups_size(), rolled.groups_size());
    std::map<std::string, const v1::GatewayGroup*> groups;
    for (const v1::GatewayGroup& one : rolled.groups()) groups[one.kind() + one.from_tap()] = &one;
    for (const v1::GatewayGroup& group : rows.groups()) {
        const v1::GatewayGroup& other = *groups.at(group.kind() + group.from_tap());
        ASSERT_EQ(group.instances_size(), other.instances_size());
        for (int i = 0; i < group.instances_size(); ++i) {
            v1::GatewayInstance a = group.instances(i), b = other.instances(i);
            if (a.delay().paths() > 50) {
                const auto near = [](std::int64_t x, std::int64_t y) {
                    return std::abs(x - y) <= delay_tolerance * static_cast<double>(x);
                };
                EXPECT_TRUE(near(a.delay().p50_ns(), b.delay().p50_ns()))
                    << a.delay().p50_ns() << " " << b.delay().p50_ns();
                EXPECT_TRUE(near(a.delay().p99_ns(), b.delay().p99_ns()))
                    << a.delay().p99_ns() << " " << b.delay().p99_ns();
            }
            EXPECT_LE(a.delay().error_ns(), b.delay().error_ns());
            EXPECT_GE(a.first_ns(), b.first_ns());
            EXPECT_LE(a.last_ns(), b.last_ns());
            for (v1::GatewayInstance* one : {&a, &b}) {
                EXPECT_EQ(one->slowest_path().empty(), one->delay().paths() == 0);
                one->clear_slowest_path();
                one->clear_first_ns();
                one->clear_last_ns();
                one->clear_addresses();
                one->clear_ports();
                one->mutable_delay()->clear_p50_ns();
                one->mutable_delay()->clear_p99_ns();
                one->mutable_delay()->clear_error_ns();
                for (v1::TimePoint& point : *one->mutable_points()) {
                    point.clear_p50_ns();
                    point.clear_p99_ns();
                }
            }
            EXPECT_EQ(difference(a, b), "");
        }
    }
}

/// Counts are equal; an offset is a median of medians, a bound the least of all rows that ever counted.
void RollupTest::compare_clocks(const v1::ClockList& rows, const v1::ClockList& rolled) {
    ASSERT_EQ(rows.pairs_size(), rolled.pairs_size());
    ASSERT_GT(rows.pairs_size(), 0);
    for (int i = 0; i < rows.pairs_size(); ++i) {
        const v1::ClockPair &a = rows.pairs(i), &b = rolled.pairs(i);
        EXPECT_EQ(a.from() + a.to(), b.from() + b.to());
        EXPECT_EQ(a.paths(), b.paths());
        EXPECT_NEAR(static_cast<double>(a.offset_ns()), static_cast<double>(b.offset_ns()), offset_spread_ns / 2);
        EXPECT_GE(a.error_ns(), b.error_ns());
        EXPECT_GT(b.error_ns(), 0);
        EXPECT_EQ(a.offsets_ns_size(), b.offsets_ns_size());
    }
}

/// A filter that all match makes the rows answer.
void RollupTest::compare(const store::OverviewQuery& range) {
    SCOPED_TRACE((range.since_ns / ns_per_s - first_hour_s) / 60);
    const store::Overview overview(*client_, settings_);
    store::OverviewQuery filtered = range;
    filtered.filter = "path.hops >= 1";
    const auto same = [](const auto& a, const auto& b) {
        ASSERT_TRUE(a) << a.error().sentence;
        ASSERT_TRUE(b) << b.error().sentence;
        EXPECT_EQ(difference(*a, *b), "");
    };
    for (const std::string by : {"", "path.unlinked", "gw.instance", "path.reset_by"}) {
        store::OverviewQuery one = range, other = filtered;
        one.by = other.by = by;
        same(overview.histogram(one), overview.histogram(other));
    }
    same(overview.facets(range), overview.facets(filtered));
    same(overview.topology(range), overview.topology(filtered));
    auto services = overview.services(range), by_rows = overview.services(filtered);
    ASSERT_TRUE(services && by_rows);
    ASSERT_EQ(services->services_size(), by_rows->services_size());
    for (int i = 0; i < services->services_size(); ++i) {
        v1::Service &a = *services->mutable_services(i), &b = *by_rows->mutable_services(i);
        EXPECT_GT(a.clients(), 0u);
        for (v1::Service* one : {&a, &b}) {
            one->clear_clients();
            one->clear_newest_path();
        }
    }
    same(services, by_rows);
    const auto clocks = overview.clocks(range), clocks_by_rows = overview.clocks(filtered);
    ASSERT_TRUE(clocks && clocks_by_rows);
    compare_clocks(*clocks_by_rows, *clocks);
    const auto gateways = overview.gateways(range), gateways_by_rows = overview.gateways(filtered);
    ASSERT_TRUE(gateways) << gateways.error().sentence;
    ASSERT_TRUE(gateways_by_rows) << gateways_by_rows.error().sentence;
    compare_gateways(*gateways_by_rows, *gateways);
    compare_addresses(range);
}

/// What must have an address is read in the order of addresses; said twice in the negative, out of the paths' rows.
void RollupTest::compare_addresses(const store::OverviewQuery& range) {
    const store::Overview overview(*client_, settings_);
    for (const std::string filter :
         {"ip.addr == 10.1.2.7", "10.2.0.1:80 and leg.end == reset", "ip.addr in {10.1.1.7, 10.2.0.0, 10.3.0.4}",
          "path.server == 10.3.0.4/30", "ip.addr == 10.2.0.0/24 and path.delay > 200us and not path.reset_by == server",
          "ip.addr in {10.1.2.0/23, 10.2.0.1, 10.3.0.0/30}"}) {
        SCOPED_TRACE(filter);
        store::OverviewQuery one = range, other = range;
        one.filter = filter;
        other.filter = "not (not (" + filter + "))";
        const auto same = [](const auto& a, const auto& b) {
            ASSERT_TRUE(a) << a.error().sentence;
            ASSERT_TRUE(b) << b.error().sentence;
            EXPECT_EQ(a->partial(), "");
            EXPECT_EQ(difference(*a, *b), "");
        };
        same(overview.facets(one), overview.facets(other));
        same(list(range, one.filter, 1000, false), list(range, other.filter, 1000, false));
        if (filter.find("path.delay") != std::string::npos)  // one is enough: each asks for all that the others do
            same(list(range, one.filter, 1000, false, true), list(range, other.filter, 1000, false, true));
    }
}

TEST_F(RollupTest, HoursThatAreOverAreMadeNewestFirstAndAnswerWhatTheRowsDo) {
    ASSERT_FALSE(*rollup().rolled(query(0, 360).since_ns));
    const auto due = rollup().due(now_s);
    ASSERT_TRUE(due) << due.error().sentence;
    ASSERT_EQ(due->size(), hour_count - 1);
    EXPECT_EQ(due->front(), first_hour_s + (hour_count - 2) * 3600);
    ASSERT_TRUE(rollup().make(due->front(), ++step_));
    const auto some = rollup().rolled(query(240, 360).since_ns);
    ASSERT_TRUE(some && !some->has_value());  // an hour before the range is not made
    compare_all();
    make_all();
    const auto range = rollup().rolled(query(0, 360).since_ns);
    ASSERT_TRUE(range && range->has_value());
    EXPECT_EQ((*range)->from_s, first_hour_s);
    EXPECT_EQ((*range)->open_s, now_s - 1800);
    for (const auto& [from, to] : {std::pair{60u, 240u}, {130u, 190u}, {200u, 360u}}) compare(query(from, to));
    store::OverviewQuery week = query(0, 360);
    week.since_ns = week.until_ns - 7 * 24 * 3600 * ns_per_s;
    compare(week);
    EXPECT_NE(sql("SELECT count() FROM gateway_minutes WHERE n < 0 FORMAT TabSeparated"), "0\n");
    compare_all();
}

TEST_F(RollupTest, RowsThatStillComeToAnHourAreNoticedAtOnceAndItIsMadeAnewWithThoseAfterIt) {
    make_all();
    std::vector<v1::Path> late;  // some of them older than what is stored of their path
    for (std::uint64_t id = 1 + random_.number(7); id < id_; id += 7)
        late.push_back(path(id, 3, first_hour_s + 2 * 3600 + 30));
    insert(late, first_hour_s + 2 * 3600 + 3590);
    const auto range = rollup().rolled(query(0, 360).since_ns);
    ASSERT_TRUE(range && range->has_value());
    EXPECT_EQ((*range)->open_s, first_hour_s + 2 * 3600);
    compare_all();
    const auto due = rollup().due(now_s);
    ASSERT_TRUE(due);
    EXPECT_EQ(*due,
              (std::vector<std::uint32_t>{first_hour_s + 2 * 3600, first_hour_s + 3 * 3600, first_hour_s + 4 * 3600}));
    ASSERT_TRUE(rollup().make(due->front(), ++step_));
    EXPECT_EQ(rollup().due(now_s)->size(), 2u);
    compare_all();
    make_all();
    EXPECT_EQ((*rollup().rolled(query(0, 360).since_ns))->open_s, now_s - 1800);
    compare_all();
}

TEST_F(RollupTest, WhatAnEndedStepLeftCountsNowhereAndIsDeleted) {
    const std::string hour = std::to_string(first_hour_s);
    const std::string left = "SELECT toDateTime(" + hour + "), toDateTime(" + hour + "), 77, " +
                             std::to_string(first_hour_s / 60) + ", " + std::to_string(first_hour_s / 60) +
                             ", 'linked', 1000, 1000, 1000";
    sql("INSERT INTO path_minutes " + left);
    make_all();
    EXPECT_EQ(sql("SELECT count() FROM path_minutes WHERE step = 77 FORMAT TabSeparated"), "0\n");
    sql("INSERT INTO path_minutes " + left);
    compare_all();
}

TEST_F(RollupTest, AnAddressIsLookedForInTheOrderOfAddresses) {
    make_all();
    make_slices();
    const store::Overview overview(*client_, settings_);
    store::OverviewQuery one = query(0, 360);
    one.filter = "ip.addr == 10.1.2.7";
    const auto count = [&] {
        const auto facets = overview.facets(one);
        return facets ? facets->paths() : 0;
    };
    EXPECT_NE(sql("SELECT count() FROM address_paths WHERE gone FORMAT TabSeparated"), "0\n");
    EXPECT_NE(sql("SELECT count() FROM open_address_paths FORMAT TabSeparated"), "0\n");
    const auto all = count();
    sql("TRUNCATE TABLE open_address_paths");
    const auto of_hours = count();
    EXPECT_LT(of_hours, all);
    sql("TRUNCATE TABLE address_paths");
    EXPECT_EQ(count(), 0u);
    EXPECT_GT(of_hours, 0u);
    one.until_ns = one.since_ns + 59 * 60 * ns_per_s;  // shorter: the paths' rows
    EXPECT_GT(count(), 0u);
}

TEST_F(RollupTest, WhateverIsAskedOfAnAddressIsTheSame) {
    make_all();
    make_slices();
    insert({path(3, 40, now_s + 30), path(++id_, 1, now_s + 30)}, now_s + 30);
    const store::Overview overview(*client_, settings_);
    const auto same = [](const auto& a, const auto& b) {
        ASSERT_TRUE(a) << a.error().sentence;
        ASSERT_TRUE(b) << b.error().sentence;
        EXPECT_EQ(difference(*a, *b), "");
    };
    store::OverviewQuery one = query(0, 360), other = one;
    for (const std::string filter :
         {"10.2.0.1", "path.server == 10.3.0.2:80 or path.client == 10.1.0.7", "ip.addr == 192.0.2.1"}) {
        SCOPED_TRACE(filter);
        one.filter = filter;
        other.filter = "not (not (" + filter + "))";
        for (const std::string by : {"", "gw.instance"}) {
            one.by = other.by = by;
            same(overview.histogram(one), overview.histogram(other));
        }
        same(overview.topology(one), overview.topology(other));
        same(overview.clocks(one), overview.clocks(other));
        same(overview.services(one), overview.services(other));
        const auto gateways = overview.gateways(one), by_rows = overview.gateways(other);
        ASSERT_TRUE(gateways && by_rows);
        compare_gateways(*by_rows, *gateways);
        for (const bool oldest_first : {false, true})
            same(list(one, one.filter, 3, oldest_first), list(one, other.filter, 3, oldest_first));
    }
    one.filter = "10.2.0.1";
    auto all = list(one, one.filter, 1000, false), page = list(one, one.filter, 5, false);
    ASSERT_TRUE(all && page);
    std::vector<std::string> ids, paged;
    for (const v1::Path& path : all->paths()) ids.push_back(path.path_id());
    while (page && page->paths_size() > 0) {
        for (const v1::Path& path : page->paths()) paged.push_back(path.path_id());
        if (page->next().empty()) break;
        page = store::search_paths(*client_, settings_,
                                   {.since_ns = one.since_ns,
                                    .until_ns = one.until_ns - 1,
                                    .filter = one.filter,
                                    .count_max = 100,
                                    .cursor = page->next()});
    }
    EXPECT_EQ(ids, paged);
    EXPECT_GT(ids.size(), 5u);
}

TEST_F(RollupTest, HoursLeaveWithWhatWasTakenFromThem) {
    make_all();
    const auto drop = [this](const std::string& table, std::uint32_t hour) {
        std::string id =
            sql("SELECT any(partition_id) FROM system.parts WHERE active AND database = currentDatabase() AND "
                "table = '" +
                table + "' AND toUnixTimestamp(toStartOfHour(min_time)) = " + std::to_string(hour) +
                " FORMAT TabSeparated");
        if (!id.empty()) id.pop_back();
        if (!id.empty()) sql("ALTER TABLE " + table + " DROP PARTITION ID '" + id + "'");
    };
    for (const std::uint32_t hour : {first_hour_s, first_hour_s + 3600}) drop("paths", hour);
    EXPECT_TRUE(rollup().due(now_s)->empty());
    EXPECT_EQ((*rollup().rolled(query(0, 360).since_ns))->from_s, first_hour_s + 7200);
    compare_all();
    for (const store::RollupTable* table : store::rollup_tables()) drop(std::string(table->name), first_hour_s);
    compare_all();
    settings_.retention_hours = 499'999;
    open();
    EXPECT_EQ(sql("SELECT count() FROM system.tables WHERE database = currentDatabase() AND create_table_query LIKE "
                  "'%toIntervalHour(500000)%' FORMAT TabSeparated"),
              std::to_string(2 * store::rollup_tables().size() + 2) + "\n");
    compare_all();
}

TEST_F(RollupTest, SlicesOfTheOpenHourAnswerWhatTheRowsDoUntilRowsStillCome) {
    const std::uint32_t open = now_s - 1800;
    make_all();
    EXPECT_EQ(sliced(), open);
    make_slices(open + 1500 + 300 + 9);  // the second of the two slices that have rows is over, but not long enough
    EXPECT_EQ(sliced(), open + 600 + 300);
    EXPECT_NE(sql("SELECT count() FROM open_gateway_minutes WHERE n < 0 FORMAT TabSeparated"), "0\n");
    compare(query(0, 360));
    make_slices();
    EXPECT_EQ(sliced(), now_s);
    compare(query(0, 360));
    insert({path(3, 40, now_s + 30), path(++id_, 1, now_s + 30)}, now_s + 30);
    sql("OPTIMIZE TABLE paths FINAL");
    EXPECT_EQ(sliced(), now_s);  // a merge makes nothing stale
    compare(query(0, 360));
    insert({path(5, 41, open + 700), path(++id_, 1, open + 700)}, open + 700);
    sql("OPTIMIZE TABLE paths FINAL");  // nor does it hide a late row
    EXPECT_EQ(sliced(), open);
    compare(query(0, 360));
    make_slices(now_s + 1000);
    EXPECT_EQ(sliced(), now_s + 300);
    compare(query(0, 360));
    insert({path(7, 42, open - 700)}, open - 700);  // an hour that is over
    EXPECT_EQ(sliced(), open - 3600);
    compare(query(0, 360));
    make_all();
    EXPECT_EQ(sliced(), open);
    make_slices(now_s + 1000);
    EXPECT_EQ(sliced(), now_s + 300);
    compare(query(0, 360));
}

TEST_F(RollupTest, SlicesLeaveWhenALaterHourIsMade) {
    make_all();
    make_slices();
    const std::uint32_t open = now_s - 1800;
    const auto slices = [this] { return sql("SELECT count() FROM rolled_slices FORMAT TabSeparated"); };
    EXPECT_EQ(slices(), "2\n");
    ASSERT_TRUE(rollup().make(open, ++step_));
    EXPECT_EQ(sliced(), open + 3600);
    EXPECT_EQ(slices(), "2\n");
    compare(query(0, 360));
    insert({path(3, 50, open + 3700), path(++id_, 1, open + 3700)}, open + 3700);
    ASSERT_TRUE(rollup().make(open + 3600, ++step_));
    EXPECT_EQ(slices(), "0\n");
    EXPECT_EQ(sql("SELECT count() FROM open_facet_minutes FORMAT TabSeparated"), "0\n");
    compare(query(0, 360));
}

TEST_F(RollupTest, AStoreOfVersion5MakesItsHoursAnewForTheClocks) {
    make_all();
    for (const store::RollupTable* table : store::rollup_tables()) sql("DROP TABLE " + store::open_table(*table));
    for (const char* table : {"clock_minutes", "rolled_slices"}) sql(std::string("DROP TABLE ") + table);
    sql("ALTER TABLE paths RESET SETTING enable_block_number_column");
    sql("CREATE TABLE paths_fine AS paths");  // what a migration that was broken off leaves
    sql("DELETE FROM schema_versions WHERE version > 5");
    const std::string rows = sql("SELECT count() FROM paths FORMAT TabSeparated");
    open();
    EXPECT_EQ(sql("SELECT count() FROM paths FORMAT TabSeparated"), rows);
    EXPECT_EQ(sql("SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'paths') AND "
                  "engine_full LIKE '%index_granularity = 256%' FORMAT TabSeparated"),
              "paths\n");
    EXPECT_EQ(rollup().due(now_s)->size(), hour_count - 1);
    make_all();
    make_slices();
    EXPECT_EQ(sliced(), now_s);
    compare(query(0, 360));
}

TEST_F(RollupTest, OfVeryManyPathsAPartIsCountedAndSaid) {
    store::must_ask(*client_, settings_,
                    "INSERT INTO paths SELECT * EXCEPT (copy) REPLACE (sipHash64(path_id, copy) AS path_id) FROM "
                    "(SELECT *, arrayJoin(range(40)) AS copy FROM paths FINAL WHERE NOT retracted)");
    // The test's own ids are no random numbers.
    store::must_ask(
        *client_, settings_,
        "ALTER TABLE paths DELETE WHERE path_id <= " + std::to_string(path_count) + " SETTINGS mutations_sync = 2");
    store::StoreSettings few = settings_;
    few.counted_paths_max = 500;
    const store::Overview part(*client_, few), all(*client_, settings_);
    store::OverviewQuery asked = query(70, 300);
    asked.filter = "not proto == icmp";
    const auto counted = all.facets(asked), estimated = part.facets(asked);
    ASSERT_TRUE(counted && estimated);
    EXPECT_EQ(counted->one_in(), 0u);
    const std::uint64_t one_in = estimated->one_in();
    ASSERT_GT(one_in, 1u);
    const auto near = [&](std::uint64_t estimate, std::uint64_t count) {
        EXPECT_EQ(estimate % one_in, 0u);
        // Six times the standard deviation of a count of one in so many.
        EXPECT_NEAR(static_cast<double>(estimate), static_cast<double>(count),
                    6 * std::sqrt(static_cast<double>(count * one_in)));
    };
    near(estimated->paths(), counted->paths());
    EXPECT_NE(estimated->paths(), 0u);
    asked.by = "path.unlinked";
    const auto over_time = part.histogram(asked);
    ASSERT_TRUE(over_time);
    EXPECT_EQ(over_time->one_in(), one_in);
    std::uint64_t paths = 0, of_series = 0;
    for (const auto& bucket : over_time->buckets()) paths += bucket.paths();
    for (const auto& series : over_time->series()) of_series += series.total();
    EXPECT_EQ(paths, estimated->paths());
    EXPECT_EQ(of_series, paths);
    asked.exact = true;
    const auto exact = part.histogram(asked);
    ASSERT_TRUE(exact);
    EXPECT_EQ(exact->one_in(), 0u);
    paths = 0;
    for (const auto& bucket : exact->buckets()) paths += bucket.paths();
    EXPECT_EQ(paths, counted->paths());
}

TEST_F(RollupTest, TheMakerMakesAllThatIsDueAlsoOfAStoreThatIsKilledMeanwhile) {
    const Rollup made_by = rollup();
    const store::DiskBudget budget(*client_, settings_);
    StoreKeeper maker(made_by, budget, [] { return std::int64_t{now_s} * ns_per_s; });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    bool killed = false;
    while (maker.counters().hours_made < hour_count - 1 && std::chrono::steady_clock::now() < end) {
        if (!killed && maker.counters().hours_made == 1) {
            ::kill(client_->store_pid(), SIGKILL);
            killed = true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(killed);
    EXPECT_EQ(maker.counters().hours_made, hour_count - 1);
    EXPECT_EQ(maker.counters().hours_waiting, 0u);
    compare_all();
}

}  // namespace
}  // namespace clew::control
