// SPDX-License-Identifier: Apache-2.0
// Provider backbone bridging (802.1ah): the service instance is the layer's id, the customer's Ethernet is inside.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

CLEW_RARE_STEP Next step_pbb(Walk& walk) {
    constexpr std::uint32_t tag_bytes = 4;
    if (!walk.has(tag_bytes)) return walk.refuse(Reason::vlan_truncated);
    if (!walk.add_layer(LayerType::pbb, true, load_be24(walk.at(1)))) return walk.refuse(Reason::layers_too_many);
    walk.offset += tag_bytes;
    return Next::ethernet;
}

}  // namespace clew::sensor::decap_layers
