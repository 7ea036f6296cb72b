// SPDX-License-Identifier: Apache-2.0
// The control plane's own clock: ns since the Unix epoch.
#pragma once

#include <chrono>

#include "nat-trace/time.h"

namespace clew::control {

inline TimeNs wall_clock_ns() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace clew::control
