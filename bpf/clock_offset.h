// SPDX-License-Identifier: Apache-2.0
// From the kernel's clock for BPF (CLOCK_MONOTONIC) to real time. The distance of the two changes when real time is
// stepped or slewed, so it is measured again and again.
#pragma once

#include "nat-trace/time.h"

namespace clew::agent {

struct ClockOffset {
    DurationNs offset_ns = 0;  ///< real time minus monotonic time
    DurationNs error_ns = 0;   ///< ±
};

/// Reads both clocks a few times and keeps the tightest reading; some microseconds of work.
ClockOffset measure_clock_offset();

}  // namespace clew::agent
