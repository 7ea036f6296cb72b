// SPDX-License-Identifier: Apache-2.0
// Switches the packet logs of sensors on for a capture filter and a time. The control plane keeps nothing of it: a
// recording lives in its sensor, through restarts of the control plane, and ends there by itself or by its id. Any
// thread.
#pragma once

#include <string>

#include "nat-trace/result.h"
#include "wire/collector.h"
#include "wire/path.pb.h"

namespace clew::control {

class Recording {
  public:
    static constexpr std::uint32_t ask_timeout_ms = 5'000;  ///< of one sensor
    static constexpr std::int64_t seconds_max = 24 * 3600;

    explicit Recording(wire::Collector& collector) : collector_(collector) {}

    /// Asks all connected sensors, where taps are named those that have one of them; each answers for itself. With
    /// `wanted.end` the recording of that id ends; sensors that do not have it are not told of.
    Result<v1::RecordingList> start(const v1::Recording& wanted) const;

  private:
    wire::Collector& collector_;
};

}  // namespace clew::control
