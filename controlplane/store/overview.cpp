// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/overview.h"

#include <algorithm>

#include "controlplane/store/filter.h"
#include "controlplane/store/overview_ask.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

constexpr int clickhouse_memory_limit_exceeded = 241;
constexpr int clickhouse_too_many_rows = 158;

/// One row a path: its latest revision's, by the row's place, so that a row that was stored twice counts once. Places
/// hold within one question only, which reads one snapshot of the table. What FINAL answers, without its merge of all
/// columns.
const std::string latest_rows_sql =
    "_part_starting_offset + _part_offset IN (SELECT argMax(_part_starting_offset + _part_offset, revision) FROM paths "
    "WHERE stored_at >= toDateTime({stored:UInt32}) GROUP BY path_id)";

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
    return std::max<DurationNs>(1, (until_ns - since_ns + count - 1) / count);
}

std::string ip_sql(const std::string& column) { return "replaceOne(toString(" + column + "), '::ffff:', '')"; }

std::string bucket_sql() {
    return "toUInt32(greatest(0, intDiv(least(first_ns, {until:Int64} - 1) - {since:Int64}, {step:Int64})))";
}

Result<std::string> OverviewAsk::ask(const OverviewQuery& query, const std::string& select, const std::string& tail,
                                     std::string& partial, const std::string& joined) const {
    auto filter = compile_filter(query.filter);
    if (!filter) return tl::make_unexpected(filter.error());
    ClickHouseCall call;
    // Partitions older than the range cannot hold the latest revision, later ones are all read.
    call.sql = "SELECT " + select + " FROM paths " + joined +
               " WHERE stored_at >= toDateTime({stored:UInt32}) AND NOT retracted AND last_ns >= {since:Int64} AND "
               "first_ns <= {until:Int64} AND " +
               latest_rows_sql + " AND " + filter->sql + " " + tail + " FORMAT RowBinary";
    call.parameters = std::move(filter->parameters);
    call.parameters.emplace_back("stored", stored_since(query.since_ns));
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

Result<void> whole(const RowReader& row) {
    if (!row.ok()) return fail(ErrorKind::failed, "the store's answer ends in the middle of a row");
    return {};
}

}  // namespace clew::store
