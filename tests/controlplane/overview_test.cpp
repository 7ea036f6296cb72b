// SPDX-License-Identifier: Apache-2.0
// Overviews against a simple twin, and the API around them: every answer is what the OpenAPI document says, whatever is
// asked, and nothing that is asked ends in a 500.
#include "controlplane/store/overview.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/leg_choice_text.h"
#include "tests/controlplane/random_rows.h"
#include "tests/controlplane/store_fixture.h"

namespace clew::control {
namespace {

using nlohmann::json;

constexpr TimeNs base_ns = 1'700'000'000'000'000'000;
constexpr std::uint64_t path_count = 400;
constexpr int request_count = 400;
constexpr std::uint64_t seed = 20;

class OverviewTest : public store::StoreTest {
  protected:
    void SetUp() override {
        StoreTest::SetUp();
        if (IsSkipped()) return;
        store_ = open();
        ASSERT_NE(store_, nullptr);
        fill();
        api_ = std::make_unique<Api>(
            *store_, ApiSources{[] { return v1::Status(); },
                                [](const v1::Path& path, TimeNs, TimeNs, const FrameWish&) -> Result<v1::Ladder> {
                                    v1::Ladder ladder;
                                    ladder.set_path_id(path.path_id());
                                    return ladder;
                                },
                                [] { return base_ns + 3600 * ns_per_s; }, explanation, rivals, gateways, packets,
                                recordings, ladder_table});
    }
    static Result<v1::LinkExplanation> explanation(LegId a, LegId b) {
        if (a == b) return fail(ErrorKind::usage, "a leg is not linked to itself");
        v1::LinkExplanation explanation;
        explanation.set_kind("snat");
        return explanation;
    }
    static Result<v1::LinkRivals> rivals(LegId leg) {
        if (leg == 0) return fail(ErrorKind::nothing_found, "there is no leg 0");
        v1::LinkRivals list;
        *list.add_rivals() = *explanation(leg, leg + 1);
        return list;
    }
    static Result<v1::LadderTable> ladder_table(const v1::Path& path, TimeNs, TimeNs, std::uint32_t) {
        v1::LadderTable table;
        table.set_path_id(path.path_id());
        return table;
    }
    static v1::GatewayList gateways() {
        v1::GatewayList list;
        list.add_gateways()->set_known_by("02:00:00:00:00:01");
        return list;
    }
    static Result<v1::CapturedPacketList> packets(const PacketsWanted& wanted) {
        const auto choice = parse_leg_choice(wanted.filter);
        if (!choice) return tl::make_unexpected(choice.error());
        v1::CapturedPacketList list;
        list.add_legs()->set_tap("edge");
        list.add_packets()->set_frame("frame");
        return list;
    }
    static Result<v1::RecordingList> recordings(const v1::Recording& wanted) {
        v1::RecordingList list;
        v1::RecordingSensor& sensor = *list.add_sensors();
        sensor.set_observer("sensor-1");
        sensor.set_until_ns(base_ns + wanted.duration_ns());
        return list;
    }
    void TearDown() override {
        api_.reset();
        store_.reset();
        StoreTest::TearDown();
    }

    /// Two revisions of each path, the earlier with other links; some retracted in the end.
    void fill() {
        store::RandomRows random(seed);
        std::vector<v1::Path> early, late;
        for (std::uint64_t id = 1; id <= path_count; ++id) {
            v1::Path path = random.path(id, 1, static_cast<std::int64_t>(random.number(60'000)));
            early.push_back(path);
            path.set_revision(2);
            if (random.number(12) == 0) path.set_proto("icmp");
            path.set_retracted(random.number(10) == 0);
            const auto instance = random.number(4);
            path.mutable_legs(0)->set_server_mac("02:00:00:00:00:0" + std::to_string(instance));
            path.mutable_legs(1)->set_server_mac("02:00:00:00:01:0" + std::to_string(random.number(3)));
            path.mutable_legs(0)->mutable_to_server()->set_packets(10);
            path.mutable_legs(1)->mutable_to_server()->set_packets(10 - random.number(2));
            if (random.number(5) == 0) path.mutable_legs(1)->set_end("reset");
            v1::PathDelay& delay = *path.mutable_links(0)->add_delays();
            delay.set_direction("to_server");
            delay.set_mean_ns(static_cast<std::int64_t>(1000 * (instance + 1)));
            delay.set_error_ns(10);
            delay.set_samples(3);
            v1::PathLoss& loss = *path.mutable_links(0)->add_losses();
            loss.set_direction("to_server");
            loss.set_lost(static_cast<std::uint32_t>(instance));
            loss.set_unknown(1);
            path.mutable_legs(1)->mutable_to_server()->set_missed(2);
            path.mutable_legs(0)->mutable_to_client()->set_missed(3);
            path.mutable_legs(0)->set_clock("a");
            path.mutable_legs(1)->set_clock("b");
            path.mutable_links(0)->mutable_clock()->set_offset_ns(500);
            path.mutable_links(0)->mutable_clock()->set_error_ns(50);
            if (random.number(8) == 0) {
                path.set_unlinked("no-candidate");
                path.mutable_legs()->DeleteSubrange(1, 2);
                path.clear_links();
            }
            late.push_back(path);
        }
        ASSERT_TRUE(store_->insert_paths(early));
        ASSERT_TRUE(store_->insert_paths(late));
        for (const v1::Path& path : late)
            if (!path.retracted()) paths_.push_back(path);
    }

    store::OverviewQuery query() const {
        store::OverviewQuery query;
        query.since_ns = base_ns;
        query.until_ns = base_ns + 60 * ns_per_s;
        query.bucket_count = 6;
        query.count_max = 500;
        return query;
    }
    const store::Overview& overview() const { return *store_->overview(); }
    http::Response get(const std::string& target) const { return ask("GET", target); }
    http::Response ask(std::string_view method, const std::string& target) const {
        http::Request request;
        request.method = method;
        request.content_type = "application/json";
        request.target = target;
        return api_->answer(request);
    }

    std::unique_ptr<store::Store> store_;
    std::unique_ptr<Api> api_;
    std::vector<v1::Path> paths_;  ///< as they stand
};

TEST_F(OverviewTest, TheHistogramCountsEachPathOnceInItsLatestRevision) {
    const auto histogram = overview().histogram(query());
    ASSERT_TRUE(histogram) << histogram.error().sentence;
    ASSERT_EQ(histogram->buckets_size(), 6);
    std::vector<std::uint64_t> paths(6), unlinked(6);
    for (const v1::Path& path : paths_) {
        const auto at = static_cast<std::size_t>((path.first_ns() - base_ns) / histogram->step_ns());
        ++paths[at];
        if (path.unlinked() != "linked") ++unlinked[at];
    }
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(histogram->buckets(i).paths(), paths[static_cast<std::size_t>(i)]) << i;
        EXPECT_EQ(histogram->buckets(i).unlinked(), unlinked[static_cast<std::size_t>(i)]) << i;
    }
}

TEST_F(OverviewTest, FacetsAndSeriesAgreeWithThePaths) {
    const auto facets = overview().facets(query());
    ASSERT_TRUE(facets) << facets.error().sentence;
    EXPECT_EQ(facets->paths(), paths_.size());
    std::map<std::string, std::uint64_t> reasons, clients;
    for (const v1::Path& path : paths_) {
        ++reasons[path.unlinked()];
        ++clients[path.legs(0).client()];
    }
    for (const v1::Facet& facet : facets->facets()) {
        if (facet.field() != "path.unlinked") continue;
        EXPECT_FALSE(facet.more());
        ASSERT_EQ(facet.values_size(), static_cast<int>(reasons.size()));
        for (const v1::FacetValue& value : facet.values()) EXPECT_EQ(value.paths(), reasons[value.value()]);
    }
    for (const std::size_t count : {clients.size() - 1, clients.size()}) {
        store::OverviewQuery limited = query();
        limited.count_max = static_cast<std::uint32_t>(count);
        const auto some = overview().facets(limited);
        ASSERT_TRUE(some) << some.error().sentence;
        const auto client = std::ranges::find(some->facets(), "path.client", &v1::Facet::field);
        ASSERT_NE(client, some->facets().end());
        EXPECT_EQ(client->values_size(), static_cast<int>(count));
        EXPECT_EQ(client->more(), count < clients.size());
    }
    const auto over_time = overview().histogram(query());
    ASSERT_TRUE(over_time) << over_time.error().sentence;
    EXPECT_EQ(facets->histogram().DebugString(), over_time->DebugString());
    store::OverviewQuery one = query();
    one.count_max = 1;  // a facet's values; the buckets are all there
    const auto shortest = overview().facets(one);
    ASSERT_TRUE(shortest) << shortest.error().sentence;
    EXPECT_EQ(shortest->histogram().DebugString(), over_time->DebugString());
    one.bucket_count = 0;
    const auto alone = overview().facets(one);
    ASSERT_TRUE(alone) << alone.error().sentence;
    EXPECT_FALSE(alone->has_histogram());
    store::OverviewQuery by = query();
    by.by = "path.unlinked";
    const auto histogram = overview().histogram(by);
    ASSERT_TRUE(histogram) << histogram.error().sentence;
    for (const v1::ValueSeries& series : histogram->series()) EXPECT_EQ(series.total(), reasons[series.value()]);
    by.by = "path.client";
    const auto many = overview().histogram(by);
    ASSERT_TRUE(many);
    EXPECT_EQ(many->series_size(), static_cast<int>(store::facet_series_count_max) + 1);
    EXPECT_EQ(many->series(many->series_size() - 1).value(), "…");
}

TEST_F(OverviewTest, GatewaysAreGroupedByInstanceWithTheirDelaysAndMissingPackets) {
    const auto list = overview().gateways(query());
    ASSERT_TRUE(list) << list.error().sentence;
    std::map<std::string, std::uint64_t> paths, missing;
    for (const v1::Path& path : paths_) {
        if (path.links_size() == 0) continue;
        ++paths[path.legs(0).server_mac()];
        missing[path.legs(0).server_mac()] += path.legs(0).to_server().packets() - path.legs(1).to_server().packets();
    }
    int seen = 0;
    for (const v1::GatewayGroup& group : list->groups()) {
        if (group.from_tap() != "tap0") continue;
        for (const v1::GatewayInstance& one : group.instances()) {
            ++seen;
            EXPECT_EQ(one.paths(), paths[one.instance()]) << one.instance();
            EXPECT_EQ(one.packets_missing(), missing[one.instance()]);
            EXPECT_EQ(one.lost(), one.paths() * static_cast<std::uint64_t>(one.instance().back() - '0'));
            EXPECT_EQ(one.not_captured(), one.paths() * 5);
            EXPECT_EQ(one.lost_or_not_captured(), one.paths());
            EXPECT_EQ(one.delay().p50_ns(), 1000 * (one.instance().back() - '0' + 1));
            v1::TimePoint sum;
            for (const v1::TimePoint& point : one.points()) {
                sum.set_paths(sum.paths() + point.paths());
                sum.set_packets_before(sum.packets_before() + point.packets_before());
                sum.set_packets_missing(sum.packets_missing() + point.packets_missing());
                sum.set_retransmitting(sum.retransmitting() + point.retransmitting());
                sum.set_resets(sum.resets() + point.resets());
                sum.set_lost(sum.lost() + point.lost());
                sum.set_not_captured(sum.not_captured() + point.not_captured());
            }
            EXPECT_EQ(sum.paths(), one.paths());
            EXPECT_EQ(sum.packets_before(), one.packets_before());
            EXPECT_EQ(sum.packets_missing(), one.packets_missing());
            EXPECT_EQ(sum.retransmitting(), one.retransmitting());
            EXPECT_EQ(sum.resets(), one.resets());
            EXPECT_EQ(sum.lost(), one.lost());
            EXPECT_EQ(sum.not_captured(), one.not_captured());
        }
    }
    EXPECT_EQ(seen, 4);
}

TEST_F(OverviewTest, ServicesTopologyAndClocksCountTheSamePaths) {
    const auto services = overview().services(query());
    ASSERT_TRUE(services) << services.error().sentence;
    std::uint64_t sum = 0, over_time = 0;
    for (const v1::Service& one : services->services()) {
        sum += one.paths();
        for (const std::uint64_t count : one.counts()) over_time += count;
    }
    EXPECT_EQ(sum, paths_.size());
    EXPECT_EQ(over_time, paths_.size());
    for (const v1::Service& one : services->services()) {
        store::PathQuery same{
            .since_ns = query().since_ns, .until_ns = query().until_ns, .filter = {}, .count_max = 10'000};
        same.filter = "path.service == " + one.service() + " and proto == " + one.proto();
        const auto found = store_->find_paths(same);
        ASSERT_TRUE(found) << same.filter << ": " << found.error().sentence;
        EXPECT_EQ(static_cast<std::uint64_t>(found->paths_size()), one.paths()) << same.filter;
        EXPECT_EQ(one.proto() == "icmp", parse_ip(one.service()).has_value()) << one.service();
    }
    store::OverviewQuery few = query();
    few.count_max = 30;
    const auto topology = overview().topology(few);
    ASSERT_TRUE(topology) << topology.error().sentence;
    EXPECT_LE(topology->nodes_size(), 30);
    EXPECT_FALSE(topology->partial().empty());
    std::set<std::string> nodes;
    for (const v1::TopologyNode& node : topology->nodes()) nodes.insert(node.id());
    for (const v1::TopologyEdge& edge : topology->edges())
        EXPECT_TRUE(nodes.contains(edge.from()) && nodes.contains(edge.to())) << edge.from() << " " << edge.to();
    const auto clocks = overview().clocks(query());
    ASSERT_TRUE(clocks) << clocks.error().sentence;
    ASSERT_EQ(clocks->pairs_size(), 1);
    EXPECT_EQ(clocks->pairs(0).offset_ns(), 500);
    EXPECT_EQ(clocks->pairs(0).error_ns(), 50);
}

TEST_F(OverviewTest, CursorsReachEveryPathOnce) {
    for (const char* order : {"newest", "oldest", "abnormal"}) {
        std::set<std::string> ids;
        store::PathQuery pages;
        pages.since_ns = base_ns;
        pages.count_max = 37;
        pages.oldest_first = std::string_view(order) == "oldest";
        pages.abnormal_first = std::string_view(order) == "abnormal";
        do {
            const auto list = store_->find_paths(pages);
            ASSERT_TRUE(list) << list.error().sentence;
            for (const v1::Path& path : list->paths()) EXPECT_TRUE(ids.insert(path.path_id()).second) << path.path_id();
            pages.cursor = list->next();
        } while (!pages.cursor.empty());
        EXPECT_EQ(ids.size(), paths_.size());
    }
}

/// Whether `value` is what the schema says; where it is not, `where` tells.
bool fits(const json& value, const json& schema, const json& schemas, std::string& where) {
    if (schema.contains("$ref")) {
        const std::string reference = schema["$ref"];
        return fits(value, schemas.at(reference.substr(reference.rfind('/') + 1)), schemas, where);
    }
    const std::string type = schema["type"];
    if (type == "array") {
        if (!value.is_array()) return where += " is no array", false;
        for (const json& one : value)
            if (!fits(one, schema["items"], schemas, where)) return false;
        return true;
    }
    if (type != "object") {
        const bool good = type == "string"    ? value.is_string()
                          : type == "integer" ? value.is_number_integer()
                          : type == "number"  ? value.is_number()
                                              : value.is_boolean();
        return good || (where += " is no " + type, false);
    }
    if (!value.is_object()) return where += " is no object", false;
    if (schema.contains("required"))
        for (const json& name : schema["required"])
            if (!value.contains(name)) return where += " lacks " + name.get<std::string>(), false;
    for (const auto& [name, one] : value.items()) {
        if (!schema["properties"].contains(name)) return where += " has " + name, false;
        std::string deeper = where + "." + name;
        if (!fits(one, schema["properties"][name], schemas, deeper)) return where = deeper, false;
    }
    return true;
}

std::string filled(std::string path, std::string id) {
    if (path.find("recordings/") != std::string::npos && id.size() == 16) id = "5c0ffee5";
    if (const auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, id);
    return path;
}

TEST_F(OverviewTest, EveryAnswerIsWhatTheDocumentSays) {
    const json document = json::parse(get("/api/v1/openapi.json").body);
    const json& schemas = document["components"]["schemas"];
    int checked = 0, binary = 0;
    for (const auto& [path, item] : document["paths"].items()) {
        const std::string verb = item.begin().key();
        const std::string method = verb == "post" ? "POST" : verb == "delete" ? "DELETE" : "GET";
        const json& operation = item[verb];
        const json& content = operation["responses"]["200"]["content"];
        if (!content.contains("application/json")) continue;
        std::string target = filled(path, paths_[0].path_id()) + "?";
        for (const json& parameter : operation["parameters"]) {
            const std::string name = parameter["name"];
            if (!parameter["required"] || name == "id") continue;
            const std::string leg_id = name == "b" ? "000000000000000b" : "000000000000000a";
            const std::string value = name == "since_ns" ? std::to_string(base_ns) : leg_id;
            target += name + "=" + value + "&";
        }
        const auto response = ask(method, target);
        ASSERT_EQ(response.status, 200u) << target << ": " << response.body;
        std::string where = path;
        EXPECT_TRUE(fits(json::parse(response.body), content["application/json"]["schema"], schemas, where)) << where;
        ++checked;
        if (!content.contains("application/octet-stream")) continue;
        const auto bytes = ask(method, target + "binary=1");
        ASSERT_EQ(bytes.status, 200u) << bytes.body;
        EXPECT_EQ(bytes.content_type, "application/octet-stream");
        EXPECT_TRUE(bytes.body.starts_with("CLT1"));
        ++binary;
    }
    EXPECT_EQ(checked, static_cast<int>(api_->routes().size()) - 2);  // all but the events and the capture
    EXPECT_EQ(binary, 1);
}

TEST_F(OverviewTest, ACaptureIsADownloadThatSaysWhatIsMissing) {
    constexpr std::uint8_t first_bytes[] = {0x0a, 0x0d, 0x0d, 0x0a};  // of a pcapng file
    std::string frame(60, '\0');
    std::size_t rows = 3;
    ApiSources sources{[] { return v1::Status(); },
                       [&](const v1::Path& path, TimeNs, TimeNs, const FrameWish& wish) -> Result<v1::Ladder> {
                           v1::Ladder ladder;
                           ladder.set_partial("tap x is away\r\nX-Other: 1");
                           *ladder.add_columns() = path.legs(0);
                           for (std::size_t i = 0; i < rows; ++i) {
                               v1::LadderCell& cell = *ladder.add_rows()->add_cells();
                               cell.set_seen(true);
                               cell.set_time_ns(base_ns);
                               if (wish.frames) cell.set_frame(frame);
                           }
                           return ladder;
                       },
                       [] { return base_ns; },
                       explanation,
                       rivals,
                       gateways,
                       {},
                       {}};
    Api api(*store_, std::move(sources));
    http::Request request;
    request.target = "/api/v1/paths/" + paths_[0].path_id() + "/pcap?aligned=1";
    http::Response response = api.answer(request);
    ASSERT_EQ(response.status, 200u) << response.body;
    EXPECT_EQ(response.content_type, "application/x-pcapng");
    const auto body_of = [](const http::Response& from) {
        std::string body;
        for (std::string piece = from.next(); !piece.empty(); piece = from.next()) body += piece;
        return body;
    };
    const std::string body = body_of(response);
    EXPECT_EQ(body.compare(0, 4, std::string(std::begin(first_bytes), std::end(first_bytes))), 0);
    const auto partial = [](const http::Response& from) {
        for (const auto& [name, value] : from.headers)
            if (name == "X-Clew-Partial") return value;
        return std::string();
    };
    EXPECT_EQ(partial(response), "tap x is away??X-Other: 1");
    EXPECT_NE(body.find("not every packet is in this file: tap x is away"), std::string::npos);
    frame.clear();
    EXPECT_EQ(api.answer(request).status, 404u);
    rows = Api::ladder_json_row_count_max + 1;
    v1::Ladder ladder;
    request.target = "/api/v1/paths/" + paths_[0].path_id() + "/ladder";
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(api.answer(request).body, &ladder).ok());
    EXPECT_EQ(static_cast<std::uint32_t>(ladder.rows_size()), Api::ladder_json_row_count_max);
    EXPECT_NE(ladder.partial().find("only the first 20000 packets"), std::string::npos) << ladder.partial();
    EXPECT_EQ(ladder.complete_until_ns(), base_ns);  // what a reader goes on from
}

/// A row that came twice, and revisions in parts of their own that no merge has put together.
TEST_F(OverviewTest, ARowThatIsStoredTwiceCountsOnce) {
    std::vector<v1::Path> again(paths_.begin(), paths_.begin() + 50);
    ASSERT_TRUE(store_->insert_paths(again));
    for (v1::Path& path : again) path.set_revision(1);
    ASSERT_TRUE(store_->insert_paths(again));
    for (const auto& [what, list, count] : {std::tuple{"facets", "paths", ""}, {"services", "services", "paths"}}) {
        const json body =
            json::parse(get("/api/v1/" + std::string(what) + "?limit=1000&since_ns=" + std::to_string(base_ns) +
                            "&until_ns=" + std::to_string(base_ns + 60 * ns_per_s))
                            .body);
        std::uint64_t sum = 0;
        if (body[list].is_string())
            sum = std::stoull(body[list].get<std::string>());
        else
            for (const json& one : body[list]) sum += std::stoull(one[count].get<std::string>());
        EXPECT_EQ(sum, paths_.size()) << what;
    }
}

TEST_F(OverviewTest, TwoTimesAreComparedSideBySide) {
    const std::string half = std::to_string(base_ns + 30 * ns_per_s), end = std::to_string(base_ns + 60 * ns_per_s);
    const auto figures = [&](const std::string& since, const std::string& until) {
        return json::parse(
            get("/api/v1/gateway_groups?buckets=0&limit=1000&since_ns=" + since + "&until_ns=" + until).body);
    };
    const json before = figures(std::to_string(base_ns), half), now = figures(half, end);
    const json both = json::parse(get("/api/v1/compare?since_ns=" + half + "&until_ns=" + end).body);
    EXPECT_EQ(both["before_ns"], std::to_string(base_ns));
    EXPECT_EQ(both["rows"][0]["kind"], "");
    int seen = 0;
    for (const auto& [side, groups] : {std::pair{"before", before}, {"now", now}})
        for (const json& group : groups["groups"])
            for (const json& one : group["instances"])
                for (const json& row : both["rows"])
                    if (row["kind"] == group["kind"] && row["from_tap"] == group["from_tap"] &&
                        row["instance"] == one["instance"]) {
                        EXPECT_EQ(row[side]["paths"], one["paths"]);
                        EXPECT_EQ(row[side]["delay"]["p50_ns"], one["delay"]["p50_ns"]);
                        ++seen;
                    }
    EXPECT_GE(seen, 8);
    EXPECT_EQ(get("/api/v1/compare?since_ns=" + end + "&until_ns=" + half).status, 400u);
}

TEST_F(OverviewTest, TheLongestRangeThereIsHasItsBuckets) {
    for (const std::uint32_t buckets : {0u, 1u, 7u, store::bucket_count_max}) {
        store::OverviewQuery query;
        query.until_ns = time_max;
        query.bucket_count = buckets;
        EXPECT_GE(query.step_count(), 1);
        EXPECT_LE(query.step_count(), std::max<std::int64_t>(1, buckets));
        EXPECT_EQ((time_max - 1) / query.step_ns(), query.step_count() - 1) << "the last one holds the end";
    }
}

TEST_F(OverviewTest, EachLimitThatIsReachedIsSaid) {
    for (const std::string what : {"paths", "legs", "services", "gateway_groups"}) {
        const json body = json::parse(get("/api/v1/" + what + "?limit=1&since_ns=" + std::to_string(base_ns) +
                                          "&until_ns=" + std::to_string(base_ns + 60 * ns_per_s))
                                          .body);
        EXPECT_NE(body["partial"].get<std::string>(), "") << what;
    }
}

TEST_F(OverviewTest, WhatIsCutWithinAnAnswerIsSaidToo) {
    v1::Path other = *std::ranges::find_if(paths_, [](const v1::Path& path) { return path.links_size() > 0; });
    other.set_path_id(wire::id_text(path_count + 1));
    other.mutable_legs(0)->set_clock("c");  // a second pair of clocks
    ASSERT_TRUE(store_->insert_paths({other}));
    const auto whole = overview().clocks(query());
    ASSERT_TRUE(whole) << whole.error().sentence;
    ASSERT_EQ(whole->pairs_size(), 2);
    EXPECT_EQ(whole->partial(), "");
    api_.reset();
    store_.reset();
    store::StoreSettings with = settings();
    with.edge_count_max = 10;
    with.clock_pair_count_max = 1;
    store_ = open(with);
    const auto topology = overview().topology(query());
    ASSERT_TRUE(topology) << topology.error().sentence;
    EXPECT_NE(topology->partial().find("more than 10 edges"), std::string::npos) << topology->partial();
    EXPECT_LE(topology->edges_size(), 10);
    const auto pairs = overview().clocks(query());
    ASSERT_TRUE(pairs) << pairs.error().sentence;
    ASSERT_EQ(pairs->pairs_size(), 1);
    EXPECT_EQ(pairs->pairs(0).from(), "a") << "the pair that most paths showed";
    EXPECT_EQ(pairs->pairs(0).offsets_ns_size(), 6);
    EXPECT_NE(pairs->partial().find("more than 1 pairs"), std::string::npos) << pairs->partial();
    store_.reset();
    with.clock_pair_count_max = 2;
    with.clock_point_count_max = 3;
    store_ = open(with);
    const auto points = overview().clocks(query());
    ASSERT_TRUE(points) << points.error().sentence;
    EXPECT_EQ(points->pairs_size(), 2);
    EXPECT_NE(points->partial().find("more than 3 points"), std::string::npos) << points->partial();
}

TEST_F(OverviewTest, AnAnswerIsBoundedInBytes) {
    std::vector<v1::Path> large;
    for (std::uint64_t id = 1; id <= 20; ++id) {
        v1::Path path = paths_[0];
        path.set_path_id(wire::id_text(path_count + id));
        path.set_first_ns(base_ns + 7200 * ns_per_s);
        path.set_last_ns(path.first_ns());
        path.mutable_legs(0)->set_server_name(std::string(1 << 20, 'x'));
        large.push_back(std::move(path));
    }
    ASSERT_TRUE(store_->insert_paths(large));
    const std::string target = "/api/v1/paths?limit=10000&since_ns=" + std::to_string(base_ns + 7200 * ns_per_s) +
                               "&until_ns=" + std::to_string(base_ns + 7300 * ns_per_s);
    const json first = json::parse(get(target).body);
    EXPECT_EQ(first["paths"].size(), 15u);
    EXPECT_NE(first["partial"].get<std::string>().find("larger than 16 MiB"), std::string::npos) << first["partial"];
    const json second = json::parse(get(target + "&cursor=" + first["next"].get<std::string>()).body);
    EXPECT_EQ(second["paths"].size(), 5u);
    EXPECT_EQ(second["partial"], "");
}

TEST_F(OverviewTest, AWeekIsAnsweredLikeAnHour) {
    std::vector<v1::Path> before;
    for (std::uint64_t day = 1; day <= 6; ++day) {
        v1::Path path = paths_[0];
        path.set_path_id(wire::id_text(path_count + day));
        path.set_first_ns(base_ns - static_cast<std::int64_t>(day) * 24 * 3600 * ns_per_s);
        path.set_last_ns(path.first_ns() + ns_per_s);
        before.push_back(std::move(path));
    }
    ASSERT_TRUE(store_->insert_paths(before));
    const std::string range = "?since_ns=" + std::to_string(base_ns - 7 * 24 * 3600 * ns_per_s) +
                              "&until_ns=" + std::to_string(base_ns + 60 * ns_per_s);
    const auto count = paths_.size() + before.size();
    const json histogram = json::parse(get("/api/v1/histogram" + range + "&buckets=14&exact=1").body);
    std::size_t sum = 0;
    for (const json& bucket : histogram["buckets"]) sum += std::stoul(bucket["paths"].get<std::string>());
    EXPECT_EQ(sum, count);
    EXPECT_EQ(histogram["buckets"].size(), 14u);
    EXPECT_EQ(json::parse(get("/api/v1/facets" + range + "&exact=1").body)["paths"], std::to_string(count));
    for (const std::string order : {"", "&abnormal_first=1", "&oldest_first=1"}) {
        const json paths = json::parse(get("/api/v1/paths" + range + "&limit=1000" + order).body);
        EXPECT_EQ(paths["paths"].size(), count) << order;
        EXPECT_EQ(paths["partial"], "") << order;
    }
    for (const std::string what : {"gateway_groups", "services", "topology", "clocks", "incidents", "legs"})
        EXPECT_EQ(get("/api/v1/" + what + range).status, 200u) << what;
    EXPECT_EQ(get("/api/v1/paths" + range + "&abnormal_first=1&oldest_first=1").status, 400u);
}

TEST_F(OverviewTest, WhoSentTheResetsIsAnIncidentWithAPathThatShowsIt) {
    std::vector<v1::Path> reset;
    for (std::uint64_t id = 1; id <= 60; ++id) {  // in the last quarter of the minute
        v1::Path path = paths_[0];
        path.set_path_id(wire::id_text(path_count + id));
        path.set_first_ns(base_ns + (46 + static_cast<std::int64_t>(id % 13)) * ns_per_s);
        path.set_last_ns(path.first_ns());
        path.add_resets()->set_by("middlebox");
        reset.push_back(std::move(path));
    }
    ASSERT_TRUE(store_->insert_paths(reset));
    const json answer = json::parse(get("/api/v1/incidents?buckets=8&since_ns=" + std::to_string(base_ns) +
                                        "&until_ns=" + std::to_string(base_ns + 60 * ns_per_s))
                                        .body);
    const auto found = std::ranges::find_if(answer["incidents"],
                                            [](const json& incident) { return incident["kind"] == "reset-sender"; });
    ASSERT_NE(found, answer["incidents"].end()) << answer.dump(1);
    EXPECT_EQ((*found)["subject"], "middlebox");
    EXPECT_EQ((*found)["points"].size(), 8u);
    const auto shows = std::ranges::find(reset, (*found)["path_id"].get<std::string>(), &v1::Path::path_id);
    ASSERT_NE(shows, reset.end()) << (*found)["path_id"];
}

TEST_F(OverviewTest, WhatIsMissingUnknownOrOutOfItsLimitsIsASentence) {
    for (const ApiRoute& route : api_->routes()) {
        if (route.answers == nullptr) continue;
        const std::string path = "/api/v1/" + filled(std::string(route.path), paths_[0].path_id());
        EXPECT_EQ(ask(route.method, path + "?colour=red").status, 400u) << path;
        for (const ApiParameter& parameter : route.parameters) {
            if (parameter.required) {
                EXPECT_EQ(ask(route.method, path).status, 400u) << path;
            }
            if (parameter.kind == ParameterKind::text) continue;
            const auto response = ask(route.method, path + "?since_ns=1&" + std::string(parameter.name) + "=-7");
            EXPECT_EQ(response.status, 400u) << path << " " << parameter.name;
        }
    }
}

TEST_F(OverviewTest, NoRequestEndsInA500) {
    std::mt19937_64 random(seed);
    const auto any = [&random](std::uint64_t below) { return random() % below; };
    const std::vector<std::string> pieces = {"tcp.port",
                                             "ip.addr",
                                             "==",
                                             "!=",
                                             "<",
                                             "10.0.0.0/8",
                                             "and",
                                             "or",
                                             "not",
                                             "(",
                                             ")",
                                             "{",
                                             "}",
                                             "in",
                                             "443",
                                             "'",
                                             "\"",
                                             ";--",
                                             "%00",
                                             "%ff",
                                             "path.grade",
                                             "A",
                                             "gw.instance",
                                             "contains",
                                             "99999999999999999999",
                                             "path.delay",
                                             "2ms",
                                             "1ms..5ms",
                                             "path.reset_by",
                                             "tcp.analysis.retransmission",
                                             "link.delay",
                                             "-1.5us",
                                             "path.lost",
                                             "example.org",
                                             "tcp.analysis.initial_rtt",
                                             "-1",
                                             "..",
                                             "é",
                                             "\\",
                                             "path.service"};
    int answered = 0;
    for (int i = 0; i < request_count; ++i) {
        const ApiRoute& route = api_->routes()[any(api_->routes().size())];
        if (route.path == "events") continue;
        std::string target =
            "/api/v1/" +
            filled(std::string(route.path), any(2) == 0 ? paths_[0].path_id() : pieces[any(pieces.size())]) + "?";
        for (const ApiParameter& parameter : route.parameters) {
            if (!parameter.required && any(3) == 0) continue;
            std::string value;
            if (parameter.kind == ParameterKind::text) {
                for (std::uint64_t n = any(6); n > 0; --n) value += pieces[any(pieces.size())] + " ";
                if (any(2) == 0 && parameter.name == "filter") value = "tcp.port == " + std::to_string(any(70'000));
                if (any(2) == 0 && parameter.name == "by") value = "proto";
            } else {
                const std::int64_t values[] = {
                    parameter.min, parameter.max, parameter.fallback, base_ns, static_cast<std::int64_t>(random()), 1};
                value = std::to_string(values[any(6)]);
            }
            target += "&" + std::string(parameter.name) + "=" + http::percent_encode(value);
        }
        const auto response = ask(route.method, target);
        EXPECT_TRUE(response.status == 200 || response.status == 400 || response.status == 404 ||
                    response.status == 405)
            << response.status << " " << target << "\n"
            << response.body;
        EXPECT_TRUE(response.content_type == "application/octet-stream" || json::accept(response.body)) << target;
        answered += response.status == 200;
    }
    EXPECT_GT(answered, request_count / 10) << "too few requests were good ones to say anything";
}

}  // namespace
}  // namespace clew::control
