// SPDX-License-Identifier: Apache-2.0
// What a segment added: the same packets at two taps of one clock.
#include <algorithm>

#include "nat-trace/classify.h"

namespace clew {
namespace {

class DelaySum {
  public:
    void add(TimeNs at_from, TimeNs at_to, Direction direction) {
        if (at_from == 0 || at_to == 0) return;
        const DurationNs delay = direction == Direction::to_server ? at_to - at_from : at_from - at_to;
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
    DurationNs sum_ = 0;
};

/// The handshake packet of this direction is one packet at both legs: not repeated, not answered by a proxy.
bool same_handshake(const WindowLeg& from, const WindowLeg& to, Direction direction) {
    if (from.flow(direction).syn_count > 1 || to.flow(direction).syn_count > 1) return false;
    const WindowFlow& x = from.flow(Direction::to_client);
    const WindowFlow& y = to.flow(Direction::to_client);
    return !x.has_isn || !y.has_isn || x.isn == y.isn;
}

}  // namespace

SegmentDelay delay_of(const WindowLeg& from, const WindowLeg& to, Direction direction, LinkKind kind) {
    if (from.clock != to.clock) return {};
    DelaySum sum;
    const WindowFlow& x = from.flow(direction);
    const WindowFlow& y = to.flow(direction);
    if (kind != LinkKind::relay) {
        if (from.protocol == Protocol::tcp && same_handshake(from, to, direction)) {
            sum.add(from.at(x.syn), to.at(y.syn), direction);
            if (direction == Direction::to_server) sum.add(from.at(x.first_ack), to.at(y.first_ack), direction);
        }
        const SampleMatch match = match_samples(from, to, direction);
        for (std::size_t i = 0; i < match.count; ++i)
            sum.add(from.at(x.samples[match.pairs[i].a].time), to.at(y.samples[match.pairs[i].b].time), direction);
    }
    return sum.result(time_error_of(from, to));
}

}  // namespace clew
