// SPDX-License-Identifier: Apache-2.0
// Geneve (RFC 8926): Ethernet or IP inside; Decapped::geneve_options_* leads to the options. Another version is no
// Geneve but a UDP leg of its own.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

inline Next step_geneve(Walk& walk) {
    constexpr std::uint32_t header_bytes_min = 8;
    if (!walk.has(udp_bytes + header_bytes_min)) return walk.refuse(Reason::geneve_truncated);
    const std::uint8_t* geneve = walk.at(udp_bytes);
    if (geneve[0] >> 6 != 0) return Next::transport;
    const std::uint32_t options_bytes = (geneve[0] & 0x3fu) * 4;
    const std::uint32_t header_bytes = header_bytes_min + options_bytes;
    if (!walk.has(udp_bytes + header_bytes)) return walk.refuse(Reason::geneve_truncated);
    const bool control = (geneve[1] & 0x80) != 0;
    if (control) return walk.refuse(Reason::geneve_payload_unsupported);
    if (!walk.add_tunnel(LayerType::geneve, true, load_be24(geneve + 4))) return walk.refuse(Reason::layers_too_many);
    const std::uint16_t type = load_be16(geneve + 2);
    walk.found.geneve_options_offset = walk.offset + udp_bytes + header_bytes_min;
    walk.found.geneve_options_length = static_cast<std::uint16_t>(options_bytes);
    walk.offset += udp_bytes + header_bytes;
    return next_of_tunnel(walk, type, Reason::geneve_payload_unsupported);
}

}  // namespace clew::sensor::decap_layers
