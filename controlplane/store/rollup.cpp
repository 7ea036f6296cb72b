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

/// As above, of slices: blocks by the rows' own numbers, which outlast merges.
constexpr const char* slices_sql =
    "SELECT h, blocks, made_step, made_block, made_seen, made_again FROM (SELECT "
    "toUInt32(intDiv(toUnixTimestamp(stored_at), {slice:UInt32}) * {slice:UInt32}) AS h, toInt64(max(_block_number)) "
    "AS blocks FROM paths WHERE stored_at >= toDateTime({from:UInt32}) GROUP BY h) AS there LEFT JOIN (SELECT "
    "toUInt32(toUnixTimestamp(hour)) AS h, max(step) AS made_step, argMax(block, step) AS made_block, argMax(seen, "
    "step) AS made_seen, argMax(again, step) AS made_again FROM rolled_slices WHERE hour >= "
    "toDateTime({from:UInt32}) GROUP BY h) AS made USING h ORDER BY h FORMAT RowBinary";

/// `seen`, `again`: of what comes before.
void tell_stale(std::vector<HourOfPaths>& hours, std::int64_t seen, std::uint64_t again) {
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

struct Rollup::Kind {
    bool open;
    std::uint32_t length_s;
    std::string_view marks;

    std::string table(const RollupTable& of) const { return open ? open_table(of) : std::string(of.name); }
};

const Rollup::Kind Rollup::hour_kind = {false, hour_s, "rolled_hours"};
const Rollup::Kind Rollup::slice_kind = {true, slice_s, "rolled_slices"};

std::string latest_rows_sql(const std::string& condition) {
    return std::string(place_sql) + " IN (SELECT argMax(" + place_sql + ", revision) FROM paths WHERE " + condition +
           " GROUP BY path_id)";
}

std::string latest_rows_sql(const std::string& condition, const std::string& matching) {
    return std::string(place_sql) + " IN (SELECT argMax(" + place_sql +
           ", revision) FROM paths PREWHERE path_id IN (SELECT path_id FROM paths WHERE " + condition + " AND " +
           matching + ") WHERE " + condition + " GROUP BY path_id)";
}

std::string RowsOfHours::counted_sql() const {
    // A row of the same revision that came again later counts there, everywhere alike.
    const std::string place = place_sql, order = "(revision, stored_at)", others = "NOT (" + later + ")";
    const auto newest = [&](const std::string& of) { return "argMaxIf(" + place + ", " + order + ", " + of + ")"; };
    return place + " IN (SELECT arrayJoin(multiIf(countIf(" + others + ") = 0, [" + newest(later) + "], maxIf(" +
           order + ", " + later + ") < maxIf(" + order + ", " + others + "), [], [" + newest(later) + ", " +
           newest(others) + "])) FROM paths PREWHERE path_id IN (SELECT path_id FROM paths WHERE " + later +
           ") WHERE " + both() + " GROUP BY path_id)";
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

Result<std::vector<HourOfPaths>> Rollup::read_hours(const ClickHouseCall& call) const {
    auto answer = client_.must_succeed(call);
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
    return hours;
}

Result<std::vector<HourOfPaths>> Rollup::hours() const {
    auto hours = read_hours(statement(hours_sql));
    if (hours) tell_stale(*hours, 0, 0);
    return hours;
}

Result<std::vector<HourOfPaths>> Rollup::slices(const std::vector<HourOfPaths>& hours) const {
    if (hours.empty()) return std::vector<HourOfPaths>{};
    std::uint32_t from = hours.back().hour_s - hour_s;
    for (const HourOfPaths& one : hours)
        if (one.step != 0) from = std::max(from, one.hour_s + hour_s);
    ClickHouseCall call = statement(slices_sql);
    call.parameters = {{"from", std::to_string(from)}, {"slice", std::to_string(slice_s)}};
    auto slices = read_hours(call);
    std::int64_t seen = 0;
    std::uint64_t again = 0;
    for (const HourOfPaths& one : hours) {
        if (one.hour_s < from) seen = std::max(seen, one.block);
        again = std::max(again, one.again);
    }
    if (slices) tell_stale(*slices, seen, again);
    return slices;
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

Result<std::vector<std::uint32_t>> Rollup::due_slices(std::uint32_t now_s) const {
    const auto all = hours();
    if (!all) return tl::make_unexpected(all.error());
    const auto made = slices(*all);
    if (!made) return tl::make_unexpected(made.error());
    std::vector<std::uint32_t> due;
    for (const HourOfPaths& one : *made)
        if ((one.stale || one.step == 0) && std::uint64_t{one.hour_s} + slice_s + late_slice_s_max <= now_s)
            due.push_back(one.hour_s);
    return due;
}

Result<void> Rollup::make(std::uint32_t hour, TimeNs now) const {
    const auto all = hours();
    if (!all) return tl::make_unexpected(all.error());
    if (auto made = make(hour_kind, *all, hour, 0, now); !made) return made;
    return drop_slices(*all, hour);
}

Result<void> Rollup::make_slice(std::uint32_t slice, TimeNs now) const {
    const auto all = hours();
    if (!all) return tl::make_unexpected(all.error());
    const auto made = slices(*all);
    if (!made) return tl::make_unexpected(made.error());
    std::int64_t seen = 0;
    for (const HourOfPaths& one : *all) {
        if (one.hour_s + hour_s <= slice) seen = std::max(seen, one.block);
        now = std::max(now, static_cast<TimeNs>(one.step) + 1);
    }
    return make(slice_kind, *made, slice, seen, now);
}

Result<void> Rollup::make(const Kind& kind, const std::vector<HourOfPaths>& all, std::uint32_t begin, std::int64_t seen,
                          TimeNs now) const {
    HourOfPaths made;
    auto step = static_cast<std::uint64_t>(std::max<TimeNs>(now, 1));
    for (const HourOfPaths& one : all) {
        step = std::max(step, one.step + 1);
        if (one.hour_s <= begin) seen = std::max(seen, one.block);
        if (one.hour_s == begin) made = one;
    }
    if (made.hour_s != begin) return {};  // it has left the store, or its hour was made, meanwhile
    if (auto cleared = clear(kind, begin, made.step); !cleared) return cleared;
    for (const RollupTable* table : rollup_tables())
        if (auto filled = fill(kind, *table, begin, step); !filled) return filled;
    ClickHouseCall mark = statement("INSERT INTO " + std::string(kind.marks) +
                                    " SELECT toDateTime({hour:UInt32}), {step:UInt64}, {block:Int64}, {seen:Int64}, "
                                    "{again:UInt64}");
    mark.parameters = {{"hour", std::to_string(begin)},
                       {"step", std::to_string(step)},
                       {"block", std::to_string(made.block)},
                       {"seen", std::to_string(seen)},
                       {"again", std::to_string(made.step == 0 ? 0 : step)}};
    if (auto marked = client_.must_succeed(mark); !marked) return tl::make_unexpected(marked.error());
    return {};
}

/// By partitions: a deletion without one looks at each part of the table, and writes it anew, however few have such
/// rows.
Result<void> Rollup::clear(const Kind& kind, std::uint32_t begin, std::uint64_t step) const {
    for (const RollupTable* table : rollup_tables()) {
        const std::string name = kind.table(*table),
                          left = " WHERE made_for = toDateTime({hour:UInt32}) AND step != {step:UInt64}";
        ClickHouseCall ask = statement("SELECT DISTINCT _partition_id FROM " + name + left + " FORMAT RowBinary");
        ask.parameters = {{"hour", std::to_string(begin)}, {"step", std::to_string(step)}};
        const auto answer = client_.must_succeed(ask);
        if (!answer) return tl::make_unexpected(answer.error());
        for (RowReader row(*answer); !row.at_end();) {
            ClickHouseCall remove = ask;
            remove.sql = "DELETE FROM " + name + " IN PARTITION ID '" + std::string(row.text()) + "'" + left;
            if (auto deleted = client_.must_succeed(remove); !deleted) return tl::make_unexpected(deleted.error());
        }
    }
    return {};
}

Result<void> Rollup::fill(const Kind& kind, const RollupTable& table, std::uint32_t begin, std::uint64_t step) const {
    const RowsOfHours rows{.earlier = "stored_at < toDateTime({made_for:UInt32})",
                           .later =
                               "stored_at >= toDateTime({made_for:UInt32}) AND stored_at < "
                               "toDateTime({made_for:UInt32} + " +
                               std::to_string(kind.length_s) + ")"};
    ClickHouseCall call = statement("INSERT INTO " + kind.table(table) + " " + rollup_select(table, rows, {}));
    call.parameters = {{"made_for", std::to_string(begin)}, {"made_step", std::to_string(step)}};
    if (!table.summed) {  // rows are written as they are read, each several times: in small blocks
        call.settings.emplace_back("max_block_size", "8192");
        call.settings.emplace_back("min_insert_block_size_rows", "131072");
        call.settings.emplace_back("min_insert_block_size_bytes", "67108864");
    }
    call.once = true;  // twice under one step would count twice
    if (auto filled = client_.must_succeed(call); !filled) return tl::make_unexpected(filled.error());
    if (table.summed || kind.open) return {};
    // A question reads a few rows of each part: one part an hour.
    ClickHouseCall merge =
        statement("OPTIMIZE TABLE " + kind.table(table) + " PARTITION ID '" + std::to_string(begin) + "'");
    if (auto merged = client_.must_succeed(merge); !merged) return tl::make_unexpected(merged.error());
    return {};
}

/// Those of hours made before this one: no question reads them any more. The marks first.
Result<void> Rollup::drop_slices(const std::vector<HourOfPaths>& hours, std::uint32_t before) const {
    for (const HourOfPaths& one : hours) {
        if (one.hour_s >= before || one.step == 0) continue;
        ClickHouseCall call = statement(
            "SELECT count() FROM rolled_slices WHERE hour >= toDateTime({hour:UInt32}) AND hour < "
            "toDateTime({hour:UInt32} + 3600) FORMAT RowBinary");
        call.parameters = {{"hour", std::to_string(one.hour_s)}};
        auto answer = client_.must_succeed(call);
        if (!answer) return tl::make_unexpected(answer.error());
        if (RowReader(*answer).number<std::uint64_t>() == 0) continue;
        std::vector<std::string> tables;
        for (const RollupTable* table : rollup_tables()) tables.push_back(open_table(*table));
        tables.emplace_back("rolled_slices");  // last: an ended dropping is taken up again
        for (const std::string& table : tables) {
            call.sql = "ALTER TABLE " + table + " DROP PARTITION ID '" + std::to_string(one.hour_s) + "'";
            if (auto dropped = client_.must_succeed(call); !dropped) return tl::make_unexpected(dropped.error());
        }
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
        if (!range) range = RolledRange{.from_s = one.hour_s};
        range->open_s = range->sliced_s = one.hour_s + hour_s;
        range->hour_steps.push_back(one.step);
    }
    if (!range) return range;
    const auto made = slices(*all);
    if (!made) return tl::make_unexpected(made.error());
    if (made->empty() || std::ranges::any_of(*all, [&](const HourOfPaths& one) {
            return one.hour_s >= range->open_s && one.hour_s + hour_s <= made->front().hour_s;
        }))
        return range;  // hours between are not made
    for (const HourOfPaths& one : *made) {
        if (one.hour_s < range->open_s) continue;
        if (one.step == 0 || one.stale) break;
        range->sliced_s = one.hour_s + slice_s;
        range->slice_steps.push_back(one.step);
    }
    return range;
}

}  // namespace clew::store
