// SPDX-License-Identifier: Apache-2.0
// Gateways by group (one kind of link between two taps) and instance.
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "controlplane/store/overview_ask.h"
#include "controlplane/store/rollup_tables.h"
#include "wire/convert.h"

namespace clew::store {
namespace {

const std::string links_joined =
    "ARRAY JOIN link_kind AS kind, link_from AS from_tap, link_to AS to_tap, link_gateway AS gateway, link_source AS "
    "source, link_source_port AS source_port, link_delay_ns AS delay, link_delay_error_ns AS delay_error, "
    "link_delay_samples AS samples, link_before AS before, link_behind AS behind, link_lost AS lost, "
    "link_gaps AS gaps, link_unknown AS unknown";

/// 0 where no path has a delay: the quantile of nothing is not a number.
constexpr const char* delay_sql =
    "countIf(samples > 0) AS delay_paths, toInt64(if(delay_paths = 0, 0, quantileIf(0.5)(delay, samples > 0))), "
    "toInt64(if(delay_paths = 0, 0, quantileIf(0.99)(delay, samples > 0)))";

using GroupKey = std::tuple<std::string, std::string, std::string>;

struct Delays {
    std::int64_t p50_ns = 0, p99_ns = 0;
};

/// Of roll-ups: the counts of buckets, in any order.
Delays read_buckets(RowReader& row) {
    std::map<int, std::int64_t> counts;
    std::int64_t total = 0;
    for (std::uint64_t left = row.length(); left > 0 && row.ok(); --left) {
        const auto bucket = row.number<std::int16_t>();
        const auto count = std::max<std::int64_t>(0, row.number<std::int64_t>());
        counts[bucket] += count;
        total += count;
    }
    const auto at = [&](double part) -> std::int64_t {
        auto rank = static_cast<std::int64_t>(part * static_cast<double>(total - 1));
        for (const auto& [bucket, count] : counts) {
            if (rank < count) return std::llround(delay_of_bucket(bucket));
            rank -= count;
        }
        return 0;
    };
    return {at(0.5), at(0.99)};
}

Delays read_delays(RowReader& row, bool rolled) {
    if (rolled) return read_buckets(row);
    Delays delays;
    delays.p50_ns = row.number<std::int64_t>();
    delays.p99_ns = row.number<std::int64_t>();
    return delays;
}

void read_delay(RowReader& row, bool rolled, v1::DelaySummary& delay) {
    delay.set_paths(row.number<std::uint64_t>());
    const Delays delays = read_delays(row, rolled);
    delay.set_p50_ns(delays.p50_ns);
    delay.set_p99_ns(delays.p99_ns);
    delay.set_error_ns(row.number<std::int64_t>());
}

GroupKey read_key(RowReader& row) {
    std::string kind(row.text()), from(row.text()), to(row.text());
    return {std::move(kind), std::move(from), std::move(to)};
}

v1::GatewayInstance read_instance(RowReader& row, bool rolled) {
    v1::GatewayInstance one;
    one.set_instance(std::string(row.text()));
    one.set_paths(row.number<std::uint64_t>());
    read_delay(row, rolled, *one.mutable_delay());
    one.set_packets_before(row.number<std::uint64_t>());
    one.set_packets_behind(row.number<std::uint64_t>());
    one.set_packets_missing(row.number<std::uint64_t>());
    one.set_retransmitting(row.number<std::uint64_t>());
    one.set_resets(row.number<std::uint64_t>());
    one.set_addresses(row.number<std::uint64_t>());
    one.set_ports(row.number<std::uint64_t>());
    one.set_first_ns(row.number<std::int64_t>());
    one.set_last_ns(row.number<std::int64_t>());
    const auto slowest = row.number<std::uint64_t>();
    if (slowest != 0) one.set_slowest_path(wire::id_text(slowest));
    one.set_lost(row.number<std::uint64_t>());
    one.set_not_captured(row.number<std::uint64_t>());
    one.set_lost_or_not_captured(row.number<std::uint64_t>());
    return one;
}

/// Rows of instances, and of their groups (of_group = 1, without a gateway).
const std::string instance_select =
    "toUInt8(grouping(gateway)) AS of_group, kind, from_tap, to_tap, gateway, count() AS n, " + std::string(delay_sql) +
    ", maxIf(delay_error, samples > 0), sum(before), sum(behind), sum(if(before > behind, before - behind, 0)), "
    "countIf(retransmissions > 0), countIf(has(ends, 'reset')), uniqIf(source, source != ''), uniqIf((source, "
    "source_port), source != ''), min(first_ns), max(last_ns), argMaxIf(path_id, delay, samples > 0), sum(lost), "
    "sum(gaps), sum(unknown)";

/// The same and, where asked for, points over time (of_group = 2, with their bucket): all in one question.
const std::string rolled_instance_select =
    "kind, from_tap, to_tap, gateway, toUInt64(greatest(0, sum(n))) AS paths, "
    "toUInt64(greatest(0, sum(delay_n))), sumMap(delays), max(error_max), toUInt64(greatest(0, sum(before_sum))), "
    "toUInt64(greatest(0, sum(behind_sum))), toUInt64(greatest(0, sum(missing_sum))), toUInt64(greatest(0, "
    "sum(retransmitting))), toUInt64(greatest(0, sum(resets))), toUInt64(0), toUInt64(0), min(first_min), "
    "max(last_max), argMax(slowest_path, slowest_ns), toUInt64(greatest(0, sum(lost_sum))), toUInt64(greatest(0, "
    "sum(gaps_sum))), toUInt64(greatest(0, sum(unknown_sum)))";
const std::string grouping_sets =
    "GROUP BY GROUPING SETS ((kind, from_tap, to_tap, gateway), (kind, from_tap, to_tap)) ";

struct Groups {
    std::map<GroupKey, v1::GatewayGroup> by_key;
    std::map<std::pair<GroupKey, std::string>, int> place;  ///< of an instance in its group
};

void put_point(const GroupKey& key, const std::string& instance, int at, int point_count, const v1::TimePoint& point,
               Groups& groups) {
    const auto place = groups.place.find({key, instance});
    if (place == groups.place.end() || at >= point_count) return;
    v1::GatewayInstance& one = *groups.by_key[key].mutable_instances(place->second);
    while (one.points_size() < point_count) one.add_points();
    *one.mutable_points(at) = point;
}

v1::TimePoint point_of(const v1::GatewayInstance& one) {
    v1::TimePoint point;
    point.set_paths(one.paths());
    point.set_delay_paths(one.delay().paths());
    point.set_p50_ns(one.delay().p50_ns());
    point.set_p99_ns(one.delay().p99_ns());
    point.set_packets_before(one.packets_before());
    point.set_packets_missing(one.packets_missing());
    point.set_retransmitting(one.retransmitting());
    point.set_resets(one.resets());
    point.set_lost(one.lost());
    point.set_not_captured(one.not_captured());
    return point;
}

/// Instances come first, then their groups, then points.
Result<void> read_instances(std::string_view answer, bool rolled, int point_count, Groups& groups) {
    RowReader row(answer);
    while (!row.at_end()) {
        const auto of_group = row.number<std::uint8_t>();
        const auto bucket = rolled ? row.number<std::uint32_t>() : 0u;
        const GroupKey key = read_key(row);
        v1::GatewayInstance one = read_instance(row, rolled);
        if (of_group == 2) {
            if (row.ok()) put_point(key, one.instance(), static_cast<int>(bucket), point_count, point_of(one), groups);
            continue;
        }
        v1::GatewayGroup& group = groups.by_key[key];
        std::tie(*group.mutable_kind(), *group.mutable_from_tap(), *group.mutable_to_tap()) = key;
        if (of_group == 0) {
            groups.place[{key, one.instance()}] = group.instances_size();
            *group.add_instances() = std::move(one);
            continue;
        }
        group.set_paths(one.paths());
        *group.mutable_delay() = one.delay();
        for (v1::GatewayInstance& member : *group.mutable_instances())
            member.set_share(static_cast<double>(member.paths()) /
                             static_cast<double>(std::max<std::uint64_t>(1, group.paths())));
    }
    return whole(row);
}

Result<void> read_points(std::string_view answer, int point_count, Groups& groups) {
    RowReader row(answer);
    while (!row.at_end()) {
        const GroupKey key = read_key(row);
        const std::string instance(row.text());
        const auto at = static_cast<int>(row.number<std::uint32_t>());
        v1::TimePoint point;
        point.set_paths(row.number<std::uint64_t>());
        point.set_delay_paths(row.number<std::uint64_t>());
        const Delays delays = read_delays(row, false);
        point.set_p50_ns(delays.p50_ns);
        point.set_p99_ns(delays.p99_ns);
        point.set_packets_before(row.number<std::uint64_t>());
        point.set_packets_missing(row.number<std::uint64_t>());
        point.set_retransmitting(row.number<std::uint64_t>());
        point.set_resets(row.number<std::uint64_t>());
        point.set_lost(row.number<std::uint64_t>());
        point.set_not_captured(row.number<std::uint64_t>());
        if (row.ok()) put_point(key, instance, at, point_count, point, groups);
    }
    return whole(row);
}

/// What roll-ups count by the hour: addresses and ports.
Result<void> read_sets(std::string_view answer, Groups& groups) {
    RowReader row(answer);
    while (!row.at_end()) {
        const GroupKey key = read_key(row);
        const std::string instance(row.text());
        const auto addresses = row.number<std::uint64_t>(), ports = row.number<std::uint64_t>();
        const auto place = groups.place.find({key, instance});
        if (!row.ok() || place == groups.place.end()) continue;
        v1::GatewayInstance& one = *groups.by_key[key].mutable_instances(place->second);
        one.set_addresses(addresses);
        one.set_ports(ports);
    }
    return whole(row);
}

Result<std::string> ask_instances(const OverviewAsk& store, const OverviewQuery& query,
                                  const std::optional<RolledRange>& rolled, std::uint32_t count_max,
                                  std::string& partial) {
    const std::string limit = std::to_string(count_max + 1) + " BY of_group";
    if (rolled && query.bucket_count > 0)
        return store.ask_rolled(query, *rolled, gateway_minutes,
                                "toUInt8(multiIf(grouping(bucket) = 0, 2, grouping(gateway) = 0, 0, 1)) AS of_group, " +
                                    minute_bucket_sql() + " AS bucket, " + rolled_instance_select,
                                "GROUP BY GROUPING SETS ((kind, from_tap, to_tap, gateway), (kind, from_tap, to_tap), "
                                "(kind, from_tap, to_tap, gateway, bucket)) HAVING paths > 0 ORDER BY of_group, paths "
                                "DESC, gateway LIMIT " +
                                    limit + ", bucket",
                                partial);
    if (rolled)
        return store.ask_rolled(
            query, *rolled, gateway_minutes,
            "toUInt8(grouping(gateway)) AS of_group, toUInt32(0), " + rolled_instance_select,
            grouping_sets + "HAVING paths > 0 ORDER BY of_group, paths DESC, gateway LIMIT " + limit, partial);
    return store.ask(query, instance_select,
                     "AND gateway != '' " + grouping_sets + "ORDER BY of_group, n DESC, gateway LIMIT " + limit,
                     partial, links_joined);
}

Result<std::string> ask_points(const OverviewAsk& store, const OverviewQuery& query, std::uint32_t count_max,
                               std::string& partial) {
    const std::string keys = "kind, from_tap, to_tap, gateway, ";
    const std::string limit = std::to_string(std::uint64_t{count_max} * bucket_count_max);
    return store.ask(query,
                     keys + bucket_sql() + " AS bucket, count(), " + delay_sql +
                         ", sum(before), sum(if(before > behind, before - behind, 0)), countIf(retransmissions > 0), "
                         "countIf(has(ends, 'reset')), sum(lost), sum(gaps)",
                     "AND gateway != '' GROUP BY " + keys + "bucket LIMIT " + limit, partial, links_joined);
}

}  // namespace

std::string instances_cut_sentence(std::uint32_t count_max) {
    return "there are more than " + std::to_string(count_max) + " instances; those with the most paths are here";
}

Result<v1::GatewayGroupList> Overview::gateways(const OverviewQuery& query) const {
    const OverviewAsk store(client_, settings_);
    v1::GatewayGroupList list;
    list.set_since_ns(query.since_ns);
    std::string& partial = *list.mutable_partial();
    const std::uint32_t count_max = std::clamp(query.count_max, 1u, overview_count_max);
    Groups groups;
    const auto rolled = store.rolled(query);
    auto answer = ask_instances(store, query, rolled, count_max, partial);
    if (!answer) return tl::make_unexpected(answer.error());
    const int point_count = static_cast<int>(query.step_count());
    if (auto read = read_instances(*answer, rolled.has_value(), point_count, groups); !read)
        return tl::make_unexpected(read.error());
    if (rolled && partial.empty()) {
        answer = store.ask_rolled(query, *rolled, gateway_hours,
                                  "kind, from_tap, to_tap, gateway, uniqCombinedMerge(12)(sources), "
                                  "uniqCombinedMerge(12)(ports)",
                                  "GROUP BY kind, from_tap, to_tap, gateway", partial);
        if (!answer) return tl::make_unexpected(answer.error());
        if (auto read = read_sets(*answer, groups); !read) return tl::make_unexpected(read.error());
    }
    if (query.bucket_count > 0) list.set_step_ns(query.step_ns());
    if (query.bucket_count > 0 && !rolled && partial.empty()) {
        answer = ask_points(store, query, count_max, partial);
        if (!answer) return tl::make_unexpected(answer.error());
        if (auto read = read_points(*answer, point_count, groups); !read) return tl::make_unexpected(read.error());
    }
    if (groups.place.size() > count_max) partial = instances_cut_sentence(count_max);
    for (auto& [key, group] : groups.by_key) *list.add_groups() = std::move(group);
    std::sort(list.mutable_groups()->begin(), list.mutable_groups()->end(),
              [](const v1::GatewayGroup& a, const v1::GatewayGroup& b) { return a.paths() > b.paths(); });
    return list;
}

}  // namespace clew::store
