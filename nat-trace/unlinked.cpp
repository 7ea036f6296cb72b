// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/unlinked.h"

#include <algorithm>

#include "nat-trace/evidence.h"

namespace clew {
namespace {

/// Everything that could tell the leg from others is shared by a crowd: a scanner's or a health check's.
bool is_one_of_many(const LegWindow& window, const WindowLeg& leg) {
    std::uint32_t rarest = 0;
    bool any = false;
    const auto weigh = [&](std::uint32_t sharers) {
        rarest = any ? std::min(rarest, sharers) : sharers;
        any = true;
    };
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        if (leg.flow(d).has_isn) weigh(window.isn_prevalence(leg, d));
        if (leg.flow(d).head != 0) weigh(window.head_prevalence(leg, d));
    }
    return any && rarest >= folded_count_min;
}

/// Both ISNs link without looking at a clock; datagrams and proxies' connections need one.
bool needs_time(const WindowLeg& leg) { return !leg.flows[0].has_isn || !leg.flows[1].has_isn; }

/// The tap was there when the direction began, or nothing of what identifies it was captured.
bool misses_what_identifies(const WindowLeg& leg) {
    if (leg.protocol != Protocol::tcp) return false;
    return std::none_of(leg.flows.begin(), leg.flows.end(), [](const WindowFlow& f) { return f.has_isn; });
}

bool is_linkable(Protocol protocol) {
    return protocol == Protocol::tcp || protocol == Protocol::udp || is_icmp(protocol);
}

}  // namespace

Unlinked reason_alone(const LegWindow& window, const WindowLeg& leg) {
    if (!is_linkable(leg.protocol)) return Unlinked::unsupported;
    if (is_one_of_many(window, leg)) return Unlinked::folded;
    if (leg.ambiguous) return Unlinked::ambiguous;
    if (leg.is_socket()) return Unlinked::no_candidate;
    const WindowFlow& c = leg.flow(Direction::to_server);
    const WindowFlow& s = leg.flow(Direction::to_client);
    // The side that was not seen is known to be there: it was acknowledged, or it is the one that asked.
    if ((s.packets == 0 && s.has_isn) || c.packets == 0) return Unlinked::one_way;
    if (misses_what_identifies(leg)) return Unlinked::capture_gap;
    if (needs_time(leg) && window.has_other_clocks(leg.clock) && !window.clocks().knows(leg.clock))
        return Unlinked::clock;
    return Unlinked::no_candidate;
}

}  // namespace clew
