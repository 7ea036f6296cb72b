// SPDX-License-Identifier: Apache-2.0
// `clew vault` and `clew pcap`: archives there and back, and a path's packets as tshark reads them.
#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>

#include <nlohmann/json.hpp>

#include "dataplane/vault/header_frame.h"
#include "tests/cli/api_fixture.h"
#include "tests/cli/sample_capture.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;

std::string output_of(const std::string& command) {
    std::string text;
    FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
    char buffer[4096];
    while (pipe && fgets(buffer, sizeof buffer, pipe)) text += buffer;
    if (pipe) pclose(pipe);
    return text;
}
std::string contents_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
bool has_tshark() { return std::system("command -v tshark > /dev/null") == 0; }

std::string frame_of(std::uint8_t ttl) {
    vault::LegLabel label;
    label.low = IpAddress::from_v4(0x0a000007);
    label.high = IpAddress::from_v4(0xc6336401);
    label.port_low = 40112;
    label.port_high = 443;
    label.protocol = 6;
    vault::HeaderRecord record;
    record.ip_length = 40;
    record.ip_protocol = 6;
    record.ttl = ttl;
    record.seq = 1000;
    record.flags = 2;
    record.tcp_offset = 0x50;
    std::vector<std::uint8_t> bytes;
    vault::build_frame(label, record, bytes);
    return {bytes.begin(), bytes.end()};
}

/// The sample's ladder with headers in every cell that was seen.
v1::Ladder with_frames() {
    v1::Ladder ladder = sample_ladder();
    for (v1::LadderRow& row : *ladder.mutable_rows())
        for (v1::LadderCell& cell : *row.mutable_cells())
            if (cell.seen()) {
                cell.set_frame(frame_of(static_cast<std::uint8_t>(cell.ttl())));
                cell.set_wire_length(60);
            }
    return ladder;
}

using Vault = ApiFixture;

TEST_F(Vault, PcapHasOneIdForOnePacketAtAllTaps) {
    if (!has_tshark()) GTEST_SKIP() << "tshark is not installed";
    const v1::Ladder ladder = with_frames();
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(sample_path()));
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", api_json(ladder));
    serve("/api/v1/status", api_json(sample_status()));
    const std::string file = testing::TempDir() + "vault_test_path.pcapng";
    const Outcome written = run_api({"pcap", "9f3a11c04be7d210", "-w", file});
    EXPECT_EQ(written.code, 0) << written.err;
    EXPECT_EQ(asked("frames", "/api/v1/paths/9f3a11c04be7d210/ladder"), "1");
    std::multiset<std::string> expected;
    for (int r = 0; r < ladder.rows_size(); ++r)
        for (int c = 0; c < ladder.rows(r).cells_size(); ++c)
            if (ladder.rows(r).cells(c).seen()) expected.insert(ladder.columns(c).tap() + " " + std::to_string(r + 1));
    std::multiset<std::string> found;
    std::istringstream lines(
        output_of("tshark -r " + file + " -T fields -E separator=' ' -e frame.interface_name " + "-e frame.packet_id"));
    for (std::string line; std::getline(lines, line);) found.insert(line);
    EXPECT_EQ(found, expected);
    EXPECT_THAT(output_of("tshark -r " + file + " -T fields -e frame.comment"), HasSubstr("link snat A"));
    EXPECT_EQ(output_of("tshark -r " + file + " -Y '_ws.malformed'"), "");
}

TEST_F(Vault, PcapIsNarrowedAndGoesToAPipe) {
    if (!has_tshark()) GTEST_SKIP() << "tshark is not installed";
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(sample_path()));
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", api_json(with_frames()));
    const Outcome piped = run_api(
        {"pcap", "9f3a11c04be7d210", "-w", "-", "--hop", "natgw-out", "--direction", "to_server", "--snap", "34"});
    EXPECT_EQ(piped.code, 0) << piped.err;
    const std::string file = testing::TempDir() + "vault_test_hop.pcapng";
    std::ofstream(file, std::ios::binary) << piped.out;
    std::istringstream lines(output_of("tshark -r " + file + " -T fields -E separator=' ' -e frame.interface_name " +
                                       "-e frame.cap_len -e ip.src"));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) EXPECT_EQ(line, "natgw-out 34 10.0.0.7");
    EXPECT_GT(count, 0u);
}

TEST_F(Vault, PcapTellsWholePacketsFromHeaders) {
    if (!has_tshark()) GTEST_SKIP() << "tshark is not installed";
    v1::Ladder ladder = with_frames();
    std::size_t whole = 0, all = 0;
    for (v1::LadderRow& row : *ladder.mutable_rows())
        for (v1::LadderCell& cell : *row.mutable_cells()) {
            if (!cell.seen()) continue;
            ++all;
            if (all % 2 == 0) continue;
            cell.set_whole(true);
            cell.set_frame(cell.frame() + std::string(6, 'x'));
            ++whole;
        }
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(sample_path()));
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", api_json(ladder));
    const std::string file = testing::TempDir() + "vault_test_whole.pcapng";
    const Outcome written = run_api({"pcap", "9f3a11c04be7d210", "-w", file, "--strip-tunnel", "--snap", "1000"});
    EXPECT_EQ(written.code, 0) << written.err;
    EXPECT_EQ(asked("strip_tunnels", "/api/v1/paths/9f3a11c04be7d210/ladder"), "1");
    EXPECT_EQ(asked("snap", "/api/v1/paths/9f3a11c04be7d210/ladder"), "1000");
    EXPECT_THAT(written.err, HasSubstr(std::to_string(whole) + " packets whole, of " + std::to_string(all - whole)));
    EXPECT_THAT(output_of("tshark -r " + file + " -Y 'frame.cap_len == 60' -T fields -e frame.number | wc -l"),
                HasSubstr(std::to_string(whole)));
    EXPECT_THAT(output_of("tshark -r " + file + " -Y 'frame.cap_len != 60' -T fields -e frame.comment"),
                HasSubstr("headers only"));
    EXPECT_THAT(contents_of(file), HasSubstr("here: "));  // in the statistics of each tap
    run_api({"pcap", "9f3a11c04be7d210", "-w", file, "--headers-only"});
    EXPECT_EQ(asked("headers_only", "/api/v1/paths/9f3a11c04be7d210/ladder"), "1");
}

TEST_F(Vault, AlignedTimesAreByTheFirstTapsClock) {
    if (!has_tshark()) GTEST_SKIP() << "tshark is not installed";
    const v1::Path path = sample_path();
    v1::Ladder ladder = with_frames();
    constexpr std::int64_t ahead_ns = 7 * ns_per_ms;
    for (v1::LadderRow& row : *ladder.mutable_rows())
        row.mutable_cells(1)->set_aligned_ns(row.cells(1).time_ns() - ahead_ns);
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(path));
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", api_json(ladder));
    const std::string second = ladder.columns(1).tap();
    std::vector<double> times[2];
    for (const int aligned : {0, 1}) {
        const std::string file = testing::TempDir() + "vault_test_aligned.pcapng";
        std::vector<std::string> words = {"pcap", "9f3a11c04be7d210", "-w", file, "--hop", second};
        if (aligned) words.push_back("--aligned");
        EXPECT_EQ(run_api(words).code, 0);
        std::istringstream lines(output_of("tshark -r " + file + " -T fields -e frame.time_epoch"));
        for (double time; lines >> time;) times[aligned].push_back(time);
    }
    ASSERT_FALSE(times[0].empty());
    ASSERT_EQ(times[0].size(), times[1].size());
    for (std::size_t i = 0; i < times[0].size(); ++i)
        EXPECT_NEAR(times[0][i] - times[1][i], static_cast<double>(ahead_ns) / 1e9, 1e-6);
}

TEST_F(Vault, LooksBackWithoutAPathPageByPage) {
    if (!has_tshark()) GTEST_SKIP() << "tshark is not installed";
    v1::CapturedPacketList page;
    v1::CapturedLeg& leg = *page.add_legs();
    leg.set_leg_id("0000000000000001");
    leg.set_observer("sensor-a");
    leg.set_tap("edge");
    leg.set_segment("-");
    for (int i = 0; i < 3; ++i) {
        v1::CapturedPacket& packet = *page.add_packets();
        packet.set_leg_id("0000000000000001");
        packet.set_time_ns(sample_time_ns + i);
        packet.set_direction("to_server");
        packet.set_frame(frame_of(64));
        packet.set_whole(i != 1);
    }
    serve("/api/v1/packets", api_json(page));
    const std::string file = testing::TempDir() + "vault_test_look_back.pcapng";
    const Outcome done =
        run_api({"pcap", "--bpf", "tcp port 443", "--since", "1h", "-w", file, "ip.addr", "==", "10.0.0.7"});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_THAT(done.err, HasSubstr("2 packets whole, of 1 the headers only"));
    EXPECT_EQ(asked("filter", "/api/v1/packets"), "ip.addr == 10.0.0.7");
    EXPECT_EQ(asked("bpf", "/api/v1/packets"), "tcp port 443");
    EXPECT_EQ(output_of("tshark -r " + file + " -T fields -e frame.interface_name"), "edge\nedge\nedge\n");
    EXPECT_THAT(run_api({"pcap", "--vault", "--strip-tunnel", "-w", file}).err, HasSubstr("no tunnel is around them"));
    page.mutable_legs(0)->set_segment("vlan 7 / vxlan 100 (192.0.2.1 > 192.0.2.2)");
    serve("/api/v1/packets", api_json(page));
    EXPECT_THAT(run_api({"pcap", "--vault", "--strip-tunnel", "-w", file}).err,
                testing::Not(HasSubstr("no tunnel is around them")));
    page.set_next_ns(sample_time_ns + 3);
    serve("/api/v1/packets", api_json(page));
    const Outcome limited = run_api({"pcap", "--vault", "--limit", "5", "-w", file});
    EXPECT_EQ(limited.code, 4);
    EXPECT_THAT(limited.err, HasSubstr("only the first 5 packets"));
    page.clear_packets();
    page.clear_next_ns();
    page.set_partial("sensor-b is not connected");
    serve("/api/v1/packets", api_json(page));
    std::remove(file.c_str());
    const Outcome none = run_api({"pcap", "--vault", "-w", file});
    EXPECT_EQ(none.code, 3);
    EXPECT_THAT(none.err, HasSubstr("sensor-b is not connected"));
    EXPECT_FALSE(std::ifstream(file).good());
    EXPECT_EQ(run_api({"pcap", "--bpf", "hots 1.2.3.4", "-w", file}).code, 2);
    EXPECT_EQ(run_api({"pcap", "-w", file}).code, 2);
}

TEST_F(Vault, PcapSaysWhyThereIsNothing) {
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(sample_path()));
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", api_json(sample_ladder()));
    const std::string file = testing::TempDir() + "vault_test_nothing.pcapng";
    std::remove(file.c_str());
    const Outcome none = run_api({"pcap", "9f3a11c04be7d210", "-w", file});
    EXPECT_EQ(none.code, 3);
    EXPECT_THAT(none.err, HasSubstr("give them a vault"));
    EXPECT_FALSE(std::ifstream(file).good());
    v1::Ladder partial = with_frames();
    partial.set_partial("sensor-b does not answer");
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", api_json(partial));
    const Outcome some = run_api({"pcap", "9f3a11c04be7d210", "-w", file});
    EXPECT_EQ(some.code, 4);
    EXPECT_THAT(some.err, HasSubstr("sensor-b does not answer"));
}

TEST_F(Vault, StatusTellsHorizonAndLosses) {
    v1::Status status = sample_status();
    serve("/api/v1/status", api_json(status));
    EXPECT_EQ(run_api({"vault", "status"}).code, 3);
    const auto add = [&](const char* name, std::uint64_t value) {
        v1::StatusCounter& counter = *status.mutable_observers(0)->add_counters();
        counter.set_name(name);
        counter.set_value(value);
        counter.set_text("text of " + std::string(name));
    };
    add("vault_headers", 1000);
    add("vault_header_bytes", 4500);
    add("vault_headers_oldest_ns", static_cast<std::uint64_t>(sample_time_ns));
    add("vault_headers_dropped_disk_full", 7);
    serve("/api/v1/status", api_json(status));
    const Outcome table = run_api({"vault", "status"});
    EXPECT_EQ(table.code, 0);
    EXPECT_THAT(table.out, HasSubstr("4.50"));
    EXPECT_THAT(table.out, HasSubstr("2023-11-14T22:13:20Z"));
    EXPECT_THAT(table.out, HasSubstr("7 text of vault_headers_dropped_disk_full"));
    const auto line = nlohmann::json::parse(run_api({"vault", "status", "--format", "jsonl"}).out);
    EXPECT_EQ(line["headers_dropped_disk_full"], 7);
    EXPECT_THAT(table.out, testing::Not(HasSubstr("TAP")));
    add("vault_packets", 10);
    add("vault_packet_bytes", 5'000);
    add("vault_packet_raw_bytes", 8'000);
    add("vault_packet_bytes_open", 123'000);
    add("vault_packets_dropped_backlog", 3);
    add("vault_tap_packets_kept", 12);
    status.mutable_observers(0)->mutable_counters()->rbegin()->set_tap("edge");
    serve("/api/v1/status", api_json(status));
    const Outcome both = run_api({"vault", "status"});
    EXPECT_THAT(both.out, HasSubstr("1.60 x"));
    EXPECT_THAT(both.out, HasSubstr("123.0 KB"));
    EXPECT_THAT(both.out, HasSubstr("WHOLE PACKETS BACK TO"));
    EXPECT_THAT(both.out, HasSubstr("3 text of vault_packets_dropped_backlog"));
    EXPECT_THAT(both.out, testing::Not(HasSubstr("RECORDS UNTIL")));
    add("vault_recordings", 1);
    add("vault_recording_1_until_ns", static_cast<std::uint64_t>(sample_time_ns));
    serve("/api/v1/status", api_json(status));
    const Outcome recording = run_api({"vault", "status"});
    EXPECT_THAT(recording.out, HasSubstr("RECORDS UNTIL"));
    EXPECT_THAT(recording.out, HasSubstr("text of vault_recording_1_until_ns"));
}

TEST_F(Vault, RecordTellsWhatEachSensorDoes) {
    v1::RecordingList list;
    v1::RecordingSensor& sensor = *list.add_sensors();
    sensor.set_observer("sensor-a");
    sensor.set_until_ns(sample_time_ns);
    list.set_id(255);
    const std::vector<std::string> words = {"vault", "record", "host 10.0.0.7", "--for", "10m", "--snap", "256"};
    serve("/api/v1/vault/recordings", api_json(list));
    const Outcome all = run_api(words);
    EXPECT_EQ(all.code, 0) << all.err;
    EXPECT_EQ(all.out, "sensor-a records until 2023-11-14T22:13:20Z\n");
    EXPECT_THAT(all.err, HasSubstr("recording 000000ff"));
    v1::RecordingSensor& other = *list.add_sensors();
    other.set_observer("sensor-b");
    other.set_refusal("it keeps no packet log");
    serve("/api/v1/vault/recordings", api_json(list));
    const Outcome some = run_api(words);
    EXPECT_EQ(some.code, 4);
    EXPECT_THAT(some.out, HasSubstr("sensor-b does not record: it keeps no packet log"));
    EXPECT_EQ(run_api({"vault", "record", "host 10.0.0.7", "--for", "soon"}).code, 2);
    EXPECT_EQ(run_api({"vault", "record", "host 10.0.0.7"}).code, 2);
}

TEST_F(Vault, ARecordingIsEndedByItsId) {
    v1::RecordingList list;
    v1::RecordingSensor& sensor = *list.add_sensors();
    sensor.set_observer("sensor-a");
    sensor.set_until_ns(sample_time_ns);
    serve("/api/v1/vault/recordings/5c0ffee5", api_json(list));
    const Outcome ended = run_api({"vault", "record", "--end", "5c0ffee5"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out, "sensor-a has ended it; what it kept stays\n");
    EXPECT_EQ(run_api({"vault", "record", "--end", "all"}).code, 2);
    EXPECT_EQ(run_api({"vault", "record", "--end", "5c0ffee5", "--for", "10m"}).code, 2);
    EXPECT_EQ(run_api({"vault", "record", "--for", "10m"}).code, 2) << "which packets?";
}

TEST(VaultArchive, PackedHeadersComeBack) {
    if (!has_tshark()) GTEST_SKIP() << "tshark is not installed";
    const std::string capture = testing::TempDir() + "vault_test.pcap";
    const std::string archive = testing::TempDir() + "vault_test.clvh";
    const std::string back = testing::TempDir() + "vault_test_back.pcapng";
    std::vector<Frame> packets =
        connection(endpoint("10.0.0.7:40000"), endpoint("192.0.2.1:443"), 64, 0, sample_time_ns);
    for (unsigned n = 0; n < 20; ++n)
        packets.push_back(
            {sample_time_ns + ns_per_s + n * ns_per_ms,
             ethernet(n % 2 == 0 ? udp(endpoint("10.0.0.7:5353"), endpoint("192.0.2.1:53"), 64, Bytes(20 + n))
                                 : udp(endpoint("192.0.2.1:53"), endpoint("10.0.0.7:5353"), 60, Bytes(30)))});
    write_capture(capture, packets);
    const Outcome packed = run({"vault", "pack", "edge=" + capture, "-o", archive});
    EXPECT_EQ(packed.code, 0) << packed.err;
    EXPECT_THAT(packed.err, HasSubstr("28 headers"));
    const Outcome unpacked = run({"vault", "unpack", archive, "-w", back});
    EXPECT_EQ(unpacked.code, 0) << unpacked.err;
    const std::string fields =
        " -T fields -E separator=, -e frame.time_epoch -e frame.len -e ip.src -e ip.dst -e ip.ttl -e ip.id -e ip.len "
        "-e ip.checksum -e udp.srcport -e udp.dstport -e udp.length -e tcp.srcport -e tcp.seq_raw -e tcp.ack_raw -e "
        "tcp.flags "
        "-e tcp.window_size_value -e tcp.hdr_len";
    EXPECT_EQ(output_of("tshark -r " + back + fields), output_of("tshark -r " + capture + fields));
    EXPECT_EQ(output_of("tshark -r " + back + " -c 1 -T fields -e frame.interface_name"), "edge\n");
    EXPECT_EQ(run({"vault", "unpack", capture, "-w", back}).code, 1);
}

}  // namespace
}  // namespace clew::cli
