// SPDX-License-Identifier: Apache-2.0
// The roll-ups: what the paths of closed hours add up to, by the minutes in which they began and ended
// (docs/decisions/0017-overviews-without-final.md). A path counts in the hour of its latest row; what a later hour's
// row takes from an earlier one is a row of negative counts, stored under the earlier hour (`hour`), made for the later
// (`made_for`), so that both leave the store together. `step` names the making; only those that `rolled_hours` names
// count. Of the hours that are not over, tables of the same columns ("open_…") hold the same by slices of five minutes,
// whose makings `rolled_slices` names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace clew::store {

/// One table. In `measures`, {S} is the sign of the counts, and {ADDED} true where rows are added, false where they are
/// taken away: what cannot be taken away (the largest, the newest, medians, sets of addresses) is of all rows that ever
/// counted.
struct RollupTable {
    std::string_view name;
    std::string_view columns;   ///< of CREATE TABLE, behind the times; in the order of keys and measures
    std::string_view joined;    ///< behind FROM paths
    std::string_view keys;      ///< "expression AS name, …"
    std::string_view names;     ///< of the keys
    std::string_view measures;  ///< "aggregate AS name, …"
    std::string_view only;      ///< a condition
    bool by_minute = true;      ///< false: by the hour alone; sets, which are never taken away
    /// False: a row a path and key, as the path's row has it; a row that no longer counts stands there again as `gone`.
    bool summed = true;
};

extern const RollupTable path_minutes, gateway_minutes, gateway_hours, service_minutes, service_hours, edge_minutes,
    facet_minutes, clock_minutes;
extern const RollupTable address_paths;  ///< controlplane/store/address_paths.h
std::span<const RollupTable* const> rollup_tables();

/// Delays in ns are counted by buckets; those of negative delays are below 0.
constexpr int delay_buckets_a_doubling = 16;
double delay_of_bucket(int bucket);  ///< its middle

/// The name of the table's twin for slices of hours that are not over.
std::string open_table(const RollupTable& table);

/// "CREATE TABLE …" with the schema's marks still in it; of the table, or of its twin.
std::string rollup_table_statement(const RollupTable& table, bool open);

struct RowsOfHours;

/// "SELECT hour, made_for, step, first_minute, last_minute, keys, measures FROM paths WHERE rows …", in the order of
/// the table's columns. Binds {made_for} and {made_step}. `within`: a further condition on rows; empty for none.
std::string rollup_select(const RollupTable& table, const RowsOfHours& rows, const std::string& within);

}  // namespace clew::store
