// SPDX-License-Identifier: Apache-2.0
// L2TP: version 3 on IP or UDP (RFC 3931) with Ethernet (RFC 4719), PPP or IP inside, version 2 on UDP (RFC 2661) with
// PPP inside. Version 3 does not say on the wire how long its cookie is nor whether a sublayer follows: settings may
// say, else the first reading that leads to Ethernet or IP is taken. Control messages make no leg.
#pragma once

#include "dataplane/decap/ppp.h"
#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

/// What stands behind cookie and sublayer, if they are `skip` bytes long.
inline Next l2tp_payload(Walk& walk, std::uint32_t skip) {
    if (looks_like_ethernet(walk, skip)) {
        walk.offset += skip;
        return Next::ethernet;
    }
    if (walk.has(skip + 4) && load_be16(walk.at(skip)) == 0xff03) {
        walk.offset += skip;
        return step_ppp(walk);
    }
    if (looks_like_ip(walk, skip)) {
        walk.offset += skip;
        return walk.at()[0] >> 4 == 4 ? Next::ipv4 : Next::ipv6;
    }
    return Next::refuse;
}

/// Stands behind the session id.
inline Next behind_l2tp_session(Walk& walk) {
    constexpr std::uint32_t cookies[] = {0, 4, 8}, sublayers[] = {0, 4};
    for (const std::uint32_t sublayer : sublayers) {
        for (const std::uint32_t cookie : cookies) {
            const std::uint8_t wanted = walk.settings->l2tp_cookie_bytes;
            if (wanted != l2tp_cookie_any && cookie != wanted) continue;
            const Next next = l2tp_payload(walk, cookie + sublayer);
            if (next != Next::refuse || walk.found.reason != Reason::none) return next;
        }
    }
    return walk.refuse(Reason::l2tp_payload_unsupported);
}

inline Next step_l2tp_3(Walk& walk) {
    constexpr std::uint32_t session_bytes = 4;
    if (!walk.has(session_bytes)) return walk.refuse(Reason::l2tp_truncated);
    const std::uint32_t session = load_be32(walk.at());
    if (session == 0) return walk.refuse(Reason::l2tp_payload_unsupported);  // control
    if (!walk.add_tunnel(LayerType::l2tp, true, session)) return walk.refuse(Reason::layers_too_many);
    walk.offset += session_bytes;
    return behind_l2tp_session(walk);
}

CLEW_RARE_STEP Next step_l2tp_ip(Walk& walk) { return step_l2tp_3(walk); }

inline Next step_l2tp_2(Walk& walk, std::uint16_t flags) {
    constexpr std::uint16_t length_bit = 0x4000, sequence_bit = 0x0800, offset_bit = 0x0200;
    const std::uint32_t ids_at = udp_bytes + (flags & length_bit ? 4 : 2);
    std::uint32_t header_bytes = ids_at + 4 + (flags & sequence_bit ? 4 : 0);
    if (!walk.has(header_bytes + (flags & offset_bit ? 2 : 0))) return walk.refuse(Reason::l2tp_truncated);
    if (flags & offset_bit) header_bytes += 2u + load_be16(walk.at(header_bytes));
    if (!walk.has(header_bytes)) return walk.refuse(Reason::l2tp_truncated);
    if (!walk.add_tunnel(LayerType::l2tp, true, load_be32(walk.at(ids_at))))
        return walk.refuse(Reason::layers_too_many);
    walk.offset += header_bytes;
    return step_ppp(walk);
}

/// Control messages stay what they are on the wire: UDP.
CLEW_RARE_STEP Next step_l2tp_udp(Walk& walk) {
    constexpr std::uint16_t control_bit = 0x8000, version = 0x000f;
    constexpr std::uint32_t flags_bytes_3 = 4;
    if (!walk.has(udp_bytes + 8)) return Next::transport;
    const std::uint16_t flags = load_be16(walk.at(udp_bytes));
    if ((flags & control_bit) != 0) return Next::transport;
    if ((flags & version) == 2) return step_l2tp_2(walk, flags);
    if ((flags & version) != 3) return Next::transport;
    walk.offset += udp_bytes + flags_bytes_3;
    return step_l2tp_3(walk);
}

}  // namespace clew::sensor::decap_layers
