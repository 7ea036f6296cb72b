// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/leg_choice.h"

#include <algorithm>

namespace clew::vault {

bool Network::holds(const IpAddress& other) const {
    const std::size_t whole = bits / 8, rest = bits % 8;
    if (!std::equal(ip.bytes.begin(), ip.bytes.begin() + static_cast<std::ptrdiff_t>(whole), other.bytes.begin()))
        return false;
    const auto mask = static_cast<std::uint8_t>(0xff00 >> rest);
    return rest == 0 || ((ip.bytes[whole] ^ other.bytes[whole]) & mask) == 0;
}

bool LegChoice::wants(const LegLabel& leg) const {
    if (!legs.empty() && !legs.contains(leg.id)) return false;
    if (protocol != 0 && protocol != leg.protocol) return false;
    for (const Network& network : networks)
        if (!network.holds(leg.low) && !network.holds(leg.high)) return false;
    for (const std::uint16_t port : ports)
        if (port != leg.port_low && port != leg.port_high) return false;
    const auto* begin = leg.segment.layers.begin();
    const auto* end = begin + leg.segment.layer_count;
    for (const std::uint32_t id : layer_ids)
        if (std::none_of(begin, end, [id](const Layer& layer) { return layer.has_id && layer.id == id; })) return false;
    return true;
}

KeyGroups LegChoice::keys() const {
    KeyGroups groups;
    if (!legs.empty()) {
        std::vector<std::uint64_t>& group = groups.emplace_back();
        for (const LegId id : legs) group.push_back(key_of_leg(id));
    }
    for (const Network& network : networks)
        if (network.is_one()) groups.push_back({key_of_address(network.ip)});
    for (const std::uint32_t id : layer_ids) groups.push_back({key_of_layer_id(id)});
    for (const std::uint16_t port : ports) groups.push_back({key_of_port(port)});
    return groups;
}

}  // namespace clew::vault
