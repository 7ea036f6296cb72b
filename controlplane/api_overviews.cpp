// SPDX-License-Identifier: Apache-2.0
// The routes over many paths at once: counts, facets, gateways, services, topology, clocks, incidents.
#include <algorithm>
#include <future>
#include <string_view>
#include <utility>

#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/incidents.h"
#include "controlplane/time_comparison.h"

namespace clew::control {

Result<const store::Overview*> Api::overview() const {
    if (store_.overview() == nullptr) return fail(ErrorKind::unreachable, "this store computes no overviews");
    return store_.overview();
}

namespace {

constexpr DurationNs incident_clocks_ns = 3600 * ns_per_s;
constexpr int incident_example_count_max = 4;

bool is_blank(std::string_view filter) { return filter.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// The range and filter of an overview; `until` is now where it was not said.
Result<store::OverviewQuery> overview_query(const ApiArguments& arguments, TimeNs now) {
    store::OverviewQuery query;
    query.since_ns = arguments.number("since_ns");
    query.until_ns = arguments.number("until_ns") == 0 ? now : arguments.number("until_ns");
    query.filter = arguments.text("filter");
    if (query.until_ns <= query.since_ns) return fail(ErrorKind::usage, "until_ns is not after since_ns");
    return query;
}

/// The instances with the most paths, without their points over time.
void keep_largest(std::uint32_t count_max, v1::GatewayGroupList& list) {
    std::vector<std::pair<std::uint64_t, std::string>> all;
    for (const v1::GatewayGroup& group : list.groups())
        for (const v1::GatewayInstance& one : group.instances()) all.emplace_back(one.paths(), one.instance());
    std::ranges::sort(
        all, [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
    const bool cut = all.size() > count_max;
    const auto last = cut ? all[count_max - 1] : std::pair<std::uint64_t, std::string>();
    const auto left_out = [&](const v1::GatewayInstance& one) {
        return cut && (one.paths() < last.first || (one.paths() == last.first && one.instance() > last.second));
    };
    for (v1::GatewayGroup& group : *list.mutable_groups()) {
        auto* instances = group.mutable_instances();
        instances->erase(std::remove_if(instances->begin(), instances->end(), left_out), instances->end());
        for (v1::GatewayInstance& one : *instances) one.clear_points();
    }
    if (cut) list.set_partial(store::instances_cut_sentence(count_max));
    list.clear_step_ns();
}

bool has_parameter(const std::vector<ApiParameter>& parameters, std::string_view name) {
    return std::ranges::find(parameters, name, &ApiParameter::name) != parameters.end();
}

}  // namespace

template <typename Message>
void Api::add_overview(std::string_view path, std::string_view summary, std::vector<ApiParameter> more,
                       Result<Message> (store::Overview::*ask)(const store::OverviewQuery&) const) {
    const bool has_buckets = has_parameter(more, "buckets"), has_limit = has_parameter(more, "limit"),
               has_by = has_parameter(more, "by"), has_exact = has_parameter(more, "exact");
    std::vector<ApiParameter> parameters = {since(true), until(), filter()};
    parameters.insert(parameters.end(), more.begin(), more.end());
    add({path, summary, std::move(parameters), Message::descriptor()},
        [this, ask, has_buckets, has_limit, has_by, has_exact](const std::string&,
                                                               const ApiArguments& arguments) -> Result<std::string> {
            auto query = overview_query(arguments, sources_.now());
            if (!query) return tl::make_unexpected(query.error());
            if (has_buckets) query->bucket_count = static_cast<std::uint32_t>(arguments.number("buckets"));
            if (has_limit) query->count_max = static_cast<std::uint32_t>(arguments.number("limit"));
            if (has_by) query->by = arguments.text("by");
            if (has_exact) query->exact = arguments.number("exact") != 0;
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
    const ApiParameter exact{"exact",
                             ParameterKind::flag,
                             false,
                             0,
                             1,
                             0,
                             "count every path; else, where there are very many, one in one_in of them, multiplied"};
    add_overview("histogram", "paths over time", {buckets(1), by, exact}, &store::Overview::histogram);
    add_overview(
        "facets", "the values of the paths' fields, with how many paths have each",
        {limit(),
         count("buckets", 0, store::bucket_count_max, 0, "paths over time as well, in so many equal times; 0: not"),
         exact},
        &store::Overview::facets);
    add({"gateway_groups",
         "gateways by group and instance: paths, added delay, packets missing, resets",
         {since(true), until(), filter(), buckets(0), limit()},
         v1::GatewayGroupList::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) { return gateway_groups(arguments); });
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
    add({"compare",
         "gateways' figures at two times of one length, side by side, and which of them changed",
         {since(true), until(), filter(),
          ApiParameter{"before_ns", ParameterKind::time, false, 0, time_max, 0,
                       "where the other time begins; 0: just before this one"}},
         v1::TimeComparison::descriptor()},
        [this](const std::string&, const ApiArguments& arguments) { return compare(arguments); });
}

/// A home page asks for the gateways twice, over time for its incidents and without: the two are one question, if they
/// are asked at the same time.
Result<v1::GatewayGroupList> Api::shared_gateways(store::OverviewQuery query) const {
    const auto over = overview();
    if (!over) return tl::make_unexpected(over.error());
    query.count_max = incident_instance_count_max;
    const std::string question = std::to_string(query.since_ns) + " " + std::to_string(query.until_ns) + " " +
                                 std::to_string(query.bucket_count) + " " + query.filter;
    return gateways_asked_.get(question, [&] { return (*over)->gateways(query); });
}

Result<std::string> Api::gateway_groups(const ApiArguments& arguments) const {
    auto query = overview_query(arguments, sources_.now());
    if (!query) return tl::make_unexpected(query.error());
    query->bucket_count = static_cast<std::uint32_t>(arguments.number("buckets"));
    query->count_max = static_cast<std::uint32_t>(arguments.number("limit"));
    if (query->bucket_count == 0 && query->count_max <= incident_instance_count_max) {
        const std::uint32_t count_max = query->count_max;
        query->bucket_count = incident_bucket_count;
        auto list = shared_gateways(*query);
        if (!list) return tl::make_unexpected(list.error());
        keep_largest(count_max, *list);
        return to_json(*list);
    }
    const auto over = overview();
    if (!over) return tl::make_unexpected(over.error());
    const auto list = (*over)->gateways(*query);
    if (!list) return tl::make_unexpected(list.error());
    return to_json(*list);
}

Result<std::string> Api::compare(const ApiArguments& arguments) const {
    const auto now = overview_query(arguments, sources_.now());
    if (!now) return tl::make_unexpected(now.error());
    const auto over = overview();
    if (!over) return tl::make_unexpected(over.error());
    store::OverviewQuery before = *now;
    const DurationNs length = now->until_ns - now->since_ns;
    before.since_ns = arguments.number("before_ns");
    if (before.since_ns == 0) before.since_ns = std::max<TimeNs>(0, now->since_ns - length);
    before.since_ns = std::min(before.since_ns, time_max - length);
    before.until_ns = before.since_ns + length;
    const auto ask = [&over](store::OverviewQuery query) -> Result<std::pair<v1::GatewayGroupList, v1::Histogram>> {
        query.count_max = incident_instance_count_max;
        query.bucket_count = 0;
        auto gateways = (*over)->gateways(query);
        if (!gateways) return tl::make_unexpected(gateways.error());
        query.bucket_count = 1;
        auto histogram = (*over)->histogram(query);
        if (!histogram) return tl::make_unexpected(histogram.error());
        return std::pair(std::move(*gateways), std::move(*histogram));
    };
    auto other = std::async(std::launch::async, [&ask, &before, departure = http::AnswerScope::current()] {
        const http::AnswerScope scope(departure);
        return ask(before);
    });
    const auto of_now = ask(*now);
    const auto of_before = other.get();
    if (!of_now) return tl::make_unexpected(of_now.error());
    if (!of_before) return tl::make_unexpected(of_before.error());
    v1::TimeComparison comparison =
        compare_times({of_before->first, of_before->second}, {of_now->first, of_now->second});
    comparison.set_since_ns(now->since_ns);
    comparison.set_until_ns(now->until_ns);
    comparison.set_before_ns(before.since_ns);
    return to_json(comparison);
}

/// One path that shows it, the newest, for the worst of those that name none. A search that fails leaves it at that.
void Api::add_example_paths(const std::string& filter, TimeNs until_ns, v1::IncidentList& list) const {
    int left = incident_example_count_max;
    for (v1::Incident& incident : *list.mutable_incidents()) {
        if (left == 0 || !incident.path_id().empty() || !is_shown_by_filter(incident)) continue;
        --left;
        store::PathQuery query{.since_ns = incident.since_ns(), .until_ns = until_ns, .filter = {}, .count_max = 1};
        query.filter = is_blank(filter) ? incident.filter() : "(" + filter + ") and " + incident.filter();
        const auto found = store_.find_paths(query);
        if (found && found->paths_size() > 0) incident.set_path_id(found->paths(0).path_id());
    }
}

Result<std::string> Api::incidents(const ApiArguments& arguments) const {
    auto query = overview_query(arguments, sources_.now());
    if (!query) return tl::make_unexpected(query.error());
    query->bucket_count = static_cast<std::uint32_t>(arguments.number("buckets"));
    query->count_max = incident_instance_count_max;
    const auto over = overview();
    if (!over) return tl::make_unexpected(over.error());
    const auto gateways = shared_gateways(*query);
    if (!gateways) return tl::make_unexpected(gateways.error());
    query->by = "path.reset_by";
    const auto histogram = (*over)->histogram(*query);
    if (!histogram) return tl::make_unexpected(histogram.error());
    const TimeNs until_ns = query->until_ns;
    query->by.clear();
    query->bucket_count = 0;  // of clocks, what is known now
    query->since_ns = std::max(query->since_ns, query->until_ns - incident_clocks_ns);
    const auto clocks = (*over)->clocks(*query);
    if (!clocks) return tl::make_unexpected(clocks.error());
    v1::IncidentList list = find_incidents({*gateways, *histogram, *clocks, sources_.status()});
    add_example_paths(query->filter, until_ns, list);
    return to_json(list);
}

}  // namespace clew::control
