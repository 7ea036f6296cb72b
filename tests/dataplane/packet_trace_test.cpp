// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_trace.h"

#include <gmock/gmock.h>

#include "tests/dataplane/frames.h"

namespace clew::sensor {
namespace {

using namespace frames;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> told;

struct Nowhere final : LegSink {
    bool offer(const Leg&) override { return true; }
};

const Bytes tunnelled =
    ethernet(1, 2, 0x8100,
             vlan(7, 0x0800,
                  ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17},
                       udp(5, 4789, vxlan(100, ethernet(3, 4, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {}, tcp({}))))))));

TEST(PacketTrace, TellsEveryStep) {
    const std::string text = trace_parsing(packet_of(tunnelled), {});
    EXPECT_THAT(text, HasSubstr("took off vlan 7\n"));
    EXPECT_THAT(text, HasSubstr("took off vxlan 100 (192.0.2.1 > 192.0.2.2)\n"));
    EXPECT_THAT(text, HasSubstr("IPv4 10.0.0.7 > 10.0.0.9, protocol 6, ttl 64, 40 bytes"));
    EXPECT_THAT(text, HasSubstr("ports 40000 > 80 SYN, seq 1000"));
    EXPECT_THAT(trace_parsing(packet_of(ethernet(1, 2, 0x0806, Bytes(28))), {}),
                HasSubstr("refused: frames that carry"));
    EXPECT_THAT(trace_parsing(packet_of(Bytes(5)), {}), HasSubstr("refused: frames that end inside"));
}

TEST(PacketTrace, OnlyTheFirstPacketsAndNoneIsLost) {
    told.clear();
    Nowhere sink;
    auto pipeline = Pipeline::create({.leg_count_max = 16, .header_count_max = 0}, sink);
    ASSERT_TRUE(pipeline);
    PacketTrace trace(2, {}, {"edge"}, [](const std::string& words) { told.push_back(words); });
    const std::vector<Packet> burst(3, packet_of(tunnelled));
    trace.pass(**pipeline, burst);
    EXPECT_TRUE(trace.over());
    trace.pass(**pipeline, burst);
    ASSERT_EQ(told.size(), 2u);
    EXPECT_THAT(told[0], HasSubstr("packet 1 at tap edge\n"));
    EXPECT_THAT(told[0], HasSubstr("legs_started +1"));
    EXPECT_THAT(told[1], HasSubstr("packet 2 at tap edge\n"));
    EXPECT_THAT(told[1], Not(HasSubstr("legs_started")));
    EXPECT_THAT(told[1], HasSubstr("packets_mirrored_twice +1"));
    for (const NamedCount& count : (*pipeline)->counters())
        if (count.name == "packets_received") {
            EXPECT_EQ(count.value, 6u);
        }
}

}  // namespace
}  // namespace clew::sensor
