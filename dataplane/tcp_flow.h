// SPDX-License-Identifier: Apache-2.0
// TCP's part of every packet: how far a side's sequence space was seen, repetitions by sequence range, whether the
// connection is over, and whether a SYN opens another one. Touches the cold part only when something is out of order.
#pragma once

#include "dataplane/leg_state.h"
#include "dataplane/transport.h"

namespace clew::sensor {

/// Notes the segment's sequence range; true when it brings bytes that were not seen before.
bool advance_sequence(HotLeg& hot, ColdLeg& cold, Side side, const Transport& tcp);

/// Notes flags and ack, and marks the leg closed after a reset or after FINs on every side that was seen.
void note_flags(HotLeg& hot, Side side, const Transport& tcp);

/// What a SYN or SYN-ACK is to the leg that its addresses and ports name.
enum class SynOnLeg : std::uint8_t {
    again,           ///< part of this leg's handshake, or a late copy of it
    astray,          ///< another sequence number while the leg is alive
    starts_another,  ///< the ports were used again
};
/// `quiet`: since the leg's last packet.
SynOnLeg judge_syn(const HotLeg& hot, const ColdLeg& cold, Side side, const Transport& tcp, DurationNs quiet);

/// Reads the timestamps option; false when there is none.
bool find_timestamps(const std::uint8_t* options, std::uint32_t length, std::uint32_t& tsval, std::uint32_t& tsecr);

}  // namespace clew::sensor
