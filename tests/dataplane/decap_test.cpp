// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decap.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include <memory>

#include "dataplane/transport.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

using namespace frames;

const Bytes inner_tcp = tcp({});
const Bytes inner_ip = ipv4("10.0.0.7", "10.0.0.9", {}, inner_tcp);
const Bytes inner_ip6 = ipv6("2001:db8::7", "2001:db8::9", 6, inner_tcp);
const Bytes inner_frame = ethernet(5, 6, 0x0800, inner_ip);

/// Decaps a copy that ends exactly where the heap block ends, so that ASan sees any read beyond it.
struct Walked {
    explicit Walked(const Bytes& bytes, std::size_t captured) : copy(new std::uint8_t[captured]) {
        std::copy_n(bytes.begin(), captured, copy.get());
        packet.bytes = copy.get();
        packet.captured_length = static_cast<std::uint32_t>(captured);
        packet.wire_length = static_cast<std::uint32_t>(bytes.size());
        found = decap(packet, {});
        if (found.reason == Reason::none) transport = parse_transport(packet.bytes, found);
        segment = segment_of(packet.bytes, found);
    }
    explicit Walked(const Bytes& bytes) : Walked(bytes, bytes.size()) {}
    std::unique_ptr<std::uint8_t[]> copy;
    Packet packet;
    Decapped found;
    Transport transport;
    Segment segment;
};

void expect_inner(const Walked& run) {
    ASSERT_EQ(run.found.reason, Reason::none) << reason_name(run.found.reason);
    ASSERT_EQ(run.transport.reason, Reason::none) << reason_name(run.transport.reason);
    EXPECT_EQ(run.transport.source_port, 40000);
    EXPECT_EQ(run.transport.destination_port, 80);
    EXPECT_EQ(run.transport.seq, 1000u);
    EXPECT_EQ(run.transport.payload_length, 0u);
}

TEST(Decap, PlainFrameHasNoLayers) {
    const Walked run(inner_frame);
    expect_inner(run);
    EXPECT_EQ(to_text(run.segment), "-");
    EXPECT_EQ(to_text(run.segment.client_mac), "02:00:00:00:00:05");
    EXPECT_EQ(to_text(run.segment.server_mac), "02:00:00:00:00:06");
    EXPECT_EQ(run.found.ip_length, 40u);
    EXPECT_EQ(run.found.ttl, 64);
}

TEST(Decap, PaddingBehindAShortPacketIsNoPayload) {
    const Walked run(join(inner_frame, Bytes(20, 0xee)));
    expect_inner(run);
    EXPECT_EQ(run.transport.payload_captured, 0u);
}

TEST(Decap, VlanStacksAreLayersAndPriorityTagsAreNot) {
    const Walked run(ethernet(5, 6, 0x88a8, vlan(7, 0x8100, vlan(100, 0x8100, vlan(0xe000, 0x0800, inner_ip)))));
    expect_inner(run);
    EXPECT_EQ(to_text(run.segment), "vlan 7 / vlan 100");
}

TEST(Decap, VxlanInVlan) {
    const Bytes outer = ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, udp(55555, 4789, vxlan(100, inner_frame)));
    const Walked run(ethernet(1, 2, 0x8100, vlan(7, 0x0800, outer)));
    expect_inner(run);
    EXPECT_EQ(to_text(run.segment), "vlan 7 / vxlan 100 (192.0.2.1 > 192.0.2.2)");
    EXPECT_EQ(to_text(run.segment.client_mac), "02:00:00:00:00:05") << "the innermost Ethernet header";
}

TEST(Decap, VxlanOverIpv6AndPortWithoutFlagIsPlainUdp) {
    const Walked run(
        ethernet(1, 2, 0x86dd, ipv6("2001:db8::1", "2001:db8::2", 17, udp(5, 4789, vxlan(9, inner_frame)))));
    expect_inner(run);
    EXPECT_EQ(to_text(run.segment), "vxlan 9 (2001:db8::1 > 2001:db8::2)");
    Bytes not_vxlan = vxlan(9, inner_frame);
    not_vxlan[0] = 0;
    const Walked plain(
        ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, udp(5, 4789, not_vxlan))));
    EXPECT_EQ(plain.found.reason, Reason::none);
    EXPECT_EQ(plain.transport.destination_port, 4789);
    EXPECT_EQ(plain.segment.layer_count, 0);
}

TEST(Decap, GeneveCarriesEthernetOrIpBehindOptions) {
    const auto outer = [](const Bytes& inside) {
        return ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, udp(9, 6081, inside)));
    };
    expect_inner(Walked(outer(geneve(5, 0x6558, Bytes(12, 0xff), inner_frame))));
    expect_inner(Walked(outer(geneve(5, 0x0800, {}, inner_ip))));
    const Walked v6(outer(geneve(5, 0x86dd, Bytes(4, 1), inner_ip6)));
    expect_inner(v6);
    EXPECT_TRUE(v6.found.v6);
    EXPECT_EQ(to_text(v6.segment), "geneve 5 (192.0.2.1 > 192.0.2.2)");
    EXPECT_EQ(Walked(outer(geneve(5, 0x1234, {}, inner_ip))).found.reason, Reason::geneve_payload_unsupported);
}

TEST(Decap, GreWithEveryOptionalField) {
    const auto outer = [](const Bytes& inside) {
        return ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 47}, inside));
    };
    for (const unsigned flags : {0x0000u, 0x8000u, 0x2000u, 0x1000u, 0xa000u, 0xb000u}) {
        const Walked run(outer(gre(flags, 0x0800, 77, inner_ip)));
        expect_inner(run);
        EXPECT_EQ(overlay_id(run.segment).has_value(), (flags & 0x2000) != 0);
    }
    expect_inner(Walked(outer(gre(0x2000, 0x6558, 77, inner_frame))));
    EXPECT_EQ(Walked(outer(gre(0x0001, 0x880b, 0, inner_ip))).found.reason, Reason::gre_version_unsupported);
    EXPECT_EQ(Walked(outer(gre(0x0000, 0x0806, 0, inner_ip))).found.reason, Reason::gre_payload_unsupported);
}

TEST(Decap, IpInIpInEveryNesting) {
    expect_inner(Walked(ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 4}, inner_ip))));
    expect_inner(Walked(ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 41}, inner_ip6))));
    expect_inner(Walked(ethernet(1, 2, 0x86dd, ipv6("2001:db8::1", "2001:db8::2", 4, inner_ip))));
    const Walked deep(ethernet(1, 2, 0x86dd, ipv6("2001:db8::1", "2001:db8::2", 41, inner_ip6)));
    expect_inner(deep);
    EXPECT_EQ(to_text(deep.segment), "ipip (2001:db8::1 > 2001:db8::2)");
}

Bytes nested(unsigned layers) {
    Bytes packet = inner_ip;
    for (unsigned i = 0; i < layers; ++i) packet = ipv4("192.0.2.1", "192.0.2.2", {.protocol = 4}, packet);
    return ethernet(1, 2, 0x0800, packet);
}

TEST(Decap, EightLayersAndNotNine) {
    expect_inner(Walked(nested(8)));
    EXPECT_EQ(Walked(nested(9)).found.reason, Reason::layers_too_many);
}

TEST(Decap, HeaderOptionsAndExtensionsAreSkipped) {
    expect_inner(Walked(ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {.options = Bytes(40, 1)}, inner_tcp))));
    const Bytes hop_by_hop = {43, 0, 1, 4, 0, 0, 0, 0}, routing = {44, 0, 0, 0, 0, 0, 0, 0},
                first_fragment = {60, 0, 0, 1, 0, 0, 0, 9}, options = {6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const Bytes chain = join(join(join(hop_by_hop, routing), first_fragment), options);
    const Walked run(ethernet(1, 2, 0x86dd, ipv6("2001:db8::7", "2001:db8::9", 0, join(chain, inner_tcp))));
    expect_inner(run);
    EXPECT_TRUE(run.found.first_fragment);
}

TEST(Decap, LaterFragmentsAreCountedAndNeverParsed) {
    EXPECT_EQ(
        Walked(ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {.fragment = 0x2001}, inner_tcp))).found.reason,
        Reason::ip_fragments_later);
    expect_inner(Walked(ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {.fragment = 0x2000}, inner_tcp))));
    const Bytes later = {6, 0, 0, 8, 0, 0, 0, 9};
    EXPECT_EQ(Walked(ethernet(1, 2, 0x86dd, ipv6("::1", "::2", 44, join(later, inner_tcp)))).found.reason,
              Reason::ip_fragments_later);
}

TEST(Decap, LiesAreRefusedWithTheirReason) {
    EXPECT_EQ(Walked(ethernet(1, 2, 0x0806, Bytes(28))).found.reason, Reason::ethertype_unsupported);
    Bytes bad = inner_frame;
    bad[14] = 0x44;
    EXPECT_EQ(Walked(bad).found.reason, Reason::ip_header_bad);
    bad = inner_frame;
    bad[17] = 10;
    EXPECT_EQ(Walked(bad).found.reason, Reason::ip_header_bad);
    bad = inner_frame;
    bad[14 + 20 + 12] = 0xf0;
    EXPECT_EQ(Walked(bad).transport.reason, Reason::tcp_header_bad);
    EXPECT_EQ(
        Walked(ethernet(1, 2, 0x0800, ipv4("10.0.0.1", "10.0.0.2", {.protocol = 132}, Bytes(20)))).transport.reason,
        Reason::ip_protocol_unsupported);
    Bytes datagram = udp(1, 2, Bytes(4));
    datagram[5] = 200;
    EXPECT_EQ(Walked(ethernet(1, 2, 0x0800, ipv4("10.0.0.1", "10.0.0.2", {.protocol = 17}, datagram))).transport.reason,
              Reason::udp_length_bad);
}

TEST(Decap, EveryTruncationOfADeepFrameIsSafeAndLengthsAreAsSent) {
    const Bytes payload(100, 'x');
    const Bytes inside = ethernet(
        5, 6, 0x86dd,
        ipv6("2001:db8::7", "2001:db8::9", 6, tcp({.options = {8, 10, 0, 0, 0, 1, 0, 0, 0, 2}, .payload = payload})));
    const Bytes in_gre = ipv4("198.51.100.1", "198.51.100.2", {.protocol = 47}, gre(0xb000, 0x6558, 3, inside));
    const Bytes in_geneve =
        ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, udp(9, 6081, geneve(5, 0x0800, Bytes(8), in_gre)));
    const Bytes frame = ethernet(1, 2, 0x8100, vlan(7, 0x0800, in_geneve));
    unsigned parsed = 0;
    for (std::size_t captured = 0; captured <= frame.size(); ++captured) {
        const Walked run(frame, captured);
        if (run.found.reason != Reason::none || run.transport.reason != Reason::none) continue;
        ++parsed;
        EXPECT_EQ(run.transport.payload_length, 100u);
        EXPECT_LE(run.transport.payload_offset + run.transport.payload_captured, captured);
        EXPECT_EQ(to_text(run.segment),
                  "vlan 7 / geneve 5 (192.0.2.1 > 192.0.2.2) / gre 3 (198.51.100.1 > 198.51.100.2)");
    }
    EXPECT_EQ(parsed, 100u + 12 + 1) << "from the whole fixed TCP header on";
}

/// Plain frames and spoilt ones, cut anywhere: the short cut finds what the walk finds, or leaves it to the walk.
TEST(Decap, TheShortCutFindsWhatTheWalkFinds) {
    std::mt19937 random(static_cast<std::uint32_t>(printed_seed()));
    const auto below = [&](std::size_t limit) { return static_cast<unsigned>(random() % limit); };
    unsigned found_count = 0;
    for (int round = 0; round < 200'000; ++round) {
        const Bytes bare =
            ethernet(3, 4, 0x0800, ipv4("10.0.0.1", "10.0.0.2", {}, tcp({.payload = Bytes(below(20), 'x')})));
        const Bytes tunnel = udp(49152, 4789, vxlan(below(1u << 24), bare));
        Bytes frame =
            below(2) == 0 ? bare : ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, tunnel));
        for (unsigned spoilt = below(3); spoilt > 0; --spoilt)
            frame[below(std::min<std::size_t>(frame.size(), 100))] = static_cast<std::uint8_t>(random());
        if (below(4) == 0) frame.resize(below(frame.size() + 1));
        if (below(4) == 0) frame.resize(frame.size() + below(20));  // padding
        const Packet packet = packet_of(frame);
        Decapped quick, walked;
        decap(packet, {}, quick);
        walk_layers(packet, {}, walked);
        ASSERT_EQ(quick.reason, walked.reason);
        if (quick.reason != Reason::none) continue;
        ++found_count;
        ASSERT_EQ(quick.layer_count, walked.layer_count);
        ASSERT_EQ(segment_of(frame.data(), quick), segment_of(frame.data(), walked));
        ASSERT_EQ(quick.v6, walked.v6);
        ASSERT_EQ(quick.first_fragment, walked.first_fragment);
        ASSERT_EQ(quick.protocol, walked.protocol);
        ASSERT_EQ(quick.ttl, walked.ttl);
        ASSERT_EQ(quick.ip_id, walked.ip_id);
        ASSERT_EQ(quick.addresses_offset, walked.addresses_offset);
        ASSERT_EQ(quick.transport_offset, walked.transport_offset);
        ASSERT_EQ(quick.end_offset, walked.end_offset);
        ASSERT_EQ(quick.ip_length, walked.ip_length);
        ASSERT_EQ(quick.transport_length, walked.transport_length);
    }
    EXPECT_GT(found_count, 50'000u);
}

}  // namespace
}  // namespace clew::sensor
