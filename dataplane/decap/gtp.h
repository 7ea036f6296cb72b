// SPDX-License-Identifier: Apache-2.0
// GTP-U (3GPP TS 29.281): user packets (G-PDU) with their extension headers skipped; the tunnel endpoint is the layer's
// id. Its other messages (echo, error indication, …) and GTP-C are UDP legs of their own.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

constexpr unsigned gtp_extension_count_max = 16;

/// Skips the extension headers; `type` is the first one's.
inline bool skip_gtp_extensions(Walk& walk, std::uint8_t type) {
    for (unsigned count = 0; type != 0; ++count) {
        if (count == gtp_extension_count_max || !walk.has(1)) return false;
        const std::uint32_t length = walk.at()[0] * 4u;  // its own length and the next one's type included
        if (length == 0 || !walk.has(length)) return false;
        type = walk.at(length - 1)[0];
        walk.offset += length;
    }
    return true;
}

CLEW_RARE_STEP Next step_gtp(Walk& walk) {
    constexpr std::uint32_t header_bytes = 8, optional_bytes = 4;
    constexpr std::uint8_t user_packet = 0xff;
    if (!walk.has(udp_bytes + header_bytes)) return Next::transport;
    const std::uint8_t* gtp = walk.at(udp_bytes);
    const bool version_1 = (gtp[0] & 0xf0) == 0x30;  // with the protocol type of GTP, not of GTP'
    if (!version_1 || gtp[1] != user_packet) return Next::transport;
    if (!walk.add_tunnel(LayerType::gtp, true, load_be32(gtp + 4))) return walk.refuse(Reason::layers_too_many);
    walk.offset += udp_bytes + header_bytes;
    if ((gtp[0] & 0x07) != 0) {  // extension, sequence or N-PDU flag: all three fields are there
        if (!walk.has(optional_bytes)) return walk.refuse(Reason::gtp_truncated);
        const std::uint8_t extension = gtp[0] & 0x04 ? walk.at()[3] : 0;
        walk.offset += optional_bytes;
        if (!skip_gtp_extensions(walk, extension)) return walk.refuse(Reason::gtp_truncated);
    }
    if (!walk.has(1)) return walk.refuse(Reason::gtp_truncated);
    switch (walk.at()[0] >> 4) {
        case 4: return Next::ipv4;
        case 6: return Next::ipv6;
        default: return looks_like_ethernet(walk, 0) ? Next::ethernet : walk.refuse(Reason::gtp_payload_unsupported);
    }
}

}  // namespace clew::sensor::decap_layers
