// SPDX-License-Identifier: Apache-2.0
// Ethernet II, and 802.3 with LLC/SNAP (RFC 1042): the MAC pair of the innermost such header is part of the segment.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

/// `type` is an 802.3 length: SNAP with the zero organisation code carries an EtherType.
CLEW_RARE_STEP Next step_llc(Walk& walk) {
    constexpr std::uint32_t header_bytes = 8;
    constexpr std::uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    if (!walk.has(header_bytes)) return walk.refuse(Reason::frame_truncated);
    if (!std::equal(std::begin(snap), std::end(snap), walk.at())) return walk.refuse(Reason::ethertype_unsupported);
    const std::uint16_t type = load_be16(walk.at(6));
    walk.offset += header_bytes;
    return walk.to_ethertype(type);
}

inline Next step_ethernet(Walk& walk) {
    constexpr std::uint32_t header_bytes = 14;
    constexpr std::uint16_t ethertype_min = 0x0600;
    if (!walk.has(header_bytes)) return walk.refuse(Reason::frame_truncated);
    walk.found.has_mac = true;
    walk.found.mac_offset = walk.offset;
    const std::uint16_t type = load_be16(walk.at(12));
    walk.offset += header_bytes;
    if (type < ethertype_min) [[unlikely]]
        return step_llc(walk);
    return walk.to_ethertype(type);
}

}  // namespace clew::sensor::decap_layers
