// SPDX-License-Identifier: Apache-2.0
// A short cut for the commonest frames: TCP in IPv4 without options, bare on Ethernet or in one VXLAN over the same. It
// finds what the walk would find; whatever is not exactly so, or cut short, is left to the walk.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/bytes.h"
#include "dataplane/decap.h"

namespace clew::sensor::decap_layers {

constexpr std::uint32_t plain_ethernet_bytes = 14, plain_ip_bytes = 20, plain_tunnel_bytes = 16;  // UDP and VXLAN

/// Ethernet with IPv4 behind it: no VLAN tag, no options, no fragment.
inline bool is_plain_ip(const std::uint8_t* ethernet) {
    const std::uint8_t* ip = ethernet + plain_ethernet_bytes;
    return load_be16(ethernet + 12) == 0x0800 && ip[0] == 0x45 && (load_be16(ip + 6) & 0x3fff) == 0;
}

/// False: nothing was written. Else every member of `found` was, but `fragment` beyond `cut` and the layers that there
/// are not.
[[gnu::always_inline]] inline bool read_plain(const Packet& packet, const TunnelPorts& ports, Decapped& found) {
    constexpr std::uint32_t shortest = plain_ethernet_bytes + plain_ip_bytes + 20;
    constexpr std::uint32_t inner_at = plain_ethernet_bytes + plain_ip_bytes + plain_tunnel_bytes;
    constexpr std::uint8_t udp = 17, tcp = 6, vxlan_has_id = 0x08;
    if (packet.link != LinkType::ethernet) return false;
    const std::uint8_t* frame = packet.bytes;
    std::uint32_t end = packet.captured_length, at = 0;
    if (end < shortest || !is_plain_ip(frame)) return false;
    if (frame[plain_ethernet_bytes + 9] == udp) {
        const std::uint8_t* tunnel = frame + plain_ethernet_bytes + plain_ip_bytes;
        end = std::min<std::uint32_t>(end, plain_ethernet_bytes + load_be16(frame + plain_ethernet_bytes + 2));
        at = inner_at;
        if (end < inner_at + shortest || ports.find(load_be16(tunnel + 2)) != UdpTunnel::vxlan ||
            tunnel[8] != vxlan_has_id || !is_plain_ip(frame + inner_at))
            return false;
    }
    const std::uint8_t* ip = frame + at + plain_ethernet_bytes;
    const std::uint32_t total = load_be16(ip + 2);
    if (ip[9] != tcp || total < plain_ip_bytes + 20) return false;
    found.layer_count = at != 0;
    if (at != 0) {
        FoundLayer& layer = found.layers[0];
        layer.type = LayerType::vxlan;
        layer.has_id = true;
        layer.ends_v6 = false;
        layer.id = load_be24(frame + plain_ethernet_bytes + plain_ip_bytes + 12);
        layer.ends_offset = plain_ethernet_bytes + 12;
    }
    found.reason = Reason::none;
    found.v6 = found.first_fragment = found.fragment.cut = false;
    found.has_mac = true;
    found.protocol = tcp;
    found.ttl = ip[8];
    found.ip_id = load_be16(ip + 4);
    found.mac_offset = at;
    found.addresses_offset = at + plain_ethernet_bytes + 12;
    found.transport_offset = at + plain_ethernet_bytes + plain_ip_bytes;
    found.end_offset = std::min(end, at + plain_ethernet_bytes + total);
    found.ip_length = total;
    found.transport_length = total - plain_ip_bytes;
    found.erspan_offset = found.geneve_options_offset = found.uoa_offset = 0;
    found.geneve_options_length = 0;
    return true;
}

}  // namespace clew::sensor::decap_layers
