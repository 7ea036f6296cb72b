// SPDX-License-Identifier: Apache-2.0
// IPv4: options are skipped. A later fragment has no header behind it and is refused with its own reason, with what
// leads to its packet's first fragment filled in.
#pragma once

#include "dataplane/decap/address_option.h"
#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

/// The packet found last is a fragment: the first one, at place 0, which carries the headers, or a later one.
CLEW_RARE_STEP Next note_fragment(Walk& walk, std::uint32_t id, std::uint16_t place) {
    Decapped& found = walk.found;
    const bool later = place != 0;
    found.first_fragment = !later;
    found.fragment = {.cut = true,
                      .v6 = found.v6,
                      .layer_count = found.layer_count,
                      .protocol = found.v6 ? std::uint8_t{0} : found.protocol,
                      .place = place,
                      .id = id,
                      .addresses_offset = found.addresses_offset};
    if (!later) return Next::ip_protocol;
    found.transport_offset = walk.offset;
    found.end_offset = walk.end;
    return walk.refuse(Reason::ip_fragments_later);
}

inline Next step_ipv4(Walk& walk) {
    constexpr std::uint32_t header_bytes_min = 20;
    if (!walk.has(header_bytes_min)) return walk.refuse(Reason::ip_truncated);
    const std::uint8_t* ip = walk.at();
    const std::uint32_t header_bytes = (ip[0] & 0x0fu) * 4;
    if (ip[0] >> 4 != 4 || header_bytes < header_bytes_min) return walk.refuse(Reason::ip_header_bad);
    if (!walk.has(header_bytes)) return walk.refuse(Reason::ip_truncated);
    std::uint32_t total = load_be16(ip + 2);
    if (total == 0)
        total = std::max(walk.wire_length, walk.end) - walk.offset;  // segmentation offload: too long to say
    if (total < header_bytes) return walk.refuse(Reason::ip_header_bad);

    Decapped& found = walk.found;
    found.v6 = false;
    found.first_fragment = false;
    found.ip_id = load_be16(ip + 4);
    found.ttl = ip[8];
    found.protocol = ip[9];
    found.addresses_offset = walk.offset + 12;
    found.ip_length = total;
    found.transport_length = total - header_bytes;
    walk.end = static_cast<std::uint32_t>(std::min<std::uint64_t>(walk.end, std::uint64_t{walk.offset} + total));
    if (header_bytes > header_bytes_min) [[unlikely]]
        find_address_option(walk, header_bytes_min, header_bytes - header_bytes_min);
    walk.offset += header_bytes;
    walk.segment_routed = false;
    const std::uint16_t fragment = load_be16(ip + 6);
    if ((fragment & 0x3fff) != 0) [[unlikely]]
        return note_fragment(walk, found.ip_id, fragment & 0x1fff);
    return Next::ip_protocol;
}

}  // namespace clew::sensor::decap_layers
