// SPDX-License-Identifier: Apache-2.0
// What is computed over all paths of a time and a filter, in the store's own SQL: counts over time, facets, gateways,
// services, topology, clocks. Each answer counts a path once, in its latest revision, and is bounded by the store's
// time and memory limits and by the counts below; what a limit cut is said in `partial`. Callable from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "nat-trace/result.h"
#include "nat-trace/time.h"
#include "wire/overview.pb.h"

namespace clew::store {

class ClickHouseClient;
struct StoreSettings;

constexpr std::uint32_t bucket_count_max = 500;
constexpr std::uint32_t overview_count_max = 1000;
constexpr std::uint32_t topology_node_count_max = 300;
constexpr std::uint32_t facet_series_count_max = 24;  ///< values of `by`; the rest is one series named "…"

/// Paths that overlap since_ns … until_ns (since_ns < until_ns, exclusive) and match the filter. A range of whole
/// minutes and of an hour or more is answered by roll-ups where it has no filter: the same counts, delays to 2.2 %.
struct OverviewQuery {
    TimeNs since_ns = 0;
    TimeNs until_ns = 0;
    std::string filter;
    std::uint32_t bucket_count = 60;  ///< 0: no series over time, where that is possible
    std::uint32_t count_max = 20;     ///< values a facet, services, instances, nodes
    std::string by;                   ///< a field of facet_field_names(); empty: none
    bool exact = false;               ///< count all paths, however many: else see StoreSettings::counted_paths_max

    DurationNs step_ns()
        const;  ///< a bucket's width, rounded up, to minutes where is_long(): the buckets cover the range
    std::int64_t step_count() const { return 1 + (until_ns - since_ns - 1) / step_ns(); }  ///< buckets
    bool is_long() const;  ///< whole minutes, an hour or more
};

class Overview {
  public:
    Overview(ClickHouseClient& client, const StoreSettings& settings) : client_(client), settings_(settings) {}

    Result<v1::Histogram> histogram(const OverviewQuery& query) const;
    /// And the histogram of the same paths where buckets are asked for: it costs less than two questions.
    Result<v1::FacetList> facets(const OverviewQuery& query) const;
    Result<v1::GatewayGroupList> gateways(const OverviewQuery& query) const;
    Result<v1::ServiceList> services(const OverviewQuery& query) const;
    Result<v1::Topology> topology(const OverviewQuery& query) const;
    Result<v1::ClockList> clocks(const OverviewQuery& query) const;

  private:
    ClickHouseClient& client_;
    const StoreSettings& settings_;
};

/// What `partial` says where only the count_max largest instances are in an answer.
std::string instances_cut_sentence(std::uint32_t count_max);

/// The fields that facets count, parted by ", ".
std::string facet_field_names();

}  // namespace clew::store
