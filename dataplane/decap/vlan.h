// SPDX-License-Identifier: Apache-2.0
// 802.1Q and 802.1ad tags, stacked as they come. A priority tag (VLAN id 0) names no VLAN and is no layer.
#pragma once

#include "dataplane/decap/ethernet.h"
#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

inline Next step_vlan(Walk& walk) {
    constexpr std::uint32_t tag_bytes = 4;
    constexpr std::uint16_t ethertype_min = 0x0600;
    if (!walk.has(tag_bytes)) return walk.refuse(Reason::vlan_truncated);
    const std::uint16_t id = load_be16(walk.at()) & 0x0fff;
    const std::uint16_t type = load_be16(walk.at(2));
    if (id != 0 && !walk.add_layer(LayerType::vlan, true, id)) return walk.refuse(Reason::layers_too_many);
    walk.offset += tag_bytes;
    if (type < ethertype_min) [[unlikely]]
        return step_llc(walk);
    return walk.to_ethertype(type);
}

}  // namespace clew::sensor::decap_layers
