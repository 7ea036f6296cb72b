// SPDX-License-Identifier: Apache-2.0
// Decap: a frame's VLAN tags and tunnels off, the inner headers found. Offsets by value, nothing copied, nothing kept;
// never a read outside the captured bytes. Which encapsulations: dataplane/decap/encapsulations.def, docs/TUNNELS.md.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/packet.h"
#include "dataplane/reasons.h"
#include "dataplane/tunnel_ports.h"
#include "nat-trace/segment.h"

namespace clew::sensor {

constexpr std::uint8_t l2tp_cookie_any = 0xff;

struct DecapSettings {
    TunnelPorts ports;   ///< UDP destination ports
    bool nvgre = false;  ///< GRE with a key and Ethernet inside is NVGRE: the key is 24 bits of subnet, 8 of flow
    std::uint8_t l2tp_cookie_bytes = l2tp_cookie_any;  ///< of L2TP version 3: 0, 4, 8, or told by what is behind it
};

struct FoundLayer {
    LayerType type = LayerType::none;
    bool has_id = false;
    bool ends_v6 = false;
    std::uint32_t id = 0;
    std::uint32_t ends_offset =
        0;  ///< of the outer source address, the destination follows; 0: no IP header carries it
};

/// The IP packet that was cut into fragments of which this frame holds one; with `cut` false there is none.
struct FoundFragment {
    bool cut = false;
    bool v6 = false;
    std::uint8_t layer_count = 0;  ///< the layers outside that packet; fewer than Decapped's when a tunnel's was cut
    std::uint8_t protocol = 0;     ///< IPv4 only: part of what tells packets apart
    std::uint16_t place = 0;       ///< where in the packet this piece lies, in units of 8 bytes
    std::uint32_t id = 0;
    std::uint32_t addresses_offset = 0;
};

/// The innermost IP packet. Offsets count from the frame's first byte. Lengths are as sent, not as captured.
struct Decapped {
    /// Anything but none: refused. With ip_fragments_later the members up to ip_length and `fragment` are filled in,
    /// and transport_length is that of this piece; with the others nothing is.
    Reason reason = Reason::none;
    bool v6 = false;
    bool has_mac = false;
    bool first_fragment = false;  ///< more fragments follow: the payload here is only the first part
    std::uint8_t protocol = 0;    ///< IANA
    std::uint8_t ttl = 0;
    std::uint8_t layer_count = 0;
    std::uint16_t ip_id = 0;  ///< 0 for IPv6
    std::uint32_t mac_offset = 0;
    std::uint32_t addresses_offset = 0;  ///< source, then destination: 4 bytes each, or 16 with v6
    std::uint32_t transport_offset = 0;
    std::uint32_t end_offset = 0;        ///< behind the packet's last captured byte
    std::uint32_t ip_length = 0;         ///< IP header included
    std::uint32_t transport_length = 0;  ///< behind the IP header and its extensions
    std::uint32_t erspan_offset = 0;     ///< of the last ERSPAN II or III header; 0: none (dataplane/erspan_header.h)
    std::uint32_t geneve_options_offset = 0;
    std::uint32_t uoa_offset =
        0;  ///< of the last option that names a datagram's client (decap/address_option.h); 0: none
    std::uint16_t geneve_options_length = 0;  ///< bytes, of the last Geneve header
    FoundFragment fragment;
    std::array<FoundLayer, layer_count_max> layers;  ///< outermost first; layer_count are filled in
};

Decapped decap(const Packet& packet, const DecapSettings& settings);

/// The same into a Decapped that was used before: its layers are not cleared.
void decap(const Packet& packet, const DecapSettings& settings, Decapped& found);

/// The same again without the short cut for plain frames (dataplane/decap/plain.h).
void walk_layers(const Packet& packet, const DecapSettings& settings, Decapped& found);

/// The segment as this packet carries it: its sender on the client's side.
Segment segment_of(const std::uint8_t* frame, const Decapped& decapped);

}  // namespace clew::sensor
