// SPDX-License-Identifier: Apache-2.0
#include "dataplane/stream_notes.h"

#include <gtest/gtest.h>

namespace clew::sensor {
namespace {

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

class StreamNotesTest : public testing::Test {
  protected:
    void send(std::uint32_t seq, std::uint32_t length, TcpFlags flags = tcp_ack, std::uint16_t id = 1,
              std::uint8_t ttl = 64) {
        Transport tcp;
        tcp.seq = seq;
        tcp.payload_length = length;
        tcp.flags = flags;
        Decapped ip{};
        ip.ip_id = id;
        ip.ttl = ttl;
        note_segment(hot, cold, parts, 0, ip, tcp, noon);
        HotFlow& flow = hot.flows[0];
        const std::uint32_t end = seq + length + ((flags & tcp_syn) ? 1 : 0) + ((flags & tcp_fin) ? 1 : 0);
        if (flow.packets++ == 0 || static_cast<std::int32_t>(end - flow.next_seq) > 0) flow.next_seq = end;
        if (flags & tcp_syn) cold.flows[0].isn_from = IsnFrom::syn;
    }
    void SetUp() override { ASSERT_TRUE(parts.allocate(1, {}, false)); }
    const FlowOddities& flow() const { return parts.oddities(cold.flows[0]); }

    ReasonCounters counters;
    LegParts parts{counters};
    HotLeg hot{};
    ColdLeg cold{};
};

TEST_F(StreamNotesTest, WhatComesInOrderLeavesNoMark) {
    send(100, 0, tcp_syn);
    for (std::uint32_t n = 0; n < 20; ++n) send(101 + 10 * n, 10);
    send(301, 0, tcp_fin | tcp_ack);
    EXPECT_TRUE(flow().marks.empty());
}

TEST_F(StreamNotesTest, AHoleAndARepetitionAreMarked) {
    send(100, 0, tcp_syn);
    send(111, 10);
    send(111, 10, tcp_ack, 2);
    ASSERT_EQ(flow().marks.size(), 2u);
    EXPECT_EQ(flow().marks[0], (StreamMark{101, 10, 0, false, flow().marks[0].missing_ms}));
    EXPECT_EQ(flow().marks[1].copies, 2);
}

TEST_F(StreamNotesTest, APureAckBeyondWhatWasSeenShowsAHole) {
    send(100, 0, tcp_syn);
    send(131, 0);
    ASSERT_EQ(flow().marks.size(), 1u);
    EXPECT_EQ(flow().marks[0].length, 30u);
}

TEST_F(StreamNotesTest, AKeepAliveIsNoRepetition) {
    send(100, 0, tcp_syn);
    send(101, 10);
    send(110, 1);
    EXPECT_TRUE(flow().marks.empty());
}

TEST_F(StreamNotesTest, OnePacketWithAFallingTtlGoesRoundInALoop) {
    for (std::uint8_t ttl = 60; ttl > 50; --ttl) send(100, 0, tcp_syn, 77, ttl);
    EXPECT_EQ(flow().loop.laps, 9);
    EXPECT_EQ(flow().loop.ttl_first, 60);
    EXPECT_EQ(flow().loop.ttl_last, 51);
}

TEST_F(StreamNotesTest, ASynSentAgainIsNoLoop) {
    send(100, 0, tcp_syn, 77, 60);
    send(100, 0, tcp_syn, 78, 60);
    send(100, 0, tcp_syn, 0, 60);
    send(100, 0, tcp_syn, 0, 60);
    EXPECT_EQ(flow().loop.laps, 0);
}

TEST_F(StreamNotesTest, TheFirstResetIsKept) {
    send(100, 0, tcp_syn);
    send(101, 0, tcp_reset, 5, 33);
    send(101, 0, tcp_reset, 6, 44);
    EXPECT_EQ(flow().reset.time_ns, noon);
    EXPECT_EQ(flow().reset.ttl, 33);
    EXPECT_TRUE(flow().marks.empty());
}

}  // namespace
}  // namespace clew::sensor
