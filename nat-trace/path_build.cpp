// SPDX-License-Identifier: Apache-2.0
// A path as the outside sees it, built from the legs that stand in it now.
#include <algorithm>

#include "nat-trace/classify.h"
#include "nat-trace/losses.h"
#include "nat-trace/paths.h"
#include "nat-trace/unlinked.h"

namespace clew {
namespace {

PathLeg path_leg(const LegWindow& window, const WindowLeg& leg) {
    PathLeg out;
    out.leg = leg.id;
    out.tap = leg.tap;
    out.clock = leg.clock;
    out.observer = leg.observer;
    out.client = leg.client;
    out.server = leg.server;
    out.segment = window.segment(leg.segment);
    out.first_ns = leg.first_ns;
    out.last_ns = leg.last_ns;
    out.phase = leg.phase;
    out.end = leg.end;
    out.app = leg.app;
    put_name(out.server_name, window.server_name(leg));
    if (const Process* process = window.process(leg)) out.process = *process;
    for (std::size_t d = 0; d < direction_count; ++d) {
        const WindowFlow& flow = leg.flows[d];
        out.flows[d] = {
            flow.packets, flow.bytes, flow.retransmissions, flow.first_ttl, flow.has_isn, flow.isn, 0, 0, {}};
    }
    return out;
}

}  // namespace

void PathBook::tell_leg(LegIndex i, PathId& path, Unlinked& reason, PathLeg& leg) const {
    const WindowLeg& l = window_.leg(i);
    leg = path_leg(window_, l);
    path = l.path == no_leg ? 0 : records_[l.path].id;
    reason = is_alone(i) ? reason_alone(window_, l) : Unlinked::linked;
}

/// The best evidence that spans the place between legs[at] and legs[at + 1]: theirs, where it is enough by itself.
PairEvidence PathBook::evidence_across(const std::vector<LegIndex>& legs, std::size_t at) const {
    const bool relay = window_.leg(legs[at]).relay_next;
    const auto weigh = [&](std::size_t i, std::size_t j) {
        const WindowLeg& a = window_.leg(legs[i]);
        const WindowLeg& b = window_.leg(legs[j]);
        return relay ? relayed(window_, a, b, limits_) : same_connection(window_, a, b, limits_);
    };
    PairEvidence best = weigh(at, at + 1);
    if (best.accepted) return best;
    std::size_t first = at;
    while (first > 0 && !window_.leg(legs[first - 1]).relay_next) --first;
    for (std::size_t i = at + 1; i-- > first;)
        for (std::size_t j = at + 1; j < legs.size(); ++j) {
            const PairEvidence found = weigh(i, j);
            if (found.accepted && (!best.accepted || found.bits > best.bits)) best = found;
            if (window_.leg(legs[j]).relay_next) break;
        }
    return best;
}

void PathBook::add_links(const std::vector<LegIndex>& legs, Path& path) const {
    for (std::size_t n = 0; n + 1 < legs.size(); ++n) {
        const WindowLeg& from = window_.leg(legs[n]);
        const WindowLeg& to = window_.leg(legs[n + 1]);
        PairEvidence evidence = evidence_across(legs, n);
        const Process* p = window_.process(from);
        const Process* q = window_.process(to);
        if (from.relay_next && p != nullptr && q != nullptr && from.tap == to.tap && p->pid == q->pid)
            evidence.add(EvidenceBy::same_process, 8);
        path.links.push_back(make_link(window_, from, to, evidence, from.relay_next));
    }
}

/// Of each transport connection and direction: neighbours among the taps that carry it, where they are none in the
/// path.
void PathBook::add_spans(const std::vector<LegIndex>& legs, Path& path) const {
    constexpr std::size_t none = ~std::size_t{0};
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        std::size_t before = none;
        for (std::size_t n = 0; n < legs.size(); ++n) {
            const WindowLeg& leg = window_.leg(legs[n]);
            if (!leg.is_socket() && leg.flow(d).packets > 0) {
                if (before != none && before + 1 < n) {
                    const WindowLeg& from = window_.leg(legs[before]);
                    const SampleMatches matches = match_samples(from, leg, LinkKind::forward);
                    path.spans.push_back(
                        {d, static_cast<std::uint16_t>(before), static_cast<std::uint16_t>(n),
                         delay_of(window_, from, leg, d, LinkKind::forward, matches[static_cast<std::size_t>(d)])});
                }
                before = n;
            }
            if (leg.relay_next || leg.is_socket()) before = none;
        }
    }
}

void PathBook::build(const PathRecord& record, Unlinked reason_if_alone, Path& path) {
    std::vector<LegIndex>& legs = legs_told_;
    legs.clear();
    LegIndex at = record.first;
    for (std::uint32_t n = record.leg_count; n-- > 0; at = window_.leg(at).next_in_path) legs.push_back(at);
    const WindowLeg& first = window_.leg(record.first);
    path.id = record.id;
    path.revision = record.revision;
    path.retracted = false;
    path.merged_into = 0;
    path.protocol = first.protocol;
    path.unlinked = Unlinked::linked;
    path.first_ns = first.first_ns;
    path.last_ns = 0;
    path.legs.clear();
    path.links.clear();
    path.spans.clear();
    for (const LegIndex i : legs) {
        window_.look_up_sharers(i);
        const WindowLeg& leg = window_.leg(i);
        path.legs.push_back(path_leg(window_, leg));
        if (leg.protocol != path.protocol) path.protocol = Protocol::icmp;
        path.first_ns = std::min(path.first_ns, leg.first_ns);
        path.last_ns = std::max(path.last_ns, leg.last_ns);
    }
    if (legs.size() > 1) {
        add_links(legs, path);
        add_spans(legs, path);
    } else {
        path.unlinked = reason_if_alone != Unlinked::linked ? reason_if_alone : reason_alone(window_, first);
    }
    tell_losses(window_, legs, path);
}

}  // namespace clew
