// SPDX-License-Identifier: Apache-2.0
// Ethernet II: the MAC pair of the innermost such header is part of the segment.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

inline Next step_ethernet(Walk& walk) {
    constexpr std::uint32_t header_bytes = 14;
    if (!walk.has(header_bytes)) return walk.refuse(Reason::frame_truncated);
    walk.found.has_mac = true;
    walk.found.mac_offset = walk.offset;
    const std::uint16_t type = load_be16(walk.at(12));
    walk.offset += header_bytes;
    return walk.to_ethertype(type);
}

}  // namespace clew::sensor::decap_layers
