// SPDX-License-Identifier: Apache-2.0
// Frames written by hand for tests: each function puts its header in front of what it is given.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/packet.h"
#include "nat-trace/address.h"

namespace clew::sensor::frames {

using Bytes = std::vector<std::uint8_t>;

inline void put16(Bytes& to, unsigned value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Bytes& to, std::uint32_t value) {
    put16(to, value >> 16);
    put16(to, value & 0xffff);
}
inline Bytes join(Bytes head, const Bytes& tail) {
    head.insert(head.end(), tail.begin(), tail.end());
    return head;
}
inline Bytes text(std::string_view words) { return {words.begin(), words.end()}; }

constexpr unsigned mac_client = 1, mac_server = 2;

inline Bytes ethernet(unsigned source, unsigned destination, unsigned type, const Bytes& inside) {
    Bytes frame = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(destination),
                   2, 0, 0, 0, 0, static_cast<std::uint8_t>(source)};
    put16(frame, type);
    return join(frame, inside);
}

/// What stands between an Ethernet header and `inside`, which is of the type `inner_type`.
inline Bytes vlan(unsigned id, unsigned inner_type, const Bytes& inside) {
    Bytes tag;
    put16(tag, id);
    put16(tag, inner_type);
    return join(tag, inside);
}

struct Ip {
    unsigned protocol = 6;
    std::uint8_t ttl = 64;
    std::uint16_t id = 1;
    std::uint16_t fragment = 0;
    Bytes options = {};
};

inline Bytes ip_bytes(std::string_view address) {
    const auto ip = parse_ip(address);
    return ip->is_v4() ? Bytes(ip->bytes.begin() + 12, ip->bytes.end()) : Bytes(ip->bytes.begin(), ip->bytes.end());
}

inline Bytes ipv4(std::string_view source, std::string_view destination, const Ip& ip, const Bytes& inside) {
    Bytes packet;
    const std::size_t header = 20 + ip.options.size();
    packet.push_back(static_cast<std::uint8_t>(0x40 | header / 4));
    packet.push_back(0);
    put16(packet, static_cast<unsigned>(header + inside.size()));
    put16(packet, ip.id);
    put16(packet, ip.fragment);
    packet.push_back(ip.ttl);
    packet.push_back(static_cast<std::uint8_t>(ip.protocol));
    put16(packet, 0);
    packet = join(packet, ip_bytes(source));
    packet = join(packet, ip_bytes(destination));
    return join(join(packet, ip.options), inside);
}

inline Bytes ipv6(std::string_view source, std::string_view destination, unsigned next, const Bytes& inside) {
    Bytes packet = {0x60, 0, 0, 0};
    put16(packet, static_cast<unsigned>(inside.size()));
    packet.push_back(static_cast<std::uint8_t>(next));
    packet.push_back(63);
    packet = join(packet, ip_bytes(source));
    return join(join(packet, ip_bytes(destination)), inside);
}

struct Tcp {
    unsigned source = 40000;
    unsigned destination = 80;
    std::uint32_t seq = 1000;
    std::uint32_t ack = 0;
    unsigned flags = 0x02;
    unsigned window = 64240;
    Bytes options = {};
    Bytes payload = {};
};
constexpr unsigned fin = 1, syn = 2, rst = 4, psh = 8, ack = 16;

inline Bytes tcp(const Tcp& segment) {
    Bytes packet;
    put16(packet, segment.source);
    put16(packet, segment.destination);
    put32(packet, segment.seq);
    put32(packet, segment.ack);
    Bytes options = segment.options;
    while (options.size() % 4 != 0) options.push_back(1);
    packet.push_back(static_cast<std::uint8_t>((20 + options.size()) / 4 << 4));
    packet.push_back(static_cast<std::uint8_t>(segment.flags));
    put16(packet, segment.window);
    put16(packet, 0);
    put16(packet, 0);
    return join(join(packet, options), segment.payload);
}

inline Bytes udp(unsigned source, unsigned destination, const Bytes& inside) {
    Bytes packet;
    put16(packet, source);
    put16(packet, destination);
    put16(packet, static_cast<unsigned>(8 + inside.size()));
    put16(packet, 0);
    return join(packet, inside);
}

inline Bytes icmp_echo(bool request, unsigned id, unsigned seq, const Bytes& inside, bool v6 = false) {
    Bytes packet = {static_cast<std::uint8_t>(v6 ? (request ? 128 : 129) : (request ? 8 : 0)), 0};
    put16(packet, 0);
    put16(packet, id);
    put16(packet, seq);
    return join(packet, inside);
}

inline Bytes vxlan(std::uint32_t vni, const Bytes& frame) {
    Bytes header = {0x08, 0, 0, 0};
    put32(header, vni << 8);
    return join(header, frame);
}

inline Bytes geneve(std::uint32_t vni, unsigned type, const Bytes& options, const Bytes& inside) {
    Bytes header = {static_cast<std::uint8_t>(options.size() / 4), 0};
    put16(header, type);
    put32(header, vni << 8);
    return join(join(header, options), inside);
}

inline Bytes mpls(std::uint32_t label, bool bottom, const Bytes& inside) {
    Bytes header;
    put32(header, label << 12 | (bottom ? 0x100u : 0u) | 64);
    return join(header, inside);
}

/// `context`: bytes of metadata, a multiple of 4; protocol 1 IPv4, 2 IPv6, 3 Ethernet, 4 NSH, 5 MPLS.
inline Bytes nsh(std::uint32_t path, unsigned protocol, const Bytes& inside, std::size_t context = 16) {
    Bytes header = {0x0f, static_cast<std::uint8_t>(0xc0 | (2 + context / 4)),
                    static_cast<std::uint8_t>(context == 16 ? 1 : 2), static_cast<std::uint8_t>(protocol)};
    put32(header, path << 8 | 255);
    return join(join(header, Bytes(context)), inside);
}

/// flags: 0x8000 checksum, 0x2000 key, 0x1000 sequence number.
inline Bytes gre(unsigned flags, unsigned type, std::uint32_t key, const Bytes& inside) {
    Bytes header;
    put16(header, flags);
    put16(header, type);
    if (flags & 0xc000) put32(header, 0xabcd0000);
    if (flags & 0x2000) put32(header, key);
    if (flags & 0x1000) put32(header, 7);
    return join(header, inside);
}

inline Packet packet_of(const Bytes& frame, TimeNs time = ns_per_s, TapId tap = 0) {
    Packet packet;
    packet.bytes = frame.data();
    packet.captured_length = packet.wire_length = static_cast<std::uint32_t>(frame.size());
    packet.time_ns = time;
    packet.tap = tap;
    packet.time_source = TimeSource::file;
    return packet;
}

}  // namespace clew::sensor::frames
