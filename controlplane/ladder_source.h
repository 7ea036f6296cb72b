// SPDX-License-Identifier: Apache-2.0
// A path's ladder: asks the observers of its taps for packet headers and lines them up. Callable from any thread.
#pragma once

#include <cstdint>

#include "controlplane/frame_wish.h"
#include "nat-trace/result.h"
#include "nat-trace/time.h"
#include "wire/collector.h"
#include "wire/path.pb.h"

namespace clew::control {

class LadderSource {
  public:
    static constexpr std::uint32_t header_count_max = 50'000;  ///< of one observer
    static constexpr std::uint32_t ask_timeout_ms = 3000;      ///< of one observer
    static constexpr std::size_t row_count_max = 20'000;

    explicit LadderSource(wire::Collector& collector) : collector_(collector) {}

    static constexpr DurationNs clock_slack_ns = 2 * ns_per_s;  ///< around a path's times: what clocks may differ by

    /// Times bound the packets; 0 = no bound. What could not be had is said in `partial`.
    Result<v1::Ladder> ladder(const v1::Path& path, TimeNs from_ns, TimeNs to_ns, const FrameWish& wish) const;

  private:
    wire::Collector& collector_;
};

}  // namespace clew::control
