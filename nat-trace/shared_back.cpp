// SPDX-License-Identifier: Apache-2.0
// Back connections that a proxy keeps open and shares: what was asked on the one and on the other is counted.
#include <algorithm>

#include "nat-trace/evidence.h"
#include "nat-trace/relay_pair.h"

namespace clew {
namespace {

/// What a leg shows of the questions that it carried: it keeps only its first hints.
struct Shown {
    std::size_t requests = 0;  ///< told apart: the same asked again counts once
    std::size_t ids = 0;       ///< likewise; an answer that repeats its request's id counts once
    bool has_room = true;      ///< no hint was without room
    bool complete = false;     ///< nor can a request have been missed otherwise
    TimeNs until_ns = 0;       ///< of the last hint; later requests may not have been kept

    /// It shows more than `other` can have carried. A proxy gives ids to requests that had none, and to each of those
    /// that ask the same: they count where nothing else is shown, and what was asked differed.
    bool is_more_than(const Shown& other) const {
        if (!other.complete) return false;
        return requests > other.requests ||
               (requests == 0 && other.requests > 1 && ids > std::max(other.requests, other.ids));
    }
};

bool missed_bytes(const LegWindow& window, const WindowLeg& leg, Direction d) {
    const OddLeg* odd = window.odd(leg);
    if (odd == nullptr) return false;
    const OddFlow& flow = odd->flow(d);
    const bool hole =
        std::any_of(flow.marks.begin(), flow.marks.end(), [](const StreamMark& m) { return m.copies == 0; });
    const bool end = flow.has_acked && static_cast<std::int32_t>(flow.acked - leg.flow(d).next_seq) > 0;
    return hole || end || flow.marks_forgotten != 0;
}

Shown shown_by(const LegWindow& window, const WindowLeg& leg) {
    Shown shown;
    std::size_t hints = 0;
    window.each_hint(leg, [&](const WindowHint& h) {
        ++hints;
        shown.requests += h.kind == HintKind::http_request;
        shown.ids += h.kind == HintKind::request_id;
        shown.until_ns = std::max(shown.until_ns, h.time_ns);
    });
    shown.has_room = hints < hint_count_max;
    const WindowFlow& asked = leg.flow(Direction::to_server);
    shown.complete = shown.has_room && asked.has_isn && asked.packets != 0 && asked.packets <= studied_payload_count &&
                     !missed_bytes(window, leg, Direction::to_server);
    return shown;
}

/// The back one names several clients.
bool names_clients(const LegWindow& window, const WindowLeg& back) {
    bool several = false;
    const WindowHint* client = nullptr;
    window.each_hint(back, [&](const WindowHint& y) {
        if (y.kind != HintKind::forwarded_for) return;
        several |= client != nullptr && client->source.ip != y.source.ip;
        client = &y;
    });
    return several;
}

/// The front one asked after the back one was closed, or twice and more before it began: not only there.
bool asked_elsewhere(const LegWindow& window, const RelayPair& pair) {
    if (!pair.common.known) return false;
    const TimeNs begun = pair.back_time(start_of(pair.back));
    const TimeNs over = is_closed(pair.back) ? pair.back_time(pair.back.last_ns) : 0;
    std::size_t before = 0;
    bool after = false;
    window.each_hint(pair.front, [&](const WindowHint& x) {
        if (x.kind != HintKind::http_request || x.direction != Direction::to_server) return;
        before += pair.impossible(begun, x.time_ns);
        after |= over != 0 && pair.impossible(x.time_ns, over);
    });
    return after || before > 1;
}

/// In HTTP/2, where a proxy asks for many at once on one connection: the back one shows an id that the front one asked
/// with, and another that the front one, which missed nothing, does not show.
bool shows_ids_of_others(const LegWindow& window, const WindowLeg& front, const WindowLeg& back) {
    if (back.app != App::http2 || !shown_by(window, front).complete) return false;
    bool shared[2] = {}, others[2] = {};
    window.each_hint(back, [&](const WindowHint& y) {
        if (!names_request(y.kind) || y.direction != Direction::to_server) return;
        const bool trace = y.kind == HintKind::traceparent;
        if (!window.has_hint_like(front, y)) others[trace] = true;
        window.each_hint(front, [&](const WindowHint& x) {
            shared[trace] |= x.kind == y.kind && x.value == y.value && x.direction == y.direction;
        });
    });
    return (shared[0] && others[0]) || (shared[1] && others[1]);
}

}  // namespace

bool stood_before(const LegWindow& window, const WindowLeg& front, const WindowLeg& back) {
    if (front.is_socket() || back.is_socket()) return false;  // begin when a process was told, whatever passed before
    const RelayPair pair{front, back, common_time(window, front, back)};
    return pair.impossible(start_of(front), pair.back_time(start_of(back)));
}

bool serves_alone(const LegWindow& window, const WindowLeg& front, const WindowLeg& back) {
    // Of HTTP/2 it is not known whether all requests were read.
    if (!shown_by(window, back).complete || back.app == App::http2) return false;
    bool any = false;
    bool all = true;
    window.each_hint(back, [&](const WindowHint& y) {
        if (!names_request(y.kind)) return;
        const bool found = window.has_hint_like(front, y);
        any |= found;
        all &= found;
    });
    return any && all;
}

bool carries_others(const LegWindow& window, const WindowLeg& front, const WindowLeg& back) {
    if (front.first_hint == no_leg || back.first_hint == no_leg) return false;
    if (names_clients(window, back) || shows_ids_of_others(window, front, back)) return true;
    const RelayPair pair{front, back, common_time(window, front, back)};
    const Shown by_front = shown_by(window, front);
    const Shown by_back = shown_by(window, back);
    if (by_front.requests == 0) return false;
    if (asked_elsewhere(window, pair)) return true;
    if (by_back.is_more_than(by_front)) return true;
    if (by_back.requests == 0) return false;
    if (by_back.complete && by_front.requests > by_back.requests) return true;
    std::size_t shared = 0;
    std::size_t of_others = 0;
    window.each_hint(back, [&](const WindowHint& y) {
        if (y.kind != HintKind::http_request) return;
        const bool same = window.has_hint_like(front, y);
        const TimeNs time = pair.back_time(y.time_ns);
        const bool after = is_closed(front) && pair.impossible(time, front.last_ns);
        shared += same;
        of_others += !same && (by_front.has_room || (pair.common.known && (time < by_front.until_ns || after)));
    });
    if (shared != 0) return of_others > 0 || (by_back.has_room && by_front.requests > 2 * shared);
    // A proxy that rewrites what is asked for still asks as often.
    return by_front.has_room && by_back.requests > by_front.requests;
}

}  // namespace clew
