// SPDX-License-Identifier: Apache-2.0
// IPv4: options are skipped; a later fragment has no header behind it and is refused with its own reason.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

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
    const std::uint16_t fragment = load_be16(ip + 6);
    if ((fragment & 0x1fff) != 0) return walk.refuse(Reason::ip_fragments_later);

    Decapped& found = walk.found;
    found.v6 = false;
    found.first_fragment = (fragment & 0x2000) != 0;
    found.ip_id = load_be16(ip + 4);
    found.ttl = ip[8];
    found.protocol = ip[9];
    found.addresses_offset = walk.offset + 12;
    found.ip_length = total;
    found.transport_length = total - header_bytes;
    walk.end = static_cast<std::uint32_t>(std::min<std::uint64_t>(walk.end, std::uint64_t{walk.offset} + total));
    walk.offset += header_bytes;
    return Next::ip_protocol;
}

}  // namespace clew::sensor::decap_layers
