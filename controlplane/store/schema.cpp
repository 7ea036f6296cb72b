// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/schema.h"

#include <algorithm>
#include <string_view>

#include "controlplane/store/rollup_tables.h"

namespace clew::store {
namespace {

/// {DB}, {ON_CLUSTER}, {REPLICATED}, {TTL} and {SETTINGS} are filled in by filled().
///
/// Durable when an insert returns, and when a merge has replaced its part: fsync of the files and of the directory.
/// Parts leave whole, by the hour in which their rows came (`stored_at`): packet times may be anything (files, clocks
/// that are off), and a path's may change. Rows of one insert have one `stored_at`, so they become one part: an insert
/// is there whole or not at all. Every file of a part costs: with inserts of some hundred rows a few times a second
/// most of the store's time goes into making and deleting files, so an index must earn its two.
constexpr std::string_view legs_table = R"(
CREATE TABLE IF NOT EXISTS {DB}.legs {ON_CLUSTER}
(
    leg_id UInt64,
    revision UInt32,
    observer_name LowCardinality(String),
    started_ns Int64 CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    tap LowCardinality(String),
    clock LowCardinality(String),
    observer LowCardinality(String),
    proto LowCardinality(String),
    client_ip IPv6 CODEC(ZSTD(1)),
    client_port UInt16 CODEC(ZSTD(1)),
    server_ip IPv6 CODEC(ZSTD(1)),
    server_port UInt16 CODEC(ZSTD(1)),
    vni Nullable(UInt32) CODEC(ZSTD(1)),
    netns UInt32 CODEC(ZSTD(1)),
    process LowCardinality(String),
    pid UInt32 CODEC(ZSTD(1)),
    first_ns Int64 CODEC(Delta, ZSTD(1)),
    last_ns Int64 CODEC(Delta, ZSTD(1)),
    end LowCardinality(String),
    packets_to_server UInt64 CODEC(ZSTD(1)),
    packets_to_client UInt64 CODEC(ZSTD(1)),
    bytes_to_server UInt64 CODEC(ZSTD(1)),
    bytes_to_client UInt64 CODEC(ZSTD(1)),
    retransmissions_to_server UInt32 CODEC(ZSTD(1)),
    retransmissions_to_client UInt32 CODEC(ZSTD(1)),
    isn_to_server UInt32 CODEC(ZSTD(1)),
    isn_to_client UInt32 CODEC(ZSTD(1)),
    body String CODEC(ZSTD(1)),
    stored_at DateTime CODEC(Delta, ZSTD(1))
)
ENGINE = {REPLICATED}ReplacingMergeTree(revision)
PARTITION BY toStartOfHour(stored_at)
ORDER BY (toStartOfMinute(fromUnixTimestamp64Nano(first_ns)), server_ip, server_port, client_ip, client_port, leg_id)
TTL {TTL}
SETTINGS {SETTINGS})";

constexpr std::string_view paths_table = R"(
CREATE TABLE IF NOT EXISTS {DB}.paths {ON_CLUSTER}
(
    path_id UInt64,
    revision UInt32,
    retracted Bool,
    merged_into UInt64 CODEC(ZSTD(1)),
    unlinked LowCardinality(String),
    proto LowCardinality(String),
    first_ns Int64 CODEC(Delta, ZSTD(1)),
    last_ns Int64 CODEC(Delta, ZSTD(1)),
    leg_count UInt16,
    grade LowCardinality(String),
    client_ip IPv6 CODEC(ZSTD(1)),
    client_port UInt16,
    client_seen_server_ip IPv6 CODEC(ZSTD(1)),
    client_seen_server_port UInt16,
    server_ip IPv6 CODEC(ZSTD(1)),
    server_port UInt16,
    server_seen_client_ip IPv6 CODEC(ZSTD(1)),
    server_seen_client_port UInt16,
    ips Array(IPv6) CODEC(ZSTD(1)),
    ports Array(UInt16) CODEC(ZSTD(1)),
    endpoints Array(String) CODEC(ZSTD(1)),
    client_ips Array(IPv6) CODEC(ZSTD(1)),
    client_ports Array(UInt16) CODEC(ZSTD(1)),
    server_ips Array(IPv6) CODEC(ZSTD(1)),
    server_ports Array(UInt16) CODEC(ZSTD(1)),
    layer_ids Array(UInt64) CODEC(ZSTD(1)),
    vnis Array(UInt32) CODEC(ZSTD(1)),
    kinds Array(LowCardinality(String)),
    grades Array(LowCardinality(String)),
    taps Array(LowCardinality(String)),
    ends Array(LowCardinality(String)),
    processes Array(LowCardinality(String)),
    pids Array(UInt32) CODEC(ZSTD(1)),
    body String CODEC(ZSTD(1)),
    stored_at DateTime CODEC(Delta, ZSTD(1)),
    INDEX by_ip ips TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_endpoint endpoints TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {REPLICATED}ReplacingMergeTree(revision)
PARTITION BY toStartOfHour(stored_at)
ORDER BY path_id
TTL {TTL}
SETTINGS {SETTINGS})";

/// Version 2: what the payload told.
constexpr std::string_view legs_with_app =
    "ALTER TABLE {DB}.legs {ON_CLUSTER} ADD COLUMN IF NOT EXISTS app LowCardinality(String), "
    "ADD COLUMN IF NOT EXISTS server_name String CODEC(ZSTD(1))";
constexpr std::string_view paths_with_apps =
    "ALTER TABLE {DB}.paths {ON_CLUSTER} ADD COLUMN IF NOT EXISTS apps Array(LowCardinality(String)), "
    "ADD COLUMN IF NOT EXISTS server_names Array(String) CODEC(ZSTD(1))";

/// Version 3: what overviews count and measure, beside the body: totals of a path, and its links as arrays of one
/// length. link_gateway names the instance; 0 samples: no delay; 0 offset error: the clocks were not compared.
constexpr std::string_view paths_links = R"(
ALTER TABLE {DB}.paths {ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS packets UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS bytes UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS retransmissions UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_kind Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS link_from Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS link_to Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS link_gateway Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS link_source Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_source_port Array(UInt16) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_delay_ns Array(Int64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_delay_error_ns Array(Int64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_delay_samples Array(UInt32) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_before Array(UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_behind Array(UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_from_clock Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS link_to_clock Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS link_offset_ns Array(Int64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_offset_error_ns Array(Int64) CODEC(ZSTD(1)))";

/// Version 4: what became of the packets of a link, as the engine found it; 0 for rows from before.
constexpr std::string_view paths_losses = R"(
ALTER TABLE {DB}.paths {ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS link_lost Array(UInt32) DEFAULT arrayMap(x -> toUInt32(0), link_kind) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_gaps Array(UInt32) DEFAULT arrayMap(x -> toUInt32(0), link_kind) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS link_unknown Array(UInt32) DEFAULT arrayMap(x -> toUInt32(0), link_kind) CODEC(ZSTD(1)))";

/// Version 5: which hours are rolled up, by which step; `block` and `seen` are the highest block numbers of the hour
/// and of all up to it when it was made, `again` the step where rows had still come to an hour that was made.
constexpr std::string_view rolled_hours_table =
    "CREATE TABLE IF NOT EXISTS {DB}.rolled_hours {ON_CLUSTER} (hour DateTime, step UInt64, block Int64, seen Int64, "
    "again UInt64) ENGINE = {REPLICATED}MergeTree PARTITION BY toStartOfDay(hour) ORDER BY (hour, step) TTL "
    "{ROLLED_TTL} SETTINGS {SETTINGS}";

/// Version 6: the same by slices of hours that are not over, told stale by the rows' own block numbers, which a merge
/// would lose without the setting; and roll-ups of clocks, which hours made before lack, so that all are made anew.
/// What was made is emptied: deleting an hour's rows each time would take longer than making it.
constexpr std::string_view rolled_slices_table =
    "CREATE TABLE IF NOT EXISTS {DB}.rolled_slices {ON_CLUSTER} (hour DateTime, step UInt64, block Int64, seen Int64, "
    "again UInt64) ENGINE = {REPLICATED}MergeTree PARTITION BY toStartOfHour(hour) ORDER BY (hour, step) TTL "
    "{ROLLED_TTL} SETTINGS {SETTINGS}";
constexpr std::string_view paths_block_numbers =
    "ALTER TABLE {DB}.paths {ON_CLUSTER} MODIFY SETTING enable_block_number_column = 1";

/// Version 8: a body is read by its path's id, in the midst of others' bodies: blocks of few rows. Only a new table can
/// have other blocks; it takes over the parts as they are, which keep theirs until they leave or are merged. May be
/// broken off after any statement and run again: at each moment one of the two has all rows and the name.
constexpr std::string_view fine_paths_table =
    "CREATE TABLE {DB}.paths_fine {ON_CLUSTER} AS {DB}.paths ENGINE = {REPLICATED}ReplacingMergeTree(revision) "
    "PARTITION BY toStartOfHour(stored_at) ORDER BY path_id TTL {TTL} SETTINGS {SETTINGS}, enable_block_number_column "
    "= 1, index_granularity = 256";
constexpr std::string_view fine_paths_taken_over[] = {
    "ALTER TABLE {DB}.paths_fine {ON_CLUSTER} ATTACH PARTITION ALL FROM {DB}.paths",
    "EXCHANGE TABLES {DB}.paths AND {DB}.paths_fine {ON_CLUSTER}"};
constexpr std::string_view drop_fine_paths = "DROP TABLE IF EXISTS {DB}.paths_fine {ON_CLUSTER} SYNC";

/// Version 10: what searches and overviews read of all rows is quick to unpack rather than small. Ids and times lie
/// there by the path's id, so at random: a stronger codec took a fifth off them and most of a pass's time. Older parts
/// keep theirs until they leave or are merged.
constexpr std::string_view plain_columns[] = {"first_ns", "last_ns", "stored_at"};
constexpr std::string_view quick_columns[] = {
    "ips", "ports", "layer_ids", "client_ip", "client_seen_server_ip", "server_ip", "added_ns", "slowest_ns"};

std::string quick_paths_sql() {
    std::string columns;
    const auto add = [&](std::string_view name, const char* codec) {
        columns += (columns.empty() ? "" : ", ") + ("MODIFY COLUMN " + std::string(name)) + " CODEC(" + codec + ")";
    };
    for (const std::string_view name : plain_columns) add(name, "NONE");
    for (const std::string_view name : quick_columns) add(name, "LZ4");
    return "ALTER TABLE {DB}.paths {ON_CLUSTER} " + columns;
}

/// An hour's sums leave with its last rows.
std::string rolled_ttl(const SchemaPlace& place) {
    return "hour + toIntervalHour(" + std::to_string(place.retention_hours + 1) + ")";
}

std::string filled(std::string_view text, const SchemaPlace& place) {
    const std::pair<std::string_view, std::string> values[] = {
        {"{DB}", place.database},
        {"{ON_CLUSTER}", place.cluster.empty() ? "" : "ON CLUSTER '" + place.cluster + "'"},
        {"{REPLICATED}", place.cluster.empty() ? "" : "Replicated"},
        {"{SETTINGS}",
         "ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = "
         "1"},
        {"{ROLLED_TTL}", rolled_ttl(place)},
        {"{TTL}", "stored_at + toIntervalHour(" + std::to_string(place.retention_hours) + ")"},
    };
    std::string out(text);
    for (const auto& [mark, value] : values) {
        for (std::size_t at = out.find(mark); at != std::string::npos; at = out.find(mark, at + value.size()))
            out.replace(at, mark.size(), value);
    }
    return out;
}

/// All hours and slices are made anew.
void empty_rollups(const SchemaPlace& place, std::vector<std::string>& statements) {
    for (const std::string_view marks : {"rolled_hours", "rolled_slices"})
        statements.push_back(filled("TRUNCATE TABLE {DB}." + std::string(marks) + " {ON_CLUSTER}", place));
    for (const RollupTable* table : rollup_tables())
        for (const std::string& name : {std::string(table->name), open_table(*table)})
            statements.push_back(filled("TRUNCATE TABLE {DB}." + name + " {ON_CLUSTER}", place));
}

}  // namespace

std::vector<std::string> schema_base_statements(const SchemaPlace& place) {
    return {
        filled("CREATE DATABASE IF NOT EXISTS {DB} {ON_CLUSTER}", place),
        filled(
            "CREATE TABLE IF NOT EXISTS {DB}.schema_versions {ON_CLUSTER} (version UInt32, made_at DateTime DEFAULT "
            "now()) "
            "ENGINE = {REPLICATED}MergeTree ORDER BY version SETTINGS fsync_after_insert = 1, fsync_part_directory = 1",
            place)};
}

std::vector<std::string> schema_statements(const SchemaPlace& place, std::uint32_t version) {
    if (version == 1) return {filled(legs_table, place), filled(paths_table, place)};
    if (version == 2) return {filled(legs_with_app, place), filled(paths_with_apps, place)};
    if (version == 3) return {filled(paths_links, place)};
    if (version == 4) return {filled(paths_losses, place)};
    if (version == 5) {
        std::vector<std::string> statements = {filled(rolled_hours_table, place)};
        for (const RollupTable* table : rollup_tables())
            statements.push_back(filled(rollup_table_statement(*table, false), place));
        return statements;
    }
    if (version == 8) {
        std::vector<std::string> statements = {filled(drop_fine_paths, place), filled(fine_paths_table, place)};
        for (const std::string_view statement : fine_paths_taken_over) statements.push_back(filled(statement, place));
        statements.push_back(filled(drop_fine_paths, place));
        empty_rollups(place, statements);  // what is made is told by block numbers, and the parts have others now
        return statements;
    }
    if (version == 10) return {filled(quick_paths_sql(), place)};
    if (version == 9) {
        std::vector<std::string> statements = {filled(add_path_trouble_sql(), place), filled(add_leg_tcp_sql(), place)};
        std::string columns;  // a store that is made today has them since version 7
        for (const std::string& name : trouble_column_names())
            columns += (columns.empty() ? "" : ", ") + ("ADD COLUMN IF NOT EXISTS " + name + " ") +
                       trouble_column_type(name) + " CODEC(ZSTD(1))";
        for (const std::string& table : {std::string(address_paths.name), open_table(address_paths)})
            statements.push_back(filled("ALTER TABLE {DB}." + table + " {ON_CLUSTER} " + columns, place));
        empty_rollups(place, statements);  // hours and slices made before lack them, and the facet of resets
        return statements;
    }
    if (version == 7) {
        // Hours and slices made before lack it.
        std::vector<std::string> statements;
        for (const bool open : {false, true})
            statements.push_back(filled(rollup_table_statement(address_paths, open), place));
        empty_rollups(place, statements);
        return statements;
    }
    if (version == 6) {
        std::vector<std::string> statements = {filled(rolled_slices_table, place), filled(paths_block_numbers, place),
                                               filled(rollup_table_statement(clock_minutes, false), place),
                                               filled("TRUNCATE TABLE {DB}.rolled_hours {ON_CLUSTER}", place)};
        for (const RollupTable* table : rollup_tables()) {
            statements.push_back(filled("TRUNCATE TABLE {DB}." + std::string(table->name) + " {ON_CLUSTER}", place));
            statements.push_back(filled(rollup_table_statement(*table, true), place));
        }
        return statements;
    }
    return {};
}

std::string stored_since(TimeNs since_ns) {
    constexpr std::int64_t clock_slack_s = 3600;
    return std::to_string(std::clamp<std::int64_t>(since_ns / ns_per_s - clock_slack_s, 0, 0xffffffff));
}

std::vector<std::string> schema_retention_statements(const SchemaPlace& place) {
    std::vector<std::string> statements = {
        filled("ALTER TABLE {DB}.legs {ON_CLUSTER} MODIFY TTL {TTL}", place),
        filled("ALTER TABLE {DB}.paths {ON_CLUSTER} MODIFY TTL {TTL}", place),
        filled("ALTER TABLE {DB}.rolled_hours {ON_CLUSTER} MODIFY TTL {ROLLED_TTL}", place),
        filled("ALTER TABLE {DB}.rolled_slices {ON_CLUSTER} MODIFY TTL {ROLLED_TTL}", place)};
    for (const RollupTable* table : rollup_tables())
        for (const std::string& name : {std::string(table->name), open_table(*table)})
            statements.push_back(filled("ALTER TABLE {DB}." + name + " {ON_CLUSTER} MODIFY TTL {ROLLED_TTL}", place));
    return statements;
}

}  // namespace clew::store
