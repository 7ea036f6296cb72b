// SPDX-License-Identifier: Apache-2.0
// Candidates first, from any revision's row: their ids, in order, a bounded number. Then the latest revision of each,
// tested again: an older revision may have matched where the latest does not. Of a path's rows the older ones may still
// be there, in the same hour's partition or another's, so nothing relies on what the engine has merged.
#include "controlplane/store/path_search.h"

#include <algorithm>
#include <optional>

#include "controlplane/store/address_paths.h"
#include "controlplane/store/filter.h"
#include "controlplane/store/path_answers.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

constexpr std::uint32_t path_count_max = 100'000;  ///< of one answer, whatever is asked for
constexpr std::uint64_t candidate_count_max = 4'000'000;

/// `window`: candidates begin in it alone. A path's latest row is never older than another of it that was picked.
std::string search_sql(const PathQuery& query, std::string condition, bool window) {
    const std::string recent = query.since_ns > 0 ? "stored_at >= toDateTime({stored:UInt32}) AND " : "";
    if (window) condition += " AND first_ns >= {window:Int64}";
    return bodies_sql(query, condition, recent,
                      "SELECT path_id FROM paths WHERE " + recent + condition + " ORDER BY " + order_of(query) +
                          " LIMIT 1 BY path_id LIMIT {candidates:UInt64}");
}

/// The paths of the filter's addresses that begin from `window` on (0: all): which, and in what order, `address_paths`
/// tells; their bodies by their ids. Nothing where the window has too few.
Result<std::optional<v1::PathList>> search_addresses(ClickHouseClient& client, const StoreSettings& settings,
                                                     const PathQuery& query, const SqlCondition& condition,
                                                     RolledRange made, ClickHouseCall call, std::uint32_t count_max,
                                                     TimeNs window) {
    v1::PathList late;
    std::string matching = condition.sql;
    if (window > 0) {  // its rows came in the hours from then on
        const auto stored_s = static_cast<std::uint32_t>(std::stoul(stored_since(window)));
        made.from_s = std::max(made.from_s, stored_s - stored_s % Rollup::hour_s);
        matching += " AND first_ns >= {window:Int64}";
    }
    call.sql = "SELECT " + std::string(found_columns) + " FROM " +
               address_paths_sql(condition, made, matching, "path_id, first_ns, oddness, stored_at") + " ORDER BY " +
               order_of(query) + " LIMIT {candidates:UInt64} FORMAT RowBinary";
    call.parameters = address_paths_parameters(made);
    call.parameters.insert(call.parameters.end(), condition.parameters.begin(), condition.parameters.end());
    call.parameters.emplace_back("candidates", std::to_string(count_max + 1));
    call.parameters.emplace_back("window", std::to_string(window));
    call.settings.emplace_back("enable_shared_storage_snapshot_in_query", "1");
    const auto rows = ask_paths(client, settings, call, late);
    if (!rows) return tl::make_unexpected(rows.error());
    if (!*rows) return late;
    const auto found = read_found_rows(**rows);
    if (!found) return tl::make_unexpected(found.error());
    if (window > 0 && found->count <= count_max) return std::optional<v1::PathList>();
    auto list = read_bodies(client, settings, query, condition, count_max, *found, call);
    if (!list) return tl::make_unexpected(list.error());
    if (window > 0 && list->partial().empty()) return std::optional<v1::PathList>();  // all have changed meanwhile
    return std::move(*list);
}

}  // namespace

Result<v1::PathList> search_paths(ClickHouseClient& client, const StoreSettings& settings, const PathQuery& query) {
    auto filter = compile_filter(query.filter);
    if (!filter) return tl::make_unexpected(filter.error());
    const auto made = row_condition(query, std::move(*filter));
    if (!made) return tl::make_unexpected(made.error());
    const SqlCondition& condition = *made;
    const std::uint32_t count_max = std::clamp(query.count_max, 1u, path_count_max);
    const TimeNs cursor_ns = query.cursor.empty() ? 0 : parse_cursor(query)->first_ns;
    TimeNs window = query.abnormal_first ? query.since_ns : first_window(query, cursor_ns);
    DurationNs window_ns = first_window_ns;
    ClickHouseCall call;
    call.database = settings.database;
    call.bounded = true;
    call.settings = {{"use_top_k_dynamic_filtering", "0"},
                     {"max_memory_usage", std::to_string(settings.memory_bytes_max / 2)}};
    const auto rows = count_max <= named_path_count_max
                          ? address_rows(client, settings, condition, query.since_ns, query.until_ns, address_rows_max)
                          : std::nullopt;
    while (rows) {
        const bool windowed = window > query.since_ns;
        auto list =
            search_addresses(client, settings, query, condition, rows->range, call, count_max, windowed ? window : 0);
        if (!list) return tl::make_unexpected(list.error());
        if (*list) return std::move(**list);
        grow_window(query, window, window_ns);
    }
    if (query.abnormal_first) return search_abnormal(client, settings, query, condition, count_max, call);

    for (std::uint64_t candidates = count_max + count_max / 4 + 64;;) {
        const bool windowed = window > query.since_ns;
        call.sql = search_sql(query, condition.sql, windowed);
        call.parameters = condition.parameters;
        call.parameters.emplace_back("candidates", std::to_string(candidates));
        if (query.since_ns > 0) call.parameters.emplace_back("stored", stored_since(window));
        if (windowed) call.parameters.emplace_back("window", std::to_string(window));
        PathPage page;
        const auto reply = ask_paths(client, settings, call, page.list);
        if (!reply) return tl::make_unexpected(reply.error());
        if (!*reply) return std::move(page.list);
        const auto got = take_paths(**reply, query, count_max, page);
        if (!got) return tl::make_unexpected(got.error());
        const bool all_seen = *got < candidates || candidates > candidate_count_max;
        if (!page.more && !all_seen) {
            candidates *= 8;
            continue;
        }
        if (!page.more && windowed) {
            grow_window(query, window, window_ns);
            continue;
        }
        return finished(query, count_max, std::move(page));
    }
}

}  // namespace clew::store
