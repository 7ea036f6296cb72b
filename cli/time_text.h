// SPDX-License-Identifier: Apache-2.0
// Times and spans as a person types and reads them. Times are RFC 3339, shown in UTC; nothing here reads a clock.
#pragma once

#include <string>
#include <string_view>

#include "nat-trace/result.h"
#include "nat-trace/time.h"

namespace clew::cli {

/// "90s", "5m", "2h", "1d", "250ms", and sums of them in falling order ("1h30m"). Not negative.
Result<DurationNs> parse_duration(std::string_view text);

/// An RFC 3339 time ("2026-11-23T14:03:22.5Z", "2026-11-23 14:03:22+01:00"), a duration (so long before `now`), or
/// "now".
Result<TimeNs> parse_time(std::string_view text, TimeNs now);

/// What --since and --until name. `until_ns` 0: now and later.
struct TimeRange {
    TimeNs since_ns = 0;
    TimeNs until_ns = 0;
};
Result<TimeRange> parse_range(std::string_view since, std::string_view until, TimeNs now);

std::string time_text(TimeNs time, int digits = 3);  ///< "2026-11-23T14:03:22.123Z", `digits` (0…9) after the second
std::string duration_text(DurationNs span);  ///< three digits and a unit: "850 ns", "21.0 µs", "1.20 ms", "3.41 s"
std::string age_text(DurationNs span);       ///< coarse: "12 s", "5 min", "3 h", "2 d"

/// A number with its error in one unit: "412 ±2 µs". The error is rounded up.
std::string measured_text(DurationNs value, DurationNs error);

}  // namespace clew::cli
