// SPDX-License-Identifier: Apache-2.0
// The routes over many paths at once: counts, facets, gateways, services, topology, clocks, incidents.
#include <algorithm>
#include <string_view>
#include <utility>

#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/incidents.h"

namespace clew::control {

Result<const store::Overview*> Api::overview() const {
    if (store_.overview() == nullptr) return fail(ErrorKind::unreachable, "this store computes no overviews");
    return store_.overview();
}

namespace {

constexpr DurationNs incident_clocks_ns = 3600 * ns_per_s;

/// The range and filter of an overview; `until` is now where it was not said.
Result<store::OverviewQuery> overview_query(const ApiArguments& arguments, TimeNs now) {
    store::OverviewQuery query;
    query.since_ns = arguments.number("since_ns");
    query.until_ns = arguments.number("until_ns") == 0 ? now : arguments.number("until_ns");
    query.filter = arguments.text("filter");
    if (query.until_ns <= query.since_ns) return fail(ErrorKind::usage, "until_ns is not after since_ns");
    return query;
}

bool has_parameter(const std::vector<ApiParameter>& parameters, std::string_view name) {
    return std::ranges::find(parameters, name, &ApiParameter::name) != parameters.end();
}

}  // namespace

template <typename Message>
void Api::add_overview(std::string_view path, std::string_view summary, std::vector<ApiParameter> more,
                       Result<Message> (store::Overview::*ask)(const store::OverviewQuery&) const) {
    const bool has_buckets = has_parameter(more, "buckets"), has_limit = has_parameter(more, "limit"),
               has_by = has_parameter(more, "by");
    std::vector<ApiParameter> parameters = {since(true), until(), filter()};
    parameters.insert(parameters.end(), more.begin(), more.end());
    add({path, summary, std::move(parameters), Message::descriptor()},
        [this, ask, has_buckets, has_limit, has_by](const std::string&,
                                                    const ApiArguments& arguments) -> Result<std::string> {
            auto query = overview_query(arguments, sources_.now());
            if (!query) return tl::make_unexpected(query.error());
            if (has_buckets) query->bucket_count = static_cast<std::uint32_t>(arguments.number("buckets"));
            if (has_limit) query->count_max = static_cast<std::uint32_t>(arguments.number("limit"));
            if (has_by) query->by = arguments.text("by");
            const auto over = overview();
            if (!over) return tl::make_unexpected(over.error());
            const auto message = ((*over)->*ask)(*query);
            if (!message) return tl::make_unexpected(message.error());
            return to_json(*message);
        });
}

void Api::add_overview_routes() {
    const ApiParameter by{
        "by", ParameterKind::text, false, 0, text_bytes_max, 0, "a field whose values are counted, each over time"};
    add_overview("histogram", "paths over time", {buckets(1), by}, &store::Overview::histogram);
    add_overview("facets", "the values of the paths' fields, with how many paths have each", {limit()},
                 &store::Overview::facets);
    add_overview("gateway_groups", "gateways by group and instance: paths, added delay, packets missing, resets",
                 {buckets(0), limit()}, &store::Overview::gateways);
    add_overview("services", "what clients speak to, most paths first", {buckets(1), limit()},
                 &store::Overview::services);
    add_overview(
        "topology", "client networks, gateways, servers, and the paths between them",
        {count("limit", 10, store::topology_node_count_max, store::topology_node_count_max, "how many nodes at most")},
        &store::Overview::topology);
    add_overview("clocks", "what clocks differ by, as links showed it", {buckets(0)}, &store::Overview::clocks);
    add({"incidents",
         "what is out of line: an instance against its peers, a segment, resets, unlinked legs, observers, clocks",
         {since(true), until(), filter(), buckets(4)},
         v1::IncidentList::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) { return incidents(arguments); });
}

Result<std::string> Api::incidents(const ApiArguments& arguments) const {
    auto query = overview_query(arguments, sources_.now());
    if (!query) return tl::make_unexpected(query.error());
    query->bucket_count = static_cast<std::uint32_t>(arguments.number("buckets"));
    query->count_max = incident_instance_count_max;
    const auto over = overview();
    if (!over) return tl::make_unexpected(over.error());
    const auto gateways = (*over)->gateways(*query);
    if (!gateways) return tl::make_unexpected(gateways.error());
    const auto histogram = (*over)->histogram(*query);
    if (!histogram) return tl::make_unexpected(histogram.error());
    query->bucket_count = 0;  // of clocks, what is known now
    query->since_ns = std::max(query->since_ns, query->until_ns - incident_clocks_ns);
    const auto clocks = (*over)->clocks(*query);
    if (!clocks) return tl::make_unexpected(clocks.error());
    return to_json(find_incidents({*gateways, *histogram, *clocks, sources_.status()}));
}

}  // namespace clew::control
