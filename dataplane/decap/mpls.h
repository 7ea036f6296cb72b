// SPDX-License-Identifier: Apache-2.0
// MPLS (RFC 3032) on a link, in IP (RFC 4023), in UDP (RFC 7510): every label is a layer. Behind the last nothing says
// what comes: by its first bits it is IP, or a pseudowire
// control word (RFC 4385) and Ethernet, or Ethernet alone.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

constexpr std::uint32_t mpls_label_bytes = 4;

inline Next behind_mpls(Walk& walk) {
    if (!walk.has(1)) return walk.refuse(Reason::mpls_truncated);
    const std::uint8_t nibble = walk.at()[0] >> 4;
    if ((nibble == 4 || nibble == 6) && looks_like_ip(walk, 0) && !looks_like_ethernet_with_ip(walk, 0))
        return nibble == 4 ? Next::ipv4 : Next::ipv6;
    constexpr std::uint32_t control_word_bytes = 4;
    if (nibble == 0 && (looks_like_ethernet(walk, control_word_bytes) || !looks_like_ethernet(walk, 0))) {
        if (!walk.has(control_word_bytes)) return walk.refuse(Reason::mpls_truncated);
        walk.offset += control_word_bytes;
        return Next::ethernet;
    }
    if (looks_like_ethernet(walk, 0)) return Next::ethernet;
    return walk.refuse(Reason::mpls_payload_unsupported);
}

/// `tunnel`: the first label is carried by the IP header found last.
inline Next walk_mpls(Walk& walk, bool tunnel) {
    for (;;) {
        if (!walk.has(mpls_label_bytes)) return walk.refuse(Reason::mpls_truncated);
        const std::uint32_t entry = load_be32(walk.at());
        const std::uint32_t label = entry >> 12;
        const bool added =
            tunnel ? walk.add_tunnel(LayerType::mpls, true, label) : walk.add_layer(LayerType::mpls, true, label);
        if (!added) return walk.refuse(Reason::layers_too_many);
        tunnel = false;
        walk.offset += mpls_label_bytes;
        const bool bottom = (entry & 0x100) != 0;
        if (bottom) return behind_mpls(walk);
    }
}

CLEW_RARE_STEP Next step_mpls(Walk& walk) { return walk_mpls(walk, false); }

CLEW_RARE_STEP Next step_mpls_in_ip(Walk& walk) { return walk_mpls(walk, true); }

CLEW_RARE_STEP Next step_mpls_in_udp(Walk& walk) {
    if (!walk.has(udp_bytes + mpls_label_bytes)) return walk.refuse(Reason::mpls_truncated);
    walk.offset += udp_bytes;
    return walk_mpls(walk, true);
}

}  // namespace clew::sensor::decap_layers
