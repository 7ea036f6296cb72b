// SPDX-License-Identifier: Apache-2.0
// GRE version 0 with checksum, routing, key and sequence number (RFC 1701, 2784, 2890), on IP or on UDP (RFC 8086), and
// version 1 (PPTP, RFC 2637). Inside: Ethernet, IP, MPLS, PPP, NSH, ERSPAN, WCCP. With Ethernet inside and nothing but
// a key it is NVGRE (RFC 7637) where DecapSettings::nvgre says so: the wire does not tell.
#pragma once

#include "dataplane/decap/erspan.h"
#include "dataplane/decap/ppp.h"
#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

constexpr std::uint16_t gre_checksum = 0x8000, gre_routing = 0x4000, gre_key = 0x2000, gre_sequence = 0x1000,
                        gre_acknowledgment = 0x0080, gre_version = 0x0007;

/// Skips source routes (RFC 1701): each has an address family, an offset and a length; an empty one ends them.
inline bool skip_gre_routes(Walk& walk) {
    constexpr std::uint32_t route_bytes = 4;
    while (walk.has(route_bytes)) {
        const std::uint32_t length = walk.at()[3];
        const bool last = load_be16(walk.at()) == 0 && length == 0;
        walk.offset += route_bytes;
        if (last) return true;
        if (!walk.has(length)) return false;
        walk.offset += length;
    }
    return false;
}

inline Next step_pptp(Walk& walk, std::uint16_t flags) {
    const std::uint32_t header_bytes = 8 + (flags & gre_sequence ? 4 : 0) + (flags & gre_acknowledgment ? 4 : 0);
    if (load_be16(walk.at(2)) != 0x880b || !(flags & gre_key) || flags & (gre_checksum | gre_routing))
        return walk.refuse(Reason::gre_version_unsupported);
    if (!walk.has(header_bytes)) return walk.refuse(Reason::gre_truncated);
    if (!walk.add_tunnel(LayerType::pptp, true, load_be16(walk.at(6)))) return walk.refuse(Reason::layers_too_many);
    const bool acknowledgment_only = load_be16(walk.at(4)) == 0;
    walk.offset += header_bytes;
    return acknowledgment_only ? walk.refuse(Reason::gre_payload_unsupported) : step_ppp(walk);
}

/// What GRE carries besides Ethernet and IP; the layer is added.
inline Next behind_gre(Walk& walk, std::uint16_t type) {
    constexpr std::uint16_t wccp = 0x883e;
    switch (type) {
        case ethertype_mpls:
        case 0x8848:
        case ethertype_nsh:
        case ethertype_vlan:
        case ethertype_service_vlan: return walk.to_ethertype(type);
        case 0x880b: return step_ppp(walk);
        case wccp:  // version 2 puts 4 bytes before the IPv4 header
            if (!looks_like_ip(walk, 0) && walk.has(4)) walk.offset += 4;
            return Next::ipv4;
        default: return next_of_tunnel(walk, type, Reason::gre_payload_unsupported);
    }
}

CLEW_RARE_STEP Next step_gre(Walk& walk) {
    if (!walk.has(4)) return walk.refuse(Reason::gre_truncated);
    const std::uint16_t flags = load_be16(walk.at());
    const std::uint16_t type = load_be16(walk.at(2));
    if ((flags & gre_version) == 1) return walk.has(8) ? step_pptp(walk, flags) : walk.refuse(Reason::gre_truncated);
    if ((flags & gre_version) != 0) return walk.refuse(Reason::gre_version_unsupported);
    const bool key = (flags & gre_key) != 0, sequence = (flags & gre_sequence) != 0;
    const std::uint32_t key_at = flags & (gre_checksum | gre_routing) ? 8 : 4;
    const std::uint32_t header_bytes = key_at + (key ? 4 : 0) + (sequence ? 4 : 0);
    if (!walk.has(header_bytes)) return walk.refuse(Reason::gre_truncated);
    const std::uint32_t id = key ? load_be32(walk.at(key_at)) : 0;
    walk.offset += header_bytes;
    if ((flags & gre_routing) && !skip_gre_routes(walk)) return walk.refuse(Reason::gre_truncated);
    if (type == gre_erspan || type == gre_erspan_3) return step_erspan(walk, type, sequence);
    const bool nvgre = walk.settings->nvgre && type == ethertype_ethernet && (flags & 0xf000) == gre_key;
    if (!walk.add_tunnel(nvgre ? LayerType::nvgre : LayerType::gre, key, nvgre ? id >> 8 : id))
        return walk.refuse(Reason::layers_too_many);
    return behind_gre(walk, type);
}

CLEW_RARE_STEP Next step_gre_in_udp(Walk& walk) {
    if (!walk.has(udp_bytes + 4)) return walk.refuse(Reason::gre_truncated);
    walk.offset += udp_bytes;
    return step_gre(walk);
}

}  // namespace clew::sensor::decap_layers
