// SPDX-License-Identifier: Apache-2.0
// ERSPAN (draft-foschiano-erspan): frames of a mirror session in GRE, one layer together with it. Type I has no header
// of its own and no id, II and III have the session. Decapped::erspan_offset leads to direction and time stamp
// (dataplane/erspan_header.h), which are no part of the segment: both directions of a connection are one leg.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

constexpr std::uint16_t gre_erspan = 0x88be, gre_erspan_3 = 0x22eb;

/// Stands behind the GRE header. `sequence`: GRE had a sequence number, which types II and III must and type I must not
/// have.
inline Next step_erspan(Walk& walk, std::uint16_t type, bool sequence) {
    constexpr std::uint32_t type_2_bytes = 8, type_3_bytes = 12, platform_bytes = 8;
    if (type == gre_erspan && !sequence)
        return walk.add_tunnel(LayerType::erspan, false, 0) ? Next::ethernet : walk.refuse(Reason::layers_too_many);
    if (!walk.has(type_2_bytes)) return walk.refuse(Reason::erspan_truncated);
    const std::uint8_t* erspan = walk.at();
    const std::uint8_t version = erspan[0] >> 4;
    if (version != 1 && version != 2) return walk.refuse(Reason::erspan_payload_unsupported);
    std::uint32_t header_bytes = type_2_bytes;
    bool ip = false;
    if (version == 2) {
        if (!walk.has(type_3_bytes)) return walk.refuse(Reason::erspan_truncated);
        const std::uint16_t last = load_be16(erspan + 10);
        header_bytes = type_3_bytes + (last & 1 ? platform_bytes : 0);
        const unsigned frame_type = last >> 10 & 0x1fu;
        ip = frame_type == 2;
        if (frame_type != 0 && !ip) return walk.refuse(Reason::erspan_payload_unsupported);
    }
    if (!walk.has(header_bytes)) return walk.refuse(Reason::erspan_truncated);
    if (!walk.add_tunnel(LayerType::erspan, true, load_be16(erspan + 2) & 0x3ffu))
        return walk.refuse(Reason::layers_too_many);
    walk.found.erspan_offset = walk.offset;
    walk.offset += header_bytes;
    if (!ip) return Next::ethernet;
    if (!looks_like_ip(walk, 0)) return walk.refuse(Reason::erspan_payload_unsupported);
    return walk.at()[0] >> 4 == 4 ? Next::ipv4 : Next::ipv6;
}

}  // namespace clew::sensor::decap_layers
