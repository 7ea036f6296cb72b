// SPDX-License-Identifier: Apache-2.0
// A path's ladder: asks the observers of its taps for packet headers and lines them up. Callable from any thread.
#pragma once

#include <cstdint>

#include "controlplane/frame_wish.h"
#include "nat-trace/result.h"
#include "nat-trace/time.h"
#include "wire/collector.h"
#include "wire/overview.pb.h"
#include "wire/path.pb.h"

namespace clew::control {

struct TimeSpan {
    TimeNs from_ns = 0, to_ns = 0;  ///< 0 = no bound
};

/// When a path can have had packets, by any tap's clock; without an end where it still lives.
TimeSpan packets_span(const v1::Path& path);

class LadderSource {
  public:
    static constexpr std::uint32_t row_count_max = 100'000;
    static constexpr std::uint32_t header_count_max = 1'000'000;      ///< of one observer, in as many pages as it makes
    static constexpr std::uint32_t framed_header_count_max = 50'000;  ///< where each comes with its frame: one page
    static constexpr std::uint32_t ask_timeout_ms = 3000;             ///< of one page of one observer

    explicit LadderSource(wire::Collector& collector) : collector_(collector) {}

    static constexpr DurationNs clock_slack_ns = 2 * ns_per_s;  ///< around a path's times: what clocks may differ by

    /// Times bound the packets; 0 = no bound. What could not be had is said in `partial`; where a limit was reached,
    /// complete_until_ns is where to go on.
    Result<v1::Ladder> ladder(const v1::Path& path, TimeNs from_ns, TimeNs to_ns, const FrameWish& wish) const;
    /// The same as arrays, without frames; the first row_max rows, at most row_count_max.
    Result<v1::LadderTable> table(const v1::Path& path, TimeNs from_ns, TimeNs to_ns,
                                  std::uint32_t row_max = row_count_max) const;

  private:
    wire::Collector& collector_;
};

}  // namespace clew::control
