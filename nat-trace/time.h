// SPDX-License-Identifier: Apache-2.0
// Time in the vocabulary: nanoseconds since the Unix epoch, by the clock of the tap that saw the packet.
// Nothing in nat-trace reads a clock; time always comes in as a parameter.
#pragma once

#include <cstdint>

namespace clew {

using TimeNs = std::int64_t;      ///< a point in time; 0 = not known
using DurationNs = std::int64_t;  ///< a span; may be negative

constexpr DurationNs ns_per_us = 1'000;
constexpr DurationNs ns_per_ms = 1'000'000;
constexpr DurationNs ns_per_s = 1'000'000'000;

/// Where a tap's packets got their time stamps from; decides how far a delay can be trusted.
enum class TimeSource : std::uint8_t {
    unknown,
    poll,      ///< read by the worker when it polled the burst: late by up to one poll interval
    kernel,    ///< by the kernel when the frame arrived
    hardware,  ///< by the NIC or by an ERSPAN III header
    file,      ///< as written in a capture file
};

}  // namespace clew
