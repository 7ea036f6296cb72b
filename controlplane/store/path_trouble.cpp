// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/path_trouble.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace clew::store {
namespace {

constexpr double lost_points = 16, lost_points_max = 100;      ///< a doubling
constexpr double unknown_points = 8, unknown_points_max = 50;  ///< a doubling
constexpr double again_points = 8, again_points_max = 60;      ///< a doubling
constexpr double window_points = 8, window_points_max = 40;    ///< a doubling
constexpr double delay_points = 12, delay_points_max = 100;    ///< a doubling beyond 1 ms
constexpr double reset_points = 50, middlebox_points = 80;
constexpr double dead_opening_points = 12, icmp_points = 12, loop_points = 60;
constexpr double refused_points = 2, unlinked_points = 4;
constexpr double delay_floor_ns = 1e6;

double doublings(double count, double points, double most) {
    return std::min(most, points * std::log2(1 + std::max(0.0, count)));
}

double points_of_delay(double beyond_ns) {
    return beyond_ns <= delay_floor_ns
               ? 0
               : std::min(delay_points_max, delay_points * std::log2(beyond_ns / delay_floor_ns));
}

double points_of_openings(const v1::Path& path, bool& opened) {
    double points = 0;
    opened = path.openings().empty();
    for (const v1::PathOpening& opening : path.openings()) {
        if (opening.fate() == "answered")
            opened = true;
        else
            points = std::max(points, opening.fate() == "refused" ? refused_points : dead_opening_points);
    }
    return points;
}

double points_of_resets(const v1::Path& path) {
    double points = 0;
    for (const v1::PathReset& reset : path.resets())
        points = std::max(points, reset.by() == "middlebox" ? middlebox_points : reset_points);
    if (points > 0) return points;
    return std::ranges::any_of(path.legs(), [](const v1::PathLeg& leg) { return leg.end() == "reset"; }) ? reset_points
                                                                                                         : 0;
}

bool loops(const v1::Path& path) {
    return std::ranges::any_of(
        path.legs(), [](const v1::PathLeg& leg) { return leg.to_server().has_loop() || leg.to_client().has_loop(); });
}

}  // namespace

const char* const oddness_of_old_rows_sql =
    "toUInt16(least(100, 16 * log2(1 + arraySum(link_lost))) + least(50, 8 * log2(1 + arraySum(link_unknown))) + "
    "least(60, 8 * log2(1 + retransmissions)) + if(unlinked = 'linked', 0, 4) + "
    "if(has(ends, 'reset'), if(packets > 3, 50, 2), 0) + least(100, 12 * log2(greatest(1000000, "
    "arrayMax(arrayConcat([0], arrayMap((d, e, s) -> if(s > 0, d - e, 0), link_delay_ns, link_delay_error_ns, "
    "link_delay_samples)))) / 1000000)))";

PathTrouble trouble_of(const v1::Path& path) {
    PathTrouble trouble;
    std::uint64_t unknown = 0;
    double beyond_ns = 0;
    for (const v1::PathLink& link : path.links()) {
        for (const v1::PathLoss& loss : link.losses()) {
            trouble.lost += loss.lost();
            unknown += loss.unknown();
        }
        const auto delay = std::ranges::find(link.delays(), "to_server", &v1::PathDelay::direction);
        if (delay == link.delays().end() || delay->samples() == 0) continue;
        if (trouble.added_ns == delay_unknown_ns) trouble.added_ns = 0;
        trouble.added_ns += delay->mean_ns();
        trouble.slowest_ns = std::max(trouble.slowest_ns, delay->mean_ns());
        beyond_ns = std::max(beyond_ns, static_cast<double>(delay->mean_ns()) - static_cast<double>(delay->error_ns()));
    }
    std::uint32_t again = 0;
    for (const v1::PathLeg& leg : path.legs()) {
        trouble.gaps += leg.to_server().missed() + leg.to_client().missed();
        again = std::max(again, leg.to_server().retransmissions() + leg.to_client().retransmissions());
    }
    std::set<std::string> senders;
    for (const v1::PathReset& reset : path.resets()) senders.insert(reset.by());
    trouble.reset_by.assign(senders.begin(), senders.end());

    bool opened = false;
    double points = points_of_openings(path, opened);
    if (opened) points += points_of_resets(path);
    points += doublings(trouble.lost, lost_points, lost_points_max);
    points += doublings(static_cast<double>(unknown), unknown_points, unknown_points_max);
    points += doublings(again, again_points, again_points_max);
    points += doublings(static_cast<double>(path.tcp().zero_windows()), window_points, window_points_max);
    points += points_of_delay(beyond_ns);
    if (!path.icmp_errors().empty()) points += icmp_points;
    if (loops(path)) points += loop_points;
    if (path.unlinked() != "linked") points += unlinked_points;
    trouble.oddness = static_cast<std::uint16_t>(points);
    return trouble;
}

}  // namespace clew::store
