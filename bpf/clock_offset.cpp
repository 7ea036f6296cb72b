// SPDX-License-Identifier: Apache-2.0
#include "bpf/clock_offset.h"

#include <ctime>
#include <limits>

namespace clew::agent {
namespace {

constexpr int reading_count = 8;

TimeNs read(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return now.tv_sec * ns_per_s + now.tv_nsec;
}

}  // namespace

ClockOffset measure_clock_offset() {
    ClockOffset best;
    DurationNs tightest = std::numeric_limits<DurationNs>::max();
    for (int i = 0; i < reading_count; ++i) {
        const TimeNs before = read(CLOCK_MONOTONIC), real = read(CLOCK_REALTIME), after = read(CLOCK_MONOTONIC);
        if (after - before >= tightest) continue;
        tightest = after - before;
        best = {real - (before + tightest / 2), tightest / 2 + 1};
    }
    return best;
}

}  // namespace clew::agent
