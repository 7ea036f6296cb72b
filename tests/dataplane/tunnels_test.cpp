// SPDX-License-Identifier: Apache-2.0
// Every encapsulation beyond the common ones, written by hand from its RFC, alone and in another.
#include <gtest/gtest.h>

#include <memory>

#include "dataplane/bytes.h"
#include "dataplane/decap.h"
#include "dataplane/erspan_header.h"
#include "dataplane/transport.h"
#include "tests/dataplane/frames.h"

namespace clew::sensor {
namespace {

using namespace frames;

const Bytes inner_tcp = tcp({});
const Bytes inner_ip = ipv4("10.0.0.7", "10.0.0.9", {}, inner_tcp);
const Bytes inner_ip6 = ipv6("2001:db8::7", "2001:db8::9", 6, inner_tcp);
const Bytes inner_frame = ethernet(5, 6, 0x0800, inner_ip);

Bytes on_ip(unsigned protocol, const Bytes& inside) {
    return ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = protocol}, inside));
}
Bytes on_udp(unsigned port, const Bytes& inside) { return on_ip(17, udp(50000, port, inside)); }

/// The stack as text when the inner packet was found, else the reason's name. The frame ends where its heap block ends.
std::string told(const Bytes& frame, const DecapSettings& settings = {}, LinkType link = LinkType::ethernet) {
    const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[frame.size()]);
    std::copy(frame.begin(), frame.end(), copy.get());
    Packet packet;
    packet.bytes = copy.get();
    packet.captured_length = packet.wire_length = static_cast<std::uint32_t>(frame.size());
    packet.link = link;
    const Decapped found = decap(packet, settings);
    if (found.reason != Reason::none) return std::string(reason_name(found.reason));
    const Transport transport = parse_transport(packet.bytes, found);
    const bool inner = transport.reason == Reason::none && transport.source_port == 40000 &&
                       transport.destination_port == 80 && transport.seq == 1000;
    return inner ? to_text(segment_of(packet.bytes, found)) : "another packet";
}

DecapSettings with_port(UdpTunnel kind, std::uint16_t port) {
    DecapSettings settings;
    EXPECT_TRUE(settings.ports.set(kind, {&port, 1}));
    return settings;
}

const std::string ends = " (192.0.2.1 > 192.0.2.2)";

TEST(Tunnels, VxlanWithGroupPolicyAndOnOtherPorts) {
    Bytes grouped = vxlan(100, inner_frame);
    grouped[0] = 0x88;
    grouped[3] = 17;
    EXPECT_EQ(told(on_udp(4789, grouped)), "vxlan 100" + ends);
    const DecapSettings settings = with_port(UdpTunnel::vxlan, 8472);
    EXPECT_EQ(told(on_udp(8472, grouped), settings), "vxlan 100" + ends);
    EXPECT_EQ(told(on_udp(4789, grouped), settings), "another packet");
}

TEST(Tunnels, VxlanGpeCarriesIpEthernetNshAndMpls) {
    const auto gpe = [](std::uint8_t protocol, const Bytes& inside) {
        Bytes header = vxlan(7, inside);
        header[0] = 0x0c;
        header[3] = protocol;
        return header;
    };
    EXPECT_EQ(told(on_udp(4790, gpe(1, inner_ip))), "vxlan 7" + ends);
    EXPECT_EQ(told(on_udp(4790, gpe(2, inner_ip6))), "vxlan 7" + ends);
    EXPECT_EQ(told(on_udp(4790, gpe(3, inner_frame))), "vxlan 7" + ends);
    EXPECT_EQ(told(on_udp(4789, gpe(3, inner_frame))), "vxlan 7" + ends) << "the P flag tells, on either port";
    EXPECT_EQ(told(on_udp(4790, gpe(4, nsh(99, 1, inner_ip)))), "vxlan 7" + ends + " / nsh 99");
    EXPECT_EQ(told(on_udp(4790, gpe(5, mpls(16, true, inner_ip)))), "vxlan 7" + ends + " / mpls 16");
    EXPECT_EQ(told(on_udp(4790, gpe(9, inner_ip))), "vxlan_payload_unsupported");
}

TEST(Tunnels, Nsh) {
    EXPECT_EQ(told(ethernet(1, 2, 0x894f, nsh(99, 3, inner_frame))), "nsh 99");
    EXPECT_EQ(told(ethernet(1, 2, 0x894f, nsh(99, 2, inner_ip6, 4))), "nsh 99");
    EXPECT_EQ(told(ethernet(1, 2, 0x894f, nsh(99, 4, nsh(98, 1, inner_ip)))), "nsh 99 / nsh 98");
    EXPECT_EQ(told(ethernet(1, 2, 0x894f, nsh(99, 6, inner_ip))), "nsh_payload_unsupported");
}

TEST(Tunnels, Nvgre) {
    const Bytes frame = on_ip(47, gre(0x2000, 0x6558, 0x00abcd12, inner_frame));
    EXPECT_EQ(told(frame), "gre 11259154" + ends) << "the wire does not tell it from Ethernet over GRE with a key";
    DecapSettings settings;
    settings.nvgre = true;
    EXPECT_EQ(told(frame, settings), "nvgre 43981" + ends);
    EXPECT_EQ(told(on_ip(47, gre(0x3000, 0x6558, 77, inner_frame)), settings), "gre 77" + ends);
}

TEST(Tunnels, GreOfEveryKind) {
    EXPECT_EQ(told(on_udp(4754, gre(0x2000, 0x0800, 77, inner_ip))), "gre 77" + ends);
    EXPECT_EQ(told(on_ip(47, gre(0, 0x8847, 0, mpls(16, true, inner_ip)))), "gre" + ends + " / mpls 16");
    EXPECT_EQ(told(on_ip(47, gre(0, 0x894f, 0, nsh(5, 1, inner_ip)))), "gre" + ends + " / nsh 5");
    EXPECT_EQ(told(on_ip(47, gre(0, 0x883e, 0, inner_ip))), "gre" + ends);
    EXPECT_EQ(told(on_ip(47, gre(0, 0x883e, 0, join({1, 2, 3, 4}, inner_ip)))), "gre" + ends) << "WCCP version 2";
    const Bytes routed = join({0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 192, 0, 2, 9, 0, 0, 0, 0}, inner_ip);
    EXPECT_EQ(told(on_ip(47, routed)), "gre" + ends);
    const Bytes endless = {0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 200};
    EXPECT_EQ(told(on_ip(47, endless)), "gre_truncated");
}

TEST(Tunnels, PptpAndPppInGre) {
    const Bytes acknowledged =
        join({0x30, 0x81, 0x88, 0x0b, 0, 9, 0x17, 0x80, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 3, 0, 0x21}, inner_ip);
    EXPECT_EQ(told(on_ip(47, acknowledged)), "pptp 6016" + ends);
    const Bytes compressed = join({0x30, 0x01, 0x88, 0x0b, 0, 9, 0x17, 0x80, 0, 0, 0, 1, 0x57}, inner_ip6);
    EXPECT_EQ(told(on_ip(47, compressed)), "pptp 6016" + ends);
    EXPECT_EQ(told(on_ip(47, {0x20, 0x81, 0x88, 0x0b, 0, 0, 0x17, 0x80, 0, 0, 0, 2})), "gre_payload_unsupported")
        << "an acknowledgment alone";
    EXPECT_EQ(told(on_ip(47, join({0, 0, 0x88, 0x0b, 0, 0x21}, inner_ip))), "gre" + ends);
    EXPECT_EQ(told(on_ip(47, {0, 0, 0x88, 0x0b, 0xc0, 0x21, 1})), "ppp_payload_unsupported");
}

TEST(Tunnels, ErspanOfAllTypes) {
    EXPECT_EQ(told(on_ip(47, gre(0, 0x88be, 0, inner_frame))), "erspan" + ends) << "type I";
    const Bytes second = join({0x10, 7, 0x08, 0x20, 0, 0, 0, 3}, inner_frame);
    EXPECT_EQ(told(on_ip(47, gre(0x1000, 0x88be, 0, second))), "erspan 32" + ends);
    const Bytes third = join({0x20, 7, 0x00, 0x21, 0, 0, 0x10, 0, 0, 0, 0x80, 0x0a}, inner_frame);
    EXPECT_EQ(told(on_ip(47, gre(0x1000, 0x22eb, 0, third))), "erspan 33" + ends);
    const Bytes platform =
        join({0x20, 7, 0x00, 0x21, 0, 0, 0x10, 0, 0, 0, 0x88, 0x03, 1, 2, 3, 4, 5, 6, 7, 8}, inner_ip);
    EXPECT_EQ(told(on_ip(47, gre(0x1000, 0x22eb, 0, platform))), "erspan 33" + ends) << "IP mirrored, platform header";
    EXPECT_EQ(told(on_ip(47, gre(0x1000, 0x88be, 0, Bytes(20, 0xf0)))), "erspan_payload_unsupported");
}

TEST(Tunnels, ErspanDirectionAndTimeStamp) {
    const Bytes third = {0x20, 7, 0x00, 0x21, 0, 0, 0x10, 0, 0, 0, 0x80, 0x0a};
    const ErspanHeader header = read_erspan_header(third.data());
    EXPECT_EQ(header.type, 3);
    EXPECT_EQ(header.session, 33);
    EXPECT_EQ(header.direction, MirrorDirection::egress);
    EXPECT_EQ(header.granularity, 100);
    const TimeNs turn = (TimeNs{1} << 32) * 100;
    EXPECT_EQ(erspan_time(header, 5 * turn + 7), 5 * turn + 0x1000 * 100) << "a little later than received";
    EXPECT_EQ(erspan_time(header, 5 * turn - 7), 5 * turn + 0x1000 * 100) << "the nearest turn of the 32 bits";
}

TEST(Tunnels, GtpWithExtensionHeaders) {
    const auto gtp = [](std::uint8_t flags, const Bytes& optional, const Bytes& inside) {
        return join(join({flags, 0xff, 0, 0, 0, 1, 2, 3}, optional), inside);
    };
    EXPECT_EQ(told(on_udp(2152, gtp(0x30, {}, inner_ip))), "gtp 66051" + ends);
    EXPECT_EQ(told(on_udp(2152, gtp(0x32, {0, 1, 0, 0}, inner_ip6))), "gtp 66051" + ends);
    EXPECT_EQ(told(on_udp(2152, gtp(0x34, {0, 0, 0, 0x85, 1, 0x10, 9, 0x40, 2, 1, 2, 3, 4, 5, 6, 0}, inner_ip))),
              "gtp 66051" + ends);
    EXPECT_EQ(told(on_udp(2152, gtp(0x30, {}, inner_frame))), "gtp 66051" + ends) << "an Ethernet session";
    EXPECT_EQ(told(on_udp(2152, gtp(0x34, {0, 0, 0, 0x85, 0}, {}))), "gtp_truncated");
    EXPECT_EQ(told(on_udp(2152, {0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0})), "another packet") << "echo: a UDP leg";
}

TEST(Tunnels, MplsOnLinksInIpAndInUdp) {
    EXPECT_EQ(told(ethernet(1, 2, 0x8847, mpls(1000, false, mpls(16, true, inner_ip)))), "mpls 1000 / mpls 16");
    EXPECT_EQ(told(ethernet(1, 2, 0x8848, mpls(16, true, inner_ip6))), "mpls 16");
    EXPECT_EQ(told(on_ip(137, mpls(17, true, inner_ip))), "mpls 17" + ends);
    EXPECT_EQ(told(on_udp(6635, mpls(17, false, mpls(18, true, inner_ip6)))), "mpls 17" + ends + " / mpls 18");
}

TEST(Tunnels, PseudowiresWithAndWithoutControlWord) {
    EXPECT_EQ(told(ethernet(1, 2, 0x8847, mpls(16, true, join({0, 0, 0, 7}, inner_frame)))), "mpls 16");
    EXPECT_EQ(told(ethernet(1, 2, 0x8847, mpls(16, true, inner_frame))), "mpls 16");
    Bytes other = inner_frame;
    for (const std::uint8_t first : {0x44, 0x60}) {  // a MAC address that begins as an IP header does
        other[0] = first;
        EXPECT_EQ(told(ethernet(1, 2, 0x8847, mpls(16, true, other))), "mpls 16");
    }
    EXPECT_EQ(told(ethernet(1, 2, 0x8847, mpls(16, true, Bytes(20, 0x10)))), "mpls_payload_unsupported");
}

TEST(Tunnels, PppoeL2tpAndBackboneBridges) {
    const auto pppoe = [](const Bytes& inside) { return join({0x11, 0, 0x12, 0x34, 0, 42}, inside); };
    EXPECT_EQ(told(ethernet(1, 2, 0x8864, pppoe(join({0, 0x21}, inner_ip)))), "pppoe 4660");
    EXPECT_EQ(told(ethernet(1, 2, 0x8864, pppoe(join({0, 0x57}, inner_ip6)))), "pppoe 4660");
    EXPECT_EQ(told(ethernet(1, 2, 0x8864, pppoe({0xc0, 0x21}))), "ppp_payload_unsupported");
    EXPECT_EQ(told(on_udp(1701, join({0x40, 2, 0, 9, 0, 5, 0, 6, 0xff, 3, 0, 0x21}, inner_ip))), "l2tp 327686" + ends);
    EXPECT_EQ(told(on_udp(1701, join({0x02, 2, 0, 5, 0, 6, 0, 2, 0, 0, 0, 0x21}, inner_ip))), "l2tp 327686" + ends);
    EXPECT_EQ(told(on_udp(1701, {0xc8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0})), "another packet") << "control: a UDP leg";
    EXPECT_EQ(told(ethernet(1, 2, 0x88e7, join({0, 0, 0x30, 0x39}, inner_frame))), "pbb 12345");
}

TEST(Tunnels, L2tpVersionThreeWhateverItsCookie) {
    const Bytes session = {0, 0, 0x10, 1};
    for (const std::size_t skip : {0u, 4u, 8u, 12u})
        EXPECT_EQ(told(on_ip(115, join(session, join(Bytes(skip, 0xc7), inner_frame)))), "l2tp 4097" + ends) << skip;
    const Bytes on_udp_3 = join({0, 3, 0, 0}, join(session, join(Bytes(8, 1), inner_frame)));
    EXPECT_EQ(told(on_udp(1701, on_udp_3)), "l2tp 4097" + ends);
    DecapSettings settings;
    settings.l2tp_cookie_bytes = 4;
    EXPECT_EQ(told(on_ip(115, join(session, join(Bytes(4, 1), inner_frame))), settings), "l2tp 4097" + ends);
    EXPECT_EQ(told(on_ip(115, join(session, inner_frame)), settings), "l2tp_payload_unsupported");
    EXPECT_EQ(told(on_ip(115, join({0, 0, 0, 0}, inner_frame))), "l2tp_payload_unsupported") << "control";
}

TEST(Tunnels, FouAndGue) {
    const DecapSettings fou = with_port(UdpTunnel::fou, 5555);
    EXPECT_EQ(told(on_udp(5555, inner_ip), fou), "fou" + ends);
    EXPECT_EQ(told(on_udp(5555, inner_ip6), fou), "fou" + ends);
    EXPECT_EQ(told(on_udp(5555, gre(0x2000, 0x0800, 7, inner_ip)), fou), "fou" + ends + " / gre 7" + ends);
    EXPECT_EQ(told(on_udp(5555, inner_ip)), "another packet") << "only where configured";
    EXPECT_EQ(told(on_udp(6080, join({0, 4, 0, 0}, inner_ip))), "gue" + ends);
    EXPECT_EQ(told(on_udp(6080, join({1, 41, 0, 0, 1, 2, 3, 4}, inner_ip6))), "gue" + ends);
    EXPECT_EQ(told(on_udp(6080, inner_ip)), "gue" + ends) << "version 1";
    EXPECT_EQ(told(on_udp(6080, join({0, 47, 0, 0}, gre(0, 0x6558, 0, inner_frame)))), "gue" + ends + " / gre" + ends);
}

TEST(Tunnels, SegmentRoutingAndEthernetInIp) {
    const Bytes segments = {41, 2, 4, 0, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    const auto routed = [&](std::uint8_t inside, const Bytes& packet) {
        Bytes header = segments;
        header[0] = inside;
        return ethernet(1, 2, 0x86dd, ipv6("2001:db8::1", "2001:db8::2", 43, join(header, packet)));
    };
    const std::string ends6 = " (2001:db8::1 > 2001:db8::2)";
    EXPECT_EQ(told(routed(41, inner_ip6)), "srv6" + ends6);
    EXPECT_EQ(told(routed(4, inner_ip)), "srv6" + ends6);
    EXPECT_EQ(told(routed(143, inner_frame)), "srv6" + ends6);
    EXPECT_EQ(told(routed(6, inner_tcp)), "-") << "no tunnel: the packet itself is routed";
    EXPECT_EQ(told(ethernet(1, 2, 0x86dd, ipv6("2001:db8::1", "2001:db8::2", 143, inner_frame))), "etherip" + ends6);
    EXPECT_EQ(told(on_ip(97, join({0x30, 0}, inner_frame))), "etherip" + ends);
}

TEST(Tunnels, OtherLinksAndHeaders) {
    EXPECT_EQ(told(inner_ip, {}, LinkType::raw_ip), "-");
    EXPECT_EQ(told(inner_ip6, {}, LinkType::raw_ip), "-");
    Bytes cooked(14, 0);
    put16(cooked, 0x8100);
    EXPECT_EQ(told(join(cooked, vlan(5, 0x0800, inner_ip)), {}, LinkType::linux_cooked), "vlan 5");
    Bytes cooked_2 = {0x86, 0xdd};
    EXPECT_EQ(told(join(join(cooked_2, Bytes(18, 0)), inner_ip6), {}, LinkType::linux_cooked_2), "-");
    EXPECT_EQ(told(join({2, 0, 0, 0}, inner_ip), {}, LinkType::loopback), "-");
    EXPECT_EQ(told(join({2, 0, 0, 0}, Bytes(40)), {}, LinkType::loopback), "ethertype_unsupported");
    EXPECT_EQ(told(join({0x0f, 0, 8, 0}, inner_ip), {}, LinkType::cisco_hdlc), "-");
    EXPECT_EQ(told(join({0xff, 3, 0, 0x21}, inner_ip), {}, LinkType::ppp), "-");
    EXPECT_EQ(told(ethernet(1, 2, 0x8926, join({0x80, 1, 0, 2, 8, 0}, inner_ip))), "-") << "VN-Tag";
    EXPECT_EQ(told(ethernet(1, 2, 0x8909, join({1, 1, 0, 1, 0, 9, 8, 0}, inner_ip))), "-") << "Cisco metadata";
    EXPECT_EQ(told(ethernet(1, 2, 48, join({0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, inner_ip))), "-") << "SNAP";
    EXPECT_EQ(told(ethernet(1, 2, 48, Bytes(48, 0x42))), "ethertype_unsupported") << "spanning tree";
    const Bytes authentication = {6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    EXPECT_EQ(told(on_ip(51, join(authentication, inner_tcp))), "-");
}

TEST(Tunnels, TheOptionThatNamesADatagramsClientIsFound) {
    const Bytes uoa = {31, 8, 0x9c, 0x40, 203, 0, 113, 9};
    const Bytes datagram = udp(40000, 80, Bytes(4));
    const auto found_in = [](const Bytes& frame) {
        const Packet packet = packet_of(frame);
        const Decapped found = decap(packet, {});
        EXPECT_EQ(found.protocol, 17);
        EXPECT_EQ(load_be16(frame.data() + found.transport_offset), 40000);
        return found.uoa_offset == 0 ? Bytes()
                                     : Bytes(frame.begin() + found.uoa_offset, frame.begin() + found.uoa_offset + 8);
    };
    EXPECT_EQ(found_in(ethernet(
                  1, 2, 0x0800,
                  ipv4("10.0.0.7", "10.0.0.9", {.protocol = 17, .options = join({1, 1, 1, 1}, uoa)}, datagram))),
              uoa);
    EXPECT_EQ(found_in(ethernet(
                  1, 2, 0x0800,
                  ipv4("10.0.0.7", "10.0.0.9", {.protocol = 248}, join(join({0x10, 17, 0, 12}, uoa), datagram)))),
              uoa);
    EXPECT_EQ(found_in(ethernet(
                  1, 2, 0x0800,
                  ipv4("10.0.0.7", "10.0.0.9", {.protocol = 17, .options = {7, 8, 0x9c, 0x40, 1, 2, 3, 4}}, datagram))),
              Bytes());
}

TEST(Tunnels, AnyInAny) {
    const Bytes in_gtp = join({0x30, 0xff, 0, 0, 0, 0, 0, 9}, inner_ip);
    const Bytes in_pw =
        join({0, 0, 0, 0},
             ethernet(7, 8, 0x0800, ipv4("198.51.100.1", "198.51.100.2", {.protocol = 17}, udp(9, 2152, in_gtp))));
    const Bytes frame =
        ethernet(1, 2, 0x88a8,
                 vlan(3, 0x8100,
                      vlan(4, 0x0800,
                           ipv4("192.0.2.1", "192.0.2.2", {.protocol = 47},
                                gre(0x1000, 0x88be, 0,
                                    join({0x10, 0, 0, 5, 0, 0, 0, 0},
                                         ethernet(3, 4, 0x8847, mpls(20, false, mpls(21, true, in_pw)))))))));
    EXPECT_EQ(told(frame),
              "vlan 3 / vlan 4 / erspan 5 (192.0.2.1 > 192.0.2.2) / mpls 20 / mpls 21 / gtp 9 "
              "(198.51.100.1 > 198.51.100.2)");
}

TEST(Tunnels, NoTruncationReadsBeyondTheFrame) {
    const Bytes in_gtp = join({0x34, 0xff, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 1, 1, 0}, inner_ip);
    const std::vector<Bytes> deep = {
        on_udp(2152, in_gtp),
        on_udp(4790, join({0x0c, 0, 0, 4, 0, 0, 7, 0}, nsh(99, 3, inner_frame, 8))),
        on_ip(47, gre(0x1000, 0x22eb, 0,
                      join({0x20, 7, 0, 33, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0}, inner_frame))),
        on_ip(115, join({0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8}, inner_frame)),
        on_udp(1701, join({0x4a, 2, 0, 9, 0, 5, 0, 6, 0, 0, 0, 0, 0, 1, 0, 0xff, 3, 0, 0x21}, inner_ip)),
        on_udp(6080, join({1, 47, 0, 0, 0, 0, 0, 0}, gre(0xf000, 0x8847, 7, mpls(16, true, inner_ip)))),
        ethernet(1, 2, 0x8847, mpls(16, false, mpls(17, true, join({0, 0, 0, 0}, inner_frame)))),
    };
    for (const Bytes& frame : deep)
        for (std::size_t size = 0; size <= frame.size(); ++size)
            told(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)));
}

TEST(Tunnels, PortsAreEachOneKindsOnly) {
    TunnelPorts ports;
    EXPECT_EQ(ports.find(4789), UdpTunnel::vxlan);
    EXPECT_EQ(ports.find(53), UdpTunnel::none);
    EXPECT_EQ(ports.find(4789 + 256), UdpTunnel::none);
    const std::uint16_t taken[] = {6081}, two[] = {4789, 8472}, many[] = {1, 2, 3, 4, 5}, twice[] = {7, 7};
    EXPECT_FALSE(ports.set(UdpTunnel::vxlan, taken));
    EXPECT_FALSE(ports.set(UdpTunnel::vxlan, many));
    EXPECT_FALSE(ports.set(UdpTunnel::vxlan, twice));
    EXPECT_TRUE(ports.set(UdpTunnel::vxlan, two));
    EXPECT_EQ(ports.find(8472), UdpTunnel::vxlan);
    EXPECT_TRUE(ports.set(UdpTunnel::vxlan, {}));
    EXPECT_EQ(ports.find(8472), UdpTunnel::none);
    EXPECT_TRUE(ports.set(UdpTunnel::fou, two));
}

}  // namespace
}  // namespace clew::sensor
