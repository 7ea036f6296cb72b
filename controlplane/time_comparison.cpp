// SPDX-License-Identifier: Apache-2.0
#include "controlplane/time_comparison.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "controlplane/incident_figures.h"

namespace clew::control {
namespace {

using GroupKey = std::tuple<std::string, std::string, std::string>;

GroupKey key_of(const v1::GatewayGroup& group) { return {group.kind(), group.from_tap(), group.to_tap()}; }

void add_counts(const v1::GatewayInstance& one, v1::ComparedFigures& sum) {
    sum.set_packets_before(sum.packets_before() + one.packets_before());
    sum.set_packets_missing(sum.packets_missing() + one.packets_missing());
    sum.set_lost(sum.lost() + one.lost());
    sum.set_not_captured(sum.not_captured() + one.not_captured());
    sum.set_lost_or_not_captured(sum.lost_or_not_captured() + one.lost_or_not_captured());
    sum.set_retransmitting(sum.retransmitting() + one.retransmitting());
    sum.set_resets(sum.resets() + one.resets());
}

/// Of an instance or a group: paths and delays are not sums, since a path may pass several instances.
template <typename Told>
v1::ComparedFigures paths_and_delay(const Told& told) {
    v1::ComparedFigures figures;
    figures.set_paths(told.paths());
    *figures.mutable_delay() = told.delay();
    return figures;
}

v1::ComparedFigures figures_of(const v1::GatewayInstance& one) {
    v1::ComparedFigures figures = paths_and_delay(one);
    add_counts(one, figures);
    return figures;
}

v1::ComparedFigures figures_of(const v1::GatewayGroup& group) {
    v1::ComparedFigures figures = paths_and_delay(group);
    for (const v1::GatewayInstance& one : group.instances()) add_counts(one, figures);
    return figures;
}

v1::ComparedFigures figures_of(const v1::Histogram& histogram) {
    v1::ComparedFigures sum;
    for (const v1::HistogramBucket& bucket : histogram.buckets()) {
        sum.set_paths(sum.paths() + bucket.paths());
        sum.set_unlinked(sum.unlinked() + bucket.unlinked());
        sum.set_retransmitting(sum.retransmitting() + bucket.retransmitting());
        sum.set_resets(sum.resets() + bucket.resets());
    }
    return sum;
}

/// -1: less, 1: more, 0: the same, or nobody can tell.
int change_of(std::int64_t before, std::int64_t now, std::int64_t error, double factor) {
    const auto changed = [&](std::int64_t small, std::int64_t large) {
        return large - small > error &&
               static_cast<double>(large) > static_cast<double>(std::max<std::int64_t>(0, small)) * factor;
    };
    return changed(before, now) ? 1 : changed(now, before) ? -1 : 0;
}

int change_of(const Portion& before, const Portion& now) {
    const auto changed = [](const Portion& small, const Portion& large) {
        return large.share() >= small.share() + compare_share_min && more_than_chance(large, small);
    };
    return changed(before, now) ? 1 : changed(now, before) ? -1 : 0;
}

void tell(const char* figure, int change, v1::ComparedTimes& row) {
    if (change > 0) row.add_worse(figure);
    if (change < 0) row.add_better(figure);
}

void tell_changes(v1::ComparedTimes& row) {
    const v1::ComparedFigures &before = row.before(), &now = row.now();
    const std::uint64_t fewest_delays = std::min(before.delay().paths(), now.delay().paths());
    const std::int64_t error = before.delay().error_ns() + now.delay().error_ns();
    if (fewest_delays >= incident_paths_min)
        tell("delay_p50", change_of(before.delay().p50_ns(), now.delay().p50_ns(), error, compare_delay_factor), row);
    if (fewest_delays >= compare_tail_paths_min)
        tell("delay_p99", change_of(before.delay().p99_ns(), now.delay().p99_ns(), error, compare_tail_factor), row);
    if (std::min(before.paths(), now.paths()) < incident_paths_min) return;
    const auto packets = [&](const char* figure, std::uint64_t (v1::ComparedFigures::*count)() const) {
        tell(figure,
             change_of(packet_portion((before.*count)(), before.packets_before()),
                       packet_portion((now.*count)(), now.packets_before())),
             row);
    };
    const auto paths = [&](const char* figure, std::uint64_t (v1::ComparedFigures::*count)() const) {
        tell(figure, change_of(portion((before.*count)(), before.paths()), portion((now.*count)(), now.paths())), row);
    };
    packets("packets_missing", &v1::ComparedFigures::packets_missing);
    packets("lost", &v1::ComparedFigures::lost);
    paths("retransmitting", &v1::ComparedFigures::retransmitting);
    paths("resets", &v1::ComparedFigures::resets);
    paths("unlinked", &v1::ComparedFigures::unlinked);
}

struct Pair {
    const v1::GatewayGroup* before = nullptr;
    const v1::GatewayGroup* now = nullptr;

    std::uint64_t paths() const {
        return std::max(before == nullptr ? 0 : before->paths(), now == nullptr ? 0 : now->paths());
    }
};

v1::ComparedTimes& add_row(const GroupKey& key, const std::string& instance, v1::TimeComparison& out) {
    v1::ComparedTimes& row = *out.add_rows();
    std::tie(*row.mutable_kind(), *row.mutable_from_tap(), *row.mutable_to_tap()) = key;
    row.set_instance(instance);
    return row;
}

void add_group(const GroupKey& key, const Pair& pair, v1::TimeComparison& out) {
    v1::ComparedTimes& whole = add_row(key, "", out);
    if (pair.before != nullptr) *whole.mutable_before() = figures_of(*pair.before);
    if (pair.now != nullptr) *whole.mutable_now() = figures_of(*pair.now);
    tell_changes(whole);
    std::vector<std::string> names;  // of now by their paths, then those that are gone
    std::map<std::string, const v1::GatewayInstance*> before, now;
    if (pair.now != nullptr)
        for (const v1::GatewayInstance& one : pair.now->instances())
            if (now.emplace(one.instance(), &one).second) names.push_back(one.instance());
    if (pair.before != nullptr)
        for (const v1::GatewayInstance& one : pair.before->instances())
            if (before.emplace(one.instance(), &one).second && !now.contains(one.instance()))
                names.push_back(one.instance());
    for (const std::string& name : names) {
        v1::ComparedTimes& row = add_row(key, name, out);
        if (const auto found = before.find(name); found != before.end())
            *row.mutable_before() = figures_of(*found->second);
        if (const auto found = now.find(name); found != now.end()) *row.mutable_now() = figures_of(*found->second);
        tell_changes(row);
    }
}

}  // namespace

v1::TimeComparison compare_times(const TimeSide& before, const TimeSide& now) {
    v1::TimeComparison out;
    v1::ComparedTimes& all = *out.add_rows();
    *all.mutable_before() = figures_of(before.histogram);
    *all.mutable_now() = figures_of(now.histogram);
    tell_changes(all);
    std::map<GroupKey, Pair> groups;
    for (const v1::GatewayGroup& group : before.gateways.groups()) groups[key_of(group)].before = &group;
    for (const v1::GatewayGroup& group : now.gateways.groups()) groups[key_of(group)].now = &group;
    std::vector<std::pair<GroupKey, Pair>> order(groups.begin(), groups.end());
    std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second.paths() > b.second.paths(); });
    for (const auto& [key, pair] : order) add_group(key, pair, out);
    for (const std::string& partial :
         {before.gateways.partial(), before.histogram.partial(), now.gateways.partial(), now.histogram.partial()})
        if (out.partial().empty()) out.set_partial(partial);
    return out;
}

}  // namespace clew::control
