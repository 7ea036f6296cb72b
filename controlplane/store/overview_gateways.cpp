// SPDX-License-Identifier: Apache-2.0
// Gateways by group (one kind of link between two taps) and instance, and services: what clients speak to.
#include <algorithm>
#include <map>
#include <tuple>

#include "controlplane/store/overview_ask.h"
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

void read_delay(RowReader& row, v1::DelaySummary& delay) {
    delay.set_paths(row.number<std::uint64_t>());
    delay.set_p50_ns(row.number<std::int64_t>());
    delay.set_p99_ns(row.number<std::int64_t>());
    delay.set_error_ns(row.number<std::int64_t>());
}

GroupKey read_key(RowReader& row) {
    std::string kind(row.text()), from(row.text()), to(row.text());
    return {std::move(kind), std::move(from), std::move(to)};
}

v1::GatewayInstance read_instance(RowReader& row) {
    v1::GatewayInstance one;
    one.set_instance(std::string(row.text()));
    one.set_paths(row.number<std::uint64_t>());
    read_delay(row, *one.mutable_delay());
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

struct Groups {
    std::map<GroupKey, v1::GatewayGroup> by_key;
    std::map<std::pair<GroupKey, std::string>, int> place;  ///< of an instance in its group
};

/// Instances come first, then their groups.
Result<void> read_instances(std::string_view answer, Groups& groups) {
    RowReader row(answer);
    while (!row.at_end()) {
        const bool of_group = row.number<std::uint8_t>() != 0;
        const GroupKey key = read_key(row);
        v1::GatewayInstance one = read_instance(row);
        v1::GatewayGroup& group = groups.by_key[key];
        std::tie(*group.mutable_kind(), *group.mutable_from_tap(), *group.mutable_to_tap()) = key;
        if (!of_group) {
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
        point.set_p50_ns(row.number<std::int64_t>());
        point.set_p99_ns(row.number<std::int64_t>());
        const auto place = groups.place.find({key, instance});
        if (!row.ok() || place == groups.place.end() || at >= point_count) continue;
        v1::GatewayInstance& one = *groups.by_key[key].mutable_instances(place->second);
        while (one.points_size() < point_count) one.add_points();
        *one.mutable_points(at) = point;
    }
    return whole(row);
}

}  // namespace

Result<v1::GatewayGroupList> Overview::gateways(const OverviewQuery& query) const {
    const OverviewAsk store(client_, settings_);
    v1::GatewayGroupList list;
    list.set_since_ns(query.since_ns);
    std::string& partial = *list.mutable_partial();
    const std::uint32_t count_max = std::clamp(query.count_max, 1u, overview_count_max);
    Groups groups;
    auto answer =
        store.ask(query, instance_select,
                  "AND gateway != '' GROUP BY GROUPING SETS ((kind, from_tap, to_tap, gateway), (kind, from_tap, "
                  "to_tap)) ORDER BY of_group, n DESC, gateway LIMIT " +
                      std::to_string(count_max + 1) + " BY of_group",
                  partial, links_joined);
    if (!answer) return tl::make_unexpected(answer.error());
    if (auto read = read_instances(*answer, groups); !read) return tl::make_unexpected(read.error());
    if (query.bucket_count > 0 && partial.empty()) {
        list.set_step_ns(query.step_ns());
        answer =
            store.ask(query, "kind, from_tap, to_tap, gateway, " + bucket_sql() + " AS bucket, count(), " + delay_sql,
                      "AND gateway != '' GROUP BY kind, from_tap, to_tap, gateway, bucket LIMIT " +
                          std::to_string(std::uint64_t{count_max} * bucket_count_max),
                      partial, links_joined);
        if (!answer) return tl::make_unexpected(answer.error());
        const int point_count =
            static_cast<int>((query.until_ns - query.since_ns + query.step_ns() - 1) / query.step_ns());
        if (auto read = read_points(*answer, point_count, groups); !read) return tl::make_unexpected(read.error());
    }
    if (groups.place.size() > count_max)
        partial = "there are more than " + std::to_string(count_max) + " instances; those with the most paths are here";
    for (auto& [key, group] : groups.by_key) *list.add_groups() = std::move(group);
    std::sort(list.mutable_groups()->begin(), list.mutable_groups()->end(),
              [](const v1::GatewayGroup& a, const v1::GatewayGroup& b) { return a.paths() > b.paths(); });
    return list;
}

Result<v1::ServiceList> Overview::services(const OverviewQuery& query) const {
    const OverviewAsk store(client_, settings_);
    v1::ServiceList list;
    list.set_since_ns(query.since_ns);
    list.set_step_ns(query.step_ns());
    const std::int64_t count = (query.until_ns - query.since_ns + query.step_ns() - 1) / query.step_ns();
    const std::uint32_t count_max = std::clamp(query.count_max, 1u, overview_count_max);
    const auto answer = store.ask(
        query,
        ip_sql("client_seen_server_ip") +
            ", if(startsWith(toString(proto), 'icmp'), toUInt16(0), client_seen_server_port) AS service_port, "
            "toString(proto), count() AS n, uniq(client_ip), sum(bytes), countIf(has(ends, "
            "'reset')), countIf(retransmissions > 0), countIf(unlinked != 'linked'), argMax(path_id, first_ns), "
            "countResample(0, " +
            std::to_string(count) + ", 1)(" + bucket_sql() + ")",
        "GROUP BY client_seen_server_ip, service_port, proto ORDER BY n DESC, client_seen_server_ip, service_port "
        "LIMIT " +
            std::to_string(count_max + 1),
        *list.mutable_partial());
    if (!answer) return tl::make_unexpected(answer.error());
    RowReader row(*answer);
    while (!row.at_end()) {
        v1::Service& one = *list.add_services();
        const std::string ip(row.text());
        const auto port = row.number<std::uint16_t>();
        one.set_proto(std::string(row.text()));
        // An echo's id stands where others have a port: a ping each would be a service of its own.
        one.set_service(one.proto().starts_with("icmp")
                            ? ip
                            : (ip.find(':') == std::string::npos ? ip : "[" + ip + "]") + ":" + std::to_string(port));
        one.set_paths(row.number<std::uint64_t>());
        one.set_clients(row.number<std::uint64_t>());
        one.set_bytes(row.number<std::uint64_t>());
        one.set_resets(row.number<std::uint64_t>());
        one.set_retransmitting(row.number<std::uint64_t>());
        one.set_unlinked(row.number<std::uint64_t>());
        one.set_newest_path(wire::id_text(row.number<std::uint64_t>()));
        for (std::uint64_t left = row.length(); left > 0 && row.ok(); --left)
            one.add_counts(row.number<std::uint64_t>());
    }
    if (auto good = whole(row); !good) return tl::make_unexpected(good.error());
    if (list.services_size() > static_cast<int>(count_max)) {
        list.mutable_services()->RemoveLast();
        if (list.partial().empty())
            list.set_partial("there are more than " + std::to_string(count_max) +
                             " services; those with the most paths are here");
    }
    return list;
}

}  // namespace clew::store
