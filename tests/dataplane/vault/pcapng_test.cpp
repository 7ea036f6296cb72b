// SPDX-License-Identifier: Apache-2.0
// Frames built back from records, and the pcapng they are written to, as tshark reads them.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "dataplane/vault/header_frame.h"
#include "wire/pcapng.h"

namespace clew::vault {
namespace {

std::string output_of(const std::string& command) {
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[4096];
    while (pipe && fgets(buffer, sizeof buffer, pipe)) text += buffer;
    return pipe && pclose(pipe) == 0 ? text : text + "(failed)";
}

HeaderRecord syn() {
    HeaderRecord r;
    r.time_ns = 1'700'000'000'123'456'789;
    r.ip_offset = 14;
    r.ip_length = 44;
    r.wire_length = 60;
    r.ip_id = 77;
    r.ttl = 61;
    r.ip_protocol = 6;
    r.ip_checksum = Checksum::good;
    r.seq = 1000;
    r.flags = 2;
    r.window = 64240;
    r.options = {2, 4, 5, 180};
    r.options_length = 4;
    r.tcp_offset = 0x60;
    return r;
}

LegLabel leg() {
    LegLabel label;
    label.low = IpAddress::from_v4(0x0a000001);
    label.high = IpAddress::from_v4(0x0a000002);
    label.port_low = 40000;
    label.port_high = 80;
    label.protocol = 6;
    return label;
}

TEST(Pcapng, OpensInTsharkWithIdsAndInterfaces) {
    if (std::system("command -v tshark > /dev/null") != 0) GTEST_SKIP() << "tshark is not installed";
    const std::string path = ::testing::TempDir() + "pcapng_test.pcapng";
    std::ofstream out(path, std::ios::binary);
    wire::PcapngWriter writer([&](std::span<const std::uint8_t> bytes) {
        return !!out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    });
    writer.section("clew", "two taps");
    const auto edge = writer.add_interface({"edge", "tap edge", 0});
    const auto lb = writer.add_interface({"lb", "tap lb", 0});
    std::vector<std::uint8_t> frame;
    for (const std::uint32_t interface : {edge, lb}) {
        HeaderRecord record = syn();
        record.ttl = static_cast<std::uint8_t>(record.ttl - interface);
        record.time_ns += interface * ns_per_us;
        build_frame(leg(), record, frame);
        writer.packet({interface, record.time_ns, 60, frame, 42, "hop " + std::to_string(interface)});
    }
    writer.statistics({edge, syn().time_ns, 1, 3, "drops of tap edge"});
    ASSERT_FALSE(writer.failed());
    out.close();
    const std::string fields =
        output_of("tshark -r " + path +
                  " -T fields -E separator=, -e frame.interface_name -e frame.packet_id -e frame.time_epoch " +
                  "-e ip.ttl -e tcp.seq_raw -e tcp.options.mss_val -e frame.comment -e frame.len 2>/dev/null");
    EXPECT_EQ(fields,
              "edge,42,1700000000.123456789,61,1000,1460,hop 0,60\n"
              "lb,42,1700000000.123457789,60,1000,1460,hop 1,60\n");
    const std::string checked =
        output_of("tshark -r " + path + " -o ip.check_checksum:TRUE -T fields -e ip.checksum.status -Y ip 2>/dev/null");
    EXPECT_EQ(checked, "1\n1\n");
    EXPECT_EQ(output_of("tshark -r " + path + " -Y '_ws.expert.severity >= 0x600000 or _ws.malformed' 2>/dev/null"),
              "");
    EXPECT_NE(output_of("capinfos " + path + " 2>/dev/null").find("pcapng"), std::string::npos);
}

TEST(HeaderFrame, DirectionsAndVlansAreBuiltBack) {
    LegLabel label = leg();
    label.segment.layer_count = 1;
    label.segment.layers[0] = {LayerType::vlan, true, 7, {}, {}};
    label.segment.client_mac.bytes = {2, 0, 0, 0, 0, 1};
    label.segment.server_mac.bytes = {2, 0, 0, 0, 0, 2};
    HeaderRecord record = syn();
    record.side = 1;
    record.ip_offset = 18;
    std::vector<std::uint8_t> frame;
    build_frame(label, record, frame);
    EXPECT_EQ(frame[5], 1);   // to the lower end
    EXPECT_EQ(frame[11], 2);  // from the higher
    EXPECT_EQ(frame[12], 0x81);
    EXPECT_EQ(frame[15], 7);
    EXPECT_EQ(frame[18 + 15], 2);  // source 10.0.0.2
    EXPECT_EQ(frame.size(), 18u + 20 + 24);
    EXPECT_EQ(built_wire_length(label, record), 60u);
    label.segment.layers[0].type = LayerType::vxlan;
    record.ip_offset = 14 + 50;
    record.wire_length = 110;
    EXPECT_EQ(built_wire_length(label, record), 60u);
    label.segment.layer_count = 0;
    record.ip_offset = 0;  // of a capture of bare IP
    EXPECT_EQ(built_wire_length(label, record), 14u + 110);
}

}  // namespace
}  // namespace clew::vault
