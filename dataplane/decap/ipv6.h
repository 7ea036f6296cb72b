// SPDX-License-Identifier: Apache-2.0
// IPv6 and its extension headers (hop-by-hop, routing, destination options, fragment, authentication, mobility, HIP,
// Shim6).
#pragma once

#include "dataplane/decap/ipv4.h"
#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

constexpr unsigned ipv6_extension_count_max = 8;

inline bool is_ipv6_extension(std::uint8_t protocol) {
    switch (protocol) {
        case 0:
        case 43:
        case 44:
        case 51:
        case 60:
        case 135:
        case 139:
        case 140: return true;
        default: return false;
    }
}

/// Skips the extension headers; walk.found.protocol is the next header and becomes the one behind them.
CLEW_RARE_STEP Next skip_ipv6_extensions(Walk& walk) {
    constexpr std::uint8_t routing_type_segments = 4;
    for (unsigned count = 0;; ++count) {
        Decapped& found = walk.found;
        if (!is_ipv6_extension(found.protocol)) return Next::ip_protocol;
        const bool fragment = found.protocol == 44;
        const bool authentication = found.protocol == 51;
        if (count == ipv6_extension_count_max) return walk.refuse(Reason::ip_extensions_too_many);
        if (!walk.has(8)) return walk.refuse(Reason::ip_truncated);
        const std::uint8_t* header = walk.at();
        if (found.protocol == 43 && header[2] == routing_type_segments) walk.segment_routed = true;
        const std::uint32_t length = fragment ? 8 : authentication ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
        if (!walk.has(length)) return walk.refuse(Reason::ip_truncated);
        if (length > found.transport_length) return walk.refuse(Reason::ip_header_bad);
        found.protocol = header[0];
        found.transport_length -= length;
        walk.offset += length;
        if (!fragment) continue;
        const std::uint16_t field = load_be16(header + 2);
        const auto place = static_cast<std::uint16_t>(field >> 3);
        const bool cut = place != 0 || (field & 1) != 0;
        if (cut && note_fragment(walk, load_be32(header + 4), place) == Next::refuse) return Next::refuse;
    }
}

inline Next step_ipv6(Walk& walk) {
    constexpr std::uint32_t header_bytes = 40;
    if (!walk.has(header_bytes)) return walk.refuse(Reason::ip_truncated);
    const std::uint8_t* ip = walk.at();
    if (ip[0] >> 4 != 6) return walk.refuse(Reason::ip_header_bad);
    std::uint32_t payload = load_be16(ip + 4);
    if (payload == 0) payload = std::max(walk.wire_length, walk.end) - walk.offset - header_bytes;  // jumbo, or offload

    Decapped& found = walk.found;
    found.v6 = true;
    found.first_fragment = false;
    found.ip_id = 0;
    found.ttl = ip[7];
    found.protocol = ip[6];
    found.addresses_offset = walk.offset + 8;
    found.ip_length = header_bytes + payload;
    found.transport_length = payload;
    walk.end = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(walk.end, std::uint64_t{walk.offset} + header_bytes + payload));
    walk.offset += header_bytes;
    walk.segment_routed = false;
    if (is_ipv6_extension(found.protocol)) [[unlikely]]
        return skip_ipv6_extensions(walk);
    return Next::ip_protocol;
}

}  // namespace clew::sensor::decap_layers
