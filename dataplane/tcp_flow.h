// SPDX-License-Identifier: Apache-2.0
// A TCP connection's beginning and end: whether it is over, and whether a SYN opens another one.
#pragma once

#include <cstdint>

#include "dataplane/fingerprint/study.h"
#include "dataplane/leg_state.h"
#include "dataplane/transport.h"

namespace clew::sensor {

/// Notes flags, and marks the leg closed after a reset or after FINs on every side that was seen.
inline void note_flags(HotLeg& hot, Side side, const Transport& tcp) {
    HotFlow& flow = hot.flows[side];
    flow.flags_seen |= tcp.flags;
    if ((tcp.flags & (tcp_fin | tcp_reset)) == 0) return;
    const HotFlow& peer = hot.flows[side ^ 1];
    const bool both_ended = (flow.flags_seen & tcp_fin) != 0 && (peer.packets == 0 || (peer.flags_seen & tcp_fin) != 0);
    if ((tcp.flags & tcp_reset) || both_ended) hot.set(leg_closed);
}

/// What a SYN or SYN-ACK is to the leg that its addresses and ports name.
enum class SynOnLeg : std::uint8_t {
    again,           ///< part of this leg's handshake, or a late copy of it
    astray,          ///< another sequence number while the leg is alive
    starts_another,  ///< the ports were used again
};
/// `quiet`: since the leg's last packet.
SynOnLeg judge_syn(const HotLeg& hot, const ColdLeg& cold, Side side, const Transport& tcp, DurationNs quiet);

/// TCP's timestamps option. Both numbers in one word: laid down as two, they would be waited for when read as one.
struct Timestamps {
    std::uint64_t both = 0;
    bool found = false;

    std::uint32_t value() const { return static_cast<std::uint32_t>(both); }
    std::uint32_t echo() const { return static_cast<std::uint32_t>(both >> 32); }
};
Timestamps find_timestamps(const std::uint8_t* options, std::uint32_t length);

}  // namespace clew::sensor
