// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/overview.h"

#include <algorithm>

#include "controlplane/store/address_paths.h"
#include "controlplane/store/filter.h"
#include "controlplane/store/overview_ask.h"
#include "controlplane/store/rollup_tables.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

constexpr DurationNs minute_ns = 60 * ns_per_s;
constexpr DurationNs sampled_range_min_ns = 60 * minute_ns;
constexpr std::uint32_t tried_one_in = 64;  ///< path ids, to estimate how many paths match
constexpr std::uint32_t one_in_max = 1 << 16;
constexpr int clickhouse_memory_limit_exceeded = 241;
constexpr int clickhouse_too_many_rows = 158;

std::string limit_sentence(int code, const StoreSettings& settings) {
    if (code == clickhouse_timeout_exceeded)
        return "the question took longer than " + std::to_string(settings.query_timeout_ms) +
               " ms and was ended; narrow the time or the filter";
    if (code == clickhouse_memory_limit_exceeded || code == clickhouse_too_many_rows)
        return "the question needed more memory than the store gives to one; narrow the time or the filter";
    return {};
}

}  // namespace

DurationNs OverviewQuery::step_ns() const {
    const std::int64_t count = std::clamp<std::int64_t>(bucket_count, 1, bucket_count_max);
    const DurationNs unit = is_long() ? minute_ns : 1;
    const DurationNs step = (until_ns - since_ns + count - 1) / count;
    return std::max<DurationNs>(unit, (step + unit - 1) / unit * unit);
}

bool OverviewQuery::is_long() const {
    return since_ns % minute_ns == 0 && until_ns % minute_ns == 0 && until_ns - since_ns >= 60 * minute_ns;
}

std::string ip_sql(const std::string& column) { return "replaceOne(toString(" + column + "), '::ffff:', '')"; }

std::string bucket_sql() {
    return "toUInt32(greatest(0, intDiv(least(first_ns, {until:Int64} - 1) - {since:Int64}, {step:Int64})))";
}

std::string minute_bucket_sql() {
    return "toUInt32(intDiv(greatest(first_minute, {since_minute:UInt32}) - {since_minute:UInt32}, "
           "{step_minutes:UInt32}))";
}

namespace {

// Partitions older than the range cannot hold the latest revision, later ones are all read. A long range begins with a
// partition, as its roll-ups do.
std::string stored_sql(const OverviewQuery& query) {
    return query.is_long() ? "stored_at >= toStartOfHour(toDateTime({stored:UInt32}))"
                           : "stored_at >= toDateTime({stored:UInt32})";
}

/// Of a shorter one all paths are counted, however many.
bool is_sampled_range(const OverviewQuery& query) { return query.until_ns - query.since_ns >= sampled_range_min_ns; }

/// `one_in` a power of 2.
std::string matching_sql(const SqlCondition& filter, std::uint32_t one_in) {
    std::string part;
    if (one_in > 1) part = "path_id < " + std::to_string((std::uint64_t{1} << 63) / (one_in / 2)) + " AND ";
    return part + "NOT retracted AND last_ns >= {since:Int64} AND first_ns < {until:Int64} AND " + filter.sql;
}

}  // namespace

Result<std::string> OverviewAsk::ask(const OverviewQuery& query, const std::string& select, const std::string& tail,
                                     std::string& partial, const std::string& joined, CountedPart* part) const {
    auto filter = compile_filter(query.filter);
    if (!filter) return tl::make_unexpected(filter.error());
    const bool sampled = part != nullptr && !query.exact;
    const auto made = address_rows(client_, settings_, *filter, query.since_ns, query.until_ns,
                                   sampled ? address_rows_sampled_max : address_rows_max);
    if (part != nullptr && part->one_in == 0) {
        const auto estimated = made && part->light ? Result<std::uint32_t>(1) : estimate_one_in(query, *filter, made);
        if (!estimated) return tl::make_unexpected(estimated.error());
        part->one_in = *estimated;
    }
    ClickHouseCall call;
    const std::string matching = matching_sql(*filter, part == nullptr ? 1 : part->one_in), stored = stored_sql(query);
    if (made) {
        call.sql = "SELECT " + select + " FROM " + address_paths_sql(*filter, made->range, matching) + " AS paths " +
                   joined + " WHERE 1 " + tail + " FORMAT RowBinary";
        call.parameters = address_paths_parameters(made->range);
    } else if (sampled && is_sampled_range(query)) {  // not very many: their latest rows are put in order
        call.sql = "SELECT " + select + " FROM (SELECT *, (" + matching +
                   ") AS matches FROM paths PREWHERE path_id IN (SELECT path_id FROM paths WHERE " + stored + " AND " +
                   matching + ") WHERE " + stored + " ORDER BY revision DESC LIMIT 1 BY path_id) AS paths " + joined +
                   " WHERE matches " + tail + " FORMAT RowBinary";
    } else {
        call.sql = "SELECT " + select + " FROM paths " + joined + " PREWHERE " + latest_rows_sql(stored, matching) +
                   " WHERE " + stored + " AND " + matching + " " + tail + " FORMAT RowBinary";
    }
    call.parameters.insert(call.parameters.end(), filter->parameters.begin(), filter->parameters.end());
    call.parameters.emplace_back("stored", stored_since(query.since_ns));
    return run(std::move(call), query, partial);
}

/// By a few paths, or by all rows of the addresses where those are read.
Result<std::uint32_t> OverviewAsk::estimate_one_in(const OverviewQuery& query, const SqlCondition& filter,
                                                   const std::optional<AddressRows>& made) const {
    if (query.exact || !is_sampled_range(query)) return 1;
    if (made && made->count_about <= settings_.counted_paths_max) return 1;
    ClickHouseCall call;
    const std::uint32_t tried = made ? 1 : tried_one_in;
    const std::string matching = matching_sql(filter, tried);
    if (made) {
        call.sql = address_count_sql(filter, made->range, matching) + " FORMAT RowBinary";
        call.parameters = address_paths_parameters(made->range);
    } else {
        call.sql = "SELECT count() FROM paths WHERE " + stored_sql(query) + " AND " + matching + " FORMAT RowBinary";
    }
    call.parameters.insert(call.parameters.end(), filter.parameters.begin(), filter.parameters.end());
    call.parameters.emplace_back("stored", stored_since(query.since_ns));
    std::string late;
    const auto answer = run(std::move(call), query, late);
    if (!answer) return tl::make_unexpected(answer.error());
    if (!late.empty()) return one_in_max;
    RowReader row(*answer);
    const std::uint64_t paths = row.number<std::uint64_t>() * tried;
    std::uint32_t one_in = 1;
    while (one_in < one_in_max && paths / one_in > settings_.counted_paths_max) one_in *= 2;
    return one_in;
}

std::optional<RolledRange> OverviewAsk::rolled(const OverviewQuery& query) const {
    const bool all = query.filter.find_first_not_of(" \t\r\n") == std::string::npos;
    if (!all || !query.is_long()) return std::nullopt;
    const auto range = Rollup(client_, settings_).rolled(query.since_ns);
    return range ? *range : std::nullopt;  // the rows answer as well
}

Result<std::string> OverviewAsk::ask_rolled(const OverviewQuery& query, const RolledRange& range,
                                            const RollupTable& table, const std::string& select,
                                            const std::string& tail, std::string& partial) const {
    const RowsOfHours rows{
        .earlier = "stored_at >= toDateTime({from:UInt32}) AND stored_at < toDateTime({sliced:UInt32})",
        .later = "stored_at >= toDateTime({sliced:UInt32})"};
    const std::string within =
        table.by_minute ? " AND last_minute >= {since_minute:UInt32} AND first_minute < {until_minute:UInt32}"
                        : " AND hour >= toStartOfHour(toDateTime({since_minute:UInt32} * 60)) AND hour < "
                          "toDateTime({until_minute:UInt32} * 60)";
    ClickHouseCall call;
    call.sql = "SELECT " + select + " FROM (SELECT * FROM " + std::string(table.name) +
               " WHERE hour >= toDateTime({from:UInt32}) AND hour < toDateTime({open:UInt32}) AND made_for < "
               "toDateTime({open:UInt32}) AND step IN (SELECT max(step) FROM rolled_hours GROUP BY hour)" +
               within;
    if (range.sliced_s > range.open_s)
        call.sql += " UNION ALL SELECT * FROM " + open_table(table) +
                    " WHERE hour >= toDateTime({from:UInt32}) AND made_for >= toDateTime({open:UInt32}) AND made_for "
                    "< toDateTime({sliced:UInt32}) AND step IN (SELECT max(step) FROM rolled_slices GROUP BY hour)" +
                    within;
    call.sql += " UNION ALL " +
                rollup_select(table, rows, " AND last_ns >= {since:Int64} AND first_ns < {until:Int64}") + ") " + tail +
                " FORMAT RowBinary";
    call.parameters = {{"from", std::to_string(range.from_s)},
                       {"open", std::to_string(range.open_s)},
                       {"sliced", std::to_string(range.sliced_s)},
                       {"made_for", std::to_string(range.sliced_s)},
                       {"made_step", "0"},
                       {"since_minute", std::to_string(query.since_ns / minute_ns)},
                       {"until_minute", std::to_string(query.until_ns / minute_ns)},
                       {"step_minutes", std::to_string(query.step_ns() / minute_ns)}};
    return run(std::move(call), query, partial);
}

Result<std::string> OverviewAsk::run(ClickHouseCall call, const OverviewQuery& query, std::string& partial) const {
    call.parameters.emplace_back("since", std::to_string(query.since_ns));
    call.parameters.emplace_back("until", std::to_string(query.until_ns));
    call.parameters.emplace_back("step", std::to_string(query.step_ns()));
    call.database = settings_.database;
    call.bounded = true;
    call.settings = {{"max_memory_usage", std::to_string(settings_.memory_bytes_max / 2)},
                     {"enable_shared_storage_snapshot_in_query", "1"}};
    auto reply = client_.call(call);
    if (!reply) return tl::make_unexpected(reply.error());
    if (reply->code == 0) return std::move(reply->body);
    partial = limit_sentence(reply->code, settings_);
    if (!partial.empty()) return std::string();
    return fail(ErrorKind::failed,
                "the store refused the question: " + reply->body.substr(0, reply->body.find('\n')).substr(0, 400));
}

void add_reason(std::string& partial, const std::string& sentence) {
    partial += (partial.empty() ? "" : "; ") + sentence;
}

Result<void> whole(const RowReader& row) {
    if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a row");
    return {};
}

}  // namespace clew::store
