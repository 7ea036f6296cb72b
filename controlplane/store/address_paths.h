// SPDX-License-Identifier: Apache-2.0
// The paths of an address, in the order of addresses: of each path's latest row one row for each address of its legs,
// pre- and post-NAT, with all columns but the body. Made with the roll-ups (controlplane/store/rollup.h), by the hour
// and by the slice, so what it answers is what the rows of `paths` do; what came since is read from those.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/store/filter.h"
#include "controlplane/store/rollup.h"
#include "controlplane/store/rollup_tables.h"
#include "nat-trace/time.h"

namespace clew::store {

/// Shorter ranges are read from `paths`.
constexpr DurationNs address_paths_range_min_ns = 3600 * ns_per_s;

/// Of how many rows by address a question may be answered: beyond, reading `paths` is quicker, by windows of time or by
/// a part of them.
constexpr std::uint64_t address_rows_max = 2'000'000;
constexpr std::uint64_t address_rows_sampled_max = 100'000;  ///< where a part of `paths` would do

/// What rows by address there are to answer a question.
struct AddressRows {
    RolledRange range;              ///< the hours and slices that are made
    std::uint64_t count_about = 0;  ///< of them, from the index: hardly less
};

/// None where `paths` must be read: the filter names no address, the range is short, its first hour is not made, or
/// there are more rows than count_max. until_ns 0: now and later.
std::optional<AddressRows> address_rows(ClickHouseClient& client, const StoreSettings& settings,
                                        const SqlCondition& filter, TimeNs since_ns, TimeNs until_ns,
                                        std::uint64_t count_max);

/// "(SELECT … UNION ALL …)", to stand behind FROM: the latest rows, of those that came in the range's hours, that have
/// one of the filter's addresses and hold for `matching`, each once. `columns`: those of `paths` that are wanted, but
/// for the body; empty: all of them. Binds what address_paths_parameters gives, besides the filter's own.
std::string address_paths_sql(const SqlCondition& filter, const RolledRange& range, const std::string& matching,
                              const std::string& columns = {});
/// "SELECT …" how many of those rows hold for `matching`; what came or changed since the last slice is not looked at.
std::string address_count_sql(const SqlCondition& filter, const RolledRange& range, const std::string& matching);
std::vector<std::pair<std::string, std::string>> address_paths_parameters(const RolledRange& range);

}  // namespace clew::store
