// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/path_answers.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "controlplane/store/native_block.h"
#include "wire/convert.h"

namespace clew::store {
namespace {

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) return false;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + dot, number);
    const bool good = failure == std::errc{} && end == text.data() + dot;
    text.remove_prefix(dot + 1);
    return good;
}

std::string cursor_text(const PathQuery& query, const PathPage& page) {
    const v1::Path& last = page.list.paths(page.list.paths_size() - 1);
    return (query.abnormal_first ? std::to_string(page.last_oddness) + "." : "") + std::to_string(last.first_ns()) +
           "." + last.path_id();
}

bool stands_behind(const Cursor& a, const Cursor& b) {
    return std::tuple(b.oddness, b.first_ns, a.path_id) > std::tuple(a.oddness, a.first_ns, b.path_id);
}

}  // namespace

Result<Cursor> parse_cursor(const PathQuery& query) {
    Cursor cursor;
    std::string_view text = query.cursor;
    const bool good =
        (!query.abnormal_first || take_number(text, cursor.oddness)) && take_number(text, cursor.first_ns);
    const auto id = wire::parse_id(text);
    if (!good || !id) return fail(ErrorKind::usage, "cursor: take it as it stands in `next` of the answer before");
    cursor.path_id = *id;
    return cursor;
}

// Partitions are of the hour a row came in: never before its packets were seen, but for clocks.
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
        const auto cursor = parse_cursor(query);
        if (!cursor) return tl::make_unexpected(cursor.error());
        const std::string mark = query.oldest_first ? " > " : " < ";
        const std::string behind = "(first_ns" + mark +
                                   "{cursor_ns:Int64} OR (first_ns = {cursor_ns:Int64} AND path_id > "
                                   "{cursor_id:UInt64}))";
        out.sql += query.abnormal_first
                       ? " AND (oddness < {cursor_odd:UInt16} OR (oddness = {cursor_odd:UInt16} AND " + behind + "))"
                       : " AND " + behind;
        out.parameters.emplace_back("cursor_odd", std::to_string(cursor->oddness));
        out.parameters.emplace_back("cursor_ns", std::to_string(cursor->first_ns));
        out.parameters.emplace_back("cursor_id", std::to_string(cursor->path_id));
    }
    out.sql += " AND " + filter.sql;
    return out;
}

std::string order_of(const PathQuery& query) {
    if (query.oldest_first) return "first_ns, path_id";
    return query.abnormal_first ? "oddness DESC, first_ns DESC, path_id" : "first_ns DESC, path_id";
}

std::string bodies_sql(const PathQuery& query, const std::string& condition, const std::string& recent,
                       const std::string& ids) {
    return "SELECT matches, oddness, if(matches, body, '') FROM (SELECT path_id, first_ns, oddness, body, (" +
           condition + ") AS matches FROM paths WHERE " + recent + "path_id IN (" + ids +
           ") ORDER BY revision DESC LIMIT 1 BY path_id) ORDER BY " + order_of(query) + " FORMAT RowBinary";
}

TimeNs first_window(const PathQuery& query, TimeNs cursor_ns) {
    if (query.oldest_first || query.since_ns <= 0 || query.until_ns <= 0) return query.since_ns;
    const TimeNs end = cursor_ns > 0 ? std::min(query.until_ns, cursor_ns) : query.until_ns;
    return std::max(query.since_ns, end - first_window_ns);
}

void grow_window(const PathQuery& query, TimeNs& window, DurationNs& window_ns) {
    const TimeNs window_end = window + window_ns;
    const DurationNs range_ns = window_end - query.since_ns;
    window_ns = window_ns > range_ns / window_growth ? range_ns : window_ns * window_growth;
    window = window_end - window_ns;
}

Result<std::uint64_t> take_paths(std::string_view answer, const PathQuery& query, std::uint32_t count_max,
                                 PathPage& page) {
    std::uint64_t row_count = 0;
    for (RowReader row(answer); !row.at_end(); ++row_count) {
        const bool matches = row.number<std::uint8_t>() != 0;
        const auto oddness = row.number<std::uint16_t>();
        const std::string_view body = row.text();
        if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a path");
        if (!matches) continue;
        const auto count = static_cast<std::uint32_t>(page.list.paths_size());
        page.full = page.full || (query.bytes_max > 0 && count > 0 && page.bytes + body.size() > query.bytes_max);
        if (page.full || count >= count_max) {
            page.more = true;
            continue;
        }
        if (!page.list.add_paths()->ParseFromArray(body.data(), static_cast<int>(body.size())))
            return fail(ErrorKind::failed, "a path in the store cannot be read");
        page.bytes += body.size();
        page.last_oddness = oddness;
    }
    return row_count;
}

v1::PathList finished(const PathQuery& query, std::uint32_t count_max, PathPage page) {
    if (!page.more) return std::move(page.list);
    const std::string count =
        std::to_string(page.full ? static_cast<std::uint32_t>(page.list.paths_size()) : count_max);
    const std::string which = query.oldest_first ? "oldest " : query.abnormal_first ? "most abnormal " : "newest ";
    page.list.set_next(cursor_text(query, page));
    page.list.set_partial(page.full ? "these are the " + which + count +
                                          " paths: with more the answer would be larger than " +
                                          std::to_string(query.bytes_max >> 20) + " MiB; go on by the cursor"
                                    : "these are the " + which + count +
                                          " paths and there are more; ask for more, or narrow the time or the filter");
    return std::move(page.list);
}

Result<FoundRows> read_found_rows(std::string_view answer, const Cursor* end) {
    FoundRows found;
    for (RowReader row(answer); !row.at_end(); ++found.count) {
        Cursor at;
        at.path_id = row.number<std::uint64_t>();
        const auto stored_s = row.number<std::uint32_t>();
        at.oddness = row.number<std::uint16_t>();
        at.first_ns = row.number<std::int64_t>();
        if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a row");
        if (end != nullptr && stands_behind(at, *end)) break;
        found.ids += (found.ids.empty() ? "" : ",") + std::to_string(at.path_id);
        found.stored_from_s = std::min(found.stored_from_s, stored_s);
        found.last = at;
    }
    return found;
}

Result<v1::PathList> read_bodies(ClickHouseClient& client, const StoreSettings& settings, const PathQuery& query,
                                 const SqlCondition& condition, std::uint32_t count_max, const FoundRows& found,
                                 ClickHouseCall call) {
    PathPage page;
    if (found.count == 0) return std::move(page.list);
    call.sql = bodies_sql(query, condition.sql, "stored_at >= toDateTime({stored:UInt32}) AND ", found.ids);
    call.parameters = condition.parameters;
    call.parameters.emplace_back("stored", std::to_string(found.stored_from_s));
    const auto bodies = ask_paths(client, settings, call, page.list);
    if (!bodies) return tl::make_unexpected(bodies.error());
    if (!*bodies) return std::move(page.list);
    if (const auto got = take_paths(**bodies, query, count_max, page); !got) return tl::make_unexpected(got.error());
    page.more = page.more || (found.count > count_max && !page.list.paths().empty());  // one may have changed meanwhile
    return finished(query, count_max, std::move(page));
}

Result<std::optional<std::string>> ask_paths(ClickHouseClient& client, const StoreSettings& settings,
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

}  // namespace clew::store
