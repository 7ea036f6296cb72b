// SPDX-License-Identifier: Apache-2.0
// What is out of line now, out of overviews that stand already: pure, no store, no clock.
#pragma once

#include <cstdint>

#include "wire/overview.pb.h"
#include "wire/path.pb.h"

namespace clew::control {

constexpr std::uint32_t incident_instance_count_max = 500;  ///< instances that are compared
constexpr std::uint32_t incident_bucket_count = 60;         ///< of the time, where none are asked for
constexpr int incident_count_max = 50;                      ///< the worst are kept

constexpr std::uint64_t incident_paths_min = 10;         ///< fewer show nothing
constexpr double incident_delay_factor = 2.0;            ///< against the median of the peers, or of the time before
constexpr std::int64_t incident_delay_ns_min = 200'000;  ///< and by so much more than the ± explains
constexpr double incident_share_min = 0.02;    ///< of packets missing, of paths reset: more than the peers by so much
constexpr double incident_surge_factor = 3.0;  ///< a share against the peers, or now against the time before
constexpr double incident_chance_max = 1e-5;   ///< how likely as much may be where the usual share holds
constexpr double incident_usual_z = 2.0;       ///< the usual share is taken at its Wilson bound of so many deviations
constexpr double incident_loss_run = 4.0;      ///< packets go missing together: so many count as one sample
constexpr std::int64_t incident_clock_error_ns = 5'000'000;  ///< a clock's bound wider than this makes delays worthless

struct IncidentSources {
    const v1::GatewayGroupList& gateways;
    const v1::Histogram& histogram;  ///< by path.reset_by where the senders of resets are to be told
    const v1::ClockList& clocks;
    const v1::Status& status;
};

/// Whether any path that an incident's filter finds shows it.
bool is_shown_by_filter(const v1::Incident& incident);

/// Worst first.
v1::IncidentList find_incidents(const IncidentSources& sources);

}  // namespace clew::control
