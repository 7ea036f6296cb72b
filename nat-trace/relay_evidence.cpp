// SPDX-License-Identifier: Apache-2.0
// The weights of evidence that a proxy joined two transport connections. Sequence numbers say nothing here: signals do.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "nat-trace/evidence_parts.h"
#include "nat-trace/relay_pair.h"

namespace clew {
namespace {

constexpr float proxy_bits = 96;  // two addresses and two ports
constexpr float proxy_source_bits = 48;
constexpr float request_id_bits = 64;
constexpr float head_bits = 24;  // of one direction's first bytes, where few begin so
constexpr float bits_of_head_byte = 0.75;
constexpr std::uint16_t head_length_min = 4;
constexpr float tls_random_bits = 64;
constexpr float request_bits = 18;  // method, host and URI, where few ask for it
constexpr float next_request_bits = 8;
constexpr float forwarded_for_bits = 12;
constexpr float asked_target_bits = 12;  // address and port, where few go there
constexpr float asked_port_bits = 2;
constexpr float asked_elsewhere = -10;  // or a gateway behind the proxy wrote another address
constexpr float same_service = -16;
constexpr float same_opener = -12;
constexpr float accept_key_bits = 3;
constexpr float rare_key_bits = 24;  // identifies; less is only something that many say
constexpr float accept_bits_stream = 28;
constexpr float accept_bits_no_time = 40;  // clocks that cannot be compared
constexpr float known_proxy_bits = 8;
constexpr float sure_proxy_bits = 14;
constexpr float payload_too_early = 8;             // another request of the connection, or one that was not captured
constexpr float timing_bits_max = 11;              // of one direction
constexpr DurationNs hold_ns_max = 10 * ns_per_s;  // a proxy may hold what it passes on
constexpr DurationNs timing_ns_max = ns_per_s;     // worth nothing, being so late; later it speaks against

/// Both carry one ClientHello, the back one first.
bool hello_came_behind_first(const LegWindow& window, const RelayPair& pair) {
    bool early = false;
    window.each_hint(pair.front, [&](const WindowHint& x) {
        if (x.kind != HintKind::tls_random) return;
        window.each_hint(pair.back, [&](const WindowHint& y) {
            early |= y.kind == x.kind && y.value == x.value && pair.impossible(x.time_ns, pair.back_time(y.time_ns));
        });
    });
    return early;
}

/// The front one's client told its proxy where to only after the back one was opened.
bool asked_behind(const LegWindow& window, const RelayPair& pair) {
    bool late = false;
    window.each_hint(pair.front, [&](const WindowHint& x) {
        if (x.kind != HintKind::asked_target || x.direction != Direction::to_server) return;
        late |= pair.impossible(x.time_ns, pair.back_time(start_of(pair.back)));
    });
    return late;
}

/// The back connection began after the front one was answered, or passed on bytes before it had them.
bool against_causality(const LegWindow& window, const RelayPair& pair) {
    if (asked_behind(window, pair)) return true;
    const TimeNs begun = pair.back_time(start_of(pair.back));
    // A proxy that is told where to (SOCKS, CONNECT) may answer before it opens; the ClientHello comes later.
    if (share_tls_random(window, pair.front, pair.back)) return hello_came_behind_first(window, pair);
    if (pair.impossible(begun, first_payload(pair.front, Direction::to_client))) return true;
    if (is_closed(pair.front) && pair.impossible(begun, pair.front.last_ns)) return true;
    const auto payload = [&](Direction d) { return pair.back_time(first_payload(pair.back, d)); };
    if (shared_head(window, pair.front, pair.back, Direction::to_server).same &&
        pair.impossible(first_payload(pair.front, Direction::to_server), payload(Direction::to_server)))
        return true;
    return shared_head(window, pair.front, pair.back, Direction::to_client).same &&
           pair.impossible(payload(Direction::to_client), first_payload(pair.front, Direction::to_client));
}

struct SharedRequests {
    bool any = false;
    bool named = false;  ///< one that few ask for, and a forwarded_for on the back one names the front's client
};

/// The same requests, by method, host and URI; and X-Forwarded-For or Forwarded on the back one that names the front's
/// client.
SharedRequests add_requests(const LegWindow& window, const RelayPair& pair, PairEvidence& out) {
    const WindowLeg& front = pair.front;
    const WindowLeg& back = pair.back;
    float bits = 0;
    SharedRequests shared;
    bool rare = false;
    bool forwarded = false;
    bool other_client = false;
    window.each_hint(front, [&](const WindowHint& x) {
        if (x.kind != HintKind::http_request) return;
        window.each_hint(back, [&](const WindowHint& y) {
            if (y.kind != x.kind || y.value != x.value) return;
            if (pair.impossible(x.time_ns, pair.back_time(y.time_ns))) return;
            const std::uint32_t sharers = std::max(window.hint_prevalence(front, x), window.hint_prevalence(back, y));
            rare |= sharers <= few_sharers_max;
            bits += price_of_value(window, front, back, sharers, bits == 0 ? request_bits : next_request_bits);
        });
    });
    window.each_hint(back, [&](const WindowHint& h) {
        if (h.kind != HintKind::forwarded_for) return;
        bool named = h.source.ip == front.client.ip;
        shared.named |= named && rare;
        // Of several proxies in a row the first wrote the name that all others pass on.
        window.each_hint(front, [&](const WindowHint& o) {
            named |= (o.kind == h.kind || o.kind == HintKind::proxy_source) && o.source.ip == h.source.ip;
        });
        (named ? forwarded : other_client) = true;
    });
    if (bits > 0) out.add_key(EvidenceBy::http_request, bits);
    if (forwarded)
        out.add_key(EvidenceBy::forwarded_for, forwarded_for_bits);
    else if (other_client)
        out.add(EvidenceBy::contradiction, -forwarded_for_bits);
    shared.any = bits > 0;
    return shared;
}

/// What the front one's client told its proxy: the back one goes there, or is told the same, or goes elsewhere.
void add_asked_target(const LegWindow& window, const WindowLeg& front, const WindowLeg& back, PairEvidence& out) {
    window.each_hint(front, [&](const WindowHint& x) {
        if (x.kind != HintKind::asked_target) return;
        const bool by_address = !x.source.ip.is_unspecified();
        if (by_address ? x.source == back.server : window.has_hint_like(back, x)) {
            const std::uint32_t sharers = std::max(window.server_prevalence(front), window.server_prevalence(back));
            out.add(EvidenceBy::asked_target, price_of_value(window, front, back, sharers, asked_target_bits));
        } else if (x.source.port == back.server.port) {
            out.add(EvidenceBy::asked_target, by_address ? 0 : asked_port_bits);
        } else if (!window.has_hint_like(back, x)) {
            out.add(EvidenceBy::contradiction, asked_elsewhere);
        }
    });
}

/// The PROXY header that `back` carries names `front`'s ends.
float proxy_names(const LegWindow& window, const WindowLeg& front, const WindowLeg& back) {
    float bits = 0;
    window.each_hint(back, [&](const WindowHint& h) {
        if (h.kind != HintKind::proxy_source || h.source != front.client) return;
        if (h.has_destination && h.destination != front.server) return;
        bits = h.has_destination ? proxy_bits : proxy_source_bits;
    });
    // A front that carries the same header is a leg of the same connection, not what stands before the proxy.
    if (bits > 0)
        window.each_hint(front, [&](const WindowHint& h) {
            if (h.kind == HintKind::proxy_source && h.source == front.client) bits = 0;
        });
    return bits;
}

/// Both carry one PROXY header, which names neither: of several proxies in a row each passes the name on. What the same
/// client's next connection from that port carries came after the front one was over.
float proxies_name(const LegWindow& window, const RelayPair& pair) {
    const WindowLeg& front = pair.front;
    const WindowLeg& back = pair.back;
    if (front.server == back.server || front.client.ip == back.client.ip) return 0;
    for (std::size_t d = 0; d < direction_count; ++d)
        if (front.flows[d].has_isn && back.flows[d].has_isn && front.flows[d].isn == back.flows[d].isn) return 0;
    if (pair.common.known ? pair.impossible(pair.back_time(start_of(back)), front.last_ns)
                          : !shared_head(window, front, back, Direction::to_server).same)
        return 0;
    float bits = 0;
    window.each_hint(front, [&](const WindowHint& x) {
        if (x.kind != HintKind::proxy_source || x.source == front.client || x.source == back.client) return;
        window.each_hint(back, [&](const WindowHint& y) {
            if (y.kind == x.kind && y.source == x.source && y.destination == x.destination) bits = proxy_bits;
        });
    });
    return bits;
}

/// A proxy passes the question on soon, and the answer: log2 of how seldom a stranger's comes so soon after.
float price_of_pace(const RelayPair& pair) {
    float bits = 0;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const TimeNs front = first_payload(pair.front, d);
        const TimeNs back = pair.back_time(first_payload(pair.back, d));
        if (front == 0 || back == 0) continue;
        const DurationNs later = d == Direction::to_server ? back - front : front - back;
        if (later < -pair.slack_ns) {
            bits -= payload_too_early;
            continue;
        }
        const float seldom = std::log2(static_cast<float>(timing_ns_max) /
                                       static_cast<float>(std::max(later, DurationNs{0}) + pair.slack_ns));
        bits += std::clamp(seldom, -timing_bits_max, timing_bits_max);
    }
    return bits;
}

/// Both found in the middle: what is said, packet by packet, is the same and passed on at once.
PairEvidence same_packets(const RelayPair& pair) {
    PairEvidence out;
    if (!pair.common.known || pair.front.server == pair.back.server) return out;
    float bits = 0;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const SampleMatch match = match_samples(pair.front, pair.back, d);
        for (std::size_t i = 0; i < match.count; ++i) {
            const TimeNs x = pair.front.at(pair.front.flow(d).samples[match.pairs[i].a].time);
            const TimeNs y = pair.back_time(pair.back.at(pair.back.flow(d).samples[match.pairs[i].b].time));
            if (x == 0 || y == 0) continue;
            const DurationNs later = d == Direction::to_server ? y - x : x - y;
            bits += later < -pair.slack_ns   ? -10.0F
                    : later < 2 * ns_per_ms  ? 10.0F
                    : later < 20 * ns_per_ms ? 4.0F
                                             : -4.0F;
        }
    }
    if (bits <= 0) return out;
    out.add_key(EvidenceBy::payload_sample, bits);
    out.rare = false;
    out.accepted = bits >= accept_bits_stream;
    return out;
}

/// What a proxy opens has a front: the question is only which, and not whether, so less has to be shared.
void add_known_proxy(const LegWindow& window, const WindowLeg& back, float bits_min, PairEvidence& out) {
    const KnownProxy wanted = out.bits + known_proxy_bits >= bits_min ? KnownProxy::likely : KnownProxy::sure;
    const KnownProxy known = window.known_proxy(back);
    if (known < wanted) {
        out.lacks = wanted;
        return;
    }
    out.accepted = out.by_proxy = true;
    out.add(EvidenceBy::known_proxy, known == KnownProxy::sure ? sure_proxy_bits : known_proxy_bits);
}

/// The back connection, begun at `b`, comes while the front one, begun at `f`, stands, and not too long after that or
/// after its first question.
bool comes_in_time(const WindowLeg& front, TimeNs f, TimeNs b, DurationNs distance_max) {
    const TimeNs asked = std::max(f, first_payload(front, Direction::to_server));
    return b >= f - distance_max && b <= asked + std::max(distance_max, hold_ns_max) &&
           b <= front.last_ns + distance_max;
}

/// The questions begin with other bytes.
bool asks_otherwise(const WindowLeg& front, const WindowLeg& back) {
    const WindowFlow& x = front.flow(Direction::to_server);
    const WindowFlow& y = back.flow(Direction::to_server);
    return x.head != 0 && y.head != 0 && (x.head != y.head || x.head_length != y.head_length);
}

/// A proxy that says nothing of itself repeats the bytes (TCP mode) or at least the request (HTTP mode), and does so at
/// once: the back connection begins while the front one waits.
PairEvidence same_stream(const LegWindow& window, const WindowLeg& front, const WindowLeg& back,
                         const EvidenceLimits& limits) {
    PairEvidence out;
    if (front.same_ends(back) || front.is_socket() || back.is_socket()) return out;
    // Two connections to one service, not one through it; but some proxies stand in the way unseen.
    if (front.server == back.server && front.client.ip == back.client.ip) return out;
    if (front.server == back.server) out.add(EvidenceBy::contradiction, same_service);
    if (front.client.ip == back.client.ip) out.add(EvidenceBy::contradiction, same_opener);
    const RelayPair pair{front, back, common_time(window, front, back)};
    const TimeNs f = start_of(front);
    const TimeNs b = pair.back_time(start_of(back));
    if (f == 0 && b == 0) return same_packets(pair);
    if (f == 0 || b == 0 || !comes_in_time(front, f, b, limits.candidate_distance_ns_max)) return out;
    if ((pair.common.known && b + pair.common.error_ns < f) || against_causality(window, pair)) return out;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const SharedHead head = shared_head(window, front, back, d);
        if (!head.same || head.length < head_length_min) continue;
        const float bits_max = std::min(head_bits, bits_of_head_byte * static_cast<float>(head.length));
        out.add_key(EvidenceBy::payload_head, price_of_value(window, front, back, head.sharers, bits_max));
    }
    if (share_tls_random(window, front, back)) out.add_key(EvidenceBy::tls_random, tls_random_bits);
    const SharedRequests requests = add_requests(window, pair, out);
    add_asked_target(window, front, back, out);
    if (out.key_bits == 0 || carries_others(window, front, back)) return PairEvidence{};
    if (pair.common.known) out.add(EvidenceBy::timing, price_of_pace(pair));
    // One thing asked for in other words has the same answer for any two clients.
    out.rare = out.key_bits >= rare_key_bits && (requests.named || !(requests.any && asks_otherwise(front, back)));
    const float bits_min = pair.common.known || requests.named ? accept_bits_stream : accept_bits_no_time;
    if (out.key_bits < accept_key_bits) return out;
    out.accepted = out.bits >= bits_min;
    if (!out.accepted && out.bits + sure_proxy_bits >= bits_min) add_known_proxy(window, back, bits_min, out);
    return out;
}

/// Ids that both legs carry at about the same time; the better of X-Request-ID and traceparent.
EvidenceBy shared_id(const LegWindow& window, const RelayPair& pair, DurationNs distance_max, int& count,
                     DurationNs& distance) {
    const WindowLeg& front = pair.front;
    const WindowLeg& back = pair.back;
    const bool saw_requests = back.flow(Direction::to_server).packets != 0;
    EvidenceBy by = EvidenceBy::request_id;
    window.each_hint(front, [&](const WindowHint& x) {
        if (!names_request(x.kind)) return;
        window.each_hint(back, [&](const WindowHint& y) {
            if (x.kind != y.kind || x.value != y.value) return;
            // The proxy asks after it was asked, and answers after it was answered.
            const bool asked = y.direction == Direction::to_server && x.direction == Direction::to_server;
            const bool answered = x.direction == Direction::to_client;
            // Who has the id in its answer alone is behind: but for a tap that saw no more than answers.
            const bool answer_alone = y.direction == Direction::to_client && saw_requests;
            if (x.direction == Direction::to_server && answer_alone) return;
            if (asked && pair.common.known && pair.back_time(y.time_ns) + pair.common.error_ns < x.time_ns) return;
            if (answered && pair.impossible(pair.back_time(y.time_ns), x.time_ns)) return;
            const DurationNs apart = std::llabs(pair.back_time(y.time_ns) - x.time_ns);
            if (apart > distance_max) return;
            if (count == 0 && x.kind == HintKind::traceparent) by = EvidenceBy::traceparent;
            distance = count == 0 ? apart : std::min(distance, apart);
            ++count;
        });
    });
    return by;
}

}  // namespace

bool may_be_relayed(const LegWindow& window, const WindowLeg& front, const WindowLeg& back) {
    return !stood_before(window, front, back) &&
           !against_causality(window, RelayPair{front, back, common_time(window, front, back)});
}

PairEvidence relayed(const LegWindow& window, const WindowLeg& front, const WindowLeg& back,
                     const EvidenceLimits& limits) {
    PairEvidence out;
    if (front.protocol == Protocol::udp && back.protocol == Protocol::udp) return forwarded_query(window, front, back);
    if (front.protocol != Protocol::tcp || back.protocol != Protocol::tcp) return out;
    const RelayPair pair{front, back, common_time(window, front, back)};
    DurationNs distance = limits.candidate_distance_ns_max;
    const float proxy = std::max(proxy_names(window, front, back), proxies_name(window, pair));
    if (proxy > 0) {
        const TimeNs f = start_of(front) != 0 ? start_of(front) : front.first_ns;
        const TimeNs b = pair.back_time(start_of(back) != 0 ? start_of(back) : back.first_ns);
        // The proxy opens the back connection for a front one that stands.
        const DurationNs early = pair.common.known ? pair.slack_ns + ns_per_ms : limits.candidate_distance_ns_max;
        if (b + early < f || b > front.last_ns + limits.candidate_distance_ns_max) return PairEvidence{};
        distance = std::llabs(b - f);
        out.is_explicit = true;
        out.add_key(EvidenceBy::proxy_header, proxy);
        // An address and port named again within seconds is told apart by which front connection has just begun.
        if (distance > limits.candidate_distance_ns_max)
            out.add(EvidenceBy::timing, -6);
        else if (pair.common.known)
            out.add(EvidenceBy::timing, distance < 10 * ns_per_ms ? 8.0F : distance < 100 * ns_per_ms ? 4.0F : 0.0F);
    }
    int ids = 0;
    DurationNs apart = 0;
    const EvidenceBy by = shared_id(window, pair, std::max(limits.candidate_distance_ns_max, hold_ns_max), ids, apart);
    if (ids > 0) {
        out.is_explicit = true;
        out.add_key(by, request_id_bits);
        distance = std::min(distance, apart);
    }
    if (!out.is_explicit)
        return stood_before(window, front, back) ? PairEvidence{} : same_stream(window, front, back, limits);
    if (pair.common.known && distance < 100 * ns_per_ms)
        out.add(EvidenceBy::timing, distance < ns_per_ms ? 6.0F : distance < 10 * ns_per_ms ? 3.0F : 1.0F);
    window.each_hint(back, [&](const WindowHint& h) {
        if (h.kind == HintKind::forwarded_for && h.source.ip == front.client.ip) out.add(EvidenceBy::forwarded_for, 8);
    });
    out.accepted = true;
    return out;
}

}  // namespace clew
