// SPDX-License-Identifier: Apache-2.0
// Ethernet directly in IP: EtherIP (RFC 3378, protocol 97: a version before it) and protocol 143 (RFC 8986), which is
// how segment routing carries Ethernet.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

CLEW_RARE_STEP Next step_etherip(Walk& walk) {
    constexpr std::uint32_t header_bytes = 2;
    if (!walk.has(header_bytes)) return walk.refuse(Reason::frame_truncated);
    if (walk.at()[0] != 0x30) return Next::transport;
    if (!walk.add_tunnel(LayerType::etherip, false, 0)) return walk.refuse(Reason::layers_too_many);
    walk.offset += header_bytes;
    return Next::ethernet;
}

CLEW_RARE_STEP Next step_ethernet_in_ip(Walk& walk) {
    const LayerType type = walk.segment_routed ? LayerType::srv6 : LayerType::etherip;
    return walk.add_tunnel(type, false, 0) ? Next::ethernet : walk.refuse(Reason::layers_too_many);
}

}  // namespace clew::sensor::decap_layers
