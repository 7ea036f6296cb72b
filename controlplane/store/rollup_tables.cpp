// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/rollup_tables.h"

#include <array>
#include <cmath>

#include "controlplane/store/overview_ask.h"
#include "controlplane/store/rollup.h"

namespace clew::store {
namespace {

constexpr std::string_view links =
    "ARRAY JOIN link_kind AS kind, link_from AS from_tap, link_to AS to_tap, link_gateway AS gateway, link_source AS "
    "source, link_source_port AS source_port, link_delay_ns AS delay, link_delay_error_ns AS delay_error, "
    "link_delay_samples AS samples, link_before AS before, link_behind AS behind, link_lost AS lost, "
    "link_gaps AS gaps, link_unknown AS unknown";
constexpr std::string_view gateway_keys = "kind, from_tap, to_tap, gateway";
constexpr std::string_view gateway_key_columns =
    "kind LowCardinality(String), from_tap LowCardinality(String), to_tap LowCardinality(String), "
    "gateway LowCardinality(String), ";
constexpr std::string_view with_gateway = "gateway != ''";
constexpr std::string_view service_keys =
    "client_seen_server_ip AS service_ip, if(startsWith(toString(proto), 'icmp'), toUInt16(0), "
    "client_seen_server_port) AS service_port, proto AS service_proto";
constexpr std::string_view service_names = "service_ip, service_port, service_proto";
constexpr std::string_view service_key_columns =
    "service_ip IPv6 CODEC(ZSTD(1)), service_port UInt16, service_proto LowCardinality(String), ";

const std::string gateway_columns = std::string(gateway_key_columns) +
                                    "n Int64, resets Int64, retransmitting Int64, before_sum Int64, behind_sum Int64, "
                                    "missing_sum Int64, lost_sum Int64, gaps_sum Int64, unknown_sum Int64, "
                                    "delay_n Int64, delays Map(Int16, Int64), error_max Int64, first_min Int64, "
                                    "last_max Int64, slowest_ns Int64, slowest_path UInt64";
const std::string delay_bucket = "toInt16(if(delay = 0, 0, sign(delay) * (1 + floor(log2(abs(delay)) * " +
                                 std::to_string(delay_buckets_a_doubling) + "))))";
const std::string gateway_measures =
    "{S}toInt64(count()) AS n, {S}toInt64(countIf(has(ends, 'reset'))) AS resets, "
    "{S}toInt64(countIf(retransmissions > 0)) AS retransmitting, {S}toInt64(sum(before)) AS before_sum, "
    "{S}toInt64(sum(behind)) AS behind_sum, "
    "{S}toInt64(sum(if(before > behind, before - behind, 0))) AS missing_sum, {S}toInt64(sum(lost)) AS lost_sum, "
    "{S}toInt64(sum(gaps)) AS gaps_sum, {S}toInt64(sum(unknown)) AS unknown_sum, "
    "{S}toInt64(countIf(samples > 0)) AS delay_n, "
    "sumMapIf(map(" +
    delay_bucket +
    ", toInt64({S}1)), samples > 0) AS delays, "
    "maxIf(delay_error, samples > 0 AND {ADDED}) AS error_max, "
    "if({ADDED}, min(first_ns), toInt64(9223372036854775807)) AS first_min, "
    "if({ADDED}, max(last_ns), toInt64(0)) AS last_max, "
    "if({ADDED} AND countIf(samples > 0) > 0, maxIf(delay, samples > 0), toInt64(-9223372036854775807)) AS slowest_ns, "
    "argMaxIf(path_id, delay, samples > 0 AND {ADDED}) AS slowest_path";
const std::string gateway_set_columns = std::string(gateway_key_columns) +
                                        "sources AggregateFunction(uniqCombined(12), String), "
                                        "ports AggregateFunction(uniqCombined(12), Tuple(String, UInt16))";
const std::string service_columns = std::string(service_key_columns) +
                                    "n Int64, byte_sum Int64, resets Int64, retransmitting Int64, unlinked_n Int64, "
                                    "newest_ns Int64, newest_path UInt64";
const std::string service_set_columns =
    std::string(service_key_columns) + "clients AggregateFunction(uniqCombined(12), IPv6)";
const std::string edge_joined = "ARRAY JOIN " + hops_sql() + " AS hop";
const std::string facet_joined = "ARRAY JOIN " + facet_pairs_sql() + " AS pair";

std::string with(std::string text, std::string_view mark, std::string_view value) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size()))
        text.replace(at, mark.size(), value);
    return text;
}

}  // namespace

const RollupTable path_minutes = {"path_minutes",
                                  "unlinked LowCardinality(String), n Int64, resets Int64, retransmitting Int64",
                                  "",
                                  "unlinked",
                                  "unlinked",
                                  "{S}toInt64(count()) AS n, {S}toInt64(countIf(has(ends, 'reset'))) AS resets, "
                                  "{S}toInt64(countIf(retransmissions > 0)) AS retransmitting",
                                  "1"};
const RollupTable gateway_minutes = {"gateway_minutes", gateway_columns,  links,       gateway_keys,
                                     gateway_keys,      gateway_measures, with_gateway};
const RollupTable gateway_hours = {"gateway_hours",
                                   gateway_set_columns,
                                   links,
                                   gateway_keys,
                                   gateway_keys,
                                   "uniqCombinedStateIf(12)(source, source != '') AS sources, "
                                   "uniqCombinedStateIf(12)(tuple(source, source_port), source != '') AS ports",
                                   with_gateway,
                                   false};
const RollupTable service_minutes = {
    "service_minutes",
    service_columns,
    "",
    service_keys,
    service_names,
    "{S}toInt64(count()) AS n, {S}toInt64(sum(bytes)) AS byte_sum, {S}toInt64(countIf(has(ends, 'reset'))) AS resets, "
    "{S}toInt64(countIf(retransmissions > 0)) AS retransmitting, {S}toInt64(countIf(unlinked != 'linked')) AS "
    "unlinked_n, if({ADDED}, max(first_ns), toInt64(0)) AS newest_ns, "
    "argMaxIf(path_id, first_ns, {ADDED}) AS newest_path",
    "1"};
const RollupTable service_hours = {"service_hours",
                                   service_set_columns,
                                   "",
                                   service_keys,
                                   service_names,
                                   "uniqCombinedState(12)(client_ip) AS clients",
                                   "1",
                                   false};
const RollupTable edge_minutes = {
    "edge_minutes",
    "edge_from LowCardinality(String), edge_to LowCardinality(String), position UInt32, n Int64, resets Int64, "
    "retransmitting Int64",
    edge_joined,
    "tupleElement(hop, 1) AS edge_from, tupleElement(hop, 2) AS edge_to, toUInt32(tupleElement(hop, 3)) AS position",
    "edge_from, edge_to, position",
    path_minutes.measures,
    "1"};
const RollupTable facet_minutes = {"facet_minutes",
                                   "field LowCardinality(String), value String CODEC(ZSTD(1)), n Int64",
                                   facet_joined,
                                   "tupleElement(pair, 1) AS field, tupleElement(pair, 2) AS value",
                                   "field, value",
                                   "{S}toInt64(count()) AS n",
                                   "1"};
/// Of a pair's offsets the median of each row here, whose median by their numbers the answer is.
const RollupTable clock_minutes = {
    "clock_minutes",
    "clock_a LowCardinality(String), clock_b LowCardinality(String), n Int64, offset_n UInt64, offset_mid Int64, "
    "error_min Int64",
    "ARRAY JOIN link_from_clock AS from_clock, link_to_clock AS to_clock, link_offset_ns AS offset_ns, "
    "link_offset_error_ns AS offset_error",
    "least(from_clock, to_clock) AS clock_a, greatest(from_clock, to_clock) AS clock_b",
    "clock_a, clock_b",
    "{S}toInt64(count()) AS n, toUInt64(if({ADDED}, count(), 0)) AS offset_n, "
    "toInt64(quantileExactLow(0.5)(if(from_clock < to_clock, offset_ns, -offset_ns))) AS offset_mid, "
    "if({ADDED}, min(offset_error), toInt64(9223372036854775807)) AS error_min",
    "offset_error > 0 AND from_clock != to_clock"};

std::span<const RollupTable* const> rollup_tables() {
    static constexpr std::array<const RollupTable*, 9> all = {&path_minutes,    &gateway_minutes, &gateway_hours,
                                                              &service_minutes, &service_hours,   &edge_minutes,
                                                              &facet_minutes,   &clock_minutes,   &address_paths};
    return all;
}

double delay_of_bucket(int bucket) {
    if (bucket == 0) return 0;
    const double size = std::exp2((std::abs(bucket) - 0.5) / delay_buckets_a_doubling);
    return bucket < 0 ? -size : size;
}

std::string open_table(const RollupTable& table) { return "open_" + std::string(table.name); }

std::string rollup_table_statement(const RollupTable& table, bool open) {
    const std::string minutes =
        table.by_minute ? "first_minute UInt32 CODEC(Delta, ZSTD(1)), last_minute UInt32 CODEC(Delta, ZSTD(1)), " : "";
    const std::string order =
        !table.summed
            ? std::string(table.names) + ", first_ns"
            : std::string("made_for, step") + (table.by_minute ? ", first_minute, " : ", ") + std::string(table.names);
    return "CREATE TABLE IF NOT EXISTS {DB}." + (open ? open_table(table) : std::string(table.name)) +
           " {ON_CLUSTER} (hour DateTime CODEC(Delta, ZSTD(1)), made_for DateTime CODEC(Delta, ZSTD(1)), step UInt64 "
           "CODEC(Delta, ZSTD(1)), " +
           minutes + std::string(table.columns) + ") ENGINE = {REPLICATED}MergeTree PARTITION BY " +
           (open ? "toStartOfHour(made_for)" : "hour") + " ORDER BY (" + order +
           ") TTL {ROLLED_TTL} SETTINGS {SETTINGS}" + (table.summed ? "" : ", index_granularity = 1024");
}

std::string rollup_select(const RollupTable& table, const RowsOfHours& rows, const std::string& within) {
    const std::string minutes = table.by_minute ? "toUInt32(intDiv(first_ns, 60000000000)) AS first_minute, "
                                                  "toUInt32(intDiv(last_ns, 60000000000)) AS last_minute, "
                                                : "";
    if (!table.summed)
        return "SELECT toStartOfHour(stored_at) AS hour, toDateTime({made_for:UInt32}) AS made_for, {made_step:UInt64} "
               "AS step, NOT (" +
               rows.later + ") AS gone, " + std::string(table.keys) + ", " + std::string(table.measures) +
               " FROM paths " + std::string(table.joined) + " PREWHERE " + rows.counted_sql() + " WHERE " +
               rows.both() + " AND NOT retracted" + within + " AND " + std::string(table.only);
    const std::string sign = "if(" + rows.later + ", 1, -1)";
    const std::string measures = with(with(std::string(table.measures), "{S}", sign + " * "), "{ADDED}", sign + " = 1");
    return "SELECT toStartOfHour(stored_at) AS hour, toDateTime({made_for:UInt32}) AS made_for, {made_step:UInt64} "
           "AS step, " +
           minutes + std::string(table.keys) + ", " + measures + " FROM paths " + std::string(table.joined) +
           " PREWHERE " + (table.by_minute ? rows.counted_sql() : latest_rows_sql(rows.later)) + " WHERE " +
           (table.by_minute ? rows.both() : rows.later) + " AND NOT retracted" + within + " AND " +
           std::string(table.only) + " GROUP BY hour, " + sign + ", " +
           (table.by_minute ? "first_minute, last_minute, " : "") + std::string(table.names);
}

}  // namespace clew::store
