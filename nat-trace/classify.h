// SPDX-License-Identifier: Apache-2.0
// What stands between two neighbouring legs: the kind of the link, what the middlebox changed, by how much it shifted
// the sequence numbers, and what the segment added in time. Pure: found by comparing the two legs.
#pragma once

#include "nat-trace/evidence.h"
#include "nat-trace/link.h"

namespace clew {

/// The kind, by the addresses as written on both legs of one transport connection.
LinkKind kind_of(const WindowLeg& from, const WindowLeg& to);

/// The packets that both legs kept a sample of, by direction; of two legs that a proxy joins none.
using SampleMatches = std::array<SampleMatch, direction_count>;
SampleMatches match_samples(const WindowLeg& from, const WindowLeg& to, LinkKind kind);

/// MiddleboxChange bits.
std::uint16_t changes_of(const LegWindow& window, const WindowLeg& from, const WindowLeg& to, LinkKind kind,
                         const SampleMatches& matches);

/// What the segment between the legs added for packets of one direction; samples == 0 for taps of different clocks.
SegmentDelay delay_of(const LegWindow& window, const WindowLeg& from, const WindowLeg& to, Direction direction,
                      LinkKind kind, const SampleMatch& match);

/// Tells the book of the packets that both legs of one connection saw, where their TTLs say which way they went.
void observe_clocks(ClockBook& clocks, const WindowLeg& from, const WindowLeg& to);

/// The same of a front and a back connection beyond doubt: what a proxy passes on it had before, in both directions.
void observe_relay_clocks(const LegWindow& window, ClockBook& clocks, const WindowLeg& front, const WindowLeg& back);

/// The whole link. `evidence` may come from other legs of the two sides, where these two have less in common.
Link make_link(const LegWindow& window, const WindowLeg& from, const WindowLeg& to, const PairEvidence& evidence,
               bool is_relay);

}  // namespace clew
