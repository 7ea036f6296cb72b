// SPDX-License-Identifier: Apache-2.0
// TCP's part of every packet: how far a side's sequence space was seen, repetitions by sequence range, and whether the
// connection is over. Touches the cold part only when something is out of order.
#pragma once

#include "dataplane/leg_state.h"
#include "dataplane/transport.h"

namespace clew::sensor {

/// Notes the segment's sequence range; true when it brings bytes that were not seen before.
bool advance_sequence(HotLeg& hot, ColdLeg& cold, Side side, const Transport& tcp);

/// Notes flags and ack, and marks the leg closed after a reset or after FINs on every side that was seen.
void note_flags(HotLeg& hot, Side side, const Transport& tcp);

/// Reads the timestamps option; false when there is none.
bool find_timestamps(const std::uint8_t* options, std::uint32_t length, std::uint32_t& tsval, std::uint32_t& tsecr);

}  // namespace clew::sensor
