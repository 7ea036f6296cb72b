// SPDX-License-Identifier: Apache-2.0
// The weights of evidence that two legs are one flow of datagrams: UDP and ICMP.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "nat-trace/evidence_parts.h"

namespace clew {
namespace {

constexpr float quic_id_bits = 48;
constexpr float datagram_other_ip_ids = -24;
constexpr float datagram_new_ip_ids = -6;  // some firewalls write them anew; of what is told by itself that is likelier
constexpr float cut_payload_bits = 8;      // of its first bytes, which many may say
constexpr float rare_name_bits = 6;        // more, where few ask for it
constexpr float echo_other_ends = -24;
constexpr float datagram_other_ends = -12;
constexpr float other_answer = -12;  // the same question, and two answers
constexpr float other_tenant = -24;
constexpr float one_link = -24;  // a client asks two servers at once
constexpr DurationNs datagram_passed_ns_max = 10 * ns_per_ms;
constexpr DurationNs rare_datagram_passed_ns_max = 100 * ns_per_ms;
constexpr std::uint32_t common_head_count_min = 5;  // a first datagram that so many legs of a tap begin with
constexpr float halves_bits = 16;

/// The connection id that a QUIC client chose for its first packet.
bool share_quic_id(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, bool& other) {
    bool same = false;
    window.each_hint(a, [&](const WindowHint& x) {
        if (x.kind != HintKind::quic_cid) return;
        window.each_hint(b, [&](const WindowHint& y) {
            if (y.kind == x.kind && y.direction == x.direction) (y.value == x.value ? same : other) = true;
        });
    });
    return same;
}

int count_shared_queries(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, DurationNs shift_ns,
                         DurationNs distance_max, DurationNs& distance, bool& rare) {
    int count = 0;
    window.each_hint(a, [&](const WindowHint& x) {
        if (x.kind != HintKind::dns_query) return;
        window.each_hint(b, [&](const WindowHint& y) {
            if (y.kind != HintKind::dns_query || x.value != y.value) return;
            const DurationNs apart = std::llabs(y.time_ns - shift_ns - x.time_ns);
            if (apart > distance_max) return;
            distance = count == 0 ? apart : std::min(distance, apart);
            rare |= std::max(window.hint_prevalence(a, x), window.hint_prevalence(b, y)) <= few_sharers_max;
            ++count;
        });
    });
    return count;
}

/// How many of the matching samples begin otherwise than those before.
int count_beginnings(const WindowFlow& flow, const SampleMatch& match) {
    int count = 0;
    for (std::size_t i = 0; i < match.count; ++i) {
        bool is_new = true;
        for (std::size_t j = 0; j < i; ++j)
            is_new &= flow.samples[match.pairs[i].a].prefix() != flow.samples[match.pairs[j].a].prefix();
        count += is_new;
    }
    return count;
}

/// One datagram each, and not the same.
bool tell_apart(const WindowFlow& x, const WindowFlow& y) {
    if (x.packets != 1 || y.packets != 1 || x.sample_count != 1 || y.sample_count != 1) return false;
    const WindowSample& s = x.samples[0];
    const WindowSample& t = y.samples[0];
    return s.hash != 0 && t.hash != 0 && !s.same_payload(t);
}

/// On one tap between the same two ends in two overlays, and no gateway passed them from the one to the other: one
/// would have taken of the TTL.
bool are_tenants(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    if (a.tap != b.tap || !a.same_ends(b)) return false;
    const auto x = overlay_id(window.segment(a.segment));
    const auto y = overlay_id(window.segment(b.segment));
    return x && y && x != y && a.flows[0].data_ttl == b.flows[0].data_ttl && a.flows[1].data_ttl == b.flows[1].data_ttl;
}

/// Between the same two MAC addresses of one tap, and to another end: what a gateway passes on runs between others.
bool share_link(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    if (a.tap != b.tap || a.same_ends(b)) return false;
    const Segment& x = window.segment(a.segment);
    return x == window.segment(b.segment) && !x.client_mac.is_zero() && !x.server_mac.is_zero();
}

/// The way there on one leg, the way back on the other, between the same ends and in no other tunnels.
bool are_halves(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    const auto only = [](const WindowLeg& l, Direction d) {
        return l.flow(d).packets != 0 && l.flow(opposite(d)).packets == 0;
    };
    if (!a.same_ends(b)) return false;
    if (!(only(a, Direction::to_server) && only(b, Direction::to_client)) &&
        !(only(a, Direction::to_client) && only(b, Direction::to_server)))
        return false;
    return overlay_id(window.segment(a.segment)) == overlay_id(window.segment(b.segment));
}

}  // namespace

PairEvidence same_datagrams(const LegWindow& window, const WindowLeg& a, const WindowLeg& b,
                            const EvidenceLimits& limits) {
    PairEvidence out;
    if (!overlap(a, b, limits.candidate_distance_ns_max)) return out;
    const bool icmp = a.protocol != Protocol::udp;
    const CommonTime common = common_time(window, a, b);
    DurationNs distance = limits.candidate_distance_ns_max;
    bool rare_name = false;
    const int queries = count_shared_queries(window, a, b, common.shift_ns, distance, distance, rare_name);
    if (queries > 0)
        out.add_key(
            EvidenceBy::dns_query,
            std::min((rare_name ? 20.0F + rare_name_bits : 20.0F) + 16.0F * static_cast<float>(queries - 1), 56.0F));
    else if (window.has_hint(a, HintKind::dns_query) && window.has_hint(b, HintKind::dns_query))
        out.add(EvidenceBy::contradiction, -16);
    bool other_quic = false;
    if (share_quic_id(window, a, b, other_quic))
        out.add_key(EvidenceBy::quic_cid, quic_id_bits);
    else if (other_quic)
        out.add(EvidenceBy::contradiction, -quic_id_bits);
    float payload = 0;
    float ids = 0;
    int compared = 0;
    bool other_ids = false;
    bool other_bytes = false;
    bool rare = true;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const SampleMatch match = match_samples(a, b, d);
        compared += a.flow(d).sample_count > 0 && b.flow(d).sample_count > 0;
        if (match.same_ip_ids > 0) ids += 14 + 3 * static_cast<float>(match.same_ip_ids - 1);
        other_bytes |= match.count == 0 && tell_apart(a.flow(d), b.flow(d));
        if (match.count == 0) continue;
        other_ids |= match.same_ip_ids == 0 && match.other_ip_ids > 0;
        const std::uint32_t sharers = std::max(window.head_prevalence(a, d), window.head_prevalence(b, d));
        const bool is_common = sharers >= common_head_count_min;
        const SamplePair& first = match.pairs[0];
        const bool cut = !icmp && (a.flow(d).samples[first.a].is_cut() || b.flow(d).samples[first.b].is_cut());
        rare &= sharers <= 1 && !cut;
        payload += is_common              ? 2.0F
                   : payload != 0         ? 4.0F
                   : cut                  ? cut_payload_bits
                   : icmp || sharers <= 1 ? 20.0F
                                          : 12.0F;
        if (!is_common)
            payload += 8 * static_cast<float>(cut ? count_beginnings(a.flow(d), match) - 1 : match.count - 1);
        const TimeNs x = a.at(a.flow(d).samples[first.a].time);
        const TimeNs y = b.at(b.flow(d).samples[first.b].time);
        if (x != 0 && y != 0) distance = std::min<DurationNs>(distance, std::llabs(y - common.shift_ns - x));
    }
    if (payload > 0) {
        if (queries > 0) payload = 2;  // the query's id and name are the payload
        out.add_key(icmp ? EvidenceBy::icmp_echo : EvidenceBy::payload_sample, std::min(payload, 44.0F));
    } else if (compared > 0 && queries == 0) {
        out.add(EvidenceBy::contradiction, -20);
    }
    // Gateways that forward keep the IP id, but for those that write a new header.
    if (other_ids && ids == 0 && a.client.ip.is_v4() == b.client.ip.is_v4()) {
        const bool told = !icmp && payload > 0 && rare && a.server == b.server && common.known &&
                          distance <= datagram_passed_ns_max + common.error_ns;
        out.add(EvidenceBy::contradiction, told ? datagram_new_ip_ids : datagram_other_ip_ids);
    }
    // Who asks the same in several tenants: nothing writes answers anew between the same two ends.
    if (other_bytes && queries > 0 && a.same_ends(b)) out.add(EvidenceBy::contradiction, other_answer);
    if (share_link(window, a, b)) out.add(EvidenceBy::contradiction, one_link);
    if (are_tenants(window, a, b)) out.add(EvidenceBy::contradiction, other_tenant);
    // Many systems' echoes are all alike: the addresses of both ends do not change at once without a better sign.
    if (icmp && ids == 0 && a.client.ip != b.client.ip && a.server.ip != b.server.ip &&
        a.client.ip.is_v4() == b.client.ip.is_v4())
        out.add(EvidenceBy::contradiction, echo_other_ends);
    // Traceroutes and the like send one payload from everywhere; gateways pass a datagram on at once.
    if (!icmp && queries == 0 && ids == 0 && a.client.ip != b.client.ip && a.server.ip != b.server.ip && common.known &&
        distance > (rare ? rare_datagram_passed_ns_max : datagram_passed_ns_max) + common.error_ns)
        out.add(EvidenceBy::contradiction, datagram_other_ends);
    const bool halves = are_halves(window, a, b);
    if (halves) out.add_key(EvidenceBy::same_server, halves_bits);
    if (out.key_bits == 0 && !a.same_ends(b)) return PairEvidence{};
    if (out.key_bits == 0 || halves) distance = std::llabs(b.first_ns - common.shift_ns - a.first_ns);
    if (!add_distance(distance, limits, common, out)) return PairEvidence{};
    if (ids > 0 && payload > 0) out.add_key(EvidenceBy::ip_id, std::min(ids, 32.0F));
    add_addresses(window, a, b, out);
    add_ttl(a, b, out);
    out.accepted = out.key_bits > 0 && out.bits >= accept_bits(a, b, false);
    return out;
}

}  // namespace clew
