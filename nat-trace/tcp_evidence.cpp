// SPDX-License-Identifier: Apache-2.0
// The weights of evidence that two legs are one TCP connection. docs/NAT_TRACING.md says what gateways leave as it was.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "nat-trace/evidence_parts.h"

namespace clew {
namespace {

constexpr float isn_bits = 32;
constexpr float isn_common_bits = 20;    // less than this identifies nothing
constexpr float isn_zero_bits = 2;       // a sequence number of 0 is what probes and simple stacks send
constexpr float both_isns_differ = -12;  // a SYN proxy or a randomising firewall does that: rare, but so they are
constexpr float one_isn_differs = -2;
constexpr float same_ends_other_isn = -24;  // the ports used again, or another tenant with the same addresses
constexpr float other_stream = -40;         // both ISNs differ, both legs carry data, and none of it is the same
constexpr float toa_bits = 48;
constexpr float other_ip_ids = -12;
constexpr float other_named_client = -24;
constexpr float one_isn_but_late = -12;  // a gateway that shifts one direction passes the SYN on at once
constexpr DurationNs gateway_ns_max = 100 * ns_per_ms;
constexpr float stream_head_bits = 24;  // of one direction
constexpr float tls_random_bits = 32;
constexpr float pace_bits = 8;  // the payload came as long after the SYN, to 0.05 ms, and clocks do not compare
constexpr float ip_id_bits = 16;
constexpr DurationNs lone_syn_ns_max = 2 * ns_per_ms;
constexpr float same_bytes_bits_max = 36;
constexpr float lone_syn_bits = 4;  // the same options, a TTL that fell
constexpr float accept_bits_lone_syn = 22;
constexpr std::uint16_t zmap_ip_id = 54321;  // of all its probes
constexpr float syn_ip_id_bits = 10;         // some scanners give all their probes one
constexpr float probe_client_bits = 8;       // more, where address and port are nearly all there is
constexpr float probe_server_bits = 20;      // likewise
constexpr float crowded_server_bits_max = 16;
constexpr float probe_pace_told = 4;  // at any pace
constexpr float probe_pace_bits_max = 6;
constexpr DurationNs probe_pace_span_ns_max = 10 * ns_per_s;  // probes come in bursts
constexpr std::uint32_t probe_pace_count_max = 200;           // of more the window hardly counts how many
constexpr float never_together = -24;                         // one leg's packets came when the other's were over
constexpr std::int64_t stream_slack = 1 << 16;  // bytes on the way, or lost, between what two legs show of one stream
constexpr float accept_bits_probe = 8;          // of what identifies, where the ISN is common
constexpr float accept_bits_tcp = 32;
constexpr float accept_bits_no_isn = 36;  // by the IP ids of both directions and what else fits
constexpr float accept_bits_explicit = 24;

bool both_isns_differ_in(const WindowLeg& a, const WindowLeg& b) {
    for (std::size_t d = 0; d < direction_count; ++d)
        if (!a.flows[d].has_isn || !b.flows[d].has_isn || a.flows[d].isn == b.flows[d].isn) return false;
    return true;
}

/// Nobody answered with a sequence number of the server's own.
bool is_unanswered(const WindowLeg& leg) {
    const WindowFlow& s = leg.flow(Direction::to_client);
    return leg.flow(Direction::to_server).syn != time_offset_unknown && s.syn == time_offset_unknown && !s.has_isn &&
           s.sample_count == 0 && leg.flow(Direction::to_server).sample_count == 0;
}

/// Two SYNs that nobody answered, of different numbers.
bool are_lone_syns(const WindowLeg& a, const WindowLeg& b) {
    return is_unanswered(a) && is_unanswered(b) && a.flow(Direction::to_server).isn != b.flow(Direction::to_server).isn;
}

bool same_isns_in(const WindowLeg& a, const WindowLeg& b) {
    for (std::size_t d = 0; d < direction_count; ++d)
        if (!a.flows[d].has_isn || !b.flows[d].has_isn || a.flows[d].isn != b.flows[d].isn) return false;
    return true;
}

/// What one equal sequence number is worth: less, the more legs of a tap have it (scanners, probes, simple stacks). A
/// gateway that is seen on both sides by one tap, and a chain of them, makes a few of one connection.
float price_of_isn(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, Direction d) {
    if (a.flow(d).isn == 0) return isn_zero_bits;
    const std::uint32_t sharers = std::max(window.isn_prevalence(a, d), window.isn_prevalence(b, d));
    // So is one that a client sends again and again from one port.
    const std::uint32_t from_port = std::max(window.client_prevalence(a), window.client_prevalence(b));
    const bool probes = d == Direction::to_server && sharers > few_sharers_max && from_port > few_sharers_max;
    if (sharers < common_isn_count_min) return probes ? isn_common_bits - 4 : isn_bits;
    return std::max(1.0F, isn_bits - 8.0F * (std::log2(static_cast<float>(sharers)) - 1.0F));
}

/// A server's address and port tell connections apart: all of it where few legs of a tap go there, else log2 of how
/// many go elsewhere.
float price_of_server(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    if (std::max(window.server_prevalence(a), window.server_prevalence(b)) <= few_sharers_max) return probe_server_bits;
    float least = crowded_server_bits_max;
    for (const WindowLeg* l : {&a, &b})
        least = std::min(least, std::log2(static_cast<float>(window.legs_of_tap(l->tap) + 1) /
                                          static_cast<float>(std::max(1U, window.server_prevalence(*l)))));
    return std::max(0.0F, least);
}

/// Each saw one SYN, and not at one time: gateways pass it on at once.
float price_of_late_syn(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    const WindowFlow& x = a.flow(Direction::to_server);
    const WindowFlow& y = b.flow(Direction::to_server);
    const CommonTime common = common_time(window, a, b);
    const bool timed = x.syn != time_offset_unknown && y.syn != time_offset_unknown;
    if (x.syn_count != 1 || y.syn_count != 1 || !timed || !common.known) return 0;
    const DurationNs late = std::llabs(b.at(y.syn) - common.shift_ns - a.at(x.syn)) - common.error_ns;
    return late > gateway_ns_max ? -40.0F : late > gateway_ns_max / 4 ? -20.0F : late > gateway_ns_max / 10 ? -8.0F : 0;
}

void add_isns(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    int differing = 0;
    int equal = 0;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const WindowFlow& x = a.flow(d);
        const WindowFlow& y = b.flow(d);
        if (!x.has_isn || !y.has_isn) continue;
        if (x.isn != y.isn) {
            ++differing;
            continue;
        }
        ++equal;
        const EvidenceBy by = d == Direction::to_server ? EvidenceBy::isn_forward : EvidenceBy::isn_reverse;
        const float bits = price_of_isn(window, a, b, d);
        if (bits < isn_common_bits)
            out.add(by, bits);
        else
            out.add_key(by, bits);
        if (d == Direction::to_client) continue;
        const float late = price_of_late_syn(window, a, b);
        if (late != 0) out.add(EvidenceBy::contradiction, late);
        // Many probes of one source: what it probes is what tells them apart, where a gateway keeps that.
        if (bits >= isn_common_bits) continue;
        if (a.server == b.server) out.add_key(EvidenceBy::same_server, price_of_server(window, a, b));
        if (a.client == b.client)
            out.add_key(EvidenceBy::same_client, price_of_client(window, a, b, probe_client_bits));
    }
    if (differing == 0) return;
    const TimeNs x = start_of(a);
    const TimeNs y = start_of(b);
    const bool once = a.flow(Direction::to_server).syn_count <= 1 && b.flow(Direction::to_server).syn_count <= 1;
    const CommonTime common = common_time(window, a, b);
    if (equal == 1 && once && common.known && x != 0 && y != 0 &&
        std::llabs(y - common.shift_ns - x) > gateway_ns_max + common.error_ns)
        out.add(EvidenceBy::contradiction, one_isn_but_late);
    // Mirrors of one way each have but the acks of the other, and no time in common: an equal number must do.
    if (equal == 1 && differing == 1 && !common.known && are_complementary(a, b)) return;
    if (a.same_ends(b) && equal == 0 && !are_lone_syns(a, b))
        out.add(EvidenceBy::contradiction, same_ends_other_isn);
    else
        out.add(EvidenceBy::contradiction, differing == 2                      ? both_isns_differ
                                           : equal == 1 || are_lone_syns(a, b) ? one_isn_differs
                                                                               : -20.0F);
}

/// TOA and PROXY headers name the client that a balancer saw. Only the leg before it has that client; legs behind it
/// share it.
void add_named_clients(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    if (a.first_hint == no_leg && b.first_hint == no_leg) return;
    bool named = false;
    bool other = false;
    const auto compare = [&](const WindowLeg& holder, const WindowLeg& leg) {
        window.each_hint(holder, [&](const WindowHint& h) {
            if (h.kind != HintKind::toa && h.kind != HintKind::proxy_source) return;
            named |= h.kind == HintKind::toa && h.source == leg.client && a.client != b.client;
            window.each_hint(leg, [&](const WindowHint& o) {
                if (o.kind != h.kind) return;
                (o.value == h.value ? named : other) |= h.kind == HintKind::toa || o.value != h.value;
            });
        });
    };
    compare(a, b);
    compare(b, a);
    if (named && a.client != b.client) {
        out.is_explicit = true;
        out.add_key(EvidenceBy::toa, toa_bits);
    } else if (other) {
        out.add(EvidenceBy::contradiction, other_named_client);
    }
}

/// All the packets' sequence numbers differ by one amount.
bool shifts_evenly(const WindowFlow& x, const WindowFlow& y, const SampleMatch& match) {
    if (match.pairs[0].by_offset) return false;  // held against the ISN already
    const auto shift = [&](const SamplePair& p) { return y.samples[p.b].seq - x.samples[p.a].seq; };
    for (std::size_t i = 1; i < match.count; ++i)
        if (shift(match.pairs[i]) != shift(match.pairs[0])) return false;
    return true;
}

/// Both found in the middle, and both numbers shifted: the same bytes in packets of the same length at the same time,
/// or, where clocks do not compare, as long after the first of them.
void add_same_bytes(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    const CommonTime common = common_time(window, a, b);
    // Proxies do the same, and then the server is another.
    if (a.server != b.server && !loses_odd_ttl(a, b)) return;
    float bits = 0;
    std::optional<DurationNs> shift;
    if (common.known) shift = common.shift_ns;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const SampleMatch match = match_samples(a, b, d);
        for (std::size_t i = 0; i < match.count; ++i) {
            const TimeNs x = a.at(a.flow(d).samples[match.pairs[i].a].time);
            const TimeNs y = b.at(b.flow(d).samples[match.pairs[i].b].time);
            if (x == 0 || y == 0) continue;
            if (!shift) {
                shift = y - x;
                continue;
            }
            const DurationNs apart = std::llabs(y - *shift - x) - common.error_ns;
            bits += apart < ns_per_ms ? 10.0F : apart < 10 * ns_per_ms ? 4.0F : -10.0F;
        }
    }
    if (bits > 0)
        out.add_key(EvidenceBy::payload_sample, std::min(bits, same_bytes_bits_max));
    else if (bits < 0)
        out.add(EvidenceBy::contradiction, bits);
}

void add_samples(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    float payload = 0;
    float ids = 0;
    int shifted = 0;
    int seqs = 0;
    int acks = 0;
    int mismatches = 0;
    bool other = false;
    bool other_ids = false;
    bool in_middle = true;
    for (const WindowLeg* l : {&a, &b})
        for (const WindowFlow& flow : l->flows) in_middle &= !flow.has_isn;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const SampleMatch match = match_samples(a, b, d);
        mismatches += match.mismatches;
        // Where GRO made one packet of several at one tap alone, the stream's first bytes still tell; proxies cut the
        // stream anew as well, and go to another server.
        other |= match.count + match.recut == 0 && a.flow(d).sample_count > 0 && b.flow(d).sample_count > 0 &&
                 !(a.server == b.server && shared_head(window, a, b, d).same);
        if (match.same_ip_ids > 0)
            ids += std::min(ip_id_bits + 3.0F * static_cast<float>(match.same_ip_ids - 1), 24.0F);
        if (match.recut > 0 && match.count == 0) payload += 3;
        if (match.count == 0) continue;
        payload += 3 + static_cast<float>(match.count - 1);  // many clients ask the same
        other_ids |= match.same_ip_ids == 0 && match.other_ip_ids > 0;
        seqs += match.same_seqs;
        acks += match.same_acks;
        shifted += match.count > 1 && match.same_seqs < match.count && shifts_evenly(a.flow(d), b.flow(d), match);
    }
    if (seqs > 0 || acks > 0) out.add_key(EvidenceBy::seq_ack_pair, seqs > 0 && acks > 0 ? 64.0F : 32.0F);
    if (shifted > 0) out.add(EvidenceBy::constant_delta, 16);
    if (seqs + acks == 0 && in_middle) add_same_bytes(window, a, b, out);
    if (payload > 0) out.add(EvidenceBy::payload_sample, std::min(payload, 8.0F));
    if (ids > 0 && payload > 0) out.add_key(EvidenceBy::ip_id, ids);
    // Gateways that forward keep the IP id, but for some firewalls and NAT64.
    if (other_ids && ids == 0 && !in_middle && !same_isns_in(a, b) &&
        !(both_isns_differ_in(a, b) && passes_packets(window, a, b)))
        out.add(EvidenceBy::contradiction, other_ip_ids);
    if (mismatches > 0) out.add(EvidenceBy::contradiction, -8.0F * static_cast<float>(std::min(mismatches, 3)));
    // A TOA names an address and a port, not a connection: the same one may lead to another VIP at the same time.
    if (other && both_isns_differ_in(a, b)) out.add(EvidenceBy::contradiction, other_stream);
}

/// Of a SYN that nobody answered nothing is left behind a gateway that shifts its number but the IP id and the options;
/// it passes at once and loses TTL.
void add_lone_syns(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    const WindowFlow& x = a.flow(Direction::to_server);
    const WindowFlow& y = b.flow(Direction::to_server);
    if (!are_lone_syns(a, b) || x.first_ip_id != y.first_ip_id || x.window_scale != y.window_scale) return;
    if (x.first_ip_id == 0 && !a.same_ends(b)) return;
    const CommonTime common = common_time(window, a, b);
    const int fall = int{x.first_ttl} - int{y.first_ttl};
    // Some firewalls keep the TTL; they keep both ends as well.
    if (!common.known || (fall == 0 && !a.same_ends(b)) || std::abs(fall) > gateways_max) return;
    // So do tenants of the same addresses.
    if (a.same_ends(b) && overlay_id(window.segment(a.segment)) != overlay_id(window.segment(b.segment))) return;
    if (std::llabs(b.at(y.syn) - common.shift_ns - a.at(x.syn)) > lone_syn_ns_max + common.error_ns) return;
    if (std::min(x.syn_count, y.syn_count) > 1 && x.syn_count != y.syn_count) return;
    // Some scanners give all their probes one id.
    const std::uint32_t sharers = std::max(window.ip_id_prevalence(a), window.ip_id_prevalence(b));
    if (!a.same_ends(b) && (x.first_ip_id == zmap_ip_id || sharers > few_sharers_max)) return;
    out.add_key(EvidenceBy::ip_id, ip_id_bits);
    out.add(EvidenceBy::constant_delta, lone_syn_bits);
}

/// The IP id of the SYN itself, where both taps saw it and it is the client's own.
void add_syn_ip_ids(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    const WindowFlow& x = a.flow(Direction::to_server);
    const WindowFlow& y = b.flow(Direction::to_server);
    if (!x.has_isn || !y.has_isn || x.syn != 0 || y.syn != 0 || x.first_ip_id == 0 || y.first_ip_id == 0) return;
    if (a.client.ip.is_v4() != b.client.ip.is_v4() || x.isn != y.isn) return;
    const std::uint32_t sharers = std::max(window.ip_id_prevalence(a), window.ip_id_prevalence(b));
    if (x.first_ip_id == y.first_ip_id)
        out.add(EvidenceBy::ip_id, price_of_value(window, a, b, sharers, syn_ip_id_bits));
    else if (x.syn_count == 1 && y.syn_count == 1 && !same_isns_in(a, b))
        out.add(EvidenceBy::contradiction, -syn_ip_id_bits);
}

/// What a leg shows of a direction's sequence space: what was sent, or, where that was not seen, what was acknowledged.
struct StreamSpan {
    bool known = false;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

StreamSpan span_of(const WindowLeg& leg, std::size_t d) {
    const WindowFlow& own = leg.flows[d];
    const WindowFlow& peer = leg.flows[1 - d];
    if (own.next_seq != 0)
        return {true, own.has_isn ? own.isn : own.sample_count > 0 ? own.samples[0].seq : own.next_seq, own.next_seq};
    if (peer.sample_count == 0 || peer.samples[0].ack == 0) return {};
    return {true, own.has_isn ? own.isn : peer.samples[0].ack, peer.samples[peer.sample_count - 1].ack};
}

/// One tap saw the connection come by another way from then on, as after a gateway's failure: both directions go on
/// about where the earlier leg was left.
bool goes_on(const WindowLeg& earlier, const WindowLeg& later) {
    if (earlier.tap != later.tap || !earlier.same_ends(later) || later.first_ns < earlier.last_ns) return false;
    for (std::size_t d = 0; d < direction_count; ++d) {
        const StreamSpan x = span_of(earlier, d);
        const StreamSpan y = span_of(later, d);
        if (later.flows[d].has_isn || !x.known || !y.known) return false;
        const std::int64_t ahead = static_cast<std::int32_t>(y.begin - x.end);
        if (ahead > stream_slack || -ahead > stream_slack) return false;
    }
    return true;
}

/// Mirrors of one way each, found in the middle: the one acknowledges what the other sent, and the other way round.
/// Behind a gateway that shifts one side's numbers half of that is left.
void add_crossed(const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    if (!are_complementary(a, b)) return;
    const Direction d = a.flow(Direction::to_server).packets != 0 ? Direction::to_server : Direction::to_client;
    const WindowFlow& x = a.flow(d);
    const WindowFlow& y = b.flow(opposite(d));
    if (x.has_isn || y.has_isn) return;
    const auto acknowledges = [](const WindowSample& one, const WindowSample& other) {
        return one.ack != 0 && (one.ack == other.seq || one.ack == other.seq + other.length);
    };
    bool there = false;
    bool back = false;
    for (std::size_t i = 0; i < x.sample_count; ++i)
        for (std::size_t j = 0; j < y.sample_count; ++j) {
            there |= acknowledges(x.samples[i], y.samples[j]);
            back |= acknowledges(y.samples[j], x.samples[i]);
        }
    if (there || back) out.add_key(EvidenceBy::seq_ack_pair, there && back ? 2 * isn_bits : isn_bits);
}

/// The beginning of one leg at least was not seen: both sides' last sequence numbers are the same.
void add_ends(const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    float bits = 0;
    for (std::size_t d = 0; d < direction_count; ++d) {
        const WindowFlow& x = a.flows[d];
        const WindowFlow& y = b.flows[d];
        if (x.has_isn && y.has_isn) return;
        if (x.next_seq != 0 && x.next_seq == y.next_seq) bits += isn_bits;
    }
    if (bits > 0) out.add_key(EvidenceBy::seq_ack_pair, bits);
}

/// Found in the middle on one side: the same addresses, and sequence numbers in the same place of both directions.
void add_stream_state(const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    if (!a.same_ends(b)) {
        add_crossed(a, b, out);
        add_ends(a, b, out);
        return;
    }
    float bits = 0;
    for (std::size_t d = 0; d < direction_count; ++d) {
        if (a.flows[d].has_isn && b.flows[d].has_isn) continue;
        const StreamSpan x = span_of(a, d);
        const StreamSpan y = span_of(b, d);
        if (!x.known || !y.known) continue;
        const std::uint32_t x_width = x.end - x.begin;
        const std::uint32_t y_width = y.end - y.begin;
        if (x_width > 1U << 30 || y_width > 1U << 30) continue;  // wrapped, or nonsense: says nothing
        const std::int64_t ahead = static_cast<std::int32_t>(y.begin - x.begin);
        const bool meet = ahead <= x_width + stream_slack && -ahead <= y_width + stream_slack;
        const float entropy =
            32 - std::log2(static_cast<float>(x_width) + static_cast<float>(y_width) + 2.0F * stream_slack);
        bits += meet ? entropy : -16;
    }
    if (bits > 0)
        out.add_key(EvidenceBy::seq_ack_pair, bits);
    else if (bits < 0)
        out.add(EvidenceBy::contradiction, bits);
}

/// Both sequence numbers were written anew: the streams tell whether it is one connection.
void add_streams(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    if (!both_isns_differ_in(a, b)) return;
    float bits = 0;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const SharedHead head = shared_head(window, a, b, d);
        if (head.same && head.length >= 16) bits += price_of_value(window, a, b, head.sharers, stream_head_bits);
    }
    const bool tls = share_tls_random(window, a, b);
    if (bits == 0 && !tls) return;
    // A proxy repeats the stream, not the packets, and adds no TOA.
    if (!out.is_explicit && !passes_packets(window, a, b)) {
        out.add(EvidenceBy::contradiction, other_stream);
        return;
    }
    if (bits > 0) out.add_key(EvidenceBy::payload_head, bits);
    out.add(EvidenceBy::contradiction, -both_isns_differ);  // they differ because this gateway writes them
    if (tls) out.add_key(EvidenceBy::tls_random, tls_random_bits);
    // Proxies as well send a payload some time after the SYN, but to another server.
    if (a.server == b.server && !common_time(window, a, b).known && keeps_pace(a, b))
        out.add_key(EvidenceBy::timing, pace_bits);
}

void add_options(const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    float bits = 0;
    for (std::size_t d = 0; d < direction_count; ++d) {
        const WindowFlow& x = a.flows[d];
        const WindowFlow& y = b.flows[d];
        if (x.first_tsval != 0 && x.first_tsval == y.first_tsval) bits += 12;
        if (x.mss != 0 && y.mss != 0 && x.window_scale == y.window_scale && x.sack_permitted == y.sack_permitted)
            bits += 1;
    }
    if (bits > 0) out.add(EvidenceBy::tcp_options, bits);
}

/// A prober's next probe comes later: log2 of how seldom one of those that the taps have would come so near by chance,
/// less what `add_distance` says of any two legs.
void add_probe_pace(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, const CommonTime& common,
                    PairEvidence& out) {
    if (!common.known || !is_unanswered(a) || !is_unanswered(b)) return;
    if (a.client != b.client && a.server != b.server) return;
    const DurationNs apart = std::llabs(start_of(b) - common.shift_ns - start_of(a)) + common.error_ns;
    const DurationNs span =
        std::min(std::max(a.first_ns, b.first_ns) - window.leg(window.oldest()).first_ns, probe_pace_span_ns_max);
    const std::uint32_t probes = a.client == b.client
                                     ? std::max(window.client_prevalence(a), window.client_prevalence(b))
                                     : std::max(window.server_prevalence(a), window.server_prevalence(b));
    if (span <= 0 || probes >= probe_pace_count_max) return;
    const float near = 2.0F * static_cast<float>(std::max(apart, ns_per_us)) * static_cast<float>(probes + 1);
    const float seldom = std::log2(static_cast<float>(span) / near);
    const float bits = std::min(seldom - probe_pace_told, probe_pace_bits_max);
    if (bits > 0) out.add_key(EvidenceBy::timing, bits);
}

}  // namespace

PairEvidence same_tcp(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, const EvidenceLimits& limits) {
    PairEvidence out;
    const TimeNs a_start = start_of(a);
    const TimeNs b_start = start_of(b);
    const CommonTime common = common_time(window, a, b);
    if (!overlap(a, b, limits.candidate_distance_ns_max)) return out;
    if (a_start != 0 && b_start != 0 && !add_distance(b_start - common.shift_ns - a_start, limits, common, out))
        return PairEvidence{};
    if ((a_start == 0 || b_start == 0) && common.known) {
        const DurationNs gap =
            std::max(a.first_ns - (b.last_ns - common.shift_ns), b.first_ns - common.shift_ns - a.last_ns);
        if (gap > gateway_ns_max + common.error_ns && !goes_on(a, b) && !goes_on(b, a))
            out.add(EvidenceBy::contradiction, never_together);
    }
    add_isns(window, a, b, out);
    add_syn_ip_ids(window, a, b, out);
    add_lone_syns(window, a, b, out);
    add_named_clients(window, a, b, out);
    add_samples(window, a, b, out);
    add_streams(window, a, b, out);
    add_stream_state(a, b, out);
    add_addresses(window, a, b, out);
    add_options(a, b, out);
    add_ttl(a, b, out);
    const bool common_isn = a.flow(Direction::to_server).has_isn && b.flow(Direction::to_server).has_isn &&
                            a.flow(Direction::to_server).isn == b.flow(Direction::to_server).isn &&
                            price_of_isn(window, a, b, Direction::to_server) < isn_common_bits;
    if (common_isn) add_probe_pace(window, a, b, common, out);
    const float key_bits_min = common_isn ? accept_bits_probe : are_lone_syns(a, b) ? ip_id_bits : accept_bits_explicit;
    out.accepted = out.key_bits >= key_bits_min && out.bits >= accept_bits(a, b, out.is_explicit);
    return out;
}

bool surely_same_connection(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    if (a.protocol != Protocol::tcp || b.protocol != Protocol::tcp) return false;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const WindowFlow& x = a.flow(d);
        const WindowFlow& y = b.flow(d);
        if (!x.has_isn || !y.has_isn || x.isn != y.isn || x.isn == 0) return false;
        if (std::max(window.isn_prevalence(a, d), window.isn_prevalence(b, d)) > few_sharers_max) return false;
    }
    const TimeNs x = start_of(a);
    const TimeNs y = start_of(b);
    const CommonTime common = bounded_time(window, a, b);
    return x != 0 && y != 0 && common.known &&
           std::llabs(y - common.shift_ns - x) <= gateway_ns_max / 10 + common.error_ns;
}

float accept_bits(const WindowLeg& a, const WindowLeg& b, bool is_explicit) {
    if (a.protocol != Protocol::tcp) return accept_bits_datagram;
    if (is_explicit) return accept_bits_explicit;
    if (are_lone_syns(a, b)) return accept_bits_lone_syn;
    return both_isns_differ_in(a, b) ? accept_bits_no_isn : accept_bits_tcp;
}

}  // namespace clew
