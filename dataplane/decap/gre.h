// SPDX-License-Identifier: Apache-2.0
// GRE version 0 (RFC 2784, 2890) with checksum, key and sequence number; IP or Ethernet inside.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

inline Next step_gre(Walk& walk) {
    if (!walk.has(4)) return walk.refuse(Reason::gre_truncated);
    const std::uint16_t flags = load_be16(walk.at());
    const std::uint16_t type = load_be16(walk.at(2));
    const bool checksum = flags & 0x8000, routing = flags & 0x4000, key = flags & 0x2000, sequence = flags & 0x1000;
    if ((flags & 0x0007) != 0 || routing) return walk.refuse(Reason::gre_version_unsupported);
    const std::uint32_t key_at = checksum ? 8 : 4;
    const std::uint32_t header_bytes = key_at + (key ? 4 : 0) + (sequence ? 4 : 0);
    if (!walk.has(header_bytes)) return walk.refuse(Reason::gre_truncated);
    const std::uint32_t id = key ? load_be32(walk.at(key_at)) : 0;
    if (!walk.add_layer(LayerType::gre, key, id)) return walk.refuse(Reason::layers_too_many);
    walk.offset += header_bytes;
    return next_of_tunnel(walk, type, Reason::gre_payload_unsupported);
}

}  // namespace clew::sensor::decap_layers
