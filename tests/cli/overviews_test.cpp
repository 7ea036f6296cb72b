// SPDX-License-Identifier: Apache-2.0
// `clew incidents`, `clew topology`, `clew compare` against a small API server.
#include <gmock/gmock.h>

#include "tests/cli/api_fixture.h"
#include "wire/overview.pb.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

using OverviewVerbs = ApiFixture;

TEST_F(OverviewVerbs, IncidentsAreTheirSentences) {
    v1::IncidentList list;
    v1::Incident& one = *list.add_incidents();
    one.set_kind("instance-delay");
    one.set_sentence("dnat edge → core: instance 02:00:5e:01:00:03 adds 4.1 ms");
    one.set_since_ns(sample_time_ns);
    one.set_paths(1234);
    one.set_path_id("9f3a11c04be7d210");
    serve("/api/v1/incidents", api_json(list));
    const Outcome table = run_api({"incidents", "--since", "1h", "tap == edge", "and", "proto == tcp"}, 140);
    EXPECT_EQ(table.code, 0) << table.err;
    EXPECT_EQ(asked("filter", "/api/v1/incidents"), "tap == edge and proto == tcp");
    EXPECT_EQ(asked("since_ns", "/api/v1/incidents"), std::to_string(sample_time_ns));
    EXPECT_THAT(table.out, HasSubstr("adds 4.1 ms"));
    EXPECT_THAT(table.out, HasSubstr("1,234  9f3a11c04be7d210"));
    EXPECT_THAT(run_api({"incidents", "--format", "jsonl"}).out, HasSubstr("\"kind\":\"instance-delay\""));
    serve("/api/v1/incidents", api_json(v1::IncidentList()));
    const Outcome well = run_api({"incidents"});
    EXPECT_EQ(well.code, static_cast<int>(ErrorKind::nothing_found));
    EXPECT_THAT(well.err, HasSubstr("nothing is out of line"));
}

TEST_F(OverviewVerbs, TheBusiestEdgeOfTheTopologyIsFirst) {
    v1::Topology topology;
    const auto node = [&](const char* id, const char* role, const char* name) {
        v1::TopologyNode& added = *topology.add_nodes();
        added.set_id(id);
        added.set_role(role);
        added.set_name(name);
    };
    node("c", "client", "10.0.0.0/24");
    node("g", "gateway", "snat|edge|core|02:00:5e:01:00:03");
    node("s", "server", "…");
    const auto edge = [&](const char* from, const char* to, std::uint64_t paths) {
        v1::TopologyEdge& added = *topology.add_edges();
        added.set_from(from);
        added.set_to(to);
        added.set_paths(paths);
        added.set_resets(paths / 10);
    };
    edge("c", "g", 40);
    edge("g", "s", 4000);
    serve("/api/v1/topology", api_json(topology));
    const Outcome table = run_api({"topology", "--nodes", "300"}, 140);
    EXPECT_EQ(table.code, 0) << table.err;
    EXPECT_EQ(asked("limit", "/api/v1/topology"), "300");
    const std::size_t busy = table.out.find("4,000"), quiet = table.out.find("10.0.0.0/24");
    ASSERT_NE(busy, std::string::npos) << table.out;
    ASSERT_NE(quiet, std::string::npos) << table.out;
    EXPECT_LT(busy, quiet);
    EXPECT_THAT(table.out, HasSubstr("02:00:5e:01:00:03  snat edge → core"));
    EXPECT_THAT(table.out, HasSubstr("the others"));
    EXPECT_THAT(table.out, HasSubstr("10 %"));
    topology.set_partial("400 nodes: the 300 with the most paths are drawn, the others stand together");
    serve("/api/v1/topology", api_json(topology));
    EXPECT_EQ(run_api({"topology"}).code, static_cast<int>(ErrorKind::partial));
    EXPECT_NE(run_api({"topology", "--nodes", "1"}).code, 0);
}

TEST_F(OverviewVerbs, TwoTimesAreSideBySideAndWhatChangedIsMarked) {
    v1::TimeComparison comparison;
    v1::ComparedTimes& row = *comparison.add_rows();
    row.set_kind("snat");
    row.set_from_tap("edge");
    row.set_to_tap("core");
    row.mutable_before()->set_paths(100);
    row.mutable_now()->set_paths(200);
    row.mutable_now()->set_resets(20);
    row.add_worse("resets");
    serve("/api/v1/compare", api_json(comparison));
    const Outcome table = run_api({"compare", "--since", "1h", "--before", "1d"}, 140);
    EXPECT_EQ(table.code, 0) << table.err;
    EXPECT_EQ(asked("before_ns", "/api/v1/compare"), std::to_string(sample_time_ns - 86'400 * ns_per_s));
    EXPECT_THAT(table.out, HasSubstr("snat edge → core"));
    EXPECT_THAT(table.out, HasSubstr("100 → 200"));
    EXPECT_THAT(table.out, HasSubstr("0 → 10 % ▲"));
    EXPECT_THAT(table.out, Not(HasSubstr("▼")));
    run_api({"compare", "--since", "1h"});
    EXPECT_EQ(asked("before_ns", "/api/v1/compare"), std::to_string(sample_time_ns - 3'600 * ns_per_s));
    EXPECT_EQ(run_api({"compare", "--before", "yesterday"}).code, static_cast<int>(ErrorKind::usage));
}

}  // namespace
}  // namespace clew::cli
