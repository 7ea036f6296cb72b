// SPDX-License-Identifier: Apache-2.0
// Abnormal first: how many rows there are of each oddness, then the paths of as many of the uppermost as are needed, in
// their latest revisions. Of a level with very many paths those of the last part of the time first.
#include <algorithm>
#include <vector>

#include "controlplane/store/native_block.h"
#include "controlplane/store/path_answers.h"
#include "controlplane/store/rollup.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

constexpr std::uint64_t rows_of_a_path = 3;  ///< about, in all revisions
constexpr std::uint64_t need_growth = 8;
constexpr std::uint64_t windowed_level_rows_min = 100'000;

struct Level {
    std::uint16_t oddness = 0;
    std::uint64_t rows = 0;
};

/// The uppermost levels, as few as have so many rows.
struct Floor {
    std::size_t levels = 0;
    std::uint64_t rows = 0;
};
Floor floor_of(const std::vector<Level>& levels, std::uint64_t need) {
    Floor floor;
    while (floor.levels < levels.size() && floor.rows < need) floor.rows += levels[floor.levels++].rows;
    return floor;
}

std::string worst_sql(const PathQuery& query, const std::string& condition, const std::string& recent) {
    const std::string matching =
        condition + " AND (oddness > {floor:UInt16} OR (oddness = {floor:UInt16} AND first_ns >= {window:Int64}))";
    return "SELECT path_id, toUInt32(stored_at) FROM paths PREWHERE " + latest_rows_sql(recent, matching) + " WHERE " +
           recent + " AND " + matching + " ORDER BY " + order_of(query) + " LIMIT {rows:UInt64} FORMAT RowBinary";
}

struct Found {
    std::string ids;  ///< parted by ","
    std::uint32_t count = 0, stored_from_s = 0xffff'ffff;
};

Result<Found> read_found(std::string_view answer) {
    Found found;
    for (RowReader row(answer); !row.at_end(); ++found.count) {
        found.ids += (found.ids.empty() ? "" : ",") + std::to_string(row.number<std::uint64_t>());
        found.stored_from_s = std::min(found.stored_from_s, row.number<std::uint32_t>());
        if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a row");
    }
    return found;
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
    const std::string recent = query.since_ns > 0 ? "stored_at >= toDateTime({stored:UInt32})" : "1";
    call.parameters = condition.parameters;
    call.parameters.emplace_back("stored", stored_since(query.since_ns));
    call.settings.emplace_back("enable_shared_storage_snapshot_in_query", "1");
    const auto base = call.parameters;
    call.sql = "SELECT oddness, count() FROM paths WHERE " + recent + " AND " + condition.sql +
               " GROUP BY oddness ORDER BY oddness DESC FORMAT RowBinary";
    const auto counted = ask_paths(client, settings, call, late);
    if (!counted) return tl::make_unexpected(counted.error());
    if (!*counted) return late;
    std::vector<Level> levels;
    for (RowReader row(**counted); !row.at_end();) {
        Level& level = levels.emplace_back();
        level.oddness = row.number<std::uint16_t>();
        level.rows = row.number<std::uint64_t>();
        if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a row");
    }
    Cursor cursor;
    if (!query.cursor.empty()) {
        const auto given = parse_cursor(query);
        if (!given) return tl::make_unexpected(given.error());
        cursor = *given;
    }
    for (std::uint64_t need = (std::uint64_t{count_max} + 1) * rows_of_a_path; !levels.empty(); need *= need_growth) {
        const Floor floor = floor_of(levels, need);
        const Level& last = levels[floor.levels - 1];
        TimeNs window = query.since_ns;
        DurationNs window_ns = first_window_ns;
        if (last.rows >= windowed_level_rows_min)
            window = first_window(query, !query.cursor.empty() && cursor.oddness == last.oddness ? cursor.first_ns : 0);
        for (;;) {
            const bool windowed = window > query.since_ns;
            call.sql = worst_sql(query, condition.sql, recent);
            call.parameters = base;
            call.parameters.emplace_back("floor", std::to_string(last.oddness));
            call.parameters.emplace_back("window", std::to_string(windowed ? window : TimeNs{0}));
            call.parameters.emplace_back("rows", std::to_string(std::uint64_t{count_max} + 1));
            const auto reply = ask_paths(client, settings, call, late);
            if (!reply) return tl::make_unexpected(reply.error());
            if (!*reply) return late;
            const auto found = read_found(**reply);
            if (!found) return tl::make_unexpected(found.error());
            const bool all_seen = !windowed && floor.levels == levels.size();
            if (found->count > count_max || all_seen)
                return read_bodies(client, settings, query, condition, count_max, *found, call);
            if (!windowed) break;
            grow_window(query, window, window_ns);
        }
    }
    return late;
}

}  // namespace clew::store
