// SPDX-License-Identifier: Apache-2.0
// VXLAN (RFC 7348) and its extensions for group policy (the G flag; the group is not kept) and generic protocols (the P
// flag: draft-ietf-nvo3-vxlan-gpe, IP, Ethernet, NSH or MPLS inside): 8 bytes behind UDP. What bears neither the I nor,
// on the port of GPE, the P flag is no VXLAN but a UDP leg of its own.
#pragma once

#include "dataplane/decap/nsh.h"
#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

constexpr std::uint8_t vxlan_flag_id = 0x08, vxlan_flag_protocol = 0x04;
constexpr std::uint32_t vxlan_header_bytes = 8;

CLEW_RARE_STEP Next step_vxlan_gpe(Walk& walk) {
    if (!walk.has(udp_bytes + vxlan_header_bytes)) return walk.refuse(Reason::vxlan_truncated);
    const std::uint8_t* vxlan = walk.at(udp_bytes);
    if ((vxlan[0] & (vxlan_flag_id | vxlan_flag_protocol)) == 0) return Next::transport;
    const bool has_id = (vxlan[0] & vxlan_flag_id) != 0;
    if (!walk.add_tunnel(LayerType::vxlan, has_id, has_id ? load_be24(vxlan + 4) : 0))
        return walk.refuse(Reason::layers_too_many);
    walk.offset += udp_bytes + vxlan_header_bytes;
    if ((vxlan[0] & vxlan_flag_protocol) == 0) return Next::ethernet;
    return next_of_nsh_protocol(walk, vxlan[3], Reason::vxlan_payload_unsupported);
}

inline Next step_vxlan(Walk& walk) {
    if (!walk.has(udp_bytes + vxlan_header_bytes)) return walk.refuse(Reason::vxlan_truncated);
    const std::uint8_t* vxlan = walk.at(udp_bytes);
    if ((vxlan[0] & vxlan_flag_id) == 0) return Next::transport;
    if ((vxlan[0] & vxlan_flag_protocol) != 0) [[unlikely]]
        return step_vxlan_gpe(walk);
    if (!walk.add_tunnel(LayerType::vxlan, true, load_be24(vxlan + 4))) return walk.refuse(Reason::layers_too_many);
    walk.offset += udp_bytes + vxlan_header_bytes;
    return Next::ethernet;
}

}  // namespace clew::sensor::decap_layers
