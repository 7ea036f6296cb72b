// SPDX-License-Identifier: Apache-2.0
// PPP (RFC 1661), in PPPoE (RFC 2516), GRE and L2TP: IP or MPLS inside; what sets the link up (LCP, CCP, …) is refused.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

/// The protocol number is 2 bytes, or 1 when it was compressed; address and control may stand before it.
CLEW_RARE_STEP Next step_ppp(Walk& walk) {
    if (!walk.has(2)) return walk.refuse(Reason::ppp_truncated);
    if (load_be16(walk.at()) == 0xff03) walk.offset += 2;
    if (!walk.has(2)) return walk.refuse(Reason::ppp_truncated);
    const bool compressed = (walk.at()[0] & 1) != 0;
    const std::uint16_t protocol = compressed ? walk.at()[0] : load_be16(walk.at());
    walk.offset += compressed ? 1 : 2;
    switch (protocol) {
        case 0x0021: return Next::ipv4;
        case 0x0057: return Next::ipv6;
        case 0x0281: return walk.to_ethertype(ethertype_mpls);
        default: return walk.refuse(Reason::ppp_payload_unsupported);
    }
}

CLEW_RARE_STEP Next step_pppoe(Walk& walk) {
    constexpr std::uint32_t header_bytes = 6;
    if (!walk.has(header_bytes)) return walk.refuse(Reason::ppp_truncated);
    const std::uint8_t* pppoe = walk.at();
    if (pppoe[0] != 0x11 || pppoe[1] != 0) return walk.refuse(Reason::ppp_payload_unsupported);
    if (!walk.add_layer(LayerType::pppoe, true, load_be16(pppoe + 2))) return walk.refuse(Reason::layers_too_many);
    walk.offset += header_bytes;
    return step_ppp(walk);
}

}  // namespace clew::sensor::decap_layers
