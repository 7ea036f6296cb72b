// SPDX-License-Identifier: Apache-2.0
// Candidates first, from any revision's row: their ids, in order, a bounded number. Then the latest revision of each,
// tested again: an older revision may have matched where the latest does not. Of a path's rows the older ones may still
// be there, in the same hour's partition or another's, so nothing relies on what the engine has merged.
#include "controlplane/store/path_search.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "controlplane/store/address_paths.h"
#include "controlplane/store/filter.h"
#include "controlplane/store/native_block.h"
#include "controlplane/store/schema.h"
#include "wire/convert.h"

namespace clew::store {
namespace {

constexpr std::uint32_t path_count_max = 100'000;         ///< of one answer, whatever is asked for
constexpr std::uint32_t address_path_count_max = 10'000;  ///< whose ids stand in a question's text
constexpr std::uint64_t candidate_count_max = 4'000'000;
/// The newest paths are looked for in the range's last part first, then in one so many times as long, and so on.
constexpr DurationNs first_window_ns = 900 * ns_per_s;
constexpr std::int64_t window_growth = 8;

/// What stands behind the last path of the answer before: "first_ns.path_id", in the order of the search.
struct Cursor {
    TimeNs first_ns = 0;
    std::uint64_t path_id = 0;
};

std::string cursor_text(const v1::Path& last) { return std::to_string(last.first_ns()) + "." + last.path_id(); }

Result<Cursor> parse_cursor(std::string_view text) {
    Cursor cursor;
    const std::size_t dot = std::min(text.find('.'), text.size());
    const auto [end, failure] = std::from_chars(text.data(), text.data() + dot, cursor.first_ns);
    const auto id = wire::parse_id(text.substr(std::min(dot + 1, text.size())));
    if (failure != std::errc{} || end != text.data() + dot || !id)
        return fail(ErrorKind::usage, "cursor: take it as it stands in `next` of the answer before");
    cursor.path_id = *id;
    return cursor;
}

/// The condition on a row. Partitions are of the hour a row came in: never before its packets were seen, but for
/// clocks.
Result<SqlCondition> row_condition(const PathQuery& query, SqlCondition filter) {
    SqlCondition out{
        .sql = "NOT retracted", .parameters = std::move(filter.parameters), .addresses = std::move(filter.addresses)};
    if (query.since_ns > 0) {
        out.sql += " AND last_ns >= {since:Int64}";
        out.parameters.emplace_back("since", std::to_string(query.since_ns));
    }
    if (query.until_ns > 0) {
        out.sql += " AND first_ns <= {until:Int64}";
        out.parameters.emplace_back("until", std::to_string(query.until_ns));
    }
    if (!query.cursor.empty()) {
        const auto cursor = parse_cursor(query.cursor);
        if (!cursor) return tl::make_unexpected(cursor.error());
        const std::string mark = query.oldest_first ? " > " : " < ";
        out.sql += " AND (first_ns" + mark +
                   "{cursor_ns:Int64} OR (first_ns = {cursor_ns:Int64} AND path_id > {cursor_id:UInt64}))";
        out.parameters.emplace_back("cursor_ns", std::to_string(cursor->first_ns));
        out.parameters.emplace_back("cursor_id", std::to_string(cursor->path_id));
    }
    out.sql += " AND " + filter.sql;
    return out;
}

const char* order_of(const PathQuery& query) {
    return query.oldest_first ? "first_ns, path_id" : "first_ns DESC, path_id";
}

/// Of the paths with these ids the latest row's body, and whether it holds for the condition.
std::string bodies_sql(const PathQuery& query, const std::string& condition, const std::string& recent,
                       const std::string& ids) {
    return "SELECT matches, if(matches, body, '') FROM (SELECT path_id, first_ns, body, (" + condition +
           ") AS matches FROM paths WHERE " + recent + "path_id IN (" + ids +
           ") ORDER BY revision DESC LIMIT 1 BY path_id) ORDER BY " + order_of(query) + " FORMAT RowBinary";
}

/// `window`: candidates begin in it alone. A path's latest row is never older than another of it that was picked.
std::string search_sql(const PathQuery& query, std::string condition, bool window) {
    const std::string recent = query.since_ns > 0 ? "stored_at >= toDateTime({stored:UInt32}) AND " : "";
    if (window) condition += " AND first_ns >= {window:Int64}";
    return bodies_sql(query, condition, recent,
                      "SELECT path_id FROM paths WHERE " + recent + condition + " ORDER BY " + order_of(query) +
                          " LIMIT 1 BY path_id LIMIT {candidates:UInt64}");
}

/// Adds the matching paths of one answer; returns the number of candidates in it, or what is wrong with it.
Result<std::uint64_t> take_paths(std::string_view answer, std::uint32_t count_max, v1::PathList& list, bool& more) {
    std::uint64_t candidate_count = 0;
    for (RowReader row(answer); !row.at_end(); ++candidate_count) {
        const bool matches = row.number<std::uint8_t>() != 0;
        const std::string_view body = row.text();
        if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a path");
        if (!matches) continue;
        if (static_cast<std::uint32_t>(list.paths_size()) >= count_max) {
            more = true;
        } else if (!list.add_paths()->ParseFromArray(body.data(), static_cast<int>(body.size()))) {
            return fail(ErrorKind::failed, "a path in the store cannot be read");
        }
    }
    return candidate_count;
}

/// Where the first window begins; `since` where the search has none.
Result<TimeNs> first_window(const PathQuery& query) {
    if (query.oldest_first || query.since_ns <= 0 || query.until_ns <= 0) return query.since_ns;
    TimeNs end = query.until_ns;
    if (!query.cursor.empty()) {
        const auto cursor = parse_cursor(query.cursor);
        if (!cursor) return tl::make_unexpected(cursor.error());
        end = std::min(end, cursor->first_ns);
    }
    return std::max(query.since_ns, end - first_window_ns);
}

void grow_window(const PathQuery& query, TimeNs& window, DurationNs& window_ns) {
    const TimeNs window_end = window + window_ns;
    const DurationNs range_ns = window_end - query.since_ns;
    window_ns = window_ns > range_ns / window_growth ? range_ns : window_ns * window_growth;
    window = window_end - window_ns;
}

/// One question's answer; nothing where the time limit ended it, which `list` then says.
Result<std::optional<std::string>> ask(ClickHouseClient& client, const StoreSettings& settings,
                                       const ClickHouseCall& call, v1::PathList& list) {
    auto reply = client.call(call);
    if (!reply) return tl::make_unexpected(reply.error());
    if (reply->code == clickhouse_timeout_exceeded) {
        list.set_partial("the search took longer than " + std::to_string(settings.query_timeout_ms) +
                         " ms and was ended; narrow the time or the filter");
        return std::optional<std::string>();
    }
    if (reply->code != 0)
        return fail(ErrorKind::failed,
                    "the store refused the search: " + reply->body.substr(0, reply->body.find('\n')).substr(0, 400));
    return std::optional(std::move(reply->body));
}

void tell_more(const PathQuery& query, std::uint32_t count_max, v1::PathList& list) {
    if (list.paths_size() > 0) list.set_next(cursor_text(list.paths(list.paths_size() - 1)));
    list.set_partial("these are the " + std::string(query.oldest_first ? "oldest " : "newest ") +
                     std::to_string(count_max) +
                     " paths and there are more; ask for more, or narrow the time or the filter");
}

/// The paths of the filter's addresses that begin from `window` on (0: all): which, and in what order, `address_paths`
/// tells; their bodies by their ids. Nothing where the window has too few.
Result<std::optional<v1::PathList>> search_addresses(ClickHouseClient& client, const StoreSettings& settings,
                                                     const PathQuery& query, const SqlCondition& condition,
                                                     RolledRange made, ClickHouseCall call, std::uint32_t count_max,
                                                     TimeNs window) {
    v1::PathList list;
    std::string matching = condition.sql;
    if (window > 0) {  // its rows came in the hours from then on
        const auto stored_s = static_cast<std::uint32_t>(std::stoul(stored_since(window)));
        made.from_s = std::max(made.from_s, stored_s - stored_s % Rollup::hour_s);
        matching += " AND first_ns >= {window:Int64}";
    }
    call.sql = "SELECT path_id, toUInt32(stored_at) AS at FROM " +
               address_paths_sql(condition, made, matching, "path_id, first_ns, stored_at") + " ORDER BY " +
               order_of(query) + " LIMIT {candidates:UInt64} FORMAT RowBinary";
    call.parameters = address_paths_parameters(made);
    call.parameters.insert(call.parameters.end(), condition.parameters.begin(), condition.parameters.end());
    call.parameters.emplace_back("candidates", std::to_string(count_max + 1));
    call.parameters.emplace_back("window", std::to_string(window));
    call.settings.emplace_back("enable_shared_storage_snapshot_in_query", "1");
    auto found = ask(client, settings, call, list);
    if (!found) return tl::make_unexpected(found.error());
    if (!*found) return list;
    std::string ids;
    std::uint32_t stored_from = 0xffff'ffff, count = 0;
    for (RowReader row(**found); !row.at_end(); ++count) {
        ids += (ids.empty() ? "" : ",") + std::to_string(row.number<std::uint64_t>());
        stored_from = std::min(stored_from, row.number<std::uint32_t>());
        if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a row");
    }
    if (window > 0 && count <= count_max) return std::optional<v1::PathList>();
    if (count == 0) return list;
    call.sql = bodies_sql(query, condition.sql, "stored_at >= toDateTime({stored:UInt32}) AND ", ids);
    call.parameters = condition.parameters;
    call.parameters.emplace_back("stored", std::to_string(stored_from));
    const auto bodies = ask(client, settings, call, list);
    if (!bodies) return tl::make_unexpected(bodies.error());
    if (!*bodies) return list;
    bool more = false;
    if (const auto got = take_paths(**bodies, count_max, list, more); !got) return tl::make_unexpected(got.error());
    if (window > 0 && !more) return std::optional<v1::PathList>();  // some have changed meanwhile
    if (more) tell_more(query, count_max, list);
    return list;
}

}  // namespace

Result<v1::PathList> search_paths(ClickHouseClient& client, const StoreSettings& settings, const PathQuery& query) {
    auto filter = compile_filter(query.filter);
    if (!filter) return tl::make_unexpected(filter.error());
    const auto made = row_condition(query, std::move(*filter));
    if (!made) return tl::make_unexpected(made.error());
    const SqlCondition& condition = *made;
    const std::uint32_t count_max = std::clamp(query.count_max, 1u, path_count_max);
    const auto window_from = first_window(query);
    if (!window_from) return tl::make_unexpected(window_from.error());
    TimeNs window = *window_from;
    DurationNs window_ns = first_window_ns;
    ClickHouseCall call;
    call.database = settings.database;
    call.bounded = true;
    call.settings = {{"use_top_k_dynamic_filtering", "0"},
                     {"max_memory_usage", std::to_string(settings.memory_bytes_max / 2)}};
    const auto rows = count_max <= address_path_count_max
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

    for (std::uint64_t candidates = count_max + count_max / 4 + 64;;) {
        const bool windowed = window > query.since_ns;
        call.sql = search_sql(query, condition.sql, windowed);
        call.parameters = condition.parameters;
        call.parameters.emplace_back("candidates", std::to_string(candidates));
        if (query.since_ns > 0) call.parameters.emplace_back("stored", stored_since(window));
        if (windowed) call.parameters.emplace_back("window", std::to_string(window));
        v1::PathList list;
        const auto reply = ask(client, settings, call, list);
        if (!reply) return tl::make_unexpected(reply.error());
        if (!*reply) return list;
        bool more = false;
        const auto got = take_paths(**reply, count_max, list, more);
        if (!got) return tl::make_unexpected(got.error());
        const bool all_seen = *got < candidates || candidates > candidate_count_max;
        if (!more && !all_seen) {
            candidates *= 8;
            continue;
        }
        if (!more && windowed) {
            grow_window(query, window, window_ns);
            continue;
        }
        if (more) tell_more(query, count_max, list);
        return list;
    }
}

}  // namespace clew::store
