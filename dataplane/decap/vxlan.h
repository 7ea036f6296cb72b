// SPDX-License-Identifier: Apache-2.0
// VXLAN (RFC 7348): 8 bytes behind UDP, Ethernet inside. What lacks the I flag is no VXLAN but a UDP leg of its own.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

inline Next step_vxlan(Walk& walk) {
    constexpr std::uint32_t udp_bytes = 8, header_bytes = 8;
    if (!walk.has(udp_bytes + header_bytes)) return walk.refuse(Reason::vxlan_truncated);
    const std::uint8_t* vxlan = walk.at(udp_bytes);
    if ((vxlan[0] & 0x08) == 0) return Next::transport;
    if (!walk.add_layer(LayerType::vxlan, true, load_be24(vxlan + 4))) return walk.refuse(Reason::layers_too_many);
    walk.offset += udp_bytes + header_bytes;
    return Next::ethernet;
}

}  // namespace clew::sensor::decap_layers
