// SPDX-License-Identifier: Apache-2.0
// A path, a ladder and a status as the control plane would serve them: curl → SNAT → FULLNAT → nginx.
#pragma once

#include <string>

#include "nat-trace/time.h"
#include "wire/path.pb.h"

namespace clew::cli {

constexpr TimeNs sample_time_ns = 1'700'000'000'123'456'789;  // 2023-11-14T22:13:20.123456789Z

inline void add_leg(v1::Path& path, const std::string& tap, const std::string& observer, const std::string& client,
                    const std::string& server, std::uint32_t ttl, std::int64_t after_ns) {
    v1::PathLeg& leg = *path.add_legs();
    leg.set_leg_id("00000000000000a" + std::to_string(path.legs_size()));
    leg.set_tap(tap);
    leg.set_clock(observer == "socket" ? "host-a" : "sensor-a");
    leg.set_observer(observer);
    leg.set_client(client);
    leg.set_server(server);
    leg.set_first_ns(sample_time_ns + after_ns);
    leg.set_last_ns(sample_time_ns + after_ns + 1'204'000'000);
    leg.set_end("fin");
    if (observer == "socket") return;
    leg.mutable_to_server()->set_packets(12);
    leg.mutable_to_server()->set_bytes(1'432);
    leg.mutable_to_server()->set_ttl(ttl);
    leg.mutable_to_server()->set_isn(1'000);
    leg.mutable_to_client()->set_packets(1'210);
    leg.mutable_to_client()->set_bytes(1'800'500);
    leg.mutable_to_client()->set_ttl(60 + 64 - ttl);
    leg.mutable_to_client()->set_isn(9'000);
}

inline v1::PathLink& add_link(v1::Path& path, const std::string& kind, const std::string& grade, float bits) {
    v1::PathLink& link = *path.add_links();
    link.set_from(static_cast<std::uint32_t>(path.links_size() - 1));
    link.set_to(static_cast<std::uint32_t>(path.links_size()));
    link.set_kind(kind);
    link.set_grade(grade);
    link.set_bits(bits);
    link.set_margin_bits(bits);
    return link;
}

inline void add_evidence(v1::PathLink& link, const std::string& by, float bits) {
    v1::PathEvidence& evidence = *link.add_evidence();
    evidence.set_by(by);
    evidence.set_bits(bits);
}

inline void add_delay(v1::PathLink& link, const std::string& direction, DurationNs mean_ns, DurationNs error_ns) {
    v1::PathDelay& delay = *link.add_delays();
    delay.set_direction(direction);
    delay.set_min_ns(mean_ns - 9'000);
    delay.set_mean_ns(mean_ns);
    delay.set_max_ns(mean_ns + 19'000);
    delay.set_error_ns(error_ns);
    delay.set_samples(4);
}

inline v1::Path sample_path() {
    v1::Path path;
    path.set_path_id("9f3a11c04be7d210");
    path.set_revision(3);
    path.set_proto("tcp");
    path.set_unlinked("linked");
    path.set_first_ns(sample_time_ns);
    path.set_last_ns(sample_time_ns + 1'204'000'000);
    add_leg(path, "host-a/sockets", "socket", "10.0.0.7:40112", "198.51.100.10:443", 0, 0);
    path.mutable_legs(0)->set_process("curl");
    path.mutable_legs(0)->set_pid(4711);
    path.mutable_legs(0)->set_netns(4026532201u);
    add_leg(path, "tenant", "mirror", "10.0.0.7:40112", "198.51.100.10:443", 64, 40'000);
    path.mutable_legs(1)->set_vni(100);
    v1::PathLayer& layer = *path.mutable_legs(1)->add_layers();
    layer.set_type("vxlan");
    layer.set_id(100);
    layer.set_client_end("192.0.2.1");
    layer.set_server_end("192.0.2.2");
    add_leg(path, "natgw-out", "mirror", "203.0.113.9:5521", "198.51.100.10:443", 63, 61'000);
    add_leg(path, "lb-out", "mirror", "10.1.0.4:32001", "10.2.0.11:8080", 62, 100'000);
    path.mutable_legs(3)->mutable_to_client()->set_retransmissions(3);
    add_leg(path, "web-1/sockets", "socket", "10.1.0.4:32001", "10.2.0.11:8080", 0, 160'000);
    path.mutable_legs(4)->set_process("nginx");
    path.mutable_legs(4)->set_pid(811);

    add_evidence(add_link(path, "forward", "A", 64), "isn_forward", 32);
    add_evidence(*path.mutable_links(0), "isn_reverse", 32);
    path.mutable_links(0)->set_changes("entered tunnel");
    v1::PathLink& snat = add_link(path, "snat", "A", 96.5f);
    add_evidence(snat, "isn_forward", 32);
    add_evidence(snat, "isn_reverse", 32);
    add_evidence(snat, "same_server", 32.5f);
    snat.set_changes("left tunnel");
    add_delay(snat, "to_server", 21'000, 1'000);
    add_delay(snat, "to_client", 14'000, 1'000);
    v1::PathLink& fullnat = add_link(path, "fullnat", "B", 35.25f);
    add_evidence(fullnat, "isn_reverse", 32);
    add_evidence(fullnat, "timing", 4);
    add_evidence(fullnat, "contradiction", -0.75f);
    fullnat.set_rivals(2);
    fullnat.set_margin_bits(31.5f);
    fullnat.set_delta_to_server(4'294'966'296u);
    fullnat.set_delta_to_client(0);
    fullnat.set_changes("stripped timestamps, added TOA");
    add_delay(fullnat, "to_server", 39'000, 50'000);
    add_evidence(add_link(path, "forward", "A", 64), "isn_reverse", 64);
    return path;
}

inline v1::Path lone_path() {
    v1::Path path;
    path.set_path_id("9f3a11c1000000aa");
    path.set_revision(1);
    path.set_proto("udp");
    path.set_unlinked("no-candidate");
    path.set_first_ns(sample_time_ns + 5'000'000);
    path.set_last_ns(sample_time_ns + 5'000'000);
    add_leg(path, "tenant", "mirror", "[2001:db8::7]:5353", "[2001:db8::53]:53", 64, 5'000'000);
    path.mutable_legs(0)->clear_to_client();
    path.mutable_legs(0)->set_end("idle");
    return path;
}

inline v1::PathList sample_list() {
    v1::PathList list;
    *list.add_paths() = lone_path();
    *list.add_paths() = sample_path();
    return list;
}

inline v1::LadderCell& add_cell(v1::LadderRow& row, std::uint32_t flags, std::uint32_t seq, std::uint32_t ack,
                                std::uint32_t length) {
    v1::LadderCell& cell = *row.add_cells();
    cell.set_seen(true);
    cell.set_time_ns(row.time_ns());
    cell.set_flags(flags);
    cell.set_seq(seq);
    cell.set_ack(ack);
    cell.set_length(length);
    cell.set_ttl(64);
    return cell;
}

/// Two taps; the second's client sequence numbers are moved by +5000.
inline v1::Ladder sample_ladder() {
    v1::Ladder ladder;
    ladder.set_path_id("9f3a11c04be7d210");
    const v1::Path path = sample_path();
    *ladder.add_columns() = path.legs(2);
    *ladder.add_columns() = path.legs(3);
    ladder.mutable_columns(1)->mutable_to_server()->set_isn(6'000);
    const auto row = [&](const char* direction, DurationNs after_ns) -> v1::LadderRow& {
        v1::LadderRow& added = *ladder.add_rows();
        added.set_direction(direction);
        added.set_time_ns(sample_time_ns + after_ns);
        return added;
    };
    v1::LadderRow& syn = row("to_server", 0);
    add_cell(syn, 0x02, 1'000, 0, 0);
    add_cell(syn, 0x02, 6'000, 0, 0).set_delay_ns(39'000);
    v1::LadderRow& syn_ack = row("to_client", 412'000);
    add_cell(syn_ack, 0x12, 9'000, 1'001, 0).set_delay_ns(14'250);
    add_cell(syn_ack, 0x12, 9'000, 6'001, 0);
    v1::LadderRow& lost = row("to_server", 1'000'000);
    add_cell(lost, 0x18, 1'001, 9'001, 512);
    lost.add_cells();
    v1::LadderRow& again = row("to_server", 201'000'000);
    again.set_retransmission(true);
    add_cell(again, 0x18, 1'001, 9'001, 512);
    add_cell(again, 0x18, 6'001, 9'001, 512).set_delay_ns(41'000);
    return ladder;
}

inline v1::StatusCounter counter_of(const std::string& name, const std::string& tap, std::uint64_t value,
                                    const std::string& text) {
    v1::StatusCounter counter;
    counter.set_name(name);
    counter.set_tap(tap);
    counter.set_value(value);
    counter.set_text(text);
    return counter;
}

inline v1::Status sample_status() {
    v1::Status status;
    status.set_version("0.1.0");
    v1::ObserverStatus& sensor = *status.add_observers();
    sensor.set_name("sensor-a");
    sensor.set_kind("sensor");
    sensor.set_connected(true);
    sensor.set_started_ns(sample_time_ns);
    sensor.set_heard_ns(sample_time_ns + 3'599 * ns_per_s);
    sensor.set_program_version("0.1.0");
    sensor.add_taps("tenant");
    sensor.add_taps("natgw-out");
    *sensor.add_counters() = counter_of("packets", "tenant", 1'234'567, "packets received");
    *sensor.add_counters() = counter_of("header_truncated", "tenant", 3, "the packet ends inside a header");
    *sensor.add_counters() = counter_of("legs_evicted", "", 0, "legs that left the full table");
    v1::ObserverStatus& agent = *status.add_observers();
    agent.set_name("web-1");
    agent.set_kind("agent");
    *status.add_counters() = counter_of("batches", "", 17, "batches taken in");
    *status.add_counters() = counter_of("messages_bad", "", 41, "messages that could not be decoded");
    return status;
}

}  // namespace clew::cli
