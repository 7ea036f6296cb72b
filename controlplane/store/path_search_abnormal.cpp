// SPDX-License-Identifier: Apache-2.0
// Abnormal first: the uppermost rows that match, of any revision; then, of their paths, the latest revision of each. A
// path's latest row may stand lower than an older one of it, or no longer match: what stands no lower than the last row
// looked at is in its place, and where that is too little more rows are looked at.
#include <algorithm>

#include "controlplane/store/path_answers.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

constexpr std::uint64_t rows_of_a_path = 3;  ///< about, in all revisions
constexpr std::uint64_t row_growth = 8;
const char* const from_recent = " FROM paths WHERE stored_at >= toDateTime({stored:UInt32}) AND ";

/// The uppermost rows: all of `rows`, or the last of them where they are too many to be named.
std::string candidates_sql(const PathQuery& query, const std::string& condition, std::uint64_t rows) {
    return "SELECT " + std::string(found_columns) + (from_recent + condition) + " ORDER BY " + order_of(query) +
           (rows <= named_path_count_max ? " LIMIT {rows:UInt64}" : " LIMIT 1 OFFSET {rows:UInt64} - 1") +
           " FORMAT RowBinary";
}

/// Of the paths of these ids the latest rows, where they match, in order.
std::string latest_sql(const PathQuery& query, const std::string& condition, const std::string& ids) {
    return "SELECT " + std::string(found_columns) + " FROM (SELECT path_id, stored_at, oddness, first_ns, (" +
           condition + ") AS matches" + from_recent + "path_id IN (" + ids +
           ") ORDER BY revision DESC LIMIT 1 BY path_id) WHERE matches ORDER BY " + order_of(query) +
           " LIMIT {paths:UInt64} FORMAT RowBinary";
}

}  // namespace

Result<v1::PathList> search_abnormal(ClickHouseClient& client, const StoreSettings& settings, const PathQuery& query,
                                     const SqlCondition& condition, std::uint32_t count_max, ClickHouseCall call) {
    v1::PathList late;
    count_max = std::min(count_max, named_path_count_max);
    const std::string no_higher =
        condition.sql +
        " AND (oddness > {last_odd:UInt16} OR (oddness = {last_odd:UInt16} AND (first_ns > {last_ns:Int64} OR "
        "(first_ns = {last_ns:Int64} AND path_id <= {last_id:UInt64}))))";
    const std::string stored = query.since_ns > 0 ? stored_since(query.since_ns) : "0";
    const auto ask = [&](std::string sql, std::uint64_t rows,
                         const Cursor& last) -> Result<std::optional<std::string>> {
        call.sql = std::move(sql);
        call.parameters = condition.parameters;
        call.parameters.emplace_back("stored", stored);
        call.parameters.emplace_back("rows", std::to_string(rows));
        call.parameters.emplace_back("paths", std::to_string(std::uint64_t{count_max} + 1));
        call.parameters.emplace_back("last_odd", std::to_string(last.oddness));
        call.parameters.emplace_back("last_ns", std::to_string(last.first_ns));
        call.parameters.emplace_back("last_id", std::to_string(last.path_id));
        return ask_paths(client, settings, call, late);
    };
    for (std::uint64_t rows = (std::uint64_t{count_max} + 1) * rows_of_a_path;; rows *= row_growth) {
        const bool named = rows <= named_path_count_max;
        const auto uppermost = ask(candidates_sql(query, condition.sql, rows), rows, {});
        if (!uppermost) return tl::make_unexpected(uppermost.error());
        if (!*uppermost) return late;
        const auto candidates = read_found_rows(**uppermost);
        if (!candidates) return tl::make_unexpected(candidates.error());
        const bool all_seen = candidates->count < (named ? rows : 1);
        if (named && candidates->count == 0) return late;
        const std::string ids = named      ? candidates->ids
                                : all_seen ? "SELECT path_id" + (from_recent + condition.sql)
                                           : "SELECT path_id" + (from_recent + no_higher);
        const auto latest = ask(latest_sql(query, condition.sql, ids), rows, candidates->last);
        if (!latest) return tl::make_unexpected(latest.error());
        if (!*latest) return late;
        const auto found = read_found_rows(**latest, all_seen ? nullptr : &candidates->last);
        if (!found) return tl::make_unexpected(found.error());
        if (found->count > count_max || all_seen)
            return read_bodies(client, settings, query, condition, count_max, *found, call);
    }
}

}  // namespace clew::store
