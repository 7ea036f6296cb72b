// SPDX-License-Identifier: Apache-2.0
// Services: what clients speak to.
#include <algorithm>
#include <map>
#include <tuple>

#include "controlplane/store/overview_ask.h"
#include "controlplane/store/rollup_tables.h"
#include "wire/convert.h"

namespace clew::store {
namespace {

/// An echo's id stands where others have a port: a ping each would be a service of its own.
std::string name_of(std::string_view ip, std::uint16_t port, std::string_view proto) {
    std::string name(ip);
    if (proto.starts_with("icmp")) return name;
    return (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + std::to_string(port);
}

Result<std::string> ask_services(const OverviewAsk& store, const OverviewQuery& query,
                                 const std::optional<RolledRange>& rolled, std::uint32_t count_max,
                                 std::string& partial) {
    const std::string count = std::to_string(query.step_count());
    const std::string limit = std::to_string(count_max + 1);
    if (rolled)
        return store.ask_rolled(
            query, *rolled, service_minutes,
            ip_sql("service_ip") +
                ", service_port, toString(service_proto), toUInt64(greatest(0, sum(n))) AS paths, toUInt64(0), "
                "toUInt64(greatest(0, sum(byte_sum))), toUInt64(greatest(0, sum(resets))), toUInt64(greatest(0, "
                "sum(retransmitting))), toUInt64(greatest(0, sum(unlinked_n))), argMax(newest_path, newest_ns), "
                "sumResample(0, " +
                count + ", 1)(n, " + minute_bucket_sql() + ")",
            "GROUP BY service_ip, service_port, service_proto HAVING paths > 0 ORDER BY paths DESC, service_ip, "
            "service_port LIMIT " +
                limit,
            partial);
    return store.ask(
        query,
        ip_sql("client_seen_server_ip") +
            ", if(startsWith(toString(proto), 'icmp'), toUInt16(0), client_seen_server_port) AS service_port, "
            "toString(proto), count() AS n, uniq(client_ip), sum(bytes), countIf(has(ends, "
            "'reset')), countIf(retransmissions > 0), countIf(unlinked != 'linked'), argMax(path_id, first_ns), "
            "countResample(0, " +
            count + ", 1)(" + bucket_sql() + ")",
        "GROUP BY client_seen_server_ip, service_port, proto ORDER BY n DESC, client_seen_server_ip, service_port "
        "LIMIT " +
            limit,
        partial);
}

/// What roll-ups count by the hour: clients.
Result<void> add_clients(const OverviewAsk& store, const OverviewQuery& query, const RolledRange& rolled,
                         v1::ServiceList& list) {
    auto answer = store.ask_rolled(
        query, rolled, service_hours,
        ip_sql("service_ip") + ", service_port, toString(service_proto), uniqCombinedMerge(12)(clients) AS different",
        "GROUP BY service_ip, service_port, service_proto", *list.mutable_partial());
    if (!answer) return tl::make_unexpected(answer.error());
    std::map<std::pair<std::string, std::string>, std::uint64_t> clients;
    RowReader row(*answer);
    while (!row.at_end()) {
        const std::string ip(row.text());
        const auto port = row.number<std::uint16_t>();
        const std::string proto(row.text());
        clients[{name_of(ip, port, proto), proto}] = row.number<std::uint64_t>();
    }
    for (v1::Service& one : *list.mutable_services()) one.set_clients(clients[{one.service(), one.proto()}]);
    return whole(row);
}

Result<void> read_services(std::string_view answer, v1::ServiceList& list) {
    RowReader row(answer);
    while (!row.at_end()) {
        v1::Service& one = *list.add_services();
        const std::string ip(row.text());
        const auto port = row.number<std::uint16_t>();
        one.set_proto(std::string(row.text()));
        one.set_service(name_of(ip, port, one.proto()));
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
    return whole(row);
}

}  // namespace

Result<v1::ServiceList> Overview::services(const OverviewQuery& query) const {
    const OverviewAsk store(client_, settings_);
    v1::ServiceList list;
    list.set_since_ns(query.since_ns);
    list.set_step_ns(query.step_ns());
    const std::uint32_t count_max = std::clamp(query.count_max, 1u, overview_count_max);
    const auto rolled = store.rolled(query);
    const auto answer = ask_services(store, query, rolled, count_max, *list.mutable_partial());
    if (!answer) return tl::make_unexpected(answer.error());
    if (auto good = read_services(*answer, list); !good) return tl::make_unexpected(good.error());
    if (rolled && list.partial().empty())
        if (auto added = add_clients(store, query, *rolled, list); !added) return tl::make_unexpected(added.error());
    if (list.services_size() > static_cast<int>(count_max)) {
        list.mutable_services()->RemoveLast();
        if (list.partial().empty())
            list.set_partial("there are more than " + std::to_string(count_max) +
                             " services; those with the most paths are here");
    }
    return list;
}

}  // namespace clew::store
