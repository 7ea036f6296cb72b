// SPDX-License-Identifier: Apache-2.0
// The state of one walk through a frame's layers. A layer's file gives one function: it reads at walk.offset, adds what
// it found, moves the offset and says what comes next. No function may read at or past walk.end.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/bytes.h"
#include "dataplane/decap.h"

/// Steps that few packets take are kept out of the path of the many.
#define CLEW_RARE_STEP [[gnu::noinline, gnu::cold]] inline

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

constexpr std::uint32_t udp_bytes = 8;

struct Walk {
    explicit Walk(Decapped& to_fill) : found(to_fill) {}

    const std::uint8_t* bytes = nullptr;
    std::uint32_t offset = 0;
    std::uint32_t end = 0;  ///< captured bytes; shrinks to an inner packet's own end, so that padding is no payload
    std::uint32_t wire_length = 0;
    std::uint16_t ethertype = 0;
    bool segment_routed = false;  ///< the IPv6 header found last has a segment routing header
    const DecapSettings* settings = nullptr;
    Decapped& found;

    bool has(std::uint32_t count) const { return end - offset >= count; }
    const std::uint8_t* at(std::uint32_t ahead = 0) const { return bytes + offset + ahead; }

    Next refuse(Reason reason) {
        found.reason = reason;
        return Next::refuse;
    }

    /// Adds a layer that no IP header carries: a tag, a label, a session on a link.
    bool add_layer(LayerType type, bool has_id, std::uint32_t id) {
        if (found.layer_count == layer_count_max) return false;
        FoundLayer& layer = found.layers[found.layer_count++];
        layer.type = type;
        layer.has_id = has_id;
        layer.ends_v6 = false;
        layer.id = id;
        layer.ends_offset = 0;
        return true;
    }

    /// Adds a layer whose outer ends are the addresses of the IP header found last.
    bool add_tunnel(LayerType type, bool has_id, std::uint32_t id) {
        if (!add_layer(type, has_id, id)) return false;
        FoundLayer& layer = found.layers[found.layer_count - 1];
        layer.ends_v6 = found.v6;
        layer.ends_offset = found.addresses_offset;
        return true;
    }

    Next to_ethertype(std::uint16_t type) {
        ethertype = type;
        return Next::ethertype;
    }
};

constexpr std::uint16_t ethertype_ipv4 = 0x0800, ethertype_ipv6 = 0x86dd, ethertype_arp = 0x0806,
                        ethertype_vlan = 0x8100, ethertype_service_vlan = 0x88a8, ethertype_mpls = 0x8847,
                        ethertype_nsh = 0x894f;
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

/// Whether an IPv4 or IPv6 header that fits the bytes there stands `ahead` of the walk's place.
inline bool looks_like_ip(const Walk& walk, std::uint32_t ahead) {
    const std::uint32_t room = walk.end - walk.offset;
    if (room < ahead || room - ahead < 20) return false;
    const std::uint8_t* ip = walk.at(ahead);
    if (ip[0] >> 4 == 4) return (ip[0] & 0x0f) >= 5 && load_be16(ip + 2) >= (ip[0] & 0x0fu) * 4;
    return ip[0] >> 4 == 6 && room - ahead >= 40;
}

inline bool looks_like_ethernet_with_ip(const Walk& walk, std::uint32_t ahead) {
    const std::uint32_t room = walk.end - walk.offset;
    if (room < ahead || room - ahead < 14) return false;
    const std::uint16_t type = load_be16(walk.at(ahead + 12));
    return (type == ethertype_ipv4 || type == ethertype_ipv6) && looks_like_ip(walk, ahead + 14);
}

/// Whether an Ethernet header stands `ahead`: where several readings of a header are possible, the one that leads to a
/// known EtherType is taken, and where that is IP, to a sound IP header.
inline bool looks_like_ethernet(const Walk& walk, std::uint32_t ahead) {
    const std::uint32_t room = walk.end - walk.offset;
    if (room < ahead || room - ahead < 14) return false;
    switch (load_be16(walk.at(ahead + 12))) {
        case ethertype_ipv4:
        case ethertype_ipv6: return looks_like_ip(walk, ahead + 14);
        case ethertype_arp:
        case ethertype_vlan:
        case ethertype_service_vlan:
        case ethertype_mpls:
        case 0x88cc:  // LLDP
        case 0x8863:
        case 0x8864: return true;
        default: return false;
    }
}

}  // namespace clew::sensor::decap_layers
