// SPDX-License-Identifier: Apache-2.0
// The state of one walk through a frame's layers. A layer's file gives one function: it reads at walk.offset, adds what
// it found, moves the offset and says what comes next. No function may read at or past walk.end.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/bytes.h"
#include "dataplane/decap.h"

namespace clew::sensor::decap_layers {

/// What a layer's function found behind itself.
enum class Next : std::uint8_t {
    ethernet,
    ethertype,  ///< look walk.ethertype up
    ipv4,
    ipv6,
    ip_protocol,  ///< look walk.found.protocol up: a tunnel or a transport header
    transport,    ///< the innermost packet is found
    refuse,       ///< walk.found.reason says why
};

struct Walk {
    explicit Walk(Decapped& to_fill) : found(to_fill) {}

    const std::uint8_t* bytes = nullptr;
    std::uint32_t offset = 0;
    std::uint32_t end = 0;  ///< captured bytes; shrinks to an inner packet's own end, so that padding is no payload
    std::uint32_t wire_length = 0;
    std::uint16_t ethertype = 0;
    const DecapSettings* settings = nullptr;
    Decapped& found;

    bool has(std::uint32_t count) const { return end - offset >= count; }
    const std::uint8_t* at(std::uint32_t ahead = 0) const { return bytes + offset + ahead; }

    Next refuse(Reason reason) {
        found.reason = reason;
        return Next::refuse;
    }

    /// Adds a layer; a tunnel's outer ends are the addresses of the IP header found last.
    bool add_layer(LayerType type, bool has_id, std::uint32_t id) {
        if (found.layer_count == layer_count_max) return false;
        FoundLayer& layer = found.layers[found.layer_count++];
        layer.type = type;
        layer.has_id = has_id;
        layer.id = id;
        layer.ends_v6 = found.v6;
        layer.ends_offset = type == LayerType::vlan ? 0 : found.addresses_offset;
        return true;
    }

    Next to_ethertype(std::uint16_t type) {
        ethertype = type;
        return Next::ethertype;
    }
};

constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
constexpr std::uint16_t ethertype_ethernet = 0x6558;  ///< transparent Ethernet bridging: Ethernet inside GRE or Geneve

/// What GRE and Geneve carry: Ethernet or IP.
inline Next next_of_tunnel(Walk& walk, std::uint16_t type, Reason otherwise) {
    switch (type) {
        case ethertype_ethernet: return Next::ethernet;
        case ethertype_ipv4: return Next::ipv4;
        case ethertype_ipv6: return Next::ipv6;
        default: return walk.refuse(otherwise);
    }
}

}  // namespace clew::sensor::decap_layers
