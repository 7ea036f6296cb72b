// SPDX-License-Identifier: Apache-2.0
// IP in IP: 4in4, 4in6 (protocol 4), 6in4, 6in6 (protocol 41). No header of its own and no id. Behind an IPv6 segment
// routing header it is SRv6 (RFC 8754); without one (reduced encapsulation) nothing tells it from IP in IP.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

inline Next ip_in_ip(Walk& walk, Next inside) {
    const LayerType type = walk.segment_routed ? LayerType::srv6 : LayerType::ipip;
    return walk.add_tunnel(type, false, 0) ? inside : walk.refuse(Reason::layers_too_many);
}

CLEW_RARE_STEP Next step_ipip4(Walk& walk) { return ip_in_ip(walk, Next::ipv4); }

CLEW_RARE_STEP Next step_ipip6(Walk& walk) { return ip_in_ip(walk, Next::ipv6); }

}  // namespace clew::sensor::decap_layers
