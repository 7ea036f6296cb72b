// SPDX-License-Identifier: Apache-2.0
// What the program reads from and writes to besides its arguments: streams, terminal, clock. Tests bring their own.
#pragma once

#include <functional>
#include <ostream>

#include "nat-trace/time.h"

namespace clew::cli {

constexpr int columns_unlimited = 1 << 20;

struct Surroundings {
    std::ostream& out;                ///< data
    std::ostream& err;                ///< words
    int columns = columns_unlimited;  ///< of the terminal that `out` is; a pipe has no end
    bool terminal = false;            ///< `out` is one: colours, redrawing
    bool colours = false;
    std::function<TimeNs()> now;
    std::function<bool(DurationNs)> wait;  ///< sleeps; false when the person asked to stop
};

}  // namespace clew::cli
