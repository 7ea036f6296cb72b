// SPDX-License-Identifier: Apache-2.0
// UOA, the option in which DPVS FULLNAT names the client of a datagram: an IPv4 option (kind 31; kind, length, port,
// address of 4 or 16 bytes), or the same behind a header of its own (IP protocol 248: version, protocol, length with
// the options). Neither is a layer; Decapped::uoa_offset leads to the option.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

/// Looks through the options in the `count` bytes `ahead`, which are there.
CLEW_RARE_STEP void find_address_option(Walk& walk, std::uint32_t ahead, std::uint32_t count) {
    constexpr std::uint8_t kind_end = 0, kind_nop = 1, kind_uoa = 31;
    const std::uint8_t* options = walk.at(ahead);
    for (std::uint32_t at = 0; at < count && options[at] != kind_end;) {
        if (options[at] == kind_nop) {
            ++at;
            continue;
        }
        if (count - at < 2) return;
        const std::uint32_t length = options[at + 1];
        if (length < 2 || length > count - at) return;
        if (options[at] == kind_uoa && (length == 8 || length == 20)) walk.found.uoa_offset = walk.offset + ahead + at;
        at += length;
    }
}

CLEW_RARE_STEP Next step_option_protocol(Walk& walk) {
    constexpr std::uint32_t header_bytes = 4;
    if (!walk.has(header_bytes)) return walk.refuse(Reason::ip_truncated);
    const std::uint8_t* header = walk.at();
    const std::uint32_t length = load_be16(header + 2);
    const unsigned version = header[0] >> 4;
    if ((version != 1 && version != 2) || length < header_bytes) return Next::transport;
    if (!walk.has(length)) return walk.refuse(Reason::ip_truncated);
    if (length > walk.found.transport_length) return walk.refuse(Reason::ip_header_bad);
    find_address_option(walk, header_bytes, length - header_bytes);
    walk.found.protocol = header[1];
    walk.found.transport_length -= length;
    walk.offset += length;
    return Next::ip_protocol;
}

}  // namespace clew::sensor::decap_layers
