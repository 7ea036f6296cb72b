// SPDX-License-Identifier: Apache-2.0
// Version 9's columns: what is wrong with a path, and TCP's analysis in figures that can be searched and summed.
#include <string>
#include <string_view>

#include "controlplane/store/native_block.h"
#include "controlplane/store/path_trouble.h"
#include "controlplane/store/schema.h"

namespace clew::store {
namespace {

struct TcpCount {
    std::string_view column;
    std::uint32_t (v1::PathTcp::*of)() const;
};

constexpr TcpCount tcp_counts[] = {{"fast_retransmissions", &v1::PathTcp::fast_retransmissions},
                                   {"spurious_retransmissions", &v1::PathTcp::spurious_retransmissions},
                                   {"out_of_order", &v1::PathTcp::out_of_order},
                                   {"duplicate_acks", &v1::PathTcp::duplicate_acks},
                                   {"zero_windows", &v1::PathTcp::zero_windows},
                                   {"windows_full", &v1::PathTcp::windows_full},
                                   {"keep_alives", &v1::PathTcp::keep_alives}};

struct LegCount {
    std::string_view column;
    std::uint32_t TcpFlowAnalysis::*of;
};

/// Of both directions together.
constexpr LegCount leg_counts[] = {{"fast_retransmissions", &TcpFlowAnalysis::retransmissions_fast},
                                   {"timeout_retransmissions", &TcpFlowAnalysis::retransmissions_timeout},
                                   {"spurious_retransmissions", &TcpFlowAnalysis::retransmissions_spurious},
                                   {"losses_upstream", &TcpFlowAnalysis::losses_upstream},
                                   {"out_of_order", &TcpFlowAnalysis::out_of_order},
                                   {"duplicate_acks", &TcpFlowAnalysis::duplicate_acks},
                                   {"zero_windows", &TcpFlowAnalysis::zero_windows},
                                   {"windows_full", &TcpFlowAnalysis::windows_full},
                                   {"keep_alives", &TcpFlowAnalysis::keep_alives},
                                   {"resets", &TcpFlowAnalysis::resets},
                                   {"capture_gaps", &TcpFlowAnalysis::capture_gaps}};

struct LegDelays {
    std::string_view name;
    const DelayStatistics& (*of)(const TcpAnalysis&);
};

constexpr LegDelays leg_delays[] = {
    {"rtt_to_server", [](const TcpAnalysis& tcp) -> const DelayStatistics& { return tcp.flows[0].rtt; }},
    {"rtt_to_client", [](const TcpAnalysis& tcp) -> const DelayStatistics& { return tcp.flows[1].rtt; }},
    {"response", [](const TcpAnalysis& tcp) -> const DelayStatistics& { return tcp.response; }}};

/// `old`: what rows from before have; empty: 0 or nothing.
std::string column(std::string_view name, std::string_view type, std::string_view old = {}) {
    return "ADD COLUMN IF NOT EXISTS " + std::string(name) + " " + std::string(type) +
           (old.empty() ? "" : " DEFAULT " + std::string(old)) + " CODEC(ZSTD(1))";
}

const std::string known_delays = "arrayFilter((d, s) -> s > 0, link_delay_ns, link_delay_samples)";

}  // namespace

std::vector<std::string> trouble_column_names() {
    std::vector<std::string> names = {"added_ns", "slowest_ns", "lost",      "gaps",
                                      "reset_by", "oddness",    "tcp_known", "initial_rtt_ns"};
    for (const TcpCount& count : tcp_counts) names.emplace_back(count.column);
    return names;
}

std::string trouble_column_type(std::string_view name) {
    if (name == "added_ns" || name == "slowest_ns" || name == "initial_rtt_ns") return "Int64";
    if (name == "reset_by") return "Array(LowCardinality(String))";
    if (name == "oddness") return "UInt16";
    return name == "tcp_known" ? "Bool" : "UInt32";
}

std::string add_path_trouble_sql() {
    const std::string unknown = std::to_string(delay_unknown_ns);
    std::string sql;
    for (const std::string& name : trouble_column_names()) {
        std::string old;  // of rows from before
        if (name == "added_ns")
            old = "if(empty(" + known_delays + "), " + unknown + ", arraySum(" + known_delays + "))";
        else if (name == "slowest_ns")
            old = "if(empty(" + known_delays + "), " + unknown + ", arrayMax(" + known_delays + "))";
        else if (name == "lost")
            old = "toUInt32(arraySum(link_lost))";
        else if (name == "gaps")
            old = "toUInt32(arraySum(link_gaps))";
        else if (name == "oddness")
            old = oddness_of_old_rows_sql;
        sql += (sql.empty() ? "" : ", ") + column(name, trouble_column_type(name), old);
    }
    return "ALTER TABLE {DB}.paths {ON_CLUSTER} " + sql;
}

std::string add_leg_tcp_sql() {
    std::string sql = column("tcp_known", "Bool") + ", " + column("handshake_ns", "Int64");
    for (const LegDelays& delays : leg_delays)
        sql += ", " + column(std::string(delays.name) + "_count", "UInt32") + ", " +
               column(std::string(delays.name) + "_sum_ns", "Int64") + ", " +
               column(std::string(delays.name) + "_max_ns", "Int64");
    for (const LegCount& count : leg_counts) sql += ", " + column(count.column, "UInt32");
    return "ALTER TABLE {DB}.legs {ON_CLUSTER} " + sql + ", " + column("capture_gap_bytes", "UInt64");
}

void add_trouble_columns(NativeBlock& block, const std::vector<v1::Path>& paths) {
    NativeColumn& added = block.add("added_ns", "Int64");
    NativeColumn& slowest = block.add("slowest_ns", "Int64");
    NativeColumn& lost = block.add("lost", "UInt32");
    NativeColumn& gaps = block.add("gaps", "UInt32");
    NativeColumn& reset_by = block.add("reset_by", "Array(String)");
    NativeColumn& oddness = block.add("oddness", "UInt16");
    NativeColumn& known = block.add("tcp_known", "Bool");
    NativeColumn& rtt = block.add("initial_rtt_ns", "Int64");
    std::vector<NativeColumn*> counts;
    for (const TcpCount& count : tcp_counts) counts.push_back(&block.add(std::string(count.column), "UInt32"));
    for (const v1::Path& path : paths) {
        const PathTrouble trouble = trouble_of(path);
        added.number(trouble.added_ns);
        slowest.number(trouble.slowest_ns);
        lost.number(trouble.lost);
        gaps.number(trouble.gaps);
        for (const std::string& by : trouble.reset_by) reset_by.text(by);
        reset_by.end_row();
        oddness.number(trouble.oddness);
        known.number(static_cast<std::uint8_t>(path.has_tcp()));
        rtt.number(static_cast<std::int64_t>(path.tcp().initial_rtt_ns()));
        for (std::size_t i = 0; i < counts.size(); ++i) counts[i]->number((path.tcp().*tcp_counts[i].of)());
    }
}

void add_tcp_columns(NativeBlock& block, std::span<const StoredLeg> legs) {
    NativeColumn& known = block.add("tcp_known", "Bool");
    NativeColumn& handshake = block.add("handshake_ns", "Int64");
    NativeColumn& gap_bytes = block.add("capture_gap_bytes", "UInt64");
    for (const StoredLeg& stored : legs) {
        const TcpAnalysis& tcp = stored.leg.tcp;
        known.number(
            static_cast<std::uint8_t>(stored.leg.protocol == Protocol::tcp && stored.leg.observer != Observer::socket));
        handshake.number(static_cast<std::int64_t>(tcp.handshake));
        gap_bytes.number(tcp.flows[0].capture_gap_bytes + tcp.flows[1].capture_gap_bytes);
    }
    for (const LegDelays& delays : leg_delays) {
        const std::string name(delays.name);
        NativeColumn& count = block.add(name + "_count", "UInt32");
        NativeColumn& sum = block.add(name + "_sum_ns", "Int64");
        NativeColumn& max = block.add(name + "_max_ns", "Int64");
        for (const StoredLeg& stored : legs) {
            const DelayStatistics& of = delays.of(stored.leg.tcp);
            count.number(of.count);
            sum.number(of.sum_ns);
            max.number(of.max_ns);
        }
    }
    for (const LegCount& one : leg_counts) {
        NativeColumn& count = block.add(std::string(one.column), "UInt32");
        for (const StoredLeg& stored : legs)
            count.number(stored.leg.tcp.flows[0].*one.of + stored.leg.tcp.flows[1].*one.of);
    }
}

}  // namespace clew::store
