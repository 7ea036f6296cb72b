// SPDX-License-Identifier: Apache-2.0
// The weights of evidence that a DNS forwarder asked for one client what another leg asks: other ends, another id, the
// same name and type, and both times nested. Names are asked by many at once, so nothing here identifies by itself.
#include <algorithm>
#include <cmath>

#include "nat-trace/evidence.h"
#include "nat-trace/relay_pair.h"

namespace clew {
namespace {

constexpr float question_bits = 14;  // name and type, where few ask for them
constexpr float next_question_bits = 6;
constexpr float timing_bits_max = 8;   // of one direction
constexpr float own_address_bits = 6;  // the forwarder asks from the address that it is asked at
constexpr float accept_bits_forwarded = 24;
constexpr DurationNs passed_on_ns_max = 50 * ns_per_ms;  // it asks at once, and answers at once
constexpr DurationNs timing_ns_max = 100 * ns_per_ms;    // worth nothing, being so late

float bits_of_pace(DurationNs later, DurationNs slack) {
    const float seldom =
        std::log2(static_cast<float>(timing_ns_max) / static_cast<float>(std::max(later, DurationNs{0}) + slack));
    return std::clamp(seldom, -timing_bits_max, timing_bits_max);
}

/// What the back one asked of what the front one asked.
struct SharedQuestions {
    float bits = 0;
    DurationNs later = passed_on_ns_max;  ///< of the one that was passed on soonest
    bool has_others = false;              ///< the front one did not ask for all, or not before
};

SharedQuestions shared_questions(const LegWindow& window, const RelayPair& pair) {
    SharedQuestions out;
    window.each_hint(pair.back, [&](const WindowHint& y) {
        if (y.kind != HintKind::dns_query) return;
        bool found = false;
        window.each_hint(pair.front, [&](const WindowHint& x) {
            if (found || x.kind != y.kind || x.source.ip != y.source.ip) return;
            if (x.direction != Direction::to_server || y.direction != Direction::to_server) return;
            const DurationNs later = pair.back_time(y.time_ns) - x.time_ns;
            if (later < -pair.slack_ns || later > passed_on_ns_max) return;
            found = true;
            const std::uint32_t sharers =
                std::max(window.hint_prevalence(pair.front, x), window.hint_prevalence(pair.back, y));
            out.bits += price_of_value(window, pair.front, pair.back, sharers,
                                       out.bits == 0 ? question_bits : next_question_bits);
            out.later = std::min(out.later, later);
        });
        out.has_others |= !found;
    });
    return out;
}

}  // namespace

PairEvidence forwarded_query(const LegWindow& window, const WindowLeg& front, const WindowLeg& back) {
    PairEvidence out;
    if (front.client.ip == back.client.ip || front.server.ip == back.server.ip || front.is_socket() || back.is_socket())
        return out;
    const RelayPair pair{front, back, common_time(window, front, back)};
    const TimeNs asked = pair.back_time(first_payload(back, Direction::to_client));
    const TimeNs answered = first_payload(front, Direction::to_client);
    // An answer out of the forwarder's memory comes before any other, or without one.
    if (!pair.common.known || asked == 0 || answered == 0 || pair.impossible(asked, answered) ||
        answered - asked > passed_on_ns_max)
        return out;
    const SharedQuestions questions = shared_questions(window, pair);
    if (questions.bits == 0 || questions.has_others) return out;
    out.add_key(EvidenceBy::dns_question, questions.bits);
    out.add(EvidenceBy::timing,
            bits_of_pace(questions.later, pair.slack_ns) + bits_of_pace(answered - asked, pair.slack_ns));
    const bool own_address = back.client.ip == front.server.ip;
    if (own_address) out.add(EvidenceBy::same_server, own_address_bits);
    out.rare = own_address && questions.bits >= question_bits;
    out.accepted = out.bits >= accept_bits_forwarded;
    return out;
}

}  // namespace clew
