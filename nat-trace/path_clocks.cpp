// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/path_clocks.h"

#include <cmath>

namespace clew {

PathClocks::PathClocks(const Path& path) : lines_(path.legs.size()) {
    if (!path.legs.empty()) base_ns_ = path.legs.front().first_ns;
    for (std::size_t n = 1; n < lines_.size(); ++n) {
        const PathLeg& from = path.legs[n - 1];
        const PathLeg& to = path.legs[n];
        Line& line = lines_[n];
        const bool known = n <= path.links.size() && path.links[n - 1].clock.known;
        if (from.clock == to.clock) {
            line = lines_[n - 1];
        } else if (!known) {
            line.island = n;
        } else {
            // The link's offset is by `from`'s clock at its first packet. What it brings a time to, the line before
            // brings on.
            const Link& link = path.links[n - 1];
            const Line& before = lines_[n - 1];
            const double gain = static_cast<double>(link.clock_drift_ppb) * 1e-9;  // by `from`'s clock
            const double drift = gain / (1 + gain);                                // by `to`'s
            const auto offset = static_cast<double>(link.clock.offset_ns);
            const double shift = offset + drift * static_cast<double>(base_ns_ - from.first_ns - link.clock.offset_ns);
            line.shift_ns = shift + before.shift_ns - before.drift * shift;
            line.drift = drift + before.drift - before.drift * drift;
            line.island = before.island;
        }
    }
}

TimeNs PathClocks::aligned(std::size_t leg, TimeNs time) const {
    const Line& line = lines_[leg];
    return time - std::llround(line.shift_ns + line.drift * static_cast<double>(time - base_ns_));
}

}  // namespace clew
