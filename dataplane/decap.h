// SPDX-License-Identifier: Apache-2.0
// Decap: a frame's VLAN tags and tunnels off, the inner headers found. Offsets by value, nothing copied, nothing kept;
// never a read outside the captured bytes. Which encapsulations: dataplane/decap/encapsulations.def.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/packet.h"
#include "dataplane/reasons.h"
#include "nat-trace/segment.h"

namespace clew::sensor {

struct DecapSettings {
    std::uint16_t vxlan_port = 4789;   ///< UDP destination port
    std::uint16_t geneve_port = 6081;  ///< UDP destination port
};

struct FoundLayer {
    LayerType type = LayerType::none;
    bool has_id = false;
    bool ends_v6 = false;
    std::uint32_t id = 0;
    std::uint32_t ends_offset = 0;  ///< of the outer source address, the destination follows; 0 for a VLAN tag
};

/// The innermost IP packet. Offsets count from the frame's first byte. Lengths are as sent, not as captured.
struct Decapped {
    Reason reason = Reason::none;  ///< anything else: refused, the other members mean nothing
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
    std::uint32_t end_offset = 0;                    ///< behind the packet's last captured byte
    std::uint32_t ip_length = 0;                     ///< IP header included
    std::uint32_t transport_length = 0;              ///< behind the IP header and its extensions
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
