// SPDX-License-Identifier: Apache-2.0
// A leg record out of the table's parts: sides become directions, the segment is as the client's packets carry it.
// Pure.
#pragma once

#include "dataplane/leg_parts.h"
#include "dataplane/leg_state.h"
#include "dataplane/segment_table.h"
#include "dataplane/tcp_leg.h"

namespace clew::sensor {

/// `tcp` is all zero for a leg of another protocol.
Leg make_leg(const HotLeg& hot, const ColdLeg& cold, const TcpLeg& tcp, const LegParts& parts,
             const SegmentTable& segments, LegId id, LegPhase phase, LegEnd end);

}  // namespace clew::sensor
