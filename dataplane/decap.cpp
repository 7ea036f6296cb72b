// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decap.h"

#include <cstring>

#include "dataplane/decap/address_option.h"
#include "dataplane/decap/authentication.h"
#include "dataplane/decap/ethernet.h"
#include "dataplane/decap/ethernet_in_ip.h"
#include "dataplane/decap/fou.h"
#include "dataplane/decap/geneve.h"
#include "dataplane/decap/gre.h"
#include "dataplane/decap/gtp.h"
#include "dataplane/decap/hardware_tags.h"
#include "dataplane/decap/ipip.h"
#include "dataplane/decap/ipv4.h"
#include "dataplane/decap/ipv6.h"
#include "dataplane/decap/l2tp.h"
#include "dataplane/decap/mpls.h"
#include "dataplane/decap/nsh.h"
#include "dataplane/decap/pbb.h"
#include "dataplane/decap/plain.h"
#include "dataplane/decap/ppp.h"
#include "dataplane/decap/vlan.h"
#include "dataplane/decap/vxlan.h"

namespace clew::sensor {
namespace {

using decap_layers::Next;
using decap_layers::Walk;
using namespace decap_layers;

constexpr std::uint8_t protocol_tcp = 6, protocol_udp = 17;

Next by_ethertype(Walk& walk) {
    switch (walk.ethertype) {
#define CLEW_BY_ETHERTYPE(value, step) \
    case value:                        \
        return step_##step(walk);
#define CLEW_BY_IP_PROTOCOL(value, step)
#define CLEW_BY_UDP_PORT(name, port, step)
#include "dataplane/decap/encapsulations.def"
#undef CLEW_BY_ETHERTYPE
#undef CLEW_BY_IP_PROTOCOL
#undef CLEW_BY_UDP_PORT
        default: return walk.refuse(Reason::ethertype_unsupported);
    }
}

Next by_udp_port(Walk& walk) {
    if (!walk.has(udp_bytes)) return Next::transport;
    switch (walk.settings->ports.find(load_be16(walk.at(2)))) {
#define CLEW_BY_ETHERTYPE(value, step)
#define CLEW_BY_IP_PROTOCOL(value, step)
#define CLEW_BY_UDP_PORT(name, port, step) \
    case UdpTunnel::name:                  \
        return step_##step(walk);
#include "dataplane/decap/encapsulations.def"
#undef CLEW_BY_ETHERTYPE
#undef CLEW_BY_IP_PROTOCOL
#undef CLEW_BY_UDP_PORT
        default: return Next::transport;
    }
}

Next by_ip_protocol(Walk& walk) {
    switch (walk.found.protocol) {
        case protocol_tcp: return Next::transport;
        case protocol_udp: return by_udp_port(walk);
#define CLEW_BY_ETHERTYPE(value, step)
#define CLEW_BY_IP_PROTOCOL(value, step) \
    case value:                          \
        return step_##step(walk);
#define CLEW_BY_UDP_PORT(name, port, step)
#include "dataplane/decap/encapsulations.def"
#undef CLEW_BY_ETHERTYPE
#undef CLEW_BY_IP_PROTOCOL
#undef CLEW_BY_UDP_PORT
        default: return Next::transport;
    }
}

Next by_ip_version(Walk& walk) {
    switch (walk.at()[0] >> 4) {
        case 4: return Next::ipv4;
        case 6: return Next::ipv6;
        default: return walk.refuse(Reason::ethertype_unsupported);
    }
}

/// Frames of other link types than Ethernet come from files only.
[[gnu::noinline, gnu::cold]] Next begin_elsewhere(Walk& walk, LinkType link) {
    constexpr std::uint32_t cooked_bytes = 16, cooked_2_bytes = 20, loopback_bytes = 4, hdlc_bytes = 4;
    switch (link) {
        case LinkType::ethernet: return Next::ethernet;
        case LinkType::raw_ip: return walk.has(1) ? by_ip_version(walk) : walk.refuse(Reason::frame_truncated);
        case LinkType::linux_cooked:
            if (!walk.has(cooked_bytes)) return walk.refuse(Reason::frame_truncated);
            walk.offset = cooked_bytes;
            return walk.to_ethertype(load_be16(walk.bytes + 14));
        case LinkType::linux_cooked_2:
            if (!walk.has(cooked_2_bytes)) return walk.refuse(Reason::frame_truncated);
            walk.offset = cooked_2_bytes;
            return walk.to_ethertype(load_be16(walk.bytes));
        case LinkType::loopback:
            if (!walk.has(loopback_bytes + 1)) return walk.refuse(Reason::frame_truncated);
            walk.offset = loopback_bytes;
            return by_ip_version(walk);
        case LinkType::cisco_hdlc:
            if (!walk.has(hdlc_bytes)) return walk.refuse(Reason::frame_truncated);
            walk.offset = hdlc_bytes;
            return walk.to_ethertype(load_be16(walk.bytes + 2));
        case LinkType::ppp: return step_ppp(walk);
    }
    return walk.refuse(Reason::ethertype_unsupported);
}

void clear(Decapped& found) {
    found.reason = Reason::none;
    found.v6 = found.has_mac = found.first_fragment = false;
    found.protocol = found.ttl = found.layer_count = 0;
    found.ip_id = 0;
    found.mac_offset = found.addresses_offset = 0;
    found.transport_offset = found.end_offset = found.ip_length = found.transport_length = 0;
    found.erspan_offset = found.geneve_options_offset = found.uoa_offset = 0;
    found.geneve_options_length = 0;
    found.fragment.cut = false;
}

IpAddress address_at(const std::uint8_t* at, bool v6) {
    return v6 ? IpAddress::from_v6_bytes(at) : IpAddress::from_v4_bytes(at);
}

}  // namespace

Decapped decap(const Packet& packet, const DecapSettings& settings) {
    Decapped found;
    decap(packet, settings, found);
    return found;
}

void decap(const Packet& packet, const DecapSettings& settings, Decapped& found) {
    if (!read_plain(packet, settings.ports, found)) walk_layers(packet, settings, found);
}

void walk_layers(const Packet& packet, const DecapSettings& settings, Decapped& found) {
    clear(found);
    Walk walk(found);
    walk.bytes = packet.bytes;
    walk.end = packet.captured_length;
    walk.wire_length = packet.wire_length;
    walk.settings = &settings;
    Next next = packet.link == LinkType::ethernet ? Next::ethernet : begin_elsewhere(walk, packet.link);
    for (;;) {  // ends: every step but the last moves the offset on, or adds a layer
        switch (next) {
            case Next::ethernet: next = step_ethernet(walk); break;
            case Next::ethertype: next = by_ethertype(walk); break;
            case Next::ipv4: next = step_ipv4(walk); break;
            case Next::ipv6: next = step_ipv6(walk); break;
            case Next::ip_protocol: next = by_ip_protocol(walk); break;
            case Next::transport:
                walk.found.transport_offset = walk.offset;
                walk.found.end_offset = walk.end;
                return;
            case Next::refuse: return;
        }
    }
}

Segment segment_of(const std::uint8_t* frame, const Decapped& decapped) {
    Segment segment;
    segment.layer_count = decapped.layer_count;
    for (std::size_t i = 0; i < decapped.layer_count; ++i) {
        const FoundLayer& found = decapped.layers[i];
        Layer& layer = segment.layers[i];
        layer.type = found.type;
        layer.has_id = found.has_id;
        layer.id = found.id;
        if (found.ends_offset == 0) continue;
        const std::uint8_t* ends = frame + found.ends_offset;
        layer.client_end = address_at(ends, found.ends_v6);
        layer.server_end = address_at(ends + (found.ends_v6 ? 16 : 4), found.ends_v6);
    }
    if (decapped.has_mac) {
        std::memcpy(segment.server_mac.bytes.data(), frame + decapped.mac_offset, 6);
        std::memcpy(segment.client_mac.bytes.data(), frame + decapped.mac_offset + 6, 6);
    }
    return segment;
}

}  // namespace clew::sensor
