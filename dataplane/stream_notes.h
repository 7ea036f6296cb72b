// SPDX-License-Identifier: Apache-2.0
// What of a packet makes its stream differ from "every byte once, in order": holes, repetitions, resets, and one packet
// that comes by again and again. Packets in order cost one comparison and touch no cold memory.
#pragma once

#include "dataplane/decap.h"
#include "dataplane/fingerprint/study.h"
#include "dataplane/leg_parts.h"
#include "dataplane/leg_state.h"
#include "dataplane/transport.h"

namespace clew::sensor {

void note_odd_segment(HotLeg& hot, ColdLeg& cold, LegParts& parts, Side side, const Decapped& ip, const Transport& tcp,
                      TimeNs time_ns);

/// Call before the leg's counters and next_seq take the packet in.
inline void note_segment(HotLeg& hot, ColdLeg& cold, LegParts& parts, Side side, const Decapped& ip,
                         const Transport& tcp, TimeNs time_ns) {
    if (tcp.seq == hot.flows[side].next_seq && (tcp.flags & (tcp_syn | tcp_reset)) == 0) return;
    note_odd_segment(hot, cold, parts, side, ip, tcp, time_ns);
}

/// Of a side's first datagrams: is it the one before, come round with a lower TTL?
void note_datagram(HotLeg& hot, ColdLeg& cold, LegParts& parts, Side side, const Decapped& ip,
                   const Transport& transport);

}  // namespace clew::sensor
