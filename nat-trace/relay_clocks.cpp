// SPDX-License-Identifier: Apache-2.0
// What two clocks learn of a proxy between them: it asks after it was asked and answers after it was answered. How long
// it held what it passed on is not known, so the quickest of many bound the offset, from both sides.
#include "nat-trace/classify.h"
#include "nat-trace/evidence.h"
#include "nat-trace/relay_pair.h"

namespace clew {
namespace {

/// Sent again, a payload may be another one at the other tap.
TimeNs sent_once(const WindowLeg& leg, Direction d) {
    return leg.flow(d).retransmissions != 0 ? 0 : first_payload(leg, d);
}

/// Both streams' first requests are one, by an id or by what they ask for.
bool share_first_request(const LegWindow& window, const WindowLeg& front, const WindowLeg& back) {
    bool same = false;
    const auto is_first = [](const WindowHint& h, const WindowLeg& leg) {
        return h.direction == Direction::to_server && h.time_ns == sent_once(leg, Direction::to_server);
    };
    window.each_hint(front, [&](const WindowHint& x) {
        if ((!names_request(x.kind) && x.kind != HintKind::http_request) || !is_first(x, front)) return;
        window.each_hint(
            back, [&](const WindowHint& y) { same |= y.kind == x.kind && y.value == x.value && is_first(y, back); });
    });
    return same;
}

}  // namespace

void observe_relay_clocks(const LegWindow& window, ClockBook& clocks, const WindowLeg& front, const WindowLeg& back) {
    const bool first_request = share_first_request(window, front, back);
    const auto same = [&](Direction d) { return first_request || shared_head(window, front, back, d).same; };
    TimeNs asked[2] = {};
    if (window.has_hint(back, HintKind::proxy_source)) {
        // Written when the back connection opens, maybe before anything was asked; and that opens for one that stands.
        asked[0] = front.at(front.flow(Direction::to_server).syn);
        asked[1] = back.at(back.flow(Direction::to_server).syn);
    } else if (same(Direction::to_server)) {
        asked[0] = sent_once(front, Direction::to_server);
        asked[1] = sent_once(back, Direction::to_server);
    }
    if (asked[0] == 0 || asked[1] == 0 || !same(Direction::to_client)) return;
    const TimeNs answered[2] = {sent_once(front, Direction::to_client), sent_once(back, Direction::to_client)};
    if (answered[0] == 0 || answered[1] == 0) return;
    // Whoever waits longer is the front; else they were taken for each other, or these are not one question's times.
    if (answered[0] - asked[0] < answered[1] - asked[1]) return;
    const DurationNs late = time_error_of(front, back);
    clocks.observe({front.clock, back.clock, asked[0], asked[1], late, front.id});
    clocks.observe({back.clock, front.clock, answered[1], answered[0], late, front.id});
}

}  // namespace clew
