// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/classify.h"

#include <algorithm>
#include <cmath>

namespace clew {
namespace {

std::size_t tunnel_depth(const Segment& segment) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < segment.layer_count; ++i) depth += segment.layers[i].type != LayerType::vlan;
    return depth;
}

bool same_tunnels(const Segment& a, const Segment& b) {
    std::size_t i = 0;
    std::size_t j = 0;
    while (true) {
        while (i < a.layer_count && a.layers[i].type == LayerType::vlan) ++i;
        while (j < b.layer_count && b.layers[j].type == LayerType::vlan) ++j;
        if (i == a.layer_count || j == b.layer_count) return i == a.layer_count && j == b.layer_count;
        if (a.layers[i].type != b.layers[j].type || a.layers[i].id != b.layers[j].id) return false;
        ++i, ++j;
    }
}

void set(std::uint16_t& changes, MiddleboxChange change, bool on) {
    if (on) changes = static_cast<std::uint16_t>(changes | static_cast<std::uint16_t>(change));
}

void set_deltas(const WindowLeg& from, const WindowLeg& to, const SampleMatches& matches, Link& link) {
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const auto n = static_cast<std::size_t>(d);
        const WindowFlow& x = from.flow(d);
        const WindowFlow& y = to.flow(d);
        if (x.has_isn && y.has_isn) {
            link.has_delta[n] = true;
            link.delta[n] = y.isn - x.isn;
            continue;
        }
        const SampleMatch& match = matches[n];
        if (match.count == 0) continue;
        link.has_delta[n] = true;
        link.delta[n] = y.samples[match.pairs[0].b].seq - x.samples[match.pairs[0].a].seq;
    }
}

void set_clock(const LegWindow& window, const WindowLeg& from, const WindowLeg& to, Link& link) {
    constexpr DurationNs drift_span_ns_min = 10 * ns_per_s;  // before that what it adds up to is less than the bounds
    link.clock = window.clocks().between(from.clock, to.clock, from.first_ns);
    const DurationNs span = from.last_ns - from.first_ns;
    if (!link.clock.known || span < drift_span_ns_min) return;
    const ClockOffset last = window.clocks().between(from.clock, to.clock, from.last_ns);
    if (last.known)
        link.clock_drift_ppb =
            std::llround(static_cast<double>(last.offset_ns - link.clock.offset_ns) * 1e9 / static_cast<double>(span));
}

}  // namespace

LinkKind kind_of(const WindowLeg& from, const WindowLeg& to) {
    if (from.client.ip.is_v4() != to.client.ip.is_v4()) return LinkKind::nat64;
    bool client = from.client != to.client;
    bool server = from.server != to.server;
    if (is_icmp(from.protocol)) {
        // The echo id stands as the port of both ends, and belongs to the client.
        server = from.server.ip != to.server.ip;
        client = from.client.ip != to.client.ip || (!server && client);
    }
    return client ? (server ? LinkKind::fullnat : LinkKind::snat) : server ? LinkKind::dnat : LinkKind::forward;
}

SampleMatches match_samples(const WindowLeg& from, const WindowLeg& to, LinkKind kind) {
    SampleMatches matches;
    for (const Direction d : {Direction::to_server, Direction::to_client})
        if (kind != LinkKind::relay) matches[static_cast<std::size_t>(d)] = match_samples(from, to, d);
    return matches;
}

std::uint16_t changes_of(const LegWindow& window, const WindowLeg& from, const WindowLeg& to, LinkKind kind,
                         const SampleMatches& matches) {
    std::uint16_t changes = 0;
    const WindowFlow& x = from.flow(Direction::to_server);
    const WindowFlow& y = to.flow(Direction::to_server);
    const bool sockets = from.is_socket() || to.is_socket();
    const bool syns = x.syn != time_offset_unknown && y.syn != time_offset_unknown && !sockets;
    set(changes, MiddleboxChange::added_proxy_header,
        window.has_hint(to, HintKind::proxy_source) && !window.has_hint(from, HintKind::proxy_source) && !sockets);
    if (kind != LinkKind::relay) {
        set(changes, MiddleboxChange::stripped_timestamps, syns && x.has_timestamps && !y.has_timestamps);
        set(changes, MiddleboxChange::kept_timestamps, syns && x.has_timestamps && y.has_timestamps);
        set(changes, MiddleboxChange::changed_mss, syns && x.mss != 0 && y.mss != 0 && x.mss != y.mss);
        const bool toa_before = window.has_hint(from, HintKind::toa);
        const bool toa_after = window.has_hint(to, HintKind::toa);
        set(changes, MiddleboxChange::added_toa, toa_after && !toa_before && !sockets);
        set(changes, MiddleboxChange::stripped_toa, toa_before && !toa_after && !sockets);
        const SampleMatch& match = matches[static_cast<std::size_t>(Direction::to_server)];
        const bool new_id = match.count > 0 && !sockets && x.samples[match.pairs[0].a].ip_id != 0 &&
                            y.samples[match.pairs[0].b].ip_id != x.samples[match.pairs[0].a].ip_id;
        set(changes, MiddleboxChange::changed_ip_id, new_id);
        const TimeNs client_done = from.at(x.first_ack);
        const TimeNs server_syn = to.at(y.syn);
        const CommonTime common = common_time(window, from, to);
        set(changes, MiddleboxChange::answered_handshake,
            common.known && client_done != 0 && server_syn != 0 &&
                server_syn - common.shift_ns + common.error_ns > client_done &&
                from.flow(Direction::to_client).has_isn && to.flow(Direction::to_client).has_isn &&
                from.flow(Direction::to_client).isn != to.flow(Direction::to_client).isn);
    }
    const Segment& a = window.segment(from.segment);
    const Segment& b = window.segment(to.segment);
    if (!sockets && !same_tunnels(a, b)) {
        set(changes, MiddleboxChange::left_tunnel, tunnel_depth(a) >= tunnel_depth(b) && tunnel_depth(a) > 0);
        set(changes, MiddleboxChange::entered_tunnel, tunnel_depth(b) >= tunnel_depth(a) && tunnel_depth(b) > 0);
    }
    return changes;
}

Link make_link(const LegWindow& window, const WindowLeg& from, const WindowLeg& to, const PairEvidence& evidence,
               bool is_relay) {
    Link link;
    link.from = from.id;
    link.to = to.id;
    link.kind = is_relay ? LinkKind::relay : kind_of(from, to);
    link.grade = grade_of(evidence);
    link.bits = evidence.bits;
    link.rivals = from.rivals;
    link.margin_bits = from.rivals == 0 ? evidence.bits : std::min(evidence.bits, static_cast<float>(from.margin_bits));
    const SampleMatches matches = match_samples(from, to, link.kind);
    link.changes = changes_of(window, from, to, link.kind, matches);
    if (!is_relay && from.protocol == Protocol::tcp) set_deltas(from, to, matches, link);
    for (const Direction d : {Direction::to_server, Direction::to_client})
        link.delay[static_cast<std::size_t>(d)] =
            delay_of(window, from, to, d, link.kind, matches[static_cast<std::size_t>(d)]);
    if (from.clock != to.clock) set_clock(window, from, to, link);
    for (std::size_t n = 0; n < evidence.line_count; ++n) link.evidence.add(evidence.lines[n]);
    const bool tunnel = !is_relay && from.same_ends(to) && !from.is_socket() && !to.is_socket() &&
                        !same_tunnels(window.segment(from.segment), window.segment(to.segment));
    if (tunnel) link.evidence.add({EvidenceBy::tunnel, 0});
    return link;
}

}  // namespace clew
