// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/address_paths.h"

#include <array>
#include <string_view>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/native_block.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

struct Column {
    std::string_view name;
    std::string_view type;
};

/// As in `paths`, which schema.cpp makes.
constexpr std::array path_columns = {
    Column{"path_id", "UInt64"},
    Column{"revision", "UInt32"},
    Column{"retracted", "Bool"},
    Column{"unlinked", "LowCardinality(String)"},
    Column{"proto", "LowCardinality(String)"},
    Column{"first_ns", "Int64"},
    Column{"last_ns", "Int64"},
    Column{"leg_count", "UInt16"},
    Column{"grade", "LowCardinality(String)"},
    Column{"client_ip", "IPv6"},
    Column{"client_port", "UInt16"},
    Column{"client_seen_server_ip", "IPv6"},
    Column{"client_seen_server_port", "UInt16"},
    Column{"server_ip", "IPv6"},
    Column{"server_port", "UInt16"},
    Column{"server_seen_client_ip", "IPv6"},
    Column{"server_seen_client_port", "UInt16"},
    Column{"ips", "Array(IPv6)"},
    Column{"ports", "Array(UInt16)"},
    Column{"endpoints", "Array(String)"},
    Column{"client_ips", "Array(IPv6)"},
    Column{"client_ports", "Array(UInt16)"},
    Column{"server_ips", "Array(IPv6)"},
    Column{"server_ports", "Array(UInt16)"},
    Column{"layer_ids", "Array(UInt64)"},
    Column{"vnis", "Array(UInt32)"},
    Column{"kinds", "Array(LowCardinality(String))"},
    Column{"grades", "Array(LowCardinality(String))"},
    Column{"taps", "Array(LowCardinality(String))"},
    Column{"ends", "Array(LowCardinality(String))"},
    Column{"processes", "Array(LowCardinality(String))"},
    Column{"pids", "Array(UInt32)"},
    Column{"apps", "Array(LowCardinality(String))"},
    Column{"server_names", "Array(String)"},
    Column{"packets", "UInt64"},
    Column{"bytes", "UInt64"},
    Column{"retransmissions", "UInt32"},
    Column{"link_kind", "Array(LowCardinality(String))"},
    Column{"link_from", "Array(LowCardinality(String))"},
    Column{"link_to", "Array(LowCardinality(String))"},
    Column{"link_gateway", "Array(LowCardinality(String))"},
    Column{"link_source", "Array(String)"},
    Column{"link_source_port", "Array(UInt16)"},
    Column{"link_delay_ns", "Array(Int64)"},
    Column{"link_delay_error_ns", "Array(Int64)"},
    Column{"link_delay_samples", "Array(UInt32)"},
    Column{"link_before", "Array(UInt64)"},
    Column{"link_behind", "Array(UInt64)"},
    Column{"link_from_clock", "Array(LowCardinality(String))"},
    Column{"link_to_clock", "Array(LowCardinality(String))"},
    Column{"link_offset_ns", "Array(Int64)"},
    Column{"link_offset_error_ns", "Array(Int64)"},
    Column{"link_lost", "Array(UInt32)"},
    Column{"link_gaps", "Array(UInt32)"},
    Column{"link_unknown", "Array(UInt32)"},
    Column{"stored_at", "DateTime"},
};

std::string table_columns() {
    std::string out = "gone Bool, ip IPv6 CODEC(ZSTD(1))";
    for (const Column& column : path_columns)
        out += ", " + std::string(column.name) + " " + std::string(column.type) + " CODEC(ZSTD(1))";
    for (const std::string& name : trouble_column_names())
        out += ", " + name + " " + trouble_column_type(name) + " CODEC(ZSTD(1))";
    return out;
}

std::string column_names() {
    std::string out;
    for (const Column& column : path_columns) out += (out.empty() ? "" : ", ") + std::string(column.name);
    for (const std::string& name : trouble_column_names()) out += ", " + name;  // last: as version 9 adds them
    return out;
}

const std::string columns_text = table_columns(), names_text = column_names();

std::string numbers(const std::vector<std::uint64_t>& values) {
    std::string out;
    for (const std::uint64_t value : values) out += (out.empty() ? "" : ", ") + std::to_string(value);
    return out;
}

/// That an address is one of the filter's.
std::string one_of(const std::vector<AddressRange>& ranges, const std::string& address) {
    std::string singles, sql;
    for (const AddressRange& range : ranges) {
        if (range.is_one())
            singles += (singles.empty() ? "" : ", ") + range.first;
        else
            sql += (sql.empty() ? "(" : " OR (") + address + " >= " + range.first + " AND " + address +
                   " <= " + range.last + ")";
    }
    if (!singles.empty()) sql += (sql.empty() ? "" : " OR ") + address + " IN (" + singles + ")";
    return "(" + sql + ")";
}

/// That a row is of one of them. A path with two of them has two rows: the first counts. `ips` has each once, in order.
std::string chosen(const std::vector<AddressRange>& ranges) {
    std::string sql = one_of(ranges, "ip");
    if (ranges.size() > 1 || !ranges[0].is_one()) sql += " AND ip = arrayFirst(x -> " + one_of(ranges, "x") + ", ips)";
    return sql;
}

/// That a path has one of them. hasAny can use the column's bloom filter, a lambda cannot.
std::string any_of(const std::vector<AddressRange>& ranges) {
    std::string singles;
    for (const AddressRange& range : ranges) {
        if (!range.is_one()) return "arrayExists(x -> " + one_of(ranges, "x") + ", ips)";
        singles += (singles.empty() ? "" : ", ") + range.first;
    }
    return "hasAny(ips, [" + singles + "])";
}

/// The rows of an address in the tables of hours and of slices, as far as they are made.
std::string made_rows(const std::string& columns, const RolledRange& range, const std::string& condition) {
    std::string sql = "SELECT " + columns +
                      " FROM address_paths WHERE hour >= toDateTime({rolled_from:UInt32}) AND hour < "
                      "toDateTime({rolled_open:UInt32}) AND step IN (" +
                      numbers(range.hour_steps) + ") AND " + condition;
    if (!range.slice_steps.empty())
        sql += " UNION ALL SELECT " + columns +
               " FROM open_address_paths WHERE hour >= toDateTime({rolled_from:UInt32}) AND step IN (" +
               numbers(range.slice_steps) + ") AND " + condition;
    return sql;
}

}  // namespace

const RollupTable address_paths = {.name = "address_paths",
                                   .columns = columns_text,
                                   .joined = "ARRAY JOIN ips AS ip",
                                   .keys = "ip",
                                   .names = "ip",
                                   .measures = names_text,
                                   .only = "1",
                                   .by_minute = false,
                                   .summed = false};

std::optional<AddressRows> address_rows(ClickHouseClient& client, const StoreSettings& settings,
                                        const SqlCondition& filter, TimeNs since_ns, TimeNs until_ns,
                                        std::uint64_t count_max) {
    const bool is_long = since_ns > 0 && (until_ns == 0 || until_ns - since_ns >= address_paths_range_min_ns);
    if (filter.addresses.empty() || !is_long) return std::nullopt;
    const auto range = Rollup(client, settings).rolled(since_ns);
    if (!range || !*range) return std::nullopt;
    AddressRows rows{**range, 0};
    ClickHouseCall call;
    call.sql = "SELECT toUInt64(sum(rows)) FROM (EXPLAIN ESTIMATE " +
               made_rows("path_id", rows.range, one_of(filter.addresses, "ip")) + ") FORMAT RowBinary";
    call.parameters = address_paths_parameters(rows.range);
    call.parameters.insert(call.parameters.end(), filter.parameters.begin(), filter.parameters.end());
    call.database = settings.database;
    call.bounded = true;
    const auto reply = client.call(call);
    if (!reply || reply->code != 0) return std::nullopt;  // `paths` answer as well
    rows.count_about = RowReader(reply->body).number<std::uint64_t>();
    if (rows.count_about > count_max) return std::nullopt;
    return rows;
}

std::string address_count_sql(const SqlCondition& filter, const RolledRange& range, const std::string& matching) {
    return "SELECT sum(n) FROM (" +
           made_rows("count() AS n", range, chosen(filter.addresses) + " AND NOT gone AND " + matching) + ")";
}

std::string address_paths_sql(const SqlCondition& filter, const RolledRange& range, const std::string& matching,
                              const std::string& columns) {
    const std::string any = one_of(filter.addresses, "ip"), has = any_of(filter.addresses);
    const std::string wanted = columns.empty() ? names_text : columns, row = "path_id, revision, stored_at";
    const std::string since = "stored_at >= toDateTime({rolled_sliced:UInt32})";
    // What no longer counts: made later, or since.
    const std::string gone =
        made_rows(row, range, any + " AND gone") +
        " UNION ALL SELECT made.path_id, made.revision, made.stored_at FROM (" +
        made_rows(row, range, any + " AND path_id IN (SELECT path_id FROM paths WHERE " + since + ")") +
        ") AS made JOIN (SELECT path_id, max((revision, stored_at)) AS newest FROM paths WHERE " + since +
        " GROUP BY path_id) AS since USING path_id WHERE (made.revision, made.stored_at) < since.newest";
    const std::string place = "_part_starting_offset + _part_offset";
    const std::string made = made_rows(names_text, range, chosen(filter.addresses) + " AND NOT gone AND " + matching);
    return "(SELECT " + wanted + " FROM (" + made + ") WHERE (" + row + ") NOT IN (" + gone + ") UNION ALL SELECT " +
           wanted + " FROM paths PREWHERE " + place + " IN (SELECT argMax(" + place +
           ", (revision, stored_at)) FROM paths PREWHERE path_id IN (SELECT path_id FROM paths WHERE " + since +
           " AND " + has + ") WHERE stored_at >= toDateTime({rolled_from:UInt32}) GROUP BY path_id) WHERE " + since +
           " AND " + has + " AND " + matching + ")";
}

std::vector<std::pair<std::string, std::string>> address_paths_parameters(const RolledRange& range) {
    return {{"rolled_from", std::to_string(range.from_s)},
            {"rolled_open", std::to_string(range.open_s)},
            {"rolled_sliced", std::to_string(range.sliced_s)}};
}

}  // namespace clew::store
