// SPDX-License-Identifier: Apache-2.0
// What two legs have in common, whatever their protocol.
#include "nat-trace/evidence.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "nat-trace/evidence_parts.h"

namespace clew {
namespace {

constexpr DurationNs clock_error_ns_max = 20 * ns_per_ms;  // offsets less certain tell nothing about connections

int sign(int x) { return (x > 0) - (x < 0); }

/// The first of several packets that GRO made one of keeps its IP id and its first bytes, which many may say.
bool is_recut(const WindowSample& s, const WindowSample& t) {
    return s.hash != 0 && s.ip_id != 0 && s.ip_id == t.ip_id && s.prefix() == t.prefix();
}

/// The same bytes at the streams' beginnings, or in a sample.
bool share_bytes(const WindowFlow& x, const WindowFlow& y) {
    bool same = x.head != 0 && x.head == y.head;
    for (std::size_t i = 0; i < x.sample_count; ++i)
        for (std::size_t j = 0; j < y.sample_count; ++j)
            same |= x.samples[i].same_payload(y.samples[j]) || is_recut(x.samples[i], y.samples[j]);
    return same;
}

/// By hints that stand on both, or name `leg`'s client on `holder`.
InCommon by_hints(const LegWindow& window, const WindowLeg& holder, const WindowLeg& leg) {
    InCommon found = InCommon::nothing;
    window.each_hint(holder, [&](const WindowHint& h) {
        const bool by_gateway = h.kind == HintKind::toa || h.kind == HintKind::tls_random;
        const bool names =
            h.kind == HintKind::toa || h.kind == HintKind::proxy_source || h.kind == HintKind::forwarded_for;
        bool sign = names && h.source.ip == leg.client.ip;
        window.each_hint(leg, [&](const WindowHint& o) {
            sign |= (o.kind == h.kind && o.value == h.value) || (names && o.source.ip == h.source.ip);
        });
        if (sign) found = std::max(found, by_gateway ? InCommon::something : InCommon::proxy_signals);
    });
    return found;
}

CommonTime time_by(const ClockOffset& offset, const WindowLeg& a, const WindowLeg& b) {
    if (offset.error_ns > clock_error_ns_max) return {};
    return {true, offset.offset_ns, offset.error_ns + time_error_of(a, b), offset.likely_ns};
}

}  // namespace

void PairEvidence::add(EvidenceBy by, float how_many) {
    bits += how_many;
    against += std::min(how_many, 0.0F);
    for (std::size_t i = 0; i < line_count; ++i)
        if (lines[i].by == by) {
            lines[i].bits += how_many;
            return;
        }
    if (line_count < line_count_max) lines[line_count++] = {by, how_many};
}

TimeNs start_of(const WindowLeg& leg) {
    if (leg.protocol != Protocol::tcp) return leg.first_ns;
    const TimeNs syn = leg.at(leg.flow(Direction::to_server).syn);
    return syn != 0 ? syn : leg.at(leg.flow(Direction::to_client).syn);
}

bool are_complementary(const WindowLeg& a, const WindowLeg& b) {
    const auto only = [](const WindowLeg& leg, Direction d) {
        return leg.flow(d).packets != 0 && leg.flow(opposite(d)).packets == 0;
    };
    return (only(a, Direction::to_server) && only(b, Direction::to_client)) ||
           (only(a, Direction::to_client) && only(b, Direction::to_server));
}

DurationNs answer_gap(const WindowLeg& leg) {
    const TimeNs syn = leg.at(leg.flow(Direction::to_server).syn);
    const TimeNs answer = leg.at(leg.flow(Direction::to_client).syn);
    return syn == 0 ? 0 : std::max<DurationNs>(0, answer - syn);
}

CommonTime common_time(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    if (a.clock == b.clock) return {true, 0, time_error_of(a, b), 0};
    const ClockOffset offset = window.clocks().between(a.clock, b.clock, a.first_ns);
    // A few packets the other way, and late ones, bound an offset more loosely than the many one way let it be guessed.
    if (offset.known && offset.leans && offset.error_ns > clock_guess_ns)
        return {true, offset.likely_ns, clock_guess_ns + time_error_of(a, b), offset.likely_ns};
    return offset.known || offset.guessed ? time_by(offset, a, b) : CommonTime{};
}

CommonTime bounded_time(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    if (a.clock == b.clock) return common_time(window, a, b);
    const ClockOffset offset = window.clocks().between(a.clock, b.clock, a.first_ns);
    return offset.known ? time_by(offset, a, b) : CommonTime{};
}

DurationNs time_error_of(const WindowLeg& a, const WindowLeg& b) { return std::max(a.time_error_ns, b.time_error_ns); }

float price_of_value(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, std::uint32_t sharers,
                     float bits_max) {
    if (sharers <= few_sharers_max) return bits_max;
    const std::size_t legs = std::max(window.legs_of_tap(a.tap), window.legs_of_tap(b.tap));
    return std::clamp(std::log2(static_cast<float>(legs) / static_cast<float>(sharers)), 0.0F, bits_max / 2);
}

SharedHead shared_head(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, Direction direction) {
    const WindowFlow& x = a.flow(direction);
    const WindowFlow& y = b.flow(direction);
    SharedHead out;
    out.same = x.head != 0 && x.head == y.head && x.head_length == y.head_length;
    out.length = x.head_length;
    if (out.same) out.sharers = std::max(window.head_prevalence(a, direction), window.head_prevalence(b, direction));
    return out;
}

bool share_tls_random(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    bool same = false;
    window.each_hint(
        a, [&](const WindowHint& x) { same |= x.kind == HintKind::tls_random && window.has_hint_like(b, x); });
    return same;
}

SampleMatch match_samples(const WindowLeg& a, const WindowLeg& b, Direction direction) {
    const WindowFlow& x = a.flow(direction);
    const WindowFlow& y = b.flow(direction);
    SampleMatch out;
    if (x.sample_count == 0 || y.sample_count == 0) return out;
    const bool tcp = a.protocol == Protocol::tcp;
    const bool by_offset = tcp && x.has_isn && y.has_isn;
    // Found in the middle behind a gateway that writes both numbers anew, only the packet itself is the same.
    const bool in_middle = !x.has_isn && !y.has_isn;
    const std::uint32_t delta = y.isn - x.isn;
    std::uint32_t taken = 0;
    for (std::uint8_t i = 0; i < x.sample_count; ++i) {
        const WindowSample& s = x.samples[i];
        if (s.hash == 0) continue;
        for (std::uint8_t j = 0; j < y.sample_count; ++j) {
            const WindowSample& t = y.samples[j];
            if (by_offset && t.seq - s.seq != delta) continue;
            if (t.hash == 0 || (taken & 1U << j) != 0) continue;
            if (s.length != t.length) {
                if (!by_offset || !is_recut(s, t)) continue;
                taken |= 1U << j;
                ++out.recut;
                ++out.same_ip_ids;
                break;
            }
            const bool same_id = s.ip_id != 0 && s.ip_id == t.ip_id;
            const bool seq_equal = s.seq == t.seq;
            const bool ack_equal = s.ack == t.ack;
            if (!s.same_payload(t)) {
                out.mismatches += by_offset || (tcp && seq_equal && ack_equal);
                continue;
            }
            if (tcp && !by_offset && !seq_equal && !ack_equal && !same_id && !in_middle) continue;
            if (!tcp && a.protocol != Protocol::udp && !seq_equal) continue;
            taken |= 1U << j;
            out.pairs[out.count++] = {i, j, by_offset};
            out.same_ip_ids += same_id;
            out.other_ip_ids += s.ip_id != 0 && t.ip_id != 0 && s.ip_id != t.ip_id;
            out.same_seqs += tcp && !by_offset && seq_equal;
            out.same_acks += tcp && !by_offset && ack_equal;
            break;
        }
    }
    return out;
}

InCommon in_common(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    if (a.protocol != Protocol::tcp || b.protocol != Protocol::tcp) return InCommon::something;
    for (std::size_t d = 0; d < direction_count; ++d) {
        const WindowFlow& x = a.flows[d];
        const WindowFlow& y = b.flows[d];
        if (!x.has_isn || !y.has_isn || x.isn == y.isn || share_bytes(x, y)) return InCommon::something;
    }
    return std::max(by_hints(window, a, b), by_hints(window, b, a));
}

PairEvidence same_connection(const LegWindow& window, const WindowLeg& a, const WindowLeg& b,
                             const EvidenceLimits& limits) {
    if (a.protocol != b.protocol && !(is_icmp(a.protocol) && is_icmp(b.protocol)))
        return {};  // NAT64 makes one the other
    return a.protocol == Protocol::tcp ? same_tcp(window, a, b, limits) : same_datagrams(window, a, b, limits);
}

Grade grade_of(const PairEvidence& evidence) {
    if (evidence.is_explicit || evidence.bits >= 64) return Grade::a;
    return evidence.bits >= 32 && !evidence.by_proxy ? Grade::b : Grade::c;  // an opener's past is statistics
}

float price_of_client(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, float bits_max) {
    const std::uint32_t sharers = std::max(window.client_prevalence(a), window.client_prevalence(b));
    return price_of_value(window, a, b, sharers, bits_max);
}

void add_addresses(const LegWindow& window, const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    const bool datagram = a.protocol != Protocol::tcp;
    if (a.client == b.client)
        out.add(EvidenceBy::same_client, datagram ? 12 : price_of_client(window, a, b, 12));
    else if (a.client.ip == b.client.ip)
        out.add(EvidenceBy::same_client, datagram ? 4 : 1);
    else if (datagram && a.client.port == b.client.port)
        out.add(EvidenceBy::same_client, 8);  // source NAT keeps the port where it can
    if (a.server.ip == b.server.ip) out.add(EvidenceBy::same_server, datagram ? 4 : 2);
    if (datagram && a.client.ip != b.client.ip && a.server.ip != b.server.ip) out.add(EvidenceBy::same_server, -4);
}

bool add_distance(DurationNs distance, const EvidenceLimits& limits, const CommonTime& common, PairEvidence& out) {
    distance = std::max<DurationNs>(0, std::llabs(distance) - (common.known ? common.error_ns : 0));
    if (distance > limits.candidate_distance_ns_max) return false;
    if (!common.known) return true;
    const float bits = distance < 300 * ns_per_us   ? 8
                       : distance < ns_per_ms       ? 6
                       : distance < 10 * ns_per_ms  ? 3
                       : distance < 100 * ns_per_ms ? 0
                       : distance < 500 * ns_per_ms ? -2
                                                    : -6;
    out.add(EvidenceBy::timing, bits);
    return true;
}

bool overlap(const WindowLeg& a, const WindowLeg& b, DurationNs slack) {
    return a.first_ns <= b.last_ns + slack && b.first_ns <= a.last_ns + slack;
}

void add_ttl(const WindowLeg& a, const WindowLeg& b, PairEvidence& out) {
    const WindowFlow& ac = a.flow(Direction::to_server);
    const WindowFlow& bc = b.flow(Direction::to_server);
    const WindowFlow& as = a.flow(Direction::to_client);
    const WindowFlow& bs = b.flow(Direction::to_client);
    if (ac.data_ttl == 0 || bc.data_ttl == 0 || as.data_ttl == 0 || bs.data_ttl == 0) return;
    const int forward = int{ac.data_ttl} - int{bc.data_ttl};
    const int back = int{bs.data_ttl} - int{as.data_ttl};
    const bool datagram = a.protocol != Protocol::tcp;
    if (std::abs(forward) > 16 || std::abs(back) > 16) {  // written anew on the way, as by what sends a datagram again
        if (datagram && a.same_ends(b)) out.add(EvidenceBy::contradiction, -12);
        return;
    }
    if (sign(forward) * sign(back) < 0)
        out.add(EvidenceBy::contradiction, datagram ? -12 : -6);
    else if (forward == 0 && back == 0 && !a.same_ends(b))
        out.add(EvidenceBy::contradiction, datagram ? -10 : a.tap == b.tap ? -12 : -3);  // rewritten, yet not routed
    else if (forward == back)
        out.add(EvidenceBy::ttl, 2);
}

}  // namespace clew
