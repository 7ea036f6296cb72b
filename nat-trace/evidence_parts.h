// SPDX-License-Identifier: Apache-2.0
// What the files that weigh evidence share among themselves; evidence.h is what others include.
#pragma once

#include "nat-trace/evidence.h"

namespace clew {

constexpr int gateways_max = 8;               ///< between two taps
constexpr std::uint32_t few_sharers_max = 3;  ///< one tap may see a connection on both sides of a gateway
constexpr float accept_bits_datagram = 28;

PairEvidence same_tcp(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, const EvidenceLimits& limits);
PairEvidence same_datagrams(const LegWindow& window, const WindowLeg& a, const WindowLeg& b,
                            const EvidenceLimits& limits);

/// Both legs' packets came within `slack` of one another.
bool overlap(const WindowLeg& a, const WindowLeg& b, DurationNs slack);

/// The farther apart in time, the more strangers could have come between. False: too far apart to be one connection.
bool add_distance(DurationNs distance, const EvidenceLimits& limits, const CommonTime& common, PairEvidence& out);
void add_addresses(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out);
/// A packet loses TTL at every gateway, in its own direction of travel.
void add_ttl(const WindowLeg& a, const WindowLeg& b, PairEvidence& out);
/// A client's address and port that many legs of a tap have is a scanner's.
float price_of_client(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, float bits_max);

/// What only a gateway that passes packets on leaves as it was, though it wrote both sequence numbers anew: a proxy's
/// packets are its own.
bool passes_packets(const LegWindow& window, const WindowLeg& a, const WindowLeg& b);
/// The payload comes as long after the SYN on both legs: whatever their clocks say, a proxy's two handshakes differ.
bool keeps_pace(const WindowLeg& a, const WindowLeg& b);
/// Both directions lose TTL on the way, and the client's packets have come so far that a proxy's own would stand out.
bool loses_odd_ttl(const WindowLeg& a, const WindowLeg& b);

}  // namespace clew
