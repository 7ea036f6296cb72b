// SPDX-License-Identifier: Apache-2.0
// Figures that several kinds of incident are judged by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/incidents.h"

namespace clew::control {

/// Some of so many samples that were drawn one by one.
struct Portion {
    double some = 0, of = 0;

    double share() const { return of == 0 ? 0.0 : some / of; }
};

inline Portion portion(std::uint64_t some, std::uint64_t of) {
    return {static_cast<double>(some < of ? some : of), static_cast<double>(of)};
}

/// What a share has to reach to stand out of the usual one.
double share_floor(double usual);

/// Whether a share is larger than the usual one by incident_share_min, by incident_surge_factor, and by more than both
/// sample sizes explain (exact binomial test). `pool` is all of what the usual share was seen in.
bool stands_out(const Portion& own, double usual, const Portion& pool);

/// Whether a share is larger than that of the pool by more than both sample sizes explain (exact binomial test).
bool more_than_chance(const Portion& own, const Portion& pool);

/// Packets go missing together: so many of them count as one sample.
inline Portion packet_portion(std::uint64_t some, std::uint64_t of) {
    const Portion packets = portion(some, of);
    return {packets.some / incident_loss_run, packets.of / incident_loss_run};
}

/// As people write it: "4.20 ms".
std::string duration_text(std::int64_t ns);

/// When the last unbroken run of points that are out of line began; the range's start when all are.
template <typename Points, typename Bad>
std::int64_t since(std::int64_t start_ns, std::int64_t step_ns, const Points& points, Bad bad) {
    int first = static_cast<int>(points.size());
    for (int i = static_cast<int>(points.size()) - 1; i >= 0; --i) {
        const auto verdict = bad(points[static_cast<std::size_t>(i)]);
        if (verdict < 0) break;      // in line
        if (verdict > 0) first = i;  // out of line; 0: nothing was seen
    }
    return start_ns + step_ns * first;
}

/// The share over time (-1: nothing was seen), and since when it is as large as `floor`.
void put_shares(std::int64_t start_ns, std::int64_t step_ns, const std::vector<Portion>& points, double floor,
                v1::Incident& incident);

void add_gateway_incidents(const v1::GatewayGroupList& gateways, v1::IncidentList& out);

}  // namespace clew::control
