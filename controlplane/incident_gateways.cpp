// SPDX-License-Identifier: Apache-2.0
// Incidents of gateways: an instance against its peers, and a whole group against the time before.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "controlplane/incident_figures.h"

namespace clew::control {
namespace {

template <typename Value>
Value median(std::vector<Value> values) {
    if (values.empty()) return Value{};
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// The other instances' figures.
template <typename Figure>
auto peers(const v1::GatewayGroup& group, int self, Figure figure) {
    std::vector<decltype(figure(group.instances(0)))> values;
    for (int i = 0; i < group.instances_size(); ++i)
        if (i != self && group.instances(i).paths() >= incident_paths_min) values.push_back(figure(group.instances(i)));
    return values;
}

std::string group_name(const v1::GatewayGroup& group) {
    return group.kind() + " " + group.from_tap() + " → " + group.to_tap();
}

v1::Incident of_instance(const char* kind, const v1::GatewayGroup& group, const v1::GatewayInstance& one) {
    v1::Incident incident;
    incident.set_kind(kind);
    incident.set_subject(one.instance());
    incident.set_paths(one.paths());
    incident.set_path_id(one.slowest_path());
    incident.set_where(group_name(group));
    incident.set_filter(fmt::format("gw.instance == \"{}\" and link.kind == {}", one.instance(), group.kind()));
    return incident;
}

v1::Incident of_group(const char* kind, const v1::GatewayGroup& group) {
    v1::Incident incident;
    incident.set_kind(kind);
    incident.set_subject(group_name(group));
    incident.set_where(group_name(group));
    incident.set_paths(group.paths());
    incident.set_filter("link.kind == " + group.kind() + " and tap == \"" + group.to_tap() + "\"");
    return incident;
}

/// Of whichever instance has the most: one that was not seen all the time has fewer or none.
std::size_t point_count(const v1::GatewayGroup& group) {
    int count = 0;
    for (const v1::GatewayInstance& one : group.instances()) count = std::max(count, one.points_size());
    return static_cast<std::size_t>(count);
}

/// What is compared with the time before: the last quarter, from here on.
std::size_t split_of(std::size_t count) { return count - count / 4; }

void add_delay(const v1::GatewayGroupList& list, const v1::GatewayGroup& group, int at, v1::IncidentList& out) {
    const v1::GatewayInstance& one = group.instances(at);
    const auto others = peers(group, at, [](const v1::GatewayInstance& peer) {
        return peer.delay().paths() >= incident_paths_min ? static_cast<std::int64_t>(peer.delay().p50_ns())
                                                          : std::int64_t{-1};
    });
    std::vector<std::int64_t> known;
    std::ranges::copy_if(others, std::back_inserter(known), [](std::int64_t value) { return value >= 0; });
    if (known.empty() || one.delay().paths() < incident_paths_min) return;
    const std::int64_t usual = median(known), error = std::max(one.delay().error_ns(), group.delay().error_ns());
    const std::int64_t floor = std::max(
        static_cast<std::int64_t>(static_cast<double>(std::max<std::int64_t>(0, usual)) * incident_delay_factor),
        usual + incident_delay_ns_min + 2 * error);
    if (one.delay().p50_ns() <= floor) return;
    v1::Incident incident = of_instance("instance-delay", group, one);
    incident.set_value(static_cast<double>(one.delay().p50_ns()));
    incident.set_usual(static_cast<double>(usual));
    incident.set_error(static_cast<double>(error));
    incident.set_sentence(fmt::format("{}: instance {} adds {} (median, ±{}), its peers {}", group_name(group),
                                      one.instance(), duration_text(one.delay().p50_ns()), duration_text(error),
                                      duration_text(usual)));
    incident.set_severity(static_cast<double>(one.delay().p50_ns()) /
                          static_cast<double>(std::max<std::int64_t>(usual, 100'000)) * (1 + one.share()));
    incident.set_unit("ns");
    for (const v1::TimePoint& point : one.points())
        incident.add_points(point.delay_paths() == 0 ? -1.0 : static_cast<double>(point.p50_ns()));
    const std::vector<double> points(incident.points().begin(), incident.points().end());
    incident.set_since_ns(since(list.since_ns(), list.step_ns(), points, [floor](double value) {
        return value < 0 ? 0 : value > static_cast<double>(floor) ? 1 : -1;
    }));
    *out.add_incidents() = std::move(incident);
}

/// Of an instance, and of its points over time.
struct ShareRule {
    const char* kind;
    const char* words;
    const char* filter;  ///< of its paths those that show it
    Portion (*figure)(const v1::GatewayInstance&);
    Portion (*point)(const v1::TimePoint&);
};

template <typename Of>
Portion missing_of(const Of& one) {
    return packet_portion(one.packets_missing(), one.packets_before());
}
template <typename Of>
Portion resets_of(const Of& one) {
    return portion(one.resets(), one.paths());
}
template <typename Of>
Portion retransmitting_of(const Of& one) {
    return portion(one.retransmitting(), one.paths());
}

const ShareRule share_rules[] = {
    {"instance-loss", "of its packets were not seen behind it (lost, or not captured)", "",
     missing_of<v1::GatewayInstance>, missing_of<v1::TimePoint>},
    {"instance-resets", "of its paths ended by a reset", " and leg.end == reset", resets_of<v1::GatewayInstance>,
     resets_of<v1::TimePoint>},
    {"instance-retransmissions", "of its paths saw retransmissions", " and path.retransmissions > 0",
     retransmitting_of<v1::GatewayInstance>, retransmitting_of<v1::TimePoint>},
};

/// All of the peers' samples; of three and more without the worst peer's, which may be out of line itself.
Portion pooled(std::vector<Portion> peers) {
    std::ranges::sort(peers, {}, [](const Portion& one) { return one.share(); });
    if (peers.size() >= 3) peers.pop_back();
    Portion all;
    for (const Portion& one : peers) {
        all.some += one.some;
        all.of += one.of;
    }
    return all;
}

void add_shares(const v1::GatewayGroupList& list, const v1::GatewayGroup& group, int at, v1::IncidentList& out) {
    const v1::GatewayInstance& one = group.instances(at);
    if (one.paths() < incident_paths_min) return;
    for (const ShareRule& rule : share_rules) {
        const auto others = peers(group, at, rule.figure);
        std::vector<double> shares;
        for (const Portion& other : others) shares.push_back(other.share());
        const double own = rule.figure(one).share(), usual = median(shares);
        if (!stands_out(rule.figure(one), usual, pooled(others))) continue;
        v1::Incident incident = of_instance(rule.kind, group, one);
        incident.set_value(own);
        incident.set_usual(usual);
        incident.set_sentence(fmt::format("{}: instance {}: {:.1f} % {}, its peers {:.1f} %", group_name(group),
                                          one.instance(), own * 100, rule.words, usual * 100));
        incident.set_severity(own / std::max(usual, 0.01) * (1 + one.share()));
        incident.clear_path_id();  // the slowest need not show it
        incident.set_filter(incident.filter() + rule.filter);
        std::vector<Portion> points;
        for (const v1::TimePoint& point : one.points()) points.push_back(rule.point(point));
        put_shares(list.since_ns(), list.step_ns(), points, share_floor(usual), incident);
        *out.add_incidents() = std::move(incident);
    }
}

/// Delay of a whole group, the last quarter of the range against the three before: of the instances' points, weighted
/// by paths. Of a group without the instances that are told of by themselves.
void add_segment(const v1::GatewayGroupList& list, const v1::GatewayGroup& group, v1::IncidentList& out) {
    const std::size_t count = point_count(group), split = split_of(count);
    std::vector<double> sums(count), weights(count);
    for (const v1::GatewayInstance& one : group.instances())
        for (int i = 0; i < one.points_size(); ++i) {
            const auto at = static_cast<std::size_t>(i);
            sums[at] += static_cast<double>(one.points(i).p50_ns()) * static_cast<double>(one.points(i).delay_paths());
            weights[at] += static_cast<double>(one.points(i).delay_paths());
        }
    double before = 0, before_weight = 0, now = 0, now_weight = 0;
    for (std::size_t i = 0; i < count; ++i) {
        (i < split ? before : now) += sums[i];
        (i < split ? before_weight : now_weight) += weights[i];
    }
    const auto enough = static_cast<double>(incident_paths_min);
    if (before_weight < enough || now_weight < enough) return;
    before /= before_weight;
    now /= now_weight;
    const double floor = std::max(before * incident_delay_factor,
                                  before + static_cast<double>(incident_delay_ns_min + 2 * group.delay().error_ns()));
    if (now <= floor) return;
    v1::Incident incident = of_group("segment-delay", group);
    incident.set_value(now);
    incident.set_usual(before);
    incident.set_error(static_cast<double>(group.delay().error_ns()));
    incident.set_sentence(fmt::format("{}: {} added in the last quarter of the time, {} before", group_name(group),
                                      duration_text(static_cast<std::int64_t>(now)),
                                      duration_text(static_cast<std::int64_t>(before))));
    incident.set_severity(now / std::max(before, 100'000.0));
    incident.set_unit("ns");
    for (std::size_t i = 0; i < count; ++i) incident.add_points(weights[i] > 0 ? sums[i] / weights[i] : -1.0);
    const std::vector<double> points(incident.points().begin(), incident.points().end());
    incident.set_since_ns(since(list.since_ns(), list.step_ns(), points, [floor](double value) {
        return value < 0 ? 0 : value > floor ? 1 : -1;
    }));
    for (const v1::GatewayInstance& one : group.instances())
        if (incident.path_id().empty()) incident.set_path_id(one.slowest_path());
    *out.add_incidents() = std::move(incident);
}

struct GroupRule {
    const char* kind;
    const char* words;
    const char* filter;  ///< of its paths those that may show it
    std::uint64_t (v1::TimePoint::*count)() const;
};

const GroupRule group_rules[] = {
    {"segment-loss", "of the packets were lost on the wire", " and path.lost > 0", &v1::TimePoint::lost},
    {"capture-gap", "of the packets passed and were not captured", " and path.capture_gap > 0",
     &v1::TimePoint::not_captured},
};

/// Shares of a whole group, the last quarter of the range against the three before.
void add_segment_shares(const v1::GatewayGroupList& list, const v1::GatewayGroup& group, v1::IncidentList& out) {
    const std::size_t count = point_count(group), split = split_of(count);
    for (const GroupRule& rule : group_rules) {
        std::vector<Portion> points(count);
        Portion part[2];
        for (const v1::GatewayInstance& one : group.instances())
            for (int i = 0; i < one.points_size(); ++i) {
                const auto at = static_cast<std::size_t>(i);
                const Portion some = packet_portion((one.points(i).*rule.count)(), one.points(i).packets_before());
                for (Portion* sum : {&points[at], &part[at >= split]}) sum->some += some.some, sum->of += some.of;
            }
        const double before = part[0].share(), now = part[1].share();
        if (part[0].of < static_cast<double>(incident_paths_min) || !stands_out(part[1], before, part[0])) continue;
        v1::Incident incident = of_group(rule.kind, group);
        incident.set_value(now);
        incident.set_usual(before);
        incident.set_sentence(fmt::format("{}: {:.1f} % {} in the last quarter of the time, {:.1f} % before",
                                          group_name(group), now * 100, rule.words, before * 100));
        incident.set_severity(now / std::max(before, 0.01));
        incident.set_filter(incident.filter() + rule.filter);
        put_shares(list.since_ns(), list.step_ns(), points, share_floor(before), incident);
        *out.add_incidents() = std::move(incident);
    }
}

}  // namespace

void add_gateway_incidents(const v1::GatewayGroupList& gateways, v1::IncidentList& out) {
    for (const v1::GatewayGroup& group : gateways.groups()) {
        v1::GatewayGroup rest = group;
        rest.clear_instances();
        for (int i = 0; i < group.instances_size(); ++i) {
            const int before = out.incidents_size();
            add_delay(gateways, group, i, out);
            if (out.incidents_size() == before) *rest.add_instances() = group.instances(i);
            add_shares(gateways, group, i, out);
        }
        add_segment(gateways, rest, out);
        add_segment_shares(gateways, group, out);
    }
}

}  // namespace clew::control
