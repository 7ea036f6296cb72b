// SPDX-License-Identifier: Apache-2.0
// Abnormal first: the uppermost rows that match, of any revision; then, of their paths, the latest revision of each. A
// path's latest row may stand lower than an older one of it, or no longer match: what stands no lower than the last row
// looked at is in its place, and where that is too little more rows are looked at.
#include <algorithm>
#include <tuple>

#include "controlplane/store/native_block.h"
#include "controlplane/store/path_answers.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

constexpr std::uint64_t rows_of_a_path = 3;  ///< about, in all revisions
constexpr std::uint64_t row_growth = 8;
const char* const from_recent = " FROM paths WHERE stored_at >= toDateTime({stored:UInt32}) AND ";

bool stands_behind(const Cursor& a, const Cursor& b) {
    return std::tuple(b.oddness, b.first_ns, a.path_id) > std::tuple(a.oddness, a.first_ns, b.path_id);
}

/// Rows of "path_id, stored_at, oddness, first_ns".
struct Found {
    std::string ids;  ///< parted by ","
    std::uint64_t count = 0;
    std::uint32_t stored_from_s = 0xffff'ffff;
    Cursor last;
};

/// Up to the first that stands behind `end`.
Result<Found> read_found(std::string_view answer, const Cursor* end) {
    Found found;
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

/// The uppermost rows: all of `rows`, or the last of them where they are too many to be named.
std::string candidates_sql(const PathQuery& query, const std::string& condition, std::uint64_t rows) {
    return "SELECT path_id, toUInt32(stored_at), oddness, first_ns" + (from_recent + condition) + " ORDER BY " +
           order_of(query) +
           (rows <= named_path_count_max ? " LIMIT {rows:UInt64}" : " LIMIT 1 OFFSET {rows:UInt64} - 1") +
           " FORMAT RowBinary";
}

/// Of the paths of these ids the latest rows, where they match, in order.
std::string latest_sql(const PathQuery& query, const std::string& condition, const std::string& ids) {
    return "SELECT path_id, toUInt32(stored_at), oddness, first_ns FROM (SELECT path_id, stored_at, oddness, "
           "first_ns, (" +
           condition + ") AS matches" + from_recent + "path_id IN (" + ids +
           ") ORDER BY revision DESC LIMIT 1 BY path_id) WHERE matches ORDER BY " + order_of(query) +
           " LIMIT {paths:UInt64} FORMAT RowBinary";
}

/// Their bodies lie anywhere: they are read by their ids, of those alone that are shown.
Result<v1::PathList> read_bodies(ClickHouseClient& client, const StoreSettings& settings, const PathQuery& query,
                                 const SqlCondition& condition, std::uint32_t count_max, const Found& found,
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
        const auto candidates = read_found(**uppermost, nullptr);
        if (!candidates) return tl::make_unexpected(candidates.error());
        const bool all_seen = candidates->count < (named ? rows : 1);
        if (named && candidates->count == 0) return late;
        const std::string ids = named      ? candidates->ids
                                : all_seen ? "SELECT path_id" + (from_recent + condition.sql)
                                           : "SELECT path_id" + (from_recent + no_higher);
        const auto latest = ask(latest_sql(query, condition.sql, ids), rows, candidates->last);
        if (!latest) return tl::make_unexpected(latest.error());
        if (!*latest) return late;
        const auto found = read_found(**latest, all_seen ? nullptr : &candidates->last);
        if (!found) return tl::make_unexpected(found.error());
        if (found->count > count_max || all_seen)
            return read_bodies(client, settings, query, condition, count_max, *found, call);
    }
}

}  // namespace clew::store
