// SPDX-License-Identifier: Apache-2.0
// Connections through a source NAT, as a sensor reports them: two legs each, on the taps 0 (inside) and 1 (outside).
#pragma once

#include <array>

#include "nat-trace/leg.h"

namespace clew::control {

inline LegId inside_leg_id(std::uint32_t number) { return 0x1000000 + number * 2; }
inline LegId outside_leg_id(std::uint32_t number) { return inside_leg_id(number) + 1; }

inline std::array<Leg, 2> snat_connection(std::uint32_t number, TimeNs now) {
    const std::uint32_t mixed = number * 2654435761u;
    std::array<Leg, 2> legs;
    for (std::size_t i = 0; i < legs.size(); ++i) {
        Leg& leg = legs[i];
        leg.id = i == 0 ? inside_leg_id(number) : outside_leg_id(number);
        leg.revision = 1;
        leg.phase = LegPhase::ended;
        leg.end = LegEnd::fin;
        leg.client_by = ClientBy::syn;
        leg.tap = static_cast<TapId>(i);
        leg.time_source = TimeSource::kernel;
        leg.client = i == 0
                         ? Endpoint{IpAddress::from_v4(0x0a000000 + number), 40'000}
                         : Endpoint{IpAddress::from_v4(0xcb007101), static_cast<std::uint16_t>(1024 + number % 60'000)};
        leg.server = {IpAddress::from_v4(0xc6336400 + number / 60'000), 443};
        leg.first_ns = now + static_cast<TimeNs>(i) * 20'000;
        leg.last_ns = leg.first_ns + 3 * ns_per_ms;
        for (std::size_t d = 0; d < direction_count; ++d) {
            Flow& flow = leg.flows[d];
            flow.packets = 5;
            flow.bytes = 400;
            flow.first_ns = leg.first_ns + static_cast<TimeNs>(d) * ns_per_ms / 2;
            flow.last_ns = leg.last_ns;
            flow.first_ttl = flow.last_ttl = static_cast<std::uint8_t>(d == 0 ? 64 - i : 60 + i);
            flow.flags_seen = 0x13;
            flow.isn_from = IsnFrom::syn;
            flow.isn = mixed ^ (d == 0 ? 0x5a5a0000u : 0x13579bdfu);
            flow.next_seq = flow.isn + 101;
            flow.last_ack = 0;
            flow.syn_ns = flow.first_ns;
            flow.first_ack_ns = flow.first_ns + ns_per_ms;
            flow.syn_count = 1;
            flow.mss = 1460;
            flow.window_scale = static_cast<std::uint8_t>(7 + d);
        }
    }
    return legs;
}

}  // namespace clew::control
