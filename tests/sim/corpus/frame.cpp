// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "tests/sim/corpus/packet.h"
#include "tests/sim/corpus/rng.h"

namespace clew::corpus {
namespace {

void put8(std::string& out, std::uint32_t v) { out.push_back(static_cast<char>(v)); }
void put16(std::string& out, std::uint32_t v) { put8(out, v >> 8), put8(out, v); }
void put32(std::string& out, std::uint32_t v) { put16(out, v >> 16), put16(out, v); }
void put_ip(std::string& out, const Ip& ip) {
    out.append(reinterpret_cast<const char*>(ip.bytes.data()), ip.v6 ? 16 : 4);
}
void set16(std::string& out, std::size_t at, std::uint32_t v) {
    out[at] = static_cast<char>(v >> 8);
    out[at + 1] = static_cast<char>(v);
}

std::uint32_t sum16(std::string_view bytes, std::uint32_t sum = 0) {
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        sum += static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << 8;
        if (i + 1 < bytes.size()) sum += static_cast<std::uint8_t>(bytes[i + 1]);
    }
    return sum;
}
std::uint16_t folded(std::uint32_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

std::string tcp_options(const TcpOptions& o) {
    std::string out;
    if (o.mss != 0) put8(out, 2), put8(out, 4), put16(out, o.mss);
    if (o.sack_permitted) put8(out, 4), put8(out, 2);
    if (o.has_timestamps) put8(out, 8), put8(out, 10), put32(out, o.tsval), put32(out, o.tsecr);
    if (o.window_scale >= 0) put8(out, 3), put8(out, 3), put8(out, static_cast<std::uint32_t>(o.window_scale));
    if (!o.sack.empty()) {
        put8(out, 5), put8(out, static_cast<std::uint32_t>(2 + 8 * o.sack.size()));
        for (const auto& [left, right] : o.sack) put32(out, left), put32(out, right);
    }
    if (o.toa) {
        put8(out, o.toa_kind), put8(out, o.toa->ip.v6 ? 20 : 8), put16(out, o.toa->port);
        put_ip(out, o.toa->ip);
    }
    out += o.other;
    while (out.size() % 4 != 0) put8(out, 1);  // NOP
    return out;
}

std::string packet_bytes(const Packet& p);

/// IP header and the first 64 bits of the refused packet, as RFC 792 asks for.
std::string unreachable_bytes(const Packet& quoted) {
    std::string out;
    put8(out, 3), put8(out, 3), put16(out, 0), put32(out, 0);
    out += packet_bytes(quoted).substr(0, 28);
    set16(out, 2, folded(sum16(out)));
    return out;
}

std::string transport_bytes(const Packet& p) {
    if (p.quoted) return unreachable_bytes(*p.quoted);
    std::string out;
    std::size_t checksum_at = 0;
    if (p.protocol == proto_tcp) {
        const std::string options = tcp_options(p.options);
        put16(out, p.source_port), put16(out, p.destination_port);
        put32(out, p.seq), put32(out, p.ack);
        put8(out, static_cast<std::uint32_t>((20 + options.size()) / 4 << 4)), put8(out, p.flags);
        put16(out, p.window);
        checksum_at = out.size();
        put32(out, 0);
        out += options;
    } else if (p.protocol == proto_udp) {
        put16(out, p.source_port), put16(out, p.destination_port);
        put16(out, static_cast<std::uint32_t>(8 + p.payload.size()));
        checksum_at = out.size();
        put16(out, 0);
    } else {
        put8(out, p.echo_request ? 8 : 0), put8(out, 0);
        checksum_at = out.size();
        put16(out, 0);
        put16(out, p.echo_request ? p.source_port : p.destination_port), put16(out, p.echo_seq);
    }
    out += p.payload;
    std::uint32_t sum = 0;
    if (p.protocol != proto_icmp) {
        std::string pseudo;
        put_ip(pseudo, p.source), put_ip(pseudo, p.destination);
        put32(pseudo, static_cast<std::uint32_t>(out.size())), put32(pseudo, p.protocol);
        sum = sum16(pseudo);
    }
    std::uint16_t checksum = folded(sum16(out, sum));
    if (p.protocol == proto_udp && checksum == 0) checksum = 0xffff;
    set16(out, checksum_at, checksum);
    return out;
}

struct IpFields {
    Ip source, destination;
    std::uint8_t protocol = 0, ttl = 64;
    std::uint16_t id = 0;
    bool dont_fragment = true;
};

std::string with_ip(const IpFields& f, const std::string& body) {
    std::string out;
    if (f.source.v6) {
        put32(out, 0x60000000), put16(out, static_cast<std::uint32_t>(body.size())), put8(out, f.protocol);
        put8(out, f.ttl);
        put_ip(out, f.source), put_ip(out, f.destination);
    } else {
        put16(out, 0x4500), put16(out, static_cast<std::uint32_t>(20 + body.size())), put16(out, f.id);
        put16(out, f.dont_fragment ? 0x4000 : 0), put8(out, f.ttl), put8(out, f.protocol), put16(out, 0);
        put_ip(out, f.source), put_ip(out, f.destination);
        set16(out, 10, folded(sum16(out)));
    }
    return out + body;
}

std::string packet_bytes(const Packet& p) {
    return with_ip({p.source, p.destination, p.protocol, p.ttl, p.ip_id, p.dont_fragment}, transport_bytes(p));
}

std::string with_udp(std::uint16_t source, std::uint16_t destination, const std::string& body) {
    std::string out;  // checksum 0: tunnels over IPv4 leave it out
    put16(out, source), put16(out, destination), put16(out, static_cast<std::uint32_t>(8 + body.size())), put16(out, 0);
    return out + body;
}

void put_mac(std::string& out, const Mac& mac) { out.append(reinterpret_cast<const char*>(mac.data()), mac.size()); }

std::string with_ethernet(const Mac& source, const Mac& destination, std::uint16_t type, const std::string& body) {
    std::string out;
    put_mac(out, destination), put_mac(out, source), put16(out, type);
    return out + body;
}

/// The MAC pair of an underlay, made of the tunnel's ends.
Mac underlay_mac(const Ip& end) { return {0x02, 0xfe, end.bytes[0], end.bytes[1], end.bytes[2], end.bytes[3]}; }

}  // namespace

std::string to_frame(const Packet& p, Way way, const Wrapping& wrapping, std::uint32_t salt) {
    const bool up = way == Way::to_server;
    std::string bytes = packet_bytes(p);
    std::uint16_t type = p.source.v6 ? 0x86dd : 0x0800;
    Mac source = up ? wrapping.client_mac : wrapping.server_mac,
        destination = up ? wrapping.server_mac : wrapping.client_mac;
    const std::uint16_t entropy_port =
        static_cast<std::uint16_t>(49152 + mix64((std::uint64_t{p.source_port} + p.destination_port) * 31 +
                                                 p.source.bytes[3] + p.destination.bytes[3]) %
                                               16384);
    for (auto layer = wrapping.layers.rbegin(); layer != wrapping.layers.rend(); ++layer) {
        if (layer->type == Wrap::vlan) {
            std::string tag;
            put16(tag, layer->id), put16(tag, type);
            bytes = tag + bytes;
            type = 0x8100;
            continue;
        }
        IpFields outer{up ? layer->client_end : layer->server_end,
                       up ? layer->server_end : layer->client_end,
                       17,
                       64,
                       static_cast<std::uint16_t>(salt),
                       true};
        std::string header;
        switch (layer->type) {
            case Wrap::vxlan:
                put32(header, 0x08000000), put32(header, layer->id << 8);
                bytes = with_udp(entropy_port, 4789, header + with_ethernet(source, destination, type, bytes));
                source = underlay_mac(outer.source), destination = underlay_mac(outer.destination);
                break;
            case Wrap::geneve:
                put16(header, 0), put16(header, 0x6558), put32(header, layer->id << 8);
                bytes = with_udp(entropy_port, 6081, header + with_ethernet(source, destination, type, bytes));
                source = underlay_mac(outer.source), destination = underlay_mac(outer.destination);
                break;
            case Wrap::gre:
                put16(header, 0), put16(header, type);
                bytes = header + bytes, outer.protocol = 47;
                break;
            case Wrap::gre_key:
                put16(header, 0x2000), put16(header, type), put32(header, layer->id);
                bytes = header + bytes, outer.protocol = 47;
                break;
            default: outer.protocol = type == 0x86dd ? 41 : 4; break;
        }
        bytes = with_ip(outer, bytes);
        type = 0x0800;
    }
    std::string frame = with_ethernet(source, destination, type, bytes);
    if (frame.size() < 60) frame.resize(60, '\0');  // Ethernet's least length: padding behind the packet
    return frame;
}

}  // namespace clew::corpus
