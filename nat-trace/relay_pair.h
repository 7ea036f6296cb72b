// SPDX-License-Identifier: Apache-2.0
// A front and a back connection side by side, on the front one's clock.
#pragma once

#include "nat-trace/evidence.h"

namespace clew {

constexpr DurationNs stamp_slack_ns = 200 * ns_per_us;  ///< stamps of one clock may change places by so much

/// A front and a back connection, with the back one's times brought to the front one's clock.
struct RelayPair {
    const WindowLeg& front;
    const WindowLeg& back;
    CommonTime common;
    DurationNs slack_ns = stamp_slack_ns + common.error_ns;

    TimeNs back_time(TimeNs t) const { return t == 0 ? 0 : t - common.shift_ns; }
    /// Something happened before what it follows from.
    bool impossible(TimeNs cause, TimeNs effect) const {
        return common.known && cause != 0 && effect != 0 && effect + slack_ns < cause;
    }
};

/// When the direction's first payload passed; 0 = not known.
inline TimeNs first_payload(const WindowLeg& leg, Direction d) {
    const WindowFlow& flow = leg.flow(d);
    return flow.sample_count == 0 ? 0 : leg.at(flow.samples[0].time);
}

inline bool is_closed(const WindowLeg& leg) { return leg.end == LegEnd::fin || leg.end == LegEnd::reset; }

}  // namespace clew
