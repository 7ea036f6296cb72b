// SPDX-License-Identifier: Apache-2.0
// Foo over UDP, an IP protocol directly behind UDP on ports that are configured, and GUE (draft-ietf-intarea-gue):
// version 0 names the protocol, version 1 is an IP packet at once. GUE's control messages are UDP legs.
#pragma once

#include "dataplane/decap/ethernet_in_ip.h"
#include "dataplane/decap/gre.h"
#include "dataplane/decap/l2tp.h"
#include "dataplane/decap/mpls.h"
#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

/// IPv4 and IPv6 are told by their version; what is neither is GRE, the one other protocol in use.
CLEW_RARE_STEP Next step_fou(Walk& walk) {
    if (!walk.has(udp_bytes + 4)) return Next::transport;
    const std::uint8_t version = walk.at(udp_bytes)[0] >> 4;
    const bool ip = looks_like_ip(walk, udp_bytes);
    const bool gre = !ip && (walk.at(udp_bytes + 1)[0] & 0x7f) == 0 && version != 4 && version != 6;
    if (!ip && !gre) return Next::transport;
    if (!walk.add_tunnel(LayerType::fou, false, 0)) return walk.refuse(Reason::layers_too_many);
    walk.offset += udp_bytes;
    if (gre) return step_gre(walk);
    return version == 4 ? Next::ipv4 : Next::ipv6;
}

inline Next behind_gue(Walk& walk, std::uint8_t protocol) {
    switch (protocol) {
        case 4: return Next::ipv4;
        case 41: return Next::ipv6;
        case 47: return step_gre(walk);
        case 97: return step_etherip(walk);
        case 115: return step_l2tp_ip(walk);
        case 137: return step_mpls_in_ip(walk);
        case 143: return step_ethernet_in_ip(walk);
        default: return walk.refuse(Reason::gue_payload_unsupported);
    }
}

CLEW_RARE_STEP Next step_gue(Walk& walk) {
    constexpr std::uint32_t header_bytes_min = 4;
    if (!walk.has(udp_bytes + header_bytes_min)) return Next::transport;
    const std::uint8_t* gue = walk.at(udp_bytes);
    const unsigned version = gue[0] >> 6;
    const bool control = (gue[0] & 0x20) != 0;
    const bool direct = version == 1 && looks_like_ip(walk, udp_bytes);
    if (!direct && (version != 0 || control)) return Next::transport;
    const std::uint32_t header_bytes = direct ? 0 : header_bytes_min + (gue[0] & 0x1fu) * 4;
    if (!walk.has(udp_bytes + header_bytes)) return Next::transport;
    if (!walk.add_tunnel(LayerType::gue, false, 0)) return walk.refuse(Reason::layers_too_many);
    walk.offset += udp_bytes + header_bytes;
    if (direct) return gue[0] >> 4 == 4 ? Next::ipv4 : Next::ipv6;
    return behind_gue(walk, gue[1]);
}

}  // namespace clew::sensor::decap_layers
