// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/neighbourhood.h"

#include <algorithm>
#include <cstdlib>

namespace clew {
namespace {

constexpr float verified_edge_bits = 96;  ///< two sequence numbers, and that they came together

constexpr DurationNs crowd_ns_max = 100 * ns_per_ms;  ///< a key that many shared a moment ago is not looked up again
/// After so many legs in a row that were over too long before, the newest first, the others are taken to be as well.
constexpr std::size_t gone_count_max = 64;

constexpr DurationNs walk_slack_ns = 100 * ns_per_ms;  ///< so much farther: the legs of one path are not of one time

bool named_by_proxy(const PairEvidence& evidence) {
    for (std::size_t i = 0; i < evidence.line_count; ++i)
        if (evidence.lines[i].by == EvidenceBy::proxy_header) return true;
    return false;
}

}  // namespace

bool Neighbourhood::has_edge(std::size_t a, std::size_t b) const {
    return std::any_of(edges.begin(), edges.end(),
                       [&](const Edge& e) { return !e.relay && ((e.a == a && e.b == b) || (e.a == b && e.b == a)); });
}

std::size_t Neighbourhood::place_of(LegIndex i) const {
    return static_cast<std::size_t>(std::find(legs.begin(), legs.end(), i) - legs.begin());
}

void Gatherer::gather(LegIndex start, Neighbourhood& out) {
    out_ = &out;
    weighs_all_ = false;
    gather_around(start);
    // Where another leg could take the place of a verified one, all pairs are weighed against each other.
    if (!has_rivals_of_verified()) return;
    weighs_all_ = true;
    gather_around(start);
}

void Gatherer::gather_around(LegIndex start) {
    ++gathering_;
    walked_.clear();
    out_->legs.clear();
    out_->verified.clear();
    out_->edges.clear();
    out_->keys_cut = 0;
    out_->cut = false;
    push(start);
    for (std::size_t at = 0; at < out_->legs.size(); ++at) {
        if (at + 1 < out_->legs.size()) index_.prefetch(window_.leg(out_->legs[at + 1]));
        add_path_of(out_->legs[at]);
        expand(at);
    }
}

void Gatherer::push(LegIndex i) {
    out_->verified.push_back(static_cast<std::uint16_t>(out_->legs.size()));
    out_->legs.push_back(i);
    window_.prefetch(i);
}

std::size_t Gatherer::include(LegIndex i) {
    const std::size_t place = out_->place_of(i);
    if (place < out_->legs.size()) return place;
    if (out_->legs.size() >= limits_.leg_count_max) {
        out_->cut = true;
        return out_->legs.size();
    }
    push(i);
    return out_->legs.size() - 1;
}

/// The next leg of the old path; its chain is closed into a ring by the path's first leg (see paths.h), so all come
/// in.
void Gatherer::add_path_of(LegIndex i) {
    const LegIndex next = window_.leg(i).next_in_path;
    if (next != no_leg && out_->place_of(next) == out_->legs.size()) push(next);
}

void Gatherer::expand(std::size_t at) {
    const LegIndex me = out_->legs[at];
    WindowLeg& leg = window_.leg(me);
    tried_.clear();
    index_.prefetch(leg);
    for (std::size_t n = 0; n < leg.key_count; ++n) {
        const std::uint32_t key = leg.keys[n];
        if (is_crowded(key, leg) || !find_near(key, me, leg)) {
            ++out_->keys_cut;
            leg.ambiguous = true;
            continue;
        }
        for (const LegIndex i : found_) try_pair(at, i);
    }
}

bool Gatherer::is_crowded(std::uint32_t key, const WindowLeg& leg) const {
    const Crowd& crowd = crowds_[key % crowds_.size()];
    return crowd.key == key && std::llabs(crowd.time_ns - leg.first_ns) < crowd_ns_max;
}

/// Fills found_; says false where there are too many.
bool Gatherer::find_near(std::uint32_t key, LegIndex me, const WindowLeg& leg) {
    const DurationNs distance = limits_.evidence.candidate_distance_ns_max;
    found_.clear();
    const Walk& all = walk(key, leg);
    bool crowded = all.cut;
    for (std::uint32_t n = all.begin; n != all.end && !crowded; ++n) {
        const LegIndex i = walked_[n];
        const WindowLeg& other = window_.leg(i);
        if (i == me || other.first_ns > leg.last_ns + distance || leg.first_ns > other.last_ns + distance) continue;
        crowded = found_.size() == limits_.candidate_count_max;
        found_.push_back(i);
    }
    if (crowded) crowds_[key % crowds_.size()] = {key, leg.first_ns};
    return !crowded;
}

/// All legs with the key around the leg's time, and a little farther, for the others of its path.
const Gatherer::Walk& Gatherer::walk(std::uint32_t key, const WindowLeg& leg) {
    const DurationNs distance = limits_.evidence.candidate_distance_ns_max;
    Walk& out = walks_[key % walks_.size()];
    if (out.key == key && out.gathering == gathering_ && out.from_ns <= leg.first_ns - distance &&
        leg.last_ns + distance <= out.to_ns)
        return out;
    out = {key, gathering_, leg.first_ns - distance - walk_slack_ns, leg.last_ns + distance + walk_slack_ns};
    out.begin = static_cast<std::uint32_t>(walked_.size());
    std::size_t gone = 0;
    const auto look = [&](LegIndex i) {
        using Look = KeyIndex::Look;
        if (!window_.was_over_before(i, out.from_ns)) return Look::take;
        return ++gone < gone_count_max ? Look::pass_by : Look::stop;
    };
    index_.each(key, look, [&](LegIndex i) {
        const WindowLeg& other = window_.leg(i);
        if (other.first_ns > out.to_ns) return true;
        if (out.from_ns > other.last_ns) return ++gone < gone_count_max;
        gone = 0;
        // One more than may be, and the leg itself: the reader finds out that there are too many.
        out.cut = walked_.size() - out.begin > limits_.candidate_count_max + 1;
        if (!out.cut) walked_.push_back(i);
        return !out.cut;
    });
    out.end = static_cast<std::uint32_t>(walked_.size());
    return out;
}

void Gatherer::try_pair(std::size_t at, LegIndex other) {
    if (std::find(tried_.begin(), tried_.end(), other) != tried_.end()) return;
    tried_.push_back(other);
    const std::size_t known = out_->place_of(other);
    if (known < at) return;  // was weighed from the other side
    if (known < out_->legs.size() && out_->verified[known] == out_->verified[at]) return;
    const WindowLeg& a = window_.leg(out_->legs[at]);
    const WindowLeg& b = window_.leg(other);
    const InCommon common = in_common(window_, a, b);
    if (common == InCommon::nothing) return;
    window_.look_up_sharers(out_->legs[at]);
    window_.look_up_sharers(other);
    if (common == InCommon::proxy_signals) {
        try_relay(at, other);
        return;
    }
    if (!weighs_all_ && surely_same_connection(window_, a, b)) {
        add_verified(at, other);
        return;
    }
    const PairEvidence same = same_connection(window_, a, b, limits_.evidence);
    if (same.accepted) {
        Edge edge;
        edge.bits = same.bits;
        edge.against = same.against;
        edge.is_explicit = same.is_explicit;
        add_edge(at, other, edge);
        return;
    }
    try_relay(at, other);
}

/// Either may stand before a proxy, and the other behind it.
void Gatherer::try_relay(std::size_t at, LegIndex other) {
    const WindowLeg& a = window_.leg(out_->legs[at]);
    const WindowLeg& b = window_.leg(other);
    const PairEvidence forward = relayed(window_, a, b, limits_.evidence);
    const PairEvidence backward = relayed(window_, b, a, limits_.evidence);
    if (forward.lacks != KnownProxy::no) window_.defer(other, forward.lacks);
    if (backward.lacks != KnownProxy::no) window_.defer(out_->legs[at], backward.lacks);
    if (!forward.accepted && !backward.accepted) return;
    const bool oriented = named_by_proxy(forward) != named_by_proxy(backward);
    const bool swapped = oriented ? named_by_proxy(backward) : !forward.accepted;
    Edge edge;
    edge.bits = std::max(forward.bits, backward.bits);
    edge.is_explicit = forward.is_explicit || backward.is_explicit;
    edge.relay = true;
    edge.oriented = oriented;
    // Of a forwarder's queries the times lie one inside the other.
    const bool told_by_time = edge.is_explicit || a.protocol == Protocol::udp;
    edge.sided = oriented || (told_by_time && forward.accepted != backward.accepted);
    edge.rare = (swapped ? backward : forward).rare;
    edge.by_proxy = (swapped ? backward : forward).by_proxy;
    add_edge(at, other, edge, swapped);
}

void Gatherer::add_verified(std::size_t at, LegIndex other) {
    Edge edge;
    edge.bits = verified_edge_bits;
    add_edge(at, other, edge);
    const std::size_t place = out_->place_of(other);
    if (place == out_->legs.size()) return;
    const std::uint16_t joined = out_->verified[place];
    std::replace(out_->verified.begin(), out_->verified.end(), joined, out_->verified[at]);
}

bool Gatherer::has_rivals_of_verified() const {
    return std::any_of(out_->edges.begin(), out_->edges.end(), [this](const Edge& e) {
        return !e.relay && out_->verified[e.a] != out_->verified[e.b] && (is_rival(e.a, e.b) || is_rival(e.b, e.a));
    });
}
/// `other`, joined to `place`, stands on the tap of a leg that is verified with `place` and has no edge to it.
bool Gatherer::is_rival(std::size_t other, std::size_t place) const {
    for (std::size_t m = 0; m < out_->legs.size(); ++m) {
        if (m == place || out_->verified[m] != out_->verified[place]) continue;
        if (window_.leg(out_->legs[m]).tap == window_.leg(out_->legs[other]).tap && !out_->has_edge(m, other))
            return true;
    }
    return false;
}

void Gatherer::add_edge(std::size_t at, LegIndex other, Edge edge, bool swapped) {
    const std::size_t place = include(other);
    if (place == out_->legs.size()) return;
    edge.a = static_cast<std::uint16_t>(swapped ? place : at);
    edge.b = static_cast<std::uint16_t>(swapped ? at : place);
    out_->edges.push_back(edge);
}

}  // namespace clew
