// SPDX-License-Identifier: Apache-2.0
// The same gateways and paths at two times: figures side by side, and which of them changed. Out of overviews that
// stand already: pure, no store, no clock.
#pragma once

#include <cstdint>

#include "controlplane/incidents.h"
#include "wire/overview.pb.h"

namespace clew::control {

constexpr double compare_delay_factor = 1.2;  ///< a delay that changed by less is the same
constexpr double compare_tail_factor = 1.5;   ///< likewise its 99th percentile, which few paths make
constexpr std::uint64_t compare_tail_paths_min = 100;
constexpr double compare_share_min = 0.005;  ///< a share that changed by less is the same

/// One of the two times. `histogram` has one bucket: all of its paths.
struct TimeSide {
    const v1::GatewayGroupList& gateways;
    const v1::Histogram& histogram;
};

/// A figure changed where both times have incident_paths_min paths and the difference is more than the above and more
/// than the ± of both (of delays), or chance (of shares), explains. An instance that only one time has is told with 0
/// paths at the other.
v1::TimeComparison compare_times(const TimeSide& before, const TimeSide& now);

}  // namespace clew::control
