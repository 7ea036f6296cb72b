// SPDX-License-Identifier: Apache-2.0
// Publisher → collector → engine → store → API in one process. The store is a MemoryStore (memory_store.h).
#include "controlplane/control_plane.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "controlplane/http/http.h"
#include "controlplane/wall_clock.h"
#include "nat-trace/ladder.h"
#include "tests/controlplane/connection_legs.h"
#include "tests/controlplane/memory_store.h"
#include "wire/convert.h"
#include "wire/overview.pb.h"
#include "wire/publisher.h"

namespace clew::control {
namespace {

namespace fs = std::filesystem;

bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 1500; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

class ControlPlaneTest : public testing::Test {
  protected:
    ControlPlaneTest() {
        std::string pattern = (fs::temp_directory_path() / "clew-control-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        config_.wire.endpoint = "ipc://" + directory_ + "/wire.sock";
        config_.api_port = 0;
        config_.profile_file = directory_ + "/store.gateways";
        start();
    }
    ~ControlPlaneTest() override {
        publisher_.reset();
        plane_.reset();
        fs::remove_all(directory_);
    }

    void start() {
        auto plane = ControlPlane::start(config_, std::make_unique<MemoryStore>(memory_));
        ASSERT_TRUE(plane) << plane.error().sentence;
        plane_ = std::move(*plane);
        auto client = http::Client::create("http://127.0.0.1:" + std::to_string(plane_->api_port()), 10'000);
        ASSERT_TRUE(client);
        client_ = std::move(*client);
    }
    void stop() {
        client_.reset();
        plane_.reset();
    }
    void publish(wire::HeaderSource headers = {}) {
        wire::PublisherSettings settings;
        settings.endpoint = config_.wire.endpoint;
        settings.hello.set_observer("sensor-a");
        settings.hello.set_kind("sensor");
        settings.hello.set_started_ns(wall_clock_ns());
        for (const char* name : {"inside", "outside"}) {
            v1::TapName& tap = *settings.hello.add_taps();
            tap.set_name(name);
            tap.set_clock("a");
        }
        settings.spool_directory = directory_ + "/spool";
        settings.batch_leg_count_max = 16;
        settings.batch_delay_ms_max = 10;
        auto publisher = wire::Publisher::start(std::move(settings), std::move(headers), {});
        ASSERT_TRUE(publisher) << publisher.error().sentence;
        publisher_ = std::move(*publisher);
    }
    void offer(std::uint32_t first, std::uint32_t count) {
        for (std::uint32_t i = first; i < first + count; ++i)
            for (const Leg& leg : snat_connection(i, wall_clock_ns())) ASSERT_TRUE(publisher_->offer(leg));
    }
    http::Response get(const std::string& target) {
        http::Request request;
        request.target = target;
        const auto response = client_->send(request);
        EXPECT_TRUE(response) << response.error().sentence;
        return response ? *response : http::Response{.status = 0, .content_type = {}, .body = {}, .headers = {}};
    }
    template <typename Message>
    Message get_message(const std::string& target) {
        const auto response = get(target);
        EXPECT_EQ(response.status, 200u) << response.body;
        Message message;
        EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(response.body, &message).ok()) << response.body;
        return message;
    }
    v1::PathList paths() { return get_message<v1::PathList>("/api/v1/paths?since_ns=0&limit=10000"); }
    bool all_linked(int count) {
        const auto list = paths();
        return list.paths_size() == count && std::all_of(list.paths().begin(), list.paths().end(),
                                                         [](const v1::Path& p) { return p.legs_size() == 2; });
    }

    std::string directory_;
    ControlConfig config_;
    std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();
    std::unique_ptr<ControlPlane> plane_;
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<wire::Publisher> publisher_;
};

TEST_F(ControlPlaneTest, LegsBecomePathsInTheApi) {
    publish();
    offer(1, 50);
    ASSERT_TRUE(eventually([&] { return all_linked(50); }));
    const v1::Path path = paths().paths(0);
    ASSERT_EQ(path.links_size(), 1);
    EXPECT_EQ(path.links(0).kind(), "snat");
    EXPECT_EQ(path.legs(0).tap(), "inside");
    EXPECT_EQ(path.legs(1).tap(), "outside");
    EXPECT_EQ(path.proto(), "tcp");
    EXPECT_FALSE(path.legs(0).has_vni());
    EXPECT_TRUE(eventually([&] {  // a path may be told again between the two questions
        const auto listed = paths().paths(0);
        auto alone = get_message<v1::Path>("/api/v1/paths/" + listed.path_id());
        for (v1::PathLeg& leg : *alone.mutable_legs())  // it has these besides
            leg.mutable_to_server()->clear_window_scale(), leg.mutable_to_client()->clear_window_scale();
        return alone.SerializeAsString() == listed.SerializeAsString();
    }));
    const auto by_prefix = get_message<v1::Path>("/api/v1/paths/" + path.path_id().substr(0, 12));
    EXPECT_EQ(by_prefix.path_id(), path.path_id());
    ASSERT_TRUE(eventually([&] { return publisher_->counters().batches_acknowledged > 0; }));
    EXPECT_EQ(get_message<v1::PathList>("/api/v1/paths?since_ns=0&limit=3").paths_size(), 3);
}

TEST_F(ControlPlaneTest, APathHasTheFiguresOfItsTapsTcpAnalysis) {
    publish();
    auto legs = snat_connection(1, wall_clock_ns());
    legs[0].tcp.handshake = 5 * ns_per_ms;
    legs[1].tcp.flows[1].zero_windows = 4;
    for (const Leg& leg : legs) ASSERT_TRUE(publisher_->offer(leg));
    ASSERT_TRUE(eventually([&] { return all_linked(1); }));
    const v1::Path path = paths().paths(0);
    EXPECT_EQ(path.tcp().initial_rtt_ns(), 5 * ns_per_ms);
    EXPECT_EQ(path.tcp().zero_windows(), 4u);
}

TEST_F(ControlPlaneTest, TwoLegsAreWeighedAsLongAsTheLinkerHoldsThem) {
    publish();
    offer(1, 3);
    ASSERT_TRUE(eventually([&] { return all_linked(3); }));
    const auto ask = [&](LegId a, LegId b) {
        return "/api/v1/links/explain?a=" + wire::id_text(a) + "&b=" + wire::id_text(b);
    };
    const auto same = get_message<v1::LinkExplanation>(ask(inside_leg_id(1), outside_leg_id(1)));
    EXPECT_EQ(same.path_a(), same.path_b());
    ASSERT_GE(same.weighings_size(), 1);
    EXPECT_TRUE(same.weighings(0).accepted());
    EXPECT_GT(same.weighings(0).bits(), 64);
    EXPECT_EQ(same.kind(), "snat");
    const auto strangers = get_message<v1::LinkExplanation>(ask(inside_leg_id(1), outside_leg_id(2)));
    EXPECT_NE(strangers.path_a(), strangers.path_b());
    for (const v1::LinkWeighing& weighing : strangers.weighings()) EXPECT_FALSE(weighing.accepted());
    EXPECT_EQ(get(ask(inside_leg_id(1), 0xdead)).status, 404u);
    EXPECT_EQ(get("/api/v1/links/explain?a=1&b=2").status, 400u);
}

TEST_F(ControlPlaneTest, TheRivalsOfALegAreNamedAndWeighed) {
    publish();
    offer(1, 3);
    ASSERT_TRUE(eventually([&] { return all_linked(3); }));
    // Another leg behind the gateway: a server's answer with the first one's number, to another client's.
    Leg rival = snat_connection(1, wall_clock_ns())[1];
    rival.id = 0xabcd;
    rival.client.port ^= 0x55;
    rival.server.port = 8443;
    rival.flow(Direction::to_server).isn += 7;
    ASSERT_TRUE(publisher_->offer(rival));
    const auto ask = [](LegId leg) { return "/api/v1/links/rivals?leg=" + wire::id_text(leg); };
    ASSERT_TRUE(eventually([&] { return get(ask(rival.id)).status == 200; }));
    const auto list = get_message<v1::LinkRivals>(ask(rival.id));
    EXPECT_EQ(list.leg().leg_id(), wire::id_text(rival.id));
    EXPECT_NE(list.unlinked(), "linked");
    EXPECT_EQ(list.rivals_size(), 2) << "both legs of the first connection";
    for (const v1::LinkExplanation& one : list.rivals()) {
        EXPECT_EQ(one.a().leg_id(), wire::id_text(rival.id));
        EXPECT_NE(one.path_b(), list.path());
        EXPECT_GT(one.weighings_size(), 0);
    }
    EXPECT_EQ(get(ask(0xdead)).status, 404u);
    EXPECT_EQ(get("/api/v1/links/rivals?leg=1").status, 400u);
}

TEST_F(ControlPlaneTest, GatewaysAreLearntAndLegsAloneAreCounted) {
    publish();
    offer(1, 40);
    Leg alone = snat_connection(77, wall_clock_ns())[0];
    ASSERT_TRUE(publisher_->offer(alone));
    EXPECT_TRUE(eventually([&] {
        const auto list = get_message<v1::GatewayList>("/api/v1/gateways");
        return list.gateways_size() == 1 && list.gateways(0).links() == 40 && list.gateways(0).from_tap() == "inside" &&
               list.gateways(0).traits(0).value() == "snat";
    }));
    EXPECT_TRUE(eventually([&] {
        const auto list = get_message<v1::UnlinkedList>("/api/v1/unlinked?since_ns=0");
        return list.groups_size() == 1 && list.groups(0).reason() == "no-candidate" && list.groups(0).count() == 1 &&
               list.groups(0).tap() == "inside";
    }));
}

TEST_F(ControlPlaneTest, JsonKeepsTheSchemasNames) {
    publish();
    offer(1, 1);
    ASSERT_TRUE(eventually([&] { return all_linked(1); }));
    const std::string body = get("/api/v1/paths?since_ns=0").body;
    EXPECT_NE(body.find("\"path_id\":"), std::string::npos) << body;
    EXPECT_NE(body.find("\"from\":0"), std::string::npos) << body;
    EXPECT_EQ(body.find("\"vni\""), std::string::npos) << body;
}

TEST_F(ControlPlaneTest, StatusMetricsAndHealth) {
    publish();
    offer(1, 5);
    ASSERT_TRUE(eventually([&] { return all_linked(5); }));
    ASSERT_TRUE(eventually([&] { return plane_->status().observers(0).counters_size() > 0; }));
    const auto status = get_message<v1::Status>("/api/v1/status");
    ASSERT_EQ(status.observers_size(), 1);
    EXPECT_TRUE(status.observers(0).connected());
    EXPECT_EQ(status.observers(0).taps_size(), 2);
    const auto metrics = get("/metrics");
    EXPECT_EQ(metrics.status, 200u);
    EXPECT_NE(metrics.body.find("clew_ingest_legs_total 10\n"), std::string::npos) << metrics.body;
    EXPECT_NE(metrics.body.find("clew_observer_connected{observer=\"sensor-a\"} 1\n"), std::string::npos);
    EXPECT_TRUE(metrics.body.ends_with("# EOF\n"));
    EXPECT_EQ(get("/healthz").status, 200u);
    memory_->fails = true;
    EXPECT_EQ(get("/healthz").status, 503u);
    EXPECT_EQ(get("/api/v1/paths?since_ns=0").status, 503u);
}

TEST_F(ControlPlaneTest, MistakesOfTheCallerAreNeverTheServersFault) {
    const std::pair<const char*, unsigned> cases[] = {
        {"/api/v1/paths?since_ns=yesterday", 400},
        {"/api/v1/paths?since_ns=-1", 400},
        {"/api/v1/paths?since_ns=0&limit=0", 400},
        {"/api/v1/paths?since_ns=0&limit=99999999999999999999", 400},
        {"/api/v1/paths?since_ns=0&oldest_first=maybe", 400},
        {"/api/v1/paths?since_ns=0&filter=(", 400},
        {"/api/v1/paths?since_ns=0&colour=red", 400},
        {"/api/v1/paths?since_ns=0&limit=1&limit=2", 400},
        {"/api/v1/paths?since_ns=0&%ff=%fe", 400},
        {"/api/v1/paths/xyz", 400},
        {"/api/v1/paths/abc", 400},
        {"/api/v1/paths/00000000000000000", 400},
        {"/api/v1/paths/0123456789abcdef", 404},
        {"/api/v1/paths/0123", 404},
        {"/api/v1/paths/0123456789abcdef/ladder", 404},
        {"/api/v1/paths/0123456789abcdef/ladder?from_ns=x", 400},
        {"/api/v1/paths//ladder", 400},
        {"/api/v1/status?x=1", 400},
        {"/api/v1/packets?since_ns=0&bpf=tcp%20prot%2080", 400},
        {"/api/v1/packets?since_ns=0&bpf=tcp%00", 400},
        {"/api/v1/packets?since_ns=0&bpf=tcp%20port%2080", 503},
        {"/api/v2/paths", 404},
    };
    for (const auto& [target, status] : cases) {
        const auto response = get(target);
        EXPECT_EQ(response.status, status) << target << ": " << response.body;
        v1::ApiError error;
        EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(response.body, &error).ok()) << response.body;
        EXPECT_FALSE(error.error().empty()) << target;
    }
    EXPECT_EQ(get("/").status, 404u) << "this control plane has no console";
    http::Request post;
    post.method = "POST";
    post.target = "/api/v1/paths";
    EXPECT_EQ(client_->send(post)->status, 405u);
}

TEST_F(ControlPlaneTest, ARecordingIsAskedOfTheSensors) {
    http::Request post;
    post.method = "POST";
    post.target = "/api/v1/vault/recordings?seconds=600&snap=128&tap=inside&bpf=tcp%20port%2080";
    EXPECT_EQ(client_->send(post)->status, 400u) << "a page of another site could send this";
    post.content_type = "application/json";
    EXPECT_EQ(client_->send(post)->status, 503u) << "no sensor is there";
    std::atomic<bool> refuses{false};
    publish([&](const v1::HeaderRequest& request, const auto& reply) {
        v1::HeaderReply answer;
        answer.set_last(true);
        const v1::Recording& wanted = request.record();
        if (wanted.end() && wanted.id() == 0x5c0ffee5)
            answer.set_recording_until_ns(99);
        else if (wanted.end())
            answer.set_recording_unknown(true);
        else if (refuses)
            answer.set_partial("it has 8 recordings already");
        else if (wanted.bpf() == "tcp port 80" && wanted.duration_ns() == 600 * ns_per_s &&
                 wanted.snap_length() == 128 && wanted.taps_size() == 1 && wanted.taps(0) == "inside")
            answer.set_recording_until_ns(1234);
        reply(answer);
    });
    ASSERT_TRUE(eventually([&] { return plane_->status().observers_size() == 1; }));
    const auto ask = [&] {
        const auto response = client_->send(post);
        v1::RecordingList list;
        EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(response->body, &list).ok()) << response->body;
        return list;
    };
    ASSERT_EQ(ask().sensors_size(), 1);
    EXPECT_EQ(ask().sensors(0).observer(), "sensor-a");
    EXPECT_EQ(ask().sensors(0).until_ns(), 1234);
    EXPECT_NE(ask().id(), 0u);
    http::Request end = post;
    end.method = "DELETE";
    end.target = "/api/v1/vault/recordings/5c0ffee5";
    EXPECT_EQ(client_->send(end)->status, 200u);
    end.content_type = "";
    EXPECT_EQ(client_->send(end)->status, 400u) << "a page of another site could send this";
    end.content_type = "application/json";
    end.target = "/api/v1/vault/recordings/5c0ffee6";
    EXPECT_EQ(client_->send(end)->status, 404u);
    end.target = "/api/v1/vault/recordings/all";
    EXPECT_EQ(client_->send(end)->status, 400u);
    refuses = true;
    EXPECT_EQ(ask().sensors(0).refusal(), "it has 8 recordings already");
    post.target = "/api/v1/vault/recordings?tap=lobby";
    EXPECT_EQ(client_->send(post)->status, 503u);
    post.target = "/api/v1/vault/recordings?bpf=tcp%20prot%2080";
    EXPECT_EQ(client_->send(post)->status, 400u);
    EXPECT_EQ(get("/api/v1/vault/recordings").status, 405u);
    EXPECT_EQ(get("/api/v1/vault/recordings/5c0ffee5").status, 405u);
}

TEST_F(ControlPlaneTest, TheLadderShowsTheSamePacketAtBothTaps) {
    std::vector<PacketHeader> ring;
    for (std::uint32_t packet = 0; packet < 3; ++packet)
        for (const LegId leg : {inside_leg_id(1), outside_leg_id(1)})
            ring.push_back({.leg = leg,
                            .time_ns = wall_clock_ns() + packet * ns_per_ms + (leg == outside_leg_id(1) ? 20'000 : 0),
                            .seq = 1000 + packet * 100,
                            .ack = 5,
                            .length = 100,
                            .ip_id = static_cast<std::uint16_t>(packet + 1),
                            .flags = 0x18,
                            .ttl = 64});
    publish([ring](const v1::HeaderRequest& request, const auto& reply) {
        v1::HeaderReply part;
        for (const PacketHeader& header : ring) {
            if (std::find(request.legs().begin(), request.legs().end(), header.leg) == request.legs().end()) continue;
            if (part.headers_size() == static_cast<int>(request.header_count_max())) {
                part.set_complete_until_ns(header.time_ns);
                break;
            }
            wire::encode(header, *part.add_headers());
        }
        part.set_last(true);
        reply(part);
    });
    offer(1, 1);
    ASSERT_TRUE(eventually([&] { return all_linked(1); }));
    const std::string table = "/api/v1/paths/" + paths().paths(0).path_id() + "/ladder_table";
    for (const std::uint32_t rows : {1u, 2u, 3u}) {
        const auto first = get_message<v1::LadderTable>(table + "?rows=" + std::to_string(rows));
        EXPECT_EQ(first.rows(), rows);
        EXPECT_EQ(first.more(), rows < 3);
        EXPECT_EQ(first.seen(), std::string(2 * rows, '\1')) << "a row is whole or not there";
    }
    EXPECT_EQ(get_message<v1::LadderTable>(table).rows(), 3u);
    EXPECT_EQ(get_message<v1::LadderTable>(table).empty(), "");
    v1::Path path;
    ASSERT_TRUE(eventually([&] {
        path = get_message<v1::Path>("/api/v1/paths/" + paths().paths(0).path_id());
        return path.legs(0).to_server().window_scale() != 0;
    })) << "legs are stored beside their path, not with it";
    EXPECT_EQ(path.legs(0).to_server().window_scale(), 7u);
    EXPECT_EQ(path.legs(1).to_client().window_scale(), 8u);
    const auto ladder = get_message<v1::Ladder>("/api/v1/paths/" + paths().paths(0).path_id() + "/ladder");
    EXPECT_EQ(ladder.partial(), "");
    ASSERT_EQ(ladder.columns_size(), 2);
    ASSERT_EQ(ladder.rows_size(), 3);
    for (const v1::LadderRow& row : ladder.rows()) {
        ASSERT_EQ(row.cells_size(), 2);
        EXPECT_TRUE(row.cells(0).seen() && row.cells(1).seen());
        EXPECT_EQ(row.cells(0).seq(), row.cells(1).seq());
    }
    publisher_.reset();
    ASSERT_TRUE(eventually([&] { return !plane_->status().observers(0).connected(); }));
    EXPECT_EQ(get_message<v1::LadderTable>(table).empty(), "away");
    const auto without = get_message<v1::Ladder>("/api/v1/paths/" + paths().paths(0).path_id() + "/ladder");
    EXPECT_NE(without.partial().find("not connected"), std::string::npos) << without.partial();
}

TEST_F(ControlPlaneTest, ASliceOfPacketsKeepsThoseWhoseRowLiesBehindWhereItEndsByAnotherTapsClock) {
    const TimeNs end = wall_clock_ns();  // of what the sensors have told so far
    publish([end](const v1::HeaderRequest&, const auto& reply) {
        v1::HeaderReply part;
        PacketHeader header{.leg = inside_leg_id(1), .time_ns = end + ns_per_s / 2, .seq = 1000, .length = 100};
        wire::encode(header, *part.add_headers());
        header.leg = outside_leg_id(1);
        header.time_ns = end - ns_per_s / 2;  // behind the other tap, by a clock that is late
        wire::encode(header, *part.add_headers());
        part.set_complete_until_ns(end);
        part.set_last(true);
        reply(part);
    });
    offer(1, 1);
    ASSERT_TRUE(eventually([&] { return all_linked(1); }));
    const std::string ladder = "/api/v1/paths/" + paths().paths(0).path_id() + "/ladder";
    EXPECT_EQ(get_message<v1::Ladder>(ladder).rows_size(), 0) << "the row's other cells may be missing";
    const auto packets = get_message<v1::Ladder>(ladder + "?frames=1");
    ASSERT_EQ(packets.rows_size(), 1) << "the next slice begins where this one ends: nobody would tell it again";
    EXPECT_TRUE(packets.rows(0).cells(1).seen());
}

TEST_F(ControlPlaneTest, AStoreThatFailsForAWhileLosesNothing) {
    publish();
    offer(1, 20);
    ASSERT_TRUE(eventually([&] { return all_linked(20); }));
    ASSERT_TRUE(
        eventually([&] { return publisher_->counters().batches_acknowledged == publisher_->counters().batches_sent; }));
    const auto acknowledged = publisher_->counters().batches_acknowledged;
    memory_->fails = true;
    offer(21, 200);
    ASSERT_TRUE(eventually([&] {
        const v1::Status status = plane_->status();
        for (const v1::StatusCounter& counter : status.counters())
            if (counter.name() == "store_leg_insert_failures" && counter.value() > 0) return true;
        return false;
    }));
    EXPECT_EQ(publisher_->counters().batches_acknowledged, acknowledged);
    memory_->fails = false;
    ASSERT_TRUE(eventually([&] { return all_linked(220); }));
    ASSERT_TRUE(
        eventually([&] { return publisher_->counters().batches_acknowledged == publisher_->counters().batches_sent; }));
    const std::lock_guard lock(memory_->mutex);
    EXPECT_EQ(memory_->legs.size(), 440u);
}

TEST_F(ControlPlaneTest, ARestartKeepsPathsAndTheirIds) {
    publish();
    offer(1, 100);
    ASSERT_TRUE(eventually([&] { return all_linked(100); }));
    std::set<std::string> before;
    const v1::PathList list_before = paths();
    for (const v1::Path& path : list_before.paths()) before.insert(path.path_id());
    stop();
    offer(101, 100);  // while nobody listens
    start();
    ASSERT_TRUE(eventually([&] { return all_linked(200); }));
    std::set<std::string> legs;
    std::size_t found_again = 0;
    const v1::PathList list_after = paths();
    for (const v1::Path& path : list_after.paths()) {
        found_again += before.count(path.path_id());
        for (const v1::PathLeg& leg : path.legs()) EXPECT_TRUE(legs.insert(leg.leg_id()).second) << "leg twice";
    }
    EXPECT_EQ(found_again, 100u);
    EXPECT_EQ(legs.size(), 400u);
}

TEST_F(ControlPlaneTest, ARestartKeepsWhatWasLearntOfGateways) {
    publish();
    const auto links = [&](std::uint64_t count) {
        return eventually([&] {
            const auto list = get_message<v1::GatewayList>("/api/v1/gateways");
            return list.gateways_size() == 1 && list.gateways(0).links() == count;
        });
    };
    offer(1, 40);
    ASSERT_TRUE(links(40));
    const auto before = get_message<v1::GatewayList>("/api/v1/gateways").gateways(0);
    stop();
    start();
    ASSERT_TRUE(links(40));  // none of the refilled paths counts again
    offer(41, 5);
    ASSERT_TRUE(links(45));
    const auto after = get_message<v1::GatewayList>("/api/v1/gateways").gateways(0);
    EXPECT_EQ(after.gateway_id(), before.gateway_id());
    EXPECT_EQ(after.first_ns(), before.first_ns());
}

TEST_F(ControlPlaneTest, ATakenPortIsOneSentence) {
    ControlConfig second = config_;
    second.wire.endpoint = "ipc://" + directory_ + "/other.sock";
    second.api_port = plane_->api_port();
    const auto plane = ControlPlane::start(second, std::make_unique<MemoryStore>(memory_));
    ASSERT_FALSE(plane);
    EXPECT_NE(plane.error().sentence.find("api"), std::string::npos) << plane.error().sentence;
}

}  // namespace
}  // namespace clew::control
