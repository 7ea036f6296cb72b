// SPDX-License-Identifier: Apache-2.0
#include "cli/tcp_view.h"

#include "cli/paint.h"
#include "cli/time_text.h"
#include "nat-trace/tcp_analysis.h"
#include "wire/convert_tcp.h"

namespace clew::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string times_text(std::uint64_t count) { return count == 1 ? "once" : with_thousands(count) + " times"; }

std::string delays_text(const DelayStatistics& delays) {
    if (delays.count == 1) return duration_text(delays.sum_ns) + ", 1 sample";
    return duration_text(delays.mean()) + " mean, p50 " + duration_text(delays.quantile(0.5)) + ", p99 " +
           duration_text(delays.quantile(0.99)) + ", p999 " + duration_text(delays.quantile(0.999)) + ", max " +
           duration_text(delays.max_ns) + ", " + with_thousands(delays.count) + " samples";
}

std::vector<std::string> handshake_lines(const TcpAnalysis& tcp) {
    if (tcp.handshake_server == 0 && tcp.handshake_client == 0 && tcp.handshake == 0) return {};
    if (tcp.handshake_server == 0 && tcp.handshake_client == 0)
        return {duration_text(tcp.handshake) + " from SYN to ACK; the SYN-ACK was not seen"};
    const auto half = [](DurationNs delay) { return delay == 0 ? std::string("not seen") : duration_text(delay); };
    return {"tap ⇄ server " + half(tcp.handshake_server) + ", tap ⇄ client " + half(tcp.handshake_client)};
}

std::vector<std::string> rtt_lines(const TcpAnalysis& tcp) {
    std::vector<std::string> lines;
    if (tcp.flows[0].rtt.count != 0) lines.push_back("tap ⇄ server " + delays_text(tcp.flows[0].rtt));
    if (tcp.flows[1].rtt.count != 0) lines.push_back("tap ⇄ client " + delays_text(tcp.flows[1].rtt));
    return lines;
}

std::vector<std::string> response_lines(const TcpAnalysis& tcp) {
    std::vector<std::string> lines;
    if (tcp.response.count != 0) lines.push_back(delays_text(tcp.response));
    if (tcp.first_byte != 0) lines.push_back("first byte after " + duration_text(tcp.first_byte));
    return lines;
}

void add_counts(std::vector<std::string>& lines, const TcpFlowAnalysis& flow, const char* direction) {
    std::string text;
    const auto add = [&](std::uint64_t count, const std::string& words) {
        if (count != 0) text += (text.empty() ? "" : ", ") + with_thousands(count) + " " + words;
    };
    add(flow.retransmissions_fast, "fast retransmitted");
    add(flow.retransmissions_timeout, "retransmitted after a time-out");
    add(flow.retransmissions_spurious, "retransmitted for nothing");
    add(flow.losses_upstream, "of them lost before this tap");
    add(flow.out_of_order, "out of order");
    add(flow.duplicate_acks, "duplicate ACKs");
    add(flow.windows_full, "filling the window");
    add(flow.zero_windows, "with a window of zero");
    add(flow.keep_alives, "keep-alives");
    add(flow.resets, "resets");
    if (!text.empty()) lines.push_back(direction + text);
}

std::vector<std::string> trouble_lines(const TcpAnalysis& tcp) {
    std::vector<std::string> lines;
    add_counts(lines, tcp.flows[0], "to server  ");
    add_counts(lines, tcp.flows[1], "to client  ");
    return lines;
}

std::vector<std::string> gap_lines(const TcpAnalysis& tcp) {
    std::vector<std::string> lines;
    const auto add = [&](const TcpFlowAnalysis& flow, const char* direction) {
        if (flow.capture_gaps == 0) return;
        lines.push_back(direction + with_thousands(flow.capture_gap_bytes) +
                        " bytes were acknowledged that this tap never saw (" + times_text(flow.capture_gaps) +
                        "): lost by the capture, not by the network");
    };
    add(tcp.flows[0], "to server  ");
    add(tcp.flows[1], "to client  ");
    return lines;
}

std::vector<std::string> reset_lines(const TcpAnalysis& tcp) {
    if (tcp.reset_origin == ResetOrigin::none) return {};
    const std::string whose = tcp.reset_by_server ? "server" : "client";
    std::string text = "from the " + whose + "'s address";
    const int ahead = tcp.reset_ttl_ahead;
    if (tcp.reset_origin == ResetOrigin::endpoint)
        text += ", with its usual TTL: most likely the " + whose + " itself";
    else if (tcp.reset_origin == ResetOrigin::between)
        text += ", its TTL " + std::string(ahead > 0 ? "+" : "") + std::to_string(ahead) +
                " apart from the others': sent by something in between";
    else
        text += ", from which nothing else was seen";
    if (tcp.reset_origin != ResetOrigin::unknown && tcp.reset_ip_id_apart) text += "; its IP-ID is not of their run";
    return {text};
}

const char* origin_text(ResetOrigin origin) {
    switch (origin) {
        case ResetOrigin::none: return "none";
        case ResetOrigin::unknown: return "unknown";
        case ResetOrigin::endpoint: return "endpoint";
        case ResetOrigin::between: return "between";
    }
    return "unknown";
}

Json delays_json(const DelayStatistics& delays) {
    return {{"count", delays.count},           {"mean_ns", delays.mean()},          {"p50_ns", delays.quantile(0.5)},
            {"p99_ns", delays.quantile(0.99)}, {"p999_ns", delays.quantile(0.999)}, {"max_ns", delays.max_ns}};
}

Json flow_json(const TcpFlowAnalysis& flow) {
    return {{"rtt", delays_json(flow.rtt)},
            {"retransmissions_fast", flow.retransmissions_fast},
            {"retransmissions_timeout", flow.retransmissions_timeout},
            {"retransmissions_spurious", flow.retransmissions_spurious},
            {"losses_upstream", flow.losses_upstream},
            {"out_of_order", flow.out_of_order},
            {"duplicate_acks", flow.duplicate_acks},
            {"zero_windows", flow.zero_windows},
            {"windows_full", flow.windows_full},
            {"keep_alives", flow.keep_alives},
            {"resets", flow.resets},
            {"capture_gaps", flow.capture_gaps},
            {"capture_gap_bytes", flow.capture_gap_bytes}};
}

}  // namespace

std::vector<std::pair<std::string, std::vector<std::string>>> tcp_lines(const v1::TcpAnalysis& message) {
    const auto tcp = wire::decode(message);
    if (!tcp) return {{"TCP", {tcp.error().sentence}}};
    std::vector<std::pair<std::string, std::vector<std::string>>> told;
    const auto add = [&](const char* label, std::vector<std::string> lines) {
        if (!lines.empty()) told.emplace_back(label, std::move(lines));
    };
    add("handshake", handshake_lines(*tcp));
    add("round trip", rtt_lines(*tcp));
    add("response", response_lines(*tcp));
    add("segments", trouble_lines(*tcp));
    add("reset", reset_lines(*tcp));
    add("not seen", gap_lines(*tcp));
    return told;
}

Json tcp_json(const v1::TcpAnalysis& message) {
    const auto tcp = wire::decode(message);
    if (!tcp) return nullptr;
    return {{"handshake_server_ns", tcp->handshake_server},
            {"handshake_client_ns", tcp->handshake_client},
            {"handshake_ns", tcp->handshake},
            {"first_byte_ns", tcp->first_byte},
            {"response", delays_json(tcp->response)},
            {"to_server", flow_json(tcp->flows[0])},
            {"to_client", flow_json(tcp->flows[1])},
            {"reset_origin", origin_text(tcp->reset_origin)},
            {"reset_by_server", tcp->reset_by_server},
            {"reset_ttl_ahead", tcp->reset_ttl_ahead}};
}

}  // namespace clew::cli
