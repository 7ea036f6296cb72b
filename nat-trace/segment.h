// SPDX-License-Identifier: Apache-2.0
// Where on a tap a frame ran: the encapsulation stack as it stood on the wire, and the inner MAC pair.
// Tenants overlap, so the segment is part of every leg's key.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "nat-trace/address.h"

namespace clew {

/// One encapsulation; what each is stands in layers.def. The values travel on the wire and are stored: never renumber.
enum class LayerType : std::uint8_t {
#define CLEW_LAYER(name, number, id_max, kind) name = number,
#include "nat-trace/layers.def"
#undef CLEW_LAYER
};
constexpr std::size_t layer_type_count = 0
#define CLEW_LAYER(name, number, id_max, kind) +1
#include "nat-trace/layers.def"
#undef CLEW_LAYER
    ;

/// One encapsulation layer: what it is, its id, and (tunnels only) the outer ends.
struct Layer {
    LayerType type = LayerType::none;
    bool has_id = false;
    std::uint32_t id = 0;
    IpAddress client_end;  ///< outer address on the client's side of the leg; unspecified where no IP header carries it
    IpAddress server_end;

    auto operator<=>(const Layer&) const = default;
};

constexpr std::size_t layer_count_max = 8;

/// The encapsulation stack, outermost first, as the client's packets carry it (the server's have the ends swapped).
struct Segment {
    std::uint8_t layer_count = 0;
    std::array<Layer, layer_count_max> layers{};
    MacAddress client_mac;  ///< innermost Ethernet header, on the client's side; zero where there is none
    MacAddress server_mac;
    std::uint32_t netns = 0;  ///< legs of sockets only: inode number of the network namespace; 0 at a tap

    auto operator<=>(const Segment&) const = default;
    bool operator==(const Segment& other) const {
        return layer_count == other.layer_count && client_mac == other.client_mac && server_mac == other.server_mac &&
               netns == other.netns && std::equal(layers.begin(), layers.begin() + layer_count, other.layers.begin());
    }
};

/// The innermost overlay id (VXLAN or Geneve VNI, GRE key, …): what tells tenants apart.
std::optional<std::uint32_t> overlay_id(const Segment& segment);

std::uint32_t layer_id_max(LayerType type);  ///< 0: it has no id
std::string_view to_text(LayerType type);
std::string to_text(
    const Segment& segment);  ///< "vlan 7 / vxlan 100 (192.0.2.1 > 192.0.2.2)"; "-" when nothing encapsulates

}  // namespace clew
