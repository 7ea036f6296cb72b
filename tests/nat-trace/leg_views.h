// SPDX-License-Identifier: Apache-2.0
// What taps make of legs: mirrors of one way, clocks of their own; and what an engine makes of such legs.
#pragma once

#include <algorithm>
#include <vector>

#include "nat-trace/engine.h"
#include "tests/sim/journey.h"

namespace clew {

/// The tap does not see this direction: of it remains what the other one acknowledges, its first sequence number.
inline void hide(Leg& leg, Direction direction) {
    Flow& unseen = leg.flow(direction);
    const Flow whole = unseen;
    unseen = Flow{};
    if (whole.isn_from != IsnFrom::none) unseen.isn = whole.isn, unseen.isn_from = IsnFrom::peer_ack;
}

/// All times of a leg but its hints', as by a clock that is ahead by so much.
inline void shift_times(Leg& leg, DurationNs by) {
    for (TimeNs* t : {&leg.first_ns, &leg.last_ns}) *t += by;
    for (Flow& flow : leg.flows) {
        for (TimeNs* t : {&flow.first_ns, &flow.last_ns, &flow.syn_ns, &flow.first_ack_ns, &flow.first_payload_ns})
            *t += *t != 0 ? by : 0;
        for (std::size_t k = 0; k < flow.sample_count; ++k) flow.samples[k].time_ns += by;
    }
}

/// The paths that stand when all legs are told, each in its latest form.
inline std::vector<Path> paths_of(Engine& engine, const std::vector<sim::Truth>& truths) {
    for (const sim::Truth& truth : truths)
        for (const Leg& leg : truth.legs) engine.add(leg);
    engine.finish();
    std::vector<Path> out;
    for (Path& path : engine.drain()) {
        std::erase_if(out, [&](const Path& p) { return p.id == path.id; });
        if (!path.retracted) out.push_back(std::move(path));
    }
    return out;
}

}  // namespace clew
