// SPDX-License-Identifier: Apache-2.0
// NSH (RFC 8300): the service path is the layer's id; the service index and the metadata are not kept. Carried by
// Ethernet, GRE or VXLAN-GPE, whose protocol numbers are the same; IP, Ethernet, NSH or MPLS inside.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

/// The protocol numbers that NSH and VXLAN-GPE share.
inline Next next_of_nsh_protocol(Walk& walk, std::uint8_t protocol, Reason otherwise) {
    switch (protocol) {
        case 1: return Next::ipv4;
        case 2: return Next::ipv6;
        case 3: return Next::ethernet;
        case 4: return walk.to_ethertype(ethertype_nsh);
        case 5: return walk.to_ethertype(ethertype_mpls);
        default: return walk.refuse(otherwise);
    }
}

CLEW_RARE_STEP Next step_nsh(Walk& walk) {
    constexpr std::uint32_t header_bytes_min = 8;
    if (!walk.has(header_bytes_min)) return walk.refuse(Reason::nsh_truncated);
    const std::uint8_t* nsh = walk.at();
    const std::uint32_t header_bytes = (nsh[1] & 0x3fu) * 4;
    const bool version_0 = nsh[0] >> 6 == 0;
    if (!version_0 || header_bytes < header_bytes_min) return walk.refuse(Reason::nsh_payload_unsupported);
    if (!walk.has(header_bytes)) return walk.refuse(Reason::nsh_truncated);
    if (!walk.add_layer(LayerType::nsh, true, load_be24(nsh + 4))) return walk.refuse(Reason::layers_too_many);
    walk.offset += header_bytes;
    return next_of_nsh_protocol(walk, nsh[3], Reason::nsh_payload_unsupported);
}

}  // namespace clew::sensor::decap_layers
