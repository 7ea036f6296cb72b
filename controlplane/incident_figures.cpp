// SPDX-License-Identifier: Apache-2.0
#include "controlplane/incident_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>

namespace clew::control {
namespace {

/// The upper Wilson bound of a share.
double share_max(double share, double of) {
    const double z2 = incident_usual_z * incident_usual_z;
    const double spread = incident_usual_z * std::sqrt(share * (1 - share) / of + z2 / (4 * of * of));
    return (share + z2 / (2 * of) + spread) / (1 + z2 / of);
}

bool more_than_chance(const Portion& own, double usual, const Portion& pool) {
    if (own.some <= 0 || pool.of <= 0) return false;
    const double bound = share_max(usual, pool.of);
    if (own.share() <= bound) return false;
    // the chance that so many or more of as many are so, each with the chance `bound`
    return boost::math::ibeta(own.some, own.of - own.some + 1, bound) <= incident_chance_max;
}

}  // namespace

bool more_than_chance(const Portion& own, const Portion& pool) { return more_than_chance(own, pool.share(), pool); }

double share_floor(double usual) { return std::max(usual * incident_surge_factor, usual + incident_share_min); }

bool stands_out(const Portion& own, double usual, const Portion& pool) {
    if (own.some <= 0 || pool.of <= 0) return false;
    if (own.share() < share_floor(usual)) return false;
    return more_than_chance(own, std::max(usual, pool.share()), pool);
}

void put_shares(std::int64_t start_ns, std::int64_t step_ns, const std::vector<Portion>& points, double floor,
                v1::Incident& incident) {
    std::vector<double> shares;
    for (const Portion& point : points) shares.push_back(point.of > 0 ? point.share() : -1.0);
    incident.set_unit("share");
    incident.mutable_points()->Assign(shares.begin(), shares.end());
    incident.set_since_ns(since(start_ns, step_ns, shares, [floor](double value) {
        return value < 0 ? 0 : value >= floor ? 1 : -1;
    }));
}

std::string duration_text(std::int64_t ns) {
    if (ns >= 1'000'000'000) return fmt::format("{:.2f} s", static_cast<double>(ns) / 1e9);
    if (ns >= 1'000'000) return fmt::format("{:.2f} ms", static_cast<double>(ns) / 1e6);
    return fmt::format("{:.0f} µs", static_cast<double>(ns) / 1e3);
}

}  // namespace clew::control
