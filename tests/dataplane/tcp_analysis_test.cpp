// SPDX-License-Identifier: Apache-2.0
// TCP analysis as properties: segments in, what they mean out.
#include "dataplane/tcp_analysis.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "dataplane/tcp_flow.h"
#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

constexpr std::uint8_t syn = tcp_syn, ack = tcp_ack, fin = tcp_fin, reset = tcp_reset;

/// One side's segment; `options` are bytes of a real header.
struct Segment {
    std::uint32_t seq = 0, ack = 0, length = 0;
    std::uint8_t flags = tcp_ack;
    std::uint16_t window = 1000;
    std::uint8_t ttl = 64;
    std::uint16_t ip_id = 1;
    std::vector<std::uint8_t> options = {};
};

/// A leg's parts without the pipeline around them. Side 0 is the client.
struct Leg {
    HotLeg hot{};
    ReasonCounters counters;
    LegParts parts{counters};
    TcpHandshake shake{};
    TcpLeg tcp{};
    TimeNs now = 1'000 * ns_per_s;
    bool always_closely = false;

    explicit Leg(const LegPartShares& shares = {}) {
        EXPECT_TRUE(parts.allocate(1, shares, false));
        hot.protocol = static_cast<std::uint8_t>(Protocol::tcp);
        for (HotFlow& flow : hot.flows) flow.tcp_bits = tcp_scale_unknown;
    }

    SegmentFindings send(Side side, const Segment& segment) {
        Transport transport;
        transport.seq = segment.seq;
        transport.ack = segment.ack;
        transport.flags = segment.flags;
        transport.window = segment.window;
        transport.payload_length = segment.length;
        transport.options_length = static_cast<std::uint16_t>(segment.options.size());
        const SeenSegment seen{&transport, segment.options.data(), now, segment.ip_id, segment.ttl, side};
        SegmentFindings found;
        if (always_closely || !follow_plain(hot, transport, side, now, found))
            found = look_closely(hot, {shake, tcp, parts}, seen);
        ++hot.flows[side].packets;
        hot.times[side] = now;
        hot.flows[side].last_ttl = segment.ttl;
        hot.flows[side].last_ip_id = segment.ip_id;
        note_flags(hot, side, transport);
        return found;
    }
    std::uint32_t client(const Segment& segment) { return send(0, segment).notes; }
    std::uint32_t server(const Segment& segment) { return send(1, segment).notes; }
    void wait(DurationNs span) { now += span; }

    void handshake(std::uint8_t client_scale = 0xff, std::uint8_t server_scale = 0xff) {
        const auto option = [](std::uint8_t scale) {
            return scale == 0xff ? std::vector<std::uint8_t>{} : std::vector<std::uint8_t>{3, 3, scale, 1};
        };
        client({.seq = 99, .flags = syn, .options = option(client_scale)});
        wait(ns_per_ms);
        server({.seq = 499, .ack = 100, .flags = syn | ack, .options = option(server_scale)});
        wait(4 * ns_per_ms);
        client({.seq = 100, .ack = 500});
    }
    const TcpOddities& to_server() const { return parts.oddities(tcp.sides[0]); }
    const TcpOddities& to_client() const { return parts.oddities(tcp.sides[1]); }
};

TEST(TcpAnalysis, TheHandshakeHasTwoHalves) {
    Leg leg;
    leg.handshake();
    EXPECT_EQ(leg.shake.server, ns_per_ms);
    EXPECT_EQ(leg.shake.client, 4 * ns_per_ms);
    EXPECT_EQ(leg.shake.whole, 5 * ns_per_ms);
}

TEST(TcpAnalysis, AnAckGivesTheRoundTripOfTheSideItIsFor) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    leg.wait(3200);
    EXPECT_EQ(leg.send(1, {.seq = 500, .ack = 110, .length = 5}).rtt_ns, 3200);
    leg.wait(160'000);
    EXPECT_EQ(leg.send(0, {.seq = 110, .ack = 505}).rtt_ns, 160'000);
}

TEST(TcpAnalysis, AnAnswerIsTimedFromTheRequestsLastByte) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    leg.wait(ns_per_ms);
    leg.client({.seq = 110, .ack = 500, .length = 10});
    leg.wait(7 * ns_per_ms);
    EXPECT_EQ(leg.send(1, {.seq = 500, .ack = 120}).response_ns, -1);  // only an ACK
    leg.wait(ns_per_ms);
    EXPECT_EQ(leg.send(1, {.seq = 500, .ack = 120, .length = 5}).response_ns, 8 * ns_per_ms);
    EXPECT_EQ(leg.send(1, {.seq = 505, .ack = 120, .length = 5}).response_ns, -1);  // it goes on
}

TEST(TcpAnalysis, AVeryLongAnswerIsNotLeftOut) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    leg.wait(3600 * ns_per_s);
    EXPECT_EQ(leg.send(1, {.seq = 500, .ack = 110, .length = 5}).response_ns, 3600 * ns_per_s);
}

TEST(TcpAnalysis, ARepeatedSegmentGivesNoRoundTrip) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    leg.wait(300 * ns_per_ms);
    EXPECT_EQ(leg.client({.seq = 100, .ack = 500, .length = 10}), tcp_retransmission);
    leg.wait(ns_per_ms);
    EXPECT_EQ(leg.send(1, {.seq = 500, .ack = 110}).rtt_ns, -1);
    EXPECT_EQ(leg.to_server().retransmissions_timeout, 1u);
}

TEST(TcpAnalysis, ASelectiveAckGivesTheRoundTripThatACumulativeOneHides) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    leg.server({.seq = 500, .ack = 110});
    leg.client({.seq = 110, .ack = 500, .length = 10});
    leg.wait(5 * ns_per_ms);
    const std::vector<std::uint8_t> block = {1, 1, 5, 10, 0, 0, 0, 110, 0, 0, 0, 120};
    EXPECT_EQ(leg.send(1, {.seq = 500, .ack = 110, .options = block}).rtt_ns, 5 * ns_per_ms);
}

TEST(TcpAnalysis, DuplicateAcksMakeARetransmissionFast) {
    Leg leg;
    leg.handshake();
    for (std::uint32_t i = 0; i < 5; ++i) leg.client({.seq = 100 + 10 * i, .ack = 500, .length = 10});
    leg.wait(10 * ns_per_ms);
    leg.server({.seq = 500, .ack = 110});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(leg.server({.seq = 500, .ack = 110}), tcp_duplicate_ack);
    leg.wait(ns_per_ms);
    EXPECT_EQ(leg.client({.seq = 110, .ack = 500, .length = 10}), tcp_fast_retransmission);
    EXPECT_EQ(leg.to_server().retransmissions_fast, 1u);
    EXPECT_EQ(leg.to_client().duplicate_acks, 3u);
}

TEST(TcpAnalysis, WhatWasAcknowledgedIsRepeatedForNothing) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    leg.server({.seq = 500, .ack = 110});
    leg.wait(ns_per_s);
    EXPECT_EQ(leg.client({.seq = 100, .ack = 500, .length = 10}), tcp_spurious_retransmission);
}

TEST(TcpAnalysis, AHoleFilledSoonWasDisorderAndFilledLateWasLossUpstream) {
    Leg leg;
    leg.handshake();  // 5 ms
    leg.client({.seq = 110, .ack = 500, .length = 10});
    leg.wait(ns_per_ms);
    SegmentFindings found = leg.send(0, {.seq = 100, .ack = 500, .length = 10});
    EXPECT_EQ(found.notes, tcp_out_of_order);
    EXPECT_TRUE(found.advances);
    leg.client({.seq = 130, .ack = 500, .length = 10});
    leg.wait(200 * ns_per_ms);
    found = leg.send(0, {.seq = 120, .ack = 500, .length = 10});
    EXPECT_EQ(found.notes, tcp_retransmission);
    EXPECT_TRUE(found.advances);  // this tap never saw these bytes
    EXPECT_EQ(leg.to_server().losses_upstream, 1u);
    EXPECT_EQ(leg.to_server().out_of_order, 1u);
}

TEST(TcpAnalysis, BytesSeenBeforeAreNeverOutOfOrder) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    leg.client({.seq = 110, .ack = 500, .length = 10});
    leg.wait(ns_per_ms);
    const SegmentFindings found = leg.send(0, {.seq = 100, .ack = 500, .length = 10});
    EXPECT_EQ(found.notes, tcp_retransmission);
    EXPECT_FALSE(found.advances);
}

TEST(TcpAnalysis, WindowsCloseFillAndAreProbed) {
    Leg leg;
    leg.handshake(2, 2);
    leg.server({.seq = 500, .ack = 100, .window = 5});
    EXPECT_EQ(leg.client({.seq = 100, .ack = 500, .length = 19}), 0u);
    EXPECT_EQ(leg.client({.seq = 119, .ack = 500, .length = 1}), tcp_window_full);
    EXPECT_EQ(leg.server({.seq = 500, .ack = 120, .window = 0}), tcp_zero_window);
    EXPECT_EQ(leg.client({.seq = 120, .ack = 500, .length = 1}), tcp_zero_window_probe);
    EXPECT_EQ(leg.server({.seq = 500, .ack = 120, .window = 0}) & tcp_zero_window_probe_ack, tcp_zero_window_probe_ack);
    EXPECT_EQ(leg.client({.seq = 120, .ack = 500, .length = 1}), tcp_zero_window_probe);
}

TEST(TcpAnalysis, KeepAlivesAreNoRetransmissions) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    leg.server({.seq = 500, .ack = 110});
    leg.wait(60 * ns_per_s);
    EXPECT_EQ(leg.client({.seq = 109, .ack = 500}), tcp_keep_alive);
    EXPECT_EQ(leg.server({.seq = 500, .ack = 110}), tcp_keep_alive_ack);
    EXPECT_EQ(leg.client({.seq = 109, .ack = 500, .length = 1}), tcp_keep_alive);
}

TEST(TcpAnalysis, AcknowledgedAndNeverSeenIsAGapOfTheCapture) {
    Leg leg;
    leg.handshake();
    leg.client({.seq = 100, .ack = 500, .length = 10});
    EXPECT_EQ(leg.server({.seq = 500, .ack = 150}), tcp_capture_gap);
    EXPECT_EQ(leg.server({.seq = 500, .ack = 160, .length = 5}), tcp_capture_gap);
    EXPECT_EQ(leg.to_server().capture_gap_bytes, 50u);
    EXPECT_EQ(leg.client({.seq = 170, .ack = 505, .length = 10}), 0u);
    EXPECT_EQ(leg.server({.seq = 505, .ack = 180}), tcp_capture_gap);
    EXPECT_EQ(leg.to_server().capture_gaps, 3u);
    EXPECT_EQ(leg.to_server().retransmissions_timeout, 0u);
}

TEST(TcpAnalysis, OneDirectionAloneInventsNothing) {
    Leg leg;
    leg.client({.seq = 99, .flags = syn});
    leg.wait(ns_per_ms);
    for (std::uint32_t i = 0; i < 100; ++i) {
        leg.wait(ns_per_ms);
        const SegmentFindings found = leg.send(0, {.seq = 100 + i, .ack = 500 + 700 * i, .length = 1});
        EXPECT_EQ(found.notes, 0u);
        EXPECT_EQ(found.rtt_ns, -1);
    }
    EXPECT_EQ(leg.tcp.sides[1].oddities, 0u);
    EXPECT_EQ(leg.tcp.sides[1].resets, 0u);
    EXPECT_EQ(leg.tcp.sides[1].rtt.count, 0u);
    EXPECT_EQ(leg.shake.client, 0);
    EXPECT_EQ(leg.shake.whole, 2 * ns_per_ms);
}

TEST(TcpAnalysis, AResetsTtlTellsWhoSentIt) {
    Leg from_host, from_between, alone;
    for (Leg* leg : {&from_host, &from_between}) leg->handshake();
    from_host.server({.seq = 500, .flags = reset, .ttl = 64, .ip_id = 2});
    EXPECT_EQ(from_host.tcp.reset_origin, ResetOrigin::endpoint);
    EXPECT_FALSE(from_host.tcp.reset_ip_id_apart);
    from_between.server({.seq = 500, .flags = reset, .ttl = 61, .ip_id = 40'000});
    EXPECT_EQ(from_between.tcp.reset_origin, ResetOrigin::between);
    EXPECT_EQ(from_between.tcp.reset_ttl_ahead, -3);
    EXPECT_TRUE(from_between.tcp.reset_ip_id_apart);
    alone.client({.flags = syn});
    alone.server({.flags = reset | ack});
    EXPECT_EQ(alone.tcp.reset_origin, ResetOrigin::unknown);
}

TEST(TcpAnalysis, SequenceNumbersWrap) {
    Leg leg;
    leg.client({.seq = 0xffffffe0, .ack = 1, .length = 16});
    leg.client({.seq = 0xfffffff0, .ack = 1, .length = 32});
    leg.wait(ns_per_ms);
    const SegmentFindings found = leg.send(1, {.seq = 1, .ack = 0x10});
    EXPECT_EQ(found.notes, 0u);
    EXPECT_EQ(found.rtt_ns, ns_per_ms);
    leg.wait(ns_per_s);
    EXPECT_EQ(leg.client({.seq = 0xfffffff0, .ack = 1, .length = 32}), tcp_spurious_retransmission);
}

TEST(TcpAnalysis, WithoutAPlaceForItAnOddityIsStillToldAndItsLossCounted) {
    Leg leg(LegPartShares{.tcp_oddities = 0});
    leg.handshake();
    leg.client({.seq = 110, .ack = 500, .length = 10});  // skips ten bytes
    EXPECT_EQ(leg.counters.value(Reason::tcp_oddities_short), 1u);
    EXPECT_FALSE(leg.hot.is(leg_has_holes));
    EXPECT_EQ(leg.server({.seq = 500, .ack = 120}), 0u);
    leg.wait(ns_per_s);
    EXPECT_EQ(leg.client({.seq = 110, .ack = 500, .length = 10}), tcp_spurious_retransmission);
    EXPECT_EQ(leg.to_server().retransmissions_spurious, 0u);
    EXPECT_EQ(leg.counters.value(Reason::tcp_oddities_short), 2u);
}

/// Random talk, now and then lost, repeated or out of order: the plain path must not change what comes out.
TEST(TcpAnalysis, ThePlainPathAndTheCloseLookAgree) {
    std::mt19937_64 random(printed_seed());
    const auto below = [&](std::uint64_t limit) { return static_cast<std::uint32_t>(random() % limit); };
    for (int talk = 0; talk < 300; ++talk) {
        Leg fast, slow;
        slow.always_closely = true;
        std::uint32_t next[2] = {below(5) == 0 ? 0xffffff00u : 1000, 9000};
        std::uint32_t seen[2] = {next[0], next[1]};
        unsigned plain = 0;
        for (int step = 0; step < 400; ++step) {
            const Side side = static_cast<Side>(below(2));
            Segment segment{.seq = next[side], .ack = seen[side ^ 1], .length = below(3) * below(100)};
            if (below(20) == 0) segment.seq -= below(300);
            if (below(40) == 0) next[side] += 100;  // lost before the tap
            if (below(30) == 0) segment.window = static_cast<std::uint16_t>(below(3));
            if (below(60) == 0) segment.flags = static_cast<std::uint8_t>(below(2) ? syn | ack : fin | ack);
            if (segment.seq == next[side]) next[side] += segment.length;
            if (below(3) != 0) seen[side] = next[side];
            fast.wait(below(2) * below(10'000'000));
            slow.now = fast.now;
            const HotLeg before = fast.hot;
            const SegmentFindings a = fast.send(side, segment), b = slow.send(side, segment);
            plain += std::memcmp(&before, &fast.hot, sizeof before) != 0 && a.notes == 0;
            ASSERT_EQ(a.notes, b.notes) << "talk " << talk << " step " << step;
            ASSERT_EQ(a.advances, b.advances) << "talk " << talk << " step " << step;
            ASSERT_EQ(a.rtt_ns, b.rtt_ns) << "talk " << talk << " step " << step;
            ASSERT_EQ(a.response_ns, b.response_ns) << "talk " << talk << " step " << step;
            ASSERT_EQ(std::memcmp(&fast.hot, &slow.hot, sizeof fast.hot), 0) << "talk " << talk << " step " << step;
        }
        EXPECT_GT(plain, 0u);
    }
}

TEST(DelayStatistics, QuantilesLieInTheirBinsAndMergingAddsUp) {
    DelayStatistics low, high;
    for (int i = 1; i <= 1000; ++i) low.add(i * ns_per_us);
    high.add(3600 * ns_per_s);
    EXPECT_NEAR(static_cast<double>(low.quantile(0.5)), 500e3, 130e3);
    EXPECT_NEAR(static_cast<double>(low.quantile(0.99)), 990e3, 260e3);
    low.merge(high);
    EXPECT_EQ(low.count, 1001u);
    EXPECT_EQ(low.max_ns, 3600 * ns_per_s);
    EXPECT_EQ(low.quantile(1.0), 3600 * ns_per_s);
    EXPECT_EQ(low.sum_ns, 500'500 * ns_per_us + 3600 * ns_per_s);
}

TEST(DelayStatistics, EveryDelayHasABinThatHoldsIt) {
    for (unsigned bits = 0; bits < 62; ++bits)
        for (const DurationNs near : {DurationNs{-1}, DurationNs{0}, DurationNs{1}}) {
            const DurationNs delay = (DurationNs{1} << bits) + near;
            const std::size_t bin = delay_bin_of(delay);
            ASSERT_LT(bin, delay_bin_count);
            EXPECT_GE(delay, delay_bin_floor(bin));
            if (bin + 1 == delay_bin_count) continue;
            EXPECT_LT(delay, delay_bin_floor(bin + 1));
        }
}

}  // namespace
}  // namespace clew::sensor
