// SPDX-License-Identifier: Apache-2.0
// What the searches of paths have in common: the order, the cursor, the condition on a row, one question's answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/filter.h"
#include "controlplane/store/store.h"

namespace clew::store {

/// The newest paths are looked for in the range's last part first, then in one so many times as long, and so on.
constexpr DurationNs first_window_ns = 900 * ns_per_s;
constexpr std::int64_t window_growth = 8;

constexpr std::uint32_t named_path_count_max = 10'000;  ///< whose ids stand in a question's text

/// What stands behind the last path of the answer before, in the order of the search: "first_ns.path_id", abnormal
/// first "oddness.first_ns.path_id".
struct Cursor {
    std::uint16_t oddness = 0;
    TimeNs first_ns = 0;
    std::uint64_t path_id = 0;
};
Result<Cursor> parse_cursor(const PathQuery& query);

/// The condition on a row.
Result<SqlCondition> row_condition(const PathQuery& query, SqlCondition filter);
/// Behind ORDER BY.
std::string order_of(const PathQuery& query);

/// Where the first window begins; `since` where the search has none. The end is `until`, or where a cursor is.
TimeNs first_window(const PathQuery& query, TimeNs cursor_ns);
void grow_window(const PathQuery& query, TimeNs& window, DurationNs& window_ns);

/// A list that is being filled.
struct PathPage {
    v1::PathList list;
    bool more = false;  ///< there are paths behind those of the list
    bool full = false;  ///< bytes_max was reached
    std::uint64_t bytes = 0;
    std::uint16_t last_oddness = 0;
};

/// Adds the matching paths of one answer: rows of "matches, oddness, body"; returns the number of rows in it.
Result<std::uint64_t> take_paths(std::string_view answer, const PathQuery& query, std::uint32_t count_max,
                                 PathPage& page);
/// The list, with its cursor and why it is not whole where there are more.
v1::PathList finished(const PathQuery& query, std::uint32_t count_max, PathPage page);

/// What rows of paths that were found are asked as: their place in the order, and since when their paths' rows came.
constexpr std::string_view found_columns = "path_id, toUInt32(stored_at), oddness, first_ns";
struct FoundRows {
    std::string ids;  ///< parted by ","
    std::uint64_t count = 0;
    std::uint32_t stored_from_s = 0xffff'ffff;
    Cursor last;
};
/// An answer of found_columns; up to the first row that stands behind `end`, abnormal first.
Result<FoundRows> read_found_rows(std::string_view answer, const Cursor* end = nullptr);

/// The list of these paths, as many as count_max, and whether there are more. Their bodies lie anywhere: they are read
/// by their ids. `call` has the database and its limits.
Result<v1::PathList> read_bodies(ClickHouseClient& client, const StoreSettings& settings, const PathQuery& query,
                                 const SqlCondition& condition, std::uint32_t count_max, const FoundRows& found,
                                 ClickHouseCall call);

/// Of the paths with these ids ("1,2,3", or a question) the latest row of those that came in recently: whether it holds
/// for the condition, its oddness, and its body where it does.
std::string bodies_sql(const PathQuery& query, const std::string& condition, const std::string& recent,
                       const std::string& ids);

/// One question's answer; nothing where the time limit ended it, which `list` then says.
Result<std::optional<std::string>> ask_paths(ClickHouseClient& client, const StoreSettings& settings,
                                             const ClickHouseCall& call, v1::PathList& list);

/// The worst first. `call` has the database and its limits.
Result<v1::PathList> search_abnormal(ClickHouseClient& client, const StoreSettings& settings, const PathQuery& query,
                                     const SqlCondition& condition, std::uint32_t count_max, ClickHouseCall call);

}  // namespace clew::store
