// SPDX-License-Identifier: Apache-2.0
// What a segment added: the same packets at two taps, of one clock or of two whose offset is known.
#include <algorithm>
#include <cstdlib>

#include "nat-trace/classify.h"
#include "nat-trace/evidence_parts.h"

namespace clew {
namespace {

constexpr DurationNs held_up_ns_min = 10 * ns_per_ms;

class DelaySum {
  public:
    explicit DelaySum(DurationNs shift) : shift_(shift) {}

    void add(TimeNs at_from, TimeNs at_to, Direction direction) {
        if (at_from == 0 || at_to == 0) return;
        const DurationNs later_by = at_to - shift_ - at_from;
        const DurationNs delay = direction == Direction::to_server ? later_by : -later_by;
        sum_ += delay;
        out_.min_ns = out_.samples == 0 ? delay : std::min(out_.min_ns, delay);
        out_.max_ns = out_.samples == 0 ? delay : std::max(out_.max_ns, delay);
        ++out_.samples;
    }
    SegmentDelay result(DurationNs error) {
        if (out_.samples == 0) return {};
        out_.mean_ns = sum_ / static_cast<DurationNs>(out_.samples);
        out_.error_ns = error;
        return out_;
    }

  private:
    SegmentDelay out_;
    DurationNs shift_;
    DurationNs sum_ = 0;
};

/// The handshake packet of this direction is one packet at both legs: not repeated, not answered by a proxy.
bool same_handshake(const WindowLeg& from, const WindowLeg& to, Direction direction) {
    if (from.flow(direction).syn_count > 1 || to.flow(direction).syn_count > 1) return false;
    const WindowFlow& x = from.flow(Direction::to_client);
    const WindowFlow& y = to.flow(Direction::to_client);
    return !x.has_isn || !y.has_isn || x.isn == y.isn;
}

/// The first payload was under way for another time than the SYN: a SYN proxy holds up one or the other.
bool is_held_up(const WindowLeg& near, const WindowLeg& far, const SampleMatch& match, Direction d) {
    const TimeNs x = near.at(near.flow(Direction::to_server).syn);
    const TimeNs y = far.at(far.flow(Direction::to_server).syn);
    if (x == 0 || y == 0 || match.count == 0) return false;
    const SamplePair& first = match.pairs[0];
    const TimeNs v = near.at(near.flow(d).samples[first.a].time);
    const TimeNs w = far.at(far.flow(d).samples[first.b].time);
    const DurationNs syn = y - x;
    return std::llabs(d == Direction::to_server ? w - v - syn : v - w + syn) > held_up_ns_min;
}

}  // namespace

SegmentDelay delay_of(const LegWindow& window, const WindowLeg& from, const WindowLeg& to, Direction direction,
                      LinkKind kind, const SampleMatch& match) {
    const CommonTime common = bounded_time(window, from, to);
    if (!common.known) return {};
    DelaySum sum(common.shift_ns);
    const WindowFlow& x = from.flow(direction);
    const WindowFlow& y = to.flow(direction);
    if (kind != LinkKind::relay) {
        if (from.protocol == Protocol::tcp && same_handshake(from, to, direction)) {
            sum.add(from.at(x.syn), to.at(y.syn), direction);
            if (direction == Direction::to_server) sum.add(from.at(x.first_ack), to.at(y.first_ack), direction);
        }
        for (std::size_t i = 0; i < match.count; ++i)
            sum.add(from.at(x.samples[match.pairs[i].a].time), to.at(y.samples[match.pairs[i].b].time), direction);
    }
    return sum.result(common.error_ns);
}

/// 1: `from` stands on the client's side of `to`, -1: on the other, 0: TTLs do not tell.
int side_by_ttl(const WindowLeg& from, const WindowLeg& to) {
    const auto fall = [&](Direction d) {
        const WindowFlow& x = from.flow(d);
        const WindowFlow& y = to.flow(d);
        if (x.data_ttl == 0 || y.data_ttl == 0) return 0;
        const int down = d == Direction::to_server ? int{x.data_ttl} - y.data_ttl : int{y.data_ttl} - x.data_ttl;
        return std::abs(down) > gateways_max ? 0 : down > 0 ? 1 : down < 0 ? -1 : 0;
    };
    const int there = fall(Direction::to_server);
    const int back = fall(Direction::to_client);
    return there * back < 0 ? 0 : there != 0 ? there : back;
}

/// The same by the handshake: whoever waited longer for the SYN-ACK, by its own clock, is farther from the server.
int side_by_wait(const WindowLeg& from, const WindowLeg& to) {
    const auto seen_once = [](const WindowLeg& leg, Direction d) { return leg.flow(d).syn_count == 1; };
    for (const Direction d : {Direction::to_server, Direction::to_client})
        if (!seen_once(from, d) || !seen_once(to, d) || from.flow(d).isn != to.flow(d).isn) return 0;
    const DurationNs x = answer_gap(from);
    const DurationNs y = answer_gap(to);
    if (x == 0 || y == 0 || std::llabs(x - y) <= std::max(time_error_of(from, to), stamp_error_ns_min)) return 0;
    return x > y ? 1 : -1;
}

/// Taps of one way each: the SYN went before the SYN-ACK, and that before its ack, wherever the taps stand.
void observe_crossed_handshake(ClockBook& clocks, const WindowLeg& asks, const WindowLeg& answers) {
    const WindowFlow& c = asks.flow(Direction::to_server);
    const WindowFlow& s = answers.flow(Direction::to_client);
    if (c.syn_count != 1 || s.syn_count != 1 || c.retransmissions != 0 || s.retransmissions != 0) return;
    if (asks.flow(Direction::to_client).isn != s.isn) return;  // a SYN proxy answered
    const TimeNs syn = asks.at(c.syn);
    const TimeNs answer = answers.at(s.syn);
    const TimeNs ack = asks.at(c.first_ack);
    if (syn == 0 || answer == 0 || ack == 0) return;
    const DurationNs late = time_error_of(asks, answers);
    clocks.observe({asks.clock, answers.clock, syn, answer, late, asks.id});
    clocks.observe({answers.clock, asks.clock, answer, ack, late, asks.id});
}

void observe_clocks(ClockBook& clocks, const WindowLeg& from, const WindowLeg& to) {
    if (from.protocol == Protocol::tcp && are_complementary(from, to)) {
        const bool asks = from.flow(Direction::to_server).packets != 0;
        observe_crossed_handshake(clocks, asks ? from : to, asks ? to : from);
        return;
    }
    int side = side_by_ttl(from, to);
    if (side == 0) side = side_by_wait(from, to);
    if (side == 0) return;
    const WindowLeg& near = side > 0 ? from : to;
    const WindowLeg& far = side > 0 ? to : from;
    const DurationNs late = time_error_of(from, to);
    const auto passed = [&](Direction d, TimeNs at_near, TimeNs at_far) {
        if (d == Direction::to_server)
            clocks.observe({near.clock, far.clock, at_near, at_far, late, near.id});
        else
            clocks.observe({far.clock, near.clock, at_far, at_near, late, near.id});
    };
    bool other_numbers = near.protocol == Protocol::tcp;
    for (std::size_t d = 0; d < direction_count; ++d)
        other_numbers &= !from.flows[d].has_isn || !to.flows[d].has_isn || from.flows[d].isn != to.flows[d].isn;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const WindowFlow& x = near.flow(d);
        const WindowFlow& y = far.flow(d);
        // A packet that was sent again is another one at the other tap, if the first was missed there.
        if (x.retransmissions != 0 || y.retransmissions != 0) continue;
        if (near.protocol == Protocol::tcp && x.syn_count == 1 && y.syn_count == 1 && same_handshake(near, far, d))
            passed(d, near.at(x.syn), far.at(y.syn));
        const SampleMatch match = match_samples(near, far, d);
        if (match.other_ip_ids > 0) continue;
        // A proxy's own packets say the same at other times: a gateway's are known by their ids.
        if (other_numbers && match.same_ip_ids == 0) continue;
        if (other_numbers && is_held_up(near, far, match, d)) continue;
        for (std::size_t i = 0; i < match.count; ++i)
            passed(d, near.at(x.samples[match.pairs[i].a].time), far.at(y.samples[match.pairs[i].b].time));
    }
}

}  // namespace clew
