// SPDX-License-Identifier: Apache-2.0
// IP in IP: 4in4, 4in6 (protocol 4), 6in4, 6in6 (protocol 41). No header of its own and no id.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

inline Next step_ipip4(Walk& walk) {
    return walk.add_layer(LayerType::ipip, false, 0) ? Next::ipv4 : walk.refuse(Reason::layers_too_many);
}

inline Next step_ipip6(Walk& walk) {
    return walk.add_layer(LayerType::ipip, false, 0) ? Next::ipv6 : walk.refuse(Reason::layers_too_many);
}

}  // namespace clew::sensor::decap_layers
