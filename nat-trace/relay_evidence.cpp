// SPDX-License-Identifier: Apache-2.0
// The weights of evidence that a proxy joined two transport connections. Sequence numbers say nothing here: signals do.
#include <algorithm>
#include <cstdlib>

#include "nat-trace/evidence.h"

namespace clew {
namespace {

constexpr float proxy_bits = 96;  // two addresses and two ports
constexpr float proxy_source_bits = 48;
constexpr float request_id_bits = 64;

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

/// Ids that both legs carry at about the same time; the better of X-Request-ID and traceparent.
EvidenceBy shared_id(const LegWindow& window, const WindowLeg& front, const WindowLeg& back, DurationNs distance_max,
                     int& count, DurationNs& distance) {
    EvidenceBy by = EvidenceBy::request_id;
    window.each_hint(front, [&](const WindowHint& x) {
        if (x.kind != HintKind::request_id && x.kind != HintKind::traceparent) return;
        window.each_hint(back, [&](const WindowHint& y) {
            if (x.kind != y.kind || x.value != y.value) return;
            const DurationNs apart = std::llabs(y.time_ns - x.time_ns);
            if (apart > distance_max) return;
            if (count == 0 && x.kind == HintKind::traceparent) by = EvidenceBy::traceparent;
            distance = count == 0 ? apart : std::min(distance, apart);
            ++count;
        });
    });
    return by;
}

}  // namespace

PairEvidence relayed(const LegWindow& window, const WindowLeg& front, const WindowLeg& back,
                     const EvidenceLimits& limits) {
    PairEvidence out;
    if (front.protocol != Protocol::tcp || back.protocol != Protocol::tcp) return out;
    if (front.first_hint == no_leg && back.first_hint == no_leg) return out;
    const bool same_clock = front.clock == back.clock;
    DurationNs distance = limits.candidate_distance_ns_max;
    const float proxy = proxy_names(window, front, back);
    if (proxy > 0) {
        const TimeNs f = start_of(front) != 0 ? start_of(front) : front.first_ns;
        const TimeNs b = start_of(back) != 0 ? start_of(back) : back.first_ns;
        // The proxy opens the back connection for a front one that stands.
        const DurationNs early = same_clock ? time_error_of(front, back) + ns_per_ms : limits.candidate_distance_ns_max;
        if (b + early < f || b > front.last_ns + limits.candidate_distance_ns_max) return PairEvidence{};
        distance = std::llabs(b - f);
        out.is_explicit = true;
        out.add_key(EvidenceBy::proxy_header, proxy);
        if (distance > limits.candidate_distance_ns_max) out.add(EvidenceBy::timing, -6);
    }
    int ids = 0;
    DurationNs apart = 0;
    const EvidenceBy by = shared_id(window, front, back, limits.candidate_distance_ns_max, ids, apart);
    if (ids > 0) {
        out.is_explicit = true;
        out.add_key(by, request_id_bits);
        distance = std::min(distance, apart);
    }
    if (!out.is_explicit) return PairEvidence{};
    if (same_clock && distance < 100 * ns_per_ms)
        out.add(EvidenceBy::timing, distance < ns_per_ms ? 6.0F : distance < 10 * ns_per_ms ? 3.0F : 1.0F);
    window.each_hint(back, [&](const WindowHint& h) {
        if (h.kind == HintKind::forwarded_for && h.source.ip == front.client.ip) out.add(EvidenceBy::forwarded_for, 8);
    });
    out.accepted = true;
    return out;
}

}  // namespace clew
