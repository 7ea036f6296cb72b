// SPDX-License-Identifier: Apache-2.0
// `clew vault` and `clew pcap`: archives there and back, and a path's packets as tshark reads them.
#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>
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
