// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/rollup.h"

#include <algorithm>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/native_block.h"
#include "controlplane/store/rollup_tables.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

const char* const place_sql = "_part_starting_offset + _part_offset";

constexpr const char* hours_sql =
    "SELECT h, blocks, made_step, made_block, made_seen, made_again FROM (SELECT "
    "toUInt32(toUnixTimestamp(toStartOfHour(min_time))) AS h, toInt64(max(max_block_number)) AS blocks FROM "
    "system.parts WHERE database = currentDatabase() AND table = 'paths' AND active AND rows > 0 GROUP BY h) AS there "
    "LEFT JOIN (SELECT toUInt32(toUnixTimestamp(hour)) AS h, max(step) AS made_step, argMax(block, step) AS "
    "made_block, "
    "argMax(seen, step) AS made_seen, argMax(again, step) AS made_again FROM rolled_hours GROUP BY h) AS made USING h "
    "ORDER BY h FORMAT RowBinary";

void tell_stale(std::vector<HourOfPaths>& hours) {
    std::int64_t seen = 0;
    std::uint64_t again = 0;
    bool late = false;
    for (HourOfPaths& one : hours) {
        seen = std::max(seen, one.block);
        if (one.step == 0) continue;
        late |= one.block > one.made_block;
        one.stale = late || seen > one.made_seen || again > one.step;
        again = std::max(again, one.again);
    }
}

}  // namespace

std::string latest_rows_sql(const std::string& condition) {
    return std::string(place_sql) + " IN (SELECT argMax(" + place_sql + ", revision) FROM paths WHERE " + condition +
           " GROUP BY path_id)";
}

std::string RowsOfHours::sql(bool added) const {
    // A row of the same revision that came again later counts there, everywhere alike.
    const auto latest = [&](const std::string& condition) {
        return "(SELECT argMax(" + std::string(place_sql) + ", (revision, stored_at)) FROM paths WHERE " + condition +
               " AND path_id IN (SELECT path_id FROM paths WHERE " + later + ") GROUP BY path_id)";
    };
    const std::string newest = latest("((" + earlier + ") OR (" + later + "))");
    if (added) return later + " AND " + place_sql + " IN " + newest;
    return earlier + " AND " + place_sql + " IN " + latest(earlier) + " AND " + place_sql + " NOT IN " + newest;
}

ClickHouseCall Rollup::statement(std::string sql) const {
    ClickHouseCall call;
    call.sql = std::move(sql);
    call.database = settings_.database;
    // One thread and a part of the memory: legs and paths go on coming in.
    call.settings = {{"max_memory_usage", std::to_string(settings_.memory_bytes_max / 2)},
                     {"max_threads", "1"},
                     {"max_insert_threads", "1"},
                     {"max_partitions_per_insert_block", "0"},
                     {"enable_shared_storage_snapshot_in_query", "1"}};
    return call;
}

Result<std::vector<HourOfPaths>> Rollup::hours() const {
    auto answer = client_.must_succeed(statement(hours_sql));
    if (!answer) return tl::make_unexpected(answer.error());
    std::vector<HourOfPaths> hours;
    RowReader row(*answer);
    while (!row.at_end()) {
        HourOfPaths one;
        one.hour_s = row.number<std::uint32_t>();
        one.block = row.number<std::int64_t>();
        one.step = row.number<std::uint64_t>();
        one.made_block = row.number<std::int64_t>();
        one.made_seen = row.number<std::int64_t>();
        one.again = row.number<std::uint64_t>();
        hours.push_back(one);
    }
    if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a row");
    tell_stale(hours);
    return hours;
}

Result<std::vector<std::uint32_t>> Rollup::due(std::uint32_t now_s) const {
    const auto all = hours();
    if (!all) return tl::make_unexpected(all.error());
    std::vector<std::uint32_t> stale, never;
    for (const HourOfPaths& one : *all) {
        if (std::uint64_t{one.hour_s} + hour_s + late_insert_s_max > now_s) continue;
        if (one.stale) stale.push_back(one.hour_s);
        if (one.step == 0) never.push_back(one.hour_s);
    }
    stale.insert(stale.end(), never.rbegin(), never.rend());
    return stale;
}

Result<void> Rollup::make(std::uint32_t hour, TimeNs now) const {
    const auto all = hours();
    if (!all) return tl::make_unexpected(all.error());
    HourOfPaths made;
    std::int64_t seen = 0;
    auto step = static_cast<std::uint64_t>(std::max<TimeNs>(now, 1));
    for (const HourOfPaths& one : *all) {
        step = std::max(step, one.step + 1);
        if (one.hour_s <= hour) seen = std::max(seen, one.block);
        if (one.hour_s == hour) made = one;
    }
    if (made.hour_s != hour) return {};  // it has left the store meanwhile
    if (auto cleared = clear(hour, made.step); !cleared) return cleared;
    for (const RollupTable* table : rollup_tables())
        if (auto filled = fill(*table, hour, step); !filled) return filled;
    ClickHouseCall mark = statement(
        "INSERT INTO rolled_hours SELECT toDateTime({hour:UInt32}), {step:UInt64}, {block:Int64}, {seen:Int64}, "
        "{again:UInt64}");
    mark.parameters = {{"hour", std::to_string(hour)},
                       {"step", std::to_string(step)},
                       {"block", std::to_string(made.block)},
                       {"seen", std::to_string(seen)},
                       {"again", std::to_string(made.step == 0 ? 0 : step)}};
    if (auto marked = client_.must_succeed(mark); !marked) return tl::make_unexpected(marked.error());
    return {};
}

Result<void> Rollup::clear(std::uint32_t hour, std::uint64_t step) const {
    for (const RollupTable* table : rollup_tables()) {
        const std::string left =
            std::string(table->name) + " WHERE made_for = toDateTime({hour:UInt32}) AND step != {step:UInt64}";
        ClickHouseCall count = statement("SELECT count() FROM " + left + " FORMAT RowBinary");
        count.parameters = {{"hour", std::to_string(hour)}, {"step", std::to_string(step)}};
        auto answer = client_.must_succeed(count);
        if (!answer) return tl::make_unexpected(answer.error());
        if (RowReader(*answer).number<std::uint64_t>() == 0) continue;
        count.sql = "DELETE FROM " + left;
        if (auto deleted = client_.must_succeed(count); !deleted) return tl::make_unexpected(deleted.error());
    }
    return {};
}

Result<void> Rollup::fill(const RollupTable& table, std::uint32_t hour, std::uint64_t step) const {
    const RowsOfHours rows{
        .earlier = "stored_at < toDateTime({made_for:UInt32})",
        .later = "stored_at >= toDateTime({made_for:UInt32}) AND stored_at < toDateTime({made_for:UInt32} + 3600)"};
    for (const bool added : {true, false}) {
        if (!added && !table.by_minute) continue;
        ClickHouseCall call =
            statement("INSERT INTO " + std::string(table.name) + " " + rollup_select(table, added, rows.sql(added)));
        call.parameters = {{"made_for", std::to_string(hour)}, {"made_step", std::to_string(step)}};
        call.once = true;  // twice under one step would count twice
        if (auto filled = client_.must_succeed(call); !filled) return tl::make_unexpected(filled.error());
    }
    return {};
}

Result<std::optional<RolledRange>> Rollup::rolled(TimeNs since_ns) const {
    const auto all = hours();
    if (!all) return tl::make_unexpected(all.error());
    const auto since = static_cast<std::uint32_t>(std::stoul(stored_since(since_ns)));
    std::optional<RolledRange> range;
    for (const HourOfPaths& one : *all) {
        if (std::uint64_t{one.hour_s} + hour_s <= since) continue;
        if (one.step == 0 || one.stale) break;
        if (!range) range = RolledRange{.from_s = one.hour_s, .open_s = 0};
        range->open_s = one.hour_s + hour_s;
    }
    return range;
}

}  // namespace clew::store
