// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decap.h"

#include <cstring>

#include "dataplane/decap/ethernet.h"
#include "dataplane/decap/geneve.h"
#include "dataplane/decap/gre.h"
#include "dataplane/decap/ipip.h"
#include "dataplane/decap/ipv4.h"
#include "dataplane/decap/ipv6.h"
#include "dataplane/decap/plain.h"
#include "dataplane/decap/vlan.h"
#include "dataplane/decap/vxlan.h"

namespace clew::sensor {
namespace {

using decap_layers::Next;
using decap_layers::Walk;
using namespace decap_layers;

constexpr std::uint8_t protocol_udp = 17;

Next by_ethertype(Walk& walk) {
    switch (walk.ethertype) {
#define CLEW_BY_ETHERTYPE(value, name) \
    case value:                        \
        return step_##name(walk);
#define CLEW_BY_IP_PROTOCOL(value, name)
#define CLEW_BY_UDP_PORT(port, name)
#include "dataplane/decap/encapsulations.def"
#undef CLEW_BY_ETHERTYPE
#undef CLEW_BY_IP_PROTOCOL
#undef CLEW_BY_UDP_PORT
        default: return walk.refuse(Reason::ethertype_unsupported);
    }
}

Next by_udp_port(Walk& walk) {
    if (!walk.has(8)) return Next::transport;
    const std::uint16_t port = load_be16(walk.at(2));
#define CLEW_BY_ETHERTYPE(value, name)
#define CLEW_BY_IP_PROTOCOL(value, name)
#define CLEW_BY_UDP_PORT(member, name) \
    if (port == walk.settings->member) return step_##name(walk);
#include "dataplane/decap/encapsulations.def"
#undef CLEW_BY_ETHERTYPE
#undef CLEW_BY_IP_PROTOCOL
#undef CLEW_BY_UDP_PORT
    return Next::transport;
}

Next by_ip_protocol(Walk& walk) {
    switch (walk.found.protocol) {
#define CLEW_BY_ETHERTYPE(value, name)
#define CLEW_BY_IP_PROTOCOL(value, name) \
    case value:                          \
        return step_##name(walk);
#define CLEW_BY_UDP_PORT(port, name)
#include "dataplane/decap/encapsulations.def"
#undef CLEW_BY_ETHERTYPE
#undef CLEW_BY_IP_PROTOCOL
#undef CLEW_BY_UDP_PORT
        case protocol_udp: return by_udp_port(walk);
        default: return Next::transport;
    }
}

void clear(Decapped& found) {
    found.reason = Reason::none;
    found.v6 = found.has_mac = found.first_fragment = false;
    found.protocol = found.ttl = found.layer_count = 0;
    found.ip_id = 0;
    found.mac_offset = found.addresses_offset = 0;
    found.transport_offset = found.end_offset = found.ip_length = found.transport_length = 0;
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
    clear(found);
    if (!read_plain(packet, settings.vxlan_port, found)) walk_layers(packet, settings, found);
}

void walk_layers(const Packet& packet, const DecapSettings& settings, Decapped& found) {
    clear(found);
    Walk walk(found);
    walk.bytes = packet.bytes;
    walk.end = packet.captured_length;
    walk.wire_length = packet.wire_length;
    walk.settings = &settings;
    Next next = Next::ethernet;
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
