// SPDX-License-Identifier: Apache-2.0
// What `clew path show` tells of TCP, and `clew sensor status` of rates and drops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/path_jsonl.h"
#include "cli/path_view.h"
#include "cli/sensor_view.h"
#include "cli/tcp_view.h"
#include "tests/cli/sample_path.h"
#include "wire/convert_tcp.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const Paint plain(false);

TcpAnalysis troubled() {
    TcpAnalysis tcp;
    tcp.handshake_server = ns_per_ms;
    tcp.handshake_client = 20 * ns_per_ms;
    for (int i = 1; i <= 100; ++i) tcp.flows[0].rtt.add(i * ns_per_ms);
    tcp.response.add(7 * ns_per_ms);
    tcp.flows[0].retransmissions_fast = 3;
    tcp.flows[0].losses_upstream = 2;
    tcp.flows[1].capture_gaps = 1;
    tcp.flows[1].capture_gap_bytes = 2920;
    tcp.reset_origin = ResetOrigin::between;
    tcp.reset_by_server = true;
    tcp.reset_ttl_ahead = -3;
    return tcp;
}

TEST(TcpView, ALegTellsWhatItsTcpShowed) {
    v1::Path path;
    add_leg(path, "tap-a", "mirror", "10.0.0.7:1", "10.0.0.9:80", 64, 0);
    EXPECT_THAT(path_view(path, plain, 120), Not(HasSubstr("round trip")));
    wire::encode(troubled(), *path.mutable_legs(0)->mutable_tcp());
    const std::string text = path_view(path, plain, 160);
    EXPECT_THAT(text, HasSubstr("handshake  tap ⇄ server 1.00 ms, tap ⇄ client 20.0 ms"));
    EXPECT_THAT(text, HasSubstr("round trip tap ⇄ server 50.5 ms mean"));
    EXPECT_THAT(text, HasSubstr("max 100 ms, 100 samples"));
    EXPECT_THAT(text, HasSubstr("response   7.00 ms, 1 sample"));
    EXPECT_THAT(text, HasSubstr("to server  3 fast retransmitted, 2 of them lost before this tap"));
    EXPECT_THAT(text, HasSubstr("its TTL -3 apart from the others': sent by something in between"));
    EXPECT_THAT(text, HasSubstr("to client  2,920 bytes were acknowledged that this tap never saw (once)"));
    const auto json = nlohmann::json::parse(path_line(path));
    EXPECT_EQ(json["legs"][0]["tcp"]["to_server"]["retransmissions_fast"], 3);
    EXPECT_EQ(json["legs"][0]["tcp"]["to_server"]["rtt"]["max_ns"], 100 * ns_per_ms);
}

v1::Status status_of(std::uint64_t packets, std::uint64_t missed, TimeNs heard) {
    v1::Status status;
    v1::ObserverStatus& sensor = *status.add_observers();
    sensor.set_name("sensor-1");
    sensor.set_kind("sensor");
    sensor.set_connected(true);
    sensor.set_heard_ns(heard);
    sensor.add_taps("edge");
    const auto add = [&](const char* name, const char* tap, std::uint64_t value, const char* text) {
        v1::StatusCounter& counter = *sensor.add_counters();
        counter.set_name(name);
        counter.set_tap(tap);
        counter.set_value(value);
        counter.set_text(text);
    };
    add("tap_packets", "edge", packets, "packets received at this tap");
    add("tap_bytes", "edge", packets * 100, "bytes received at this tap");
    add("tap_missed_by_nic", "edge", missed, "packets lost because the receive ring was full");
    add("legs_evicted", "", 0, "legs that left early");
    return status;
}

TEST(SensorView, RatesAreTakenBetweenTheSensorsOwnMessages) {
    const auto before = status_of(1000, 5, 10 * ns_per_s), after = status_of(201'000, 25, 12 * ns_per_s);
    const std::string text = sensor_view(before, after, ns_per_s, plain, 200);
    EXPECT_THAT(text, HasSubstr("100 kpps"));
    EXPECT_THAT(text, HasSubstr("80 Mbit/s"));
    EXPECT_THAT(text, HasSubstr("10 /s"));
    EXPECT_THAT(text, HasSubstr("packets lost because the receive ring was full"));
    EXPECT_THAT(text, Not(HasSubstr("legs_evicted")));
    const auto json = nlohmann::json::parse(sensor_document(before, after, ns_per_s));
    EXPECT_EQ(json["sensors"][0]["counters"][0]["per_second"], 100'000.0);
    EXPECT_EQ(json["sensors"][0]["counters"][2]["is_loss"], true);
}

TEST(SensorView, ASensorThatRestartedHasNoRateYet) {
    v1::Status before = status_of(500, 0, 10 * ns_per_s), after = status_of(1'000'000, 0, 12 * ns_per_s);
    after.mutable_observers(0)->set_started_ns(11 * ns_per_s);
    EXPECT_THAT(sensor_view(before, after, ns_per_s, plain, 200), HasSubstr("0 pps"));
    EXPECT_EQ(sensor_view({}, {}, ns_per_s, plain, 200), "");
}

}  // namespace
}  // namespace clew::cli
