// SPDX-License-Identifier: Apache-2.0
#include "cli/path_view.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <vector>

#include "cli/fate_text.h"
#include "cli/path_summary.h"
#include "cli/tcp_view.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

constexpr std::size_t label_width = 11;

std::string bits_text(float bits) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", static_cast<double>(bits));
    return text;
}

std::string signed_bits_text(float bits) { return (bits < 0 ? "" : "+") + bits_text(bits); }

std::string count_text(std::uint64_t count, const std::string& noun) {
    return with_thousands(count) + " " + noun + (count == 1 ? "" : "s");
}

/// "changed    first" and the further lines under it, each behind `edge`.
class Block {
  public:
    Block(std::string edge, const Paint& paint, std::size_t columns)
        : edge_(std::move(edge)), paint_(paint), columns_(columns) {}

    void add(const std::string& label, const std::vector<std::string>& lines, Style style = Style::plain) {
        bool first = true;
        const std::size_t indent = display_width(edge_) + label_width;
        const std::size_t room = columns_ > indent + 20 ? columns_ - indent : 20;
        for (const std::string& line : lines) {
            const std::string wrapped = wrap(line, room, "");
            for (std::size_t begin = 0; begin < wrapped.size();) {
                const std::size_t end = wrapped.find('\n', begin);
                text_ += edge_ + paint_(Style::faint, pad_right(first ? label : "", label_width)) +
                         paint_(style, wrapped.substr(begin, end - begin)) + "\n";
                first = false;
                begin = end + 1;
            }
        }
    }
    const std::string& text() const { return text_; }

  private:
    std::string edge_;
    const Paint& paint_;
    std::size_t columns_;
    std::string text_;
};

bool is_counted(const v1::PathFlow& flow) { return flow.packets() != 0 || flow.bytes() != 0; }

std::string flow_text(const v1::PathFlow& flow) {
    if (!is_counted(flow)) return "nothing seen";
    std::string text = count_text(flow.packets(), "packet");
    if (flow.bytes() != 0) text += ", " + bytes_text(flow.bytes());
    if (flow.ttl() != 0) text += ", TTL " + std::to_string(flow.ttl());
    if (flow.retransmissions() != 0) text += ", " + count_text(flow.retransmissions(), "retransmission");
    text += missed_text(flow);
    return text;
}

std::string end_text(const std::string& end) {
    static const std::map<std::string, std::string> words = {{"none", "still open"},
                                                             {"", "still open"},
                                                             {"fin", "closed by FIN"},
                                                             {"reset", "ended by a reset"},
                                                             {"idle", "went quiet"},
                                                             {"evicted", "left the full leg table"},
                                                             {"flushed", "open when the capture ended"}};
    const auto found = words.find(end);
    return found == words.end() ? printable(end) : found->second;
}

/// `before` is the leg on the client's side; null for the first.
std::string leg_text(const v1::PathLeg& leg, const v1::PathLeg* before, int number, const Paint& paint,
                     std::size_t columns) {
    const bool is_socket = leg.observer() == "socket";
    std::string where = is_socket ? "socket" : leg.observer() == "nic" ? "NIC" : "tap";
    if (!leg.clock().empty()) where += ", clock " + printable(leg.clock());
    std::string text = pad_left(std::to_string(number), 2) + "  " + paint(Style::strong, printable(leg.tap())) + "  " +
                       paint(Style::faint, where) + "\n";
    const auto endpoint = [&](const std::string& address, const std::string& earlier) {
        return before && address != earlier ? paint(Style::changed, "*" + printable(address))
                                            : paint(Style::strong, printable(address));
    };
    text += "      " + endpoint(leg.client(), before ? before->client() : "") + " → " +
            endpoint(leg.server(), before ? before->server() : "") + "\n";
    Block block("      ", paint, columns);
    if (const std::string process = process_text(leg); !process.empty())
        block.add("process",
                  {process + (leg.netns() != 0 ? ", network namespace " + std::to_string(leg.netns()) : "")});
    if (const std::string tunnel = tunnel_text(leg); !tunnel.empty()) block.add("inside", {tunnel});
    if (!is_socket || is_counted(leg.to_server()) ||
        is_counted(leg.to_client())) {  // a socket's probe may count nothing
        block.add("to server", {flow_text(leg.to_server())});
        block.add("to client", {flow_text(leg.to_client())});
    }
    for (const auto& [label, lines] : tcp_lines(leg.tcp())) block.add(label, lines);
    block.add("seen", {time_text(leg.first_ns(), 6) + " for " + duration_text(leg.last_ns() - leg.first_ns()) + ", " +
                       end_text(leg.end())});
    return text + block.text();
}

void add_ttl(std::vector<std::string>& lines, std::uint32_t before, std::uint32_t after, const std::string& direction) {
    if (before == 0 || after == 0 || before == after) return;
    std::string line = "TTL " + std::to_string(before) + " → " + std::to_string(after) + " " + direction;
    line += before > after ? " (" + count_text(before - after, "routing hop") + ")" : " (set anew)";
    lines.push_back(std::move(line));
}

void add_delta(std::vector<std::string>& lines, std::uint32_t delta, const std::string& whose) {
    if (delta == 0) return;
    const bool down = delta > 0x80000000u;
    lines.push_back("sequence numbers of the " + whose + " moved by " + (down ? "-" : "+") +
                    with_thousands(down ? 0u - delta : delta) + " (modulo 2^32)");
}

/// No packet arrives before it left: what is below 0 by more than its error is the time stamps' fault.
bool is_below_zero(const v1::PathDelay& delay) { return delay.min_ns() < -delay.error_ns(); }

bool error_exceeds(const v1::PathDelay& delay) {
    return delay.error_ns() > 0 && std::abs(delay.mean_ns()) <= delay.error_ns();
}

std::string delay_line(const v1::PathDelay& delay) {
    std::string line = (delay.direction() == "to_server" ? "to server  " : "to client  ") +
                       measured_text(delay.mean_ns(), delay.error_ns()) + " mean";
    if (delay.samples() > 1) line += ", " + duration_text(delay.min_ns()) + " … " + duration_text(delay.max_ns());
    line += ", " + count_text(delay.samples(), "sample");
    if (is_below_zero(delay))
        line += "; below 0, so these time stamps are worse than their error says";
    else if (error_exceeds(delay))
        line += "; the error exceeds it: do not trust this split";
    return line;
}

bool is_carried(const v1::PathLeg& leg, const std::string& direction) {
    return leg.observer() == "socket" || (direction == "to_server" ? leg.to_server() : leg.to_client()).packets() > 0;
}

/// Why a direction has no delay.
std::string unmeasured_text(const v1::Path& path, const v1::PathLink& link, const std::string& direction = {}) {
    const v1::PathLeg& from = path.legs(static_cast<int>(link.from()));
    const v1::PathLeg& to = path.legs(static_cast<int>(link.to()));
    for (const v1::PathLeg* leg : {&from, &to})
        if (!direction.empty() && !is_carried(*leg, direction))
            return printable(leg->tap()) + " carries the other way alone";
    if (from.clock() != to.clock() && !link.has_clock())
        return "not measured: different clocks (" + printable(from.clock()) + " and " + printable(to.clock()) + ")";
    if (link.kind() == "relay") return "not measured: a relay's two connections share no packets";
    if (!is_measurable(path, link)) return "not measured: a socket reports few of its packets' times";
    return "not measured: no packet was sampled on both sides";
}

void add_delays(Block& block, const v1::Path& path, const v1::PathLink& link) {
    const std::vector<std::pair<const char*, const v1::PathDelay*>> directions = {
        {"to_server", delay_of(link, "to_server")}, {"to_client", delay_of(link, "to_client")}};
    if (!directions[0].second && !directions[1].second)
        return block.add("added", {unmeasured_text(path, link)}, Style::faint);
    const char* label = "added";
    for (const auto& [direction, found] : directions) {
        const bool doubtful = !found || is_below_zero(*found) || error_exceeds(*found);
        const std::string words = std::string(direction) == "to_server" ? "to server  " : "to client  ";
        block.add(label, {found ? delay_line(*found) : words + unmeasured_text(path, link, direction)},
                  doubtful ? Style::faint : Style::plain);
        label = "";
    }
}

/// The parts of one way past taps that carry the other way alone.
std::string spans_text(const v1::Path& path, const Paint& paint, std::size_t columns) {
    Block block("", paint, columns);
    const char* label = "the ways differ";
    for (const v1::PathSpan& span : path.spans()) {
        const bool there = span.direction() == "to_server";
        const auto leg_name = [&](std::uint32_t n) {
            return std::to_string(n + 1) + " " + printable(path.legs(static_cast<int>(n)).tap());
        };
        const std::string way =
            leg_name(there ? span.from() : span.to()) + " → " + leg_name(there ? span.to() : span.from());
        block.add(label, {way + ": " +
                          (span.has_delay() ? delay_line(span.delay())
                                            : std::string(there ? "to server  " : "to client  ") + "not measured")});
        label = "";
    }
    return block.text();
}

std::string link_text(const v1::Path& path, const v1::PathLink& link, const Paint& paint, std::size_t columns) {
    const std::string edge = "    │ ";
    const std::string& grade = link.grade();
    std::string certainty = bits_text(link.bits()) + " bits";
    certainty += link.rivals() == 0 ? ", no rival"
                                    : ", " + bits_text(link.margin_bits()) + " bits ahead of the best of " +
                                          count_text(link.rivals(), "rival");
    std::string text = "    │\n    ▼ " + paint(Style::strong, printable(link.kind())) + "  " +
                       paint(grade == "A" || grade == "B" ? Style::good : Style::warning, "grade " + printable(grade)) +
                       "  " + certainty + "\n";
    Block block(edge, paint, columns);
    const auto& from = path.legs(static_cast<int>(link.from()));
    const auto& to = path.legs(static_cast<int>(link.to()));
    block.add("changed", change_lines(from, to, link));
    add_delays(block, path, link);
    block.add("lost", link_loss_lines(link), Style::bad);
    if (link.has_clock())
        block.add("clocks", {measured_text(link.clock().offset_ns(), link.clock().error_ns()) + " apart"});
    std::vector<v1::PathEvidence> strongest_first(link.evidence().begin(), link.evidence().end());
    std::stable_sort(
        strongest_first.begin(), strongest_first.end(),
        [](const v1::PathEvidence& a, const v1::PathEvidence& b) { return std::fabs(a.bits()) > std::fabs(b.bits()); });
    std::vector<std::string> reasons;
    for (const v1::PathEvidence& one : strongest_first)
        reasons.push_back(pad_left(signed_bits_text(one.bits()), 6) + "  " + evidence_text(one.by()));
    block.add("because", reasons.empty() ? std::vector<std::string>{"no evidence was given"} : reasons);
    return text + block.text() + "    │\n";
}

}  // namespace

std::vector<std::string> change_lines(const v1::PathLeg& from, const v1::PathLeg& to, const v1::PathLink& link) {
    std::vector<std::string> lines;
    const auto became = [&](const char* who, const std::string& before, const std::string& after) {
        if (before != after)
            lines.push_back(std::string(who) + " " + printable(before) + " became " + printable(after));
    };
    became("client", from.client(), to.client());
    became("server", from.server(), to.server());
    const std::string tunnel_before = tunnel_text(from), tunnel_after = tunnel_text(to);
    const bool tunnel_told = tunnel_before != tunnel_after;
    if (tunnel_told && tunnel_after.empty())
        lines.push_back("came out of " + tunnel_before);
    else if (tunnel_told && tunnel_before.empty())
        lines.push_back("went into " + tunnel_after);
    else if (tunnel_told)
        lines.push_back("moved from " + tunnel_before + " to " + tunnel_after);
    add_ttl(lines, from.to_server().ttl(), to.to_server().ttl(), "to server");
    add_ttl(lines, to.to_client().ttl(), from.to_client().ttl(), "to client");
    if (link.has_delta_to_server()) add_delta(lines, link.delta_to_server(), "client");
    if (link.has_delta_to_client()) add_delta(lines, link.delta_to_client(), "server");
    const std::string& changes = link.changes();
    for (std::size_t begin = 0; begin < changes.size();) {
        const std::size_t end = std::min(changes.find(", ", begin), changes.size());
        const std::string word = changes.substr(begin, end - begin);
        if (!tunnel_told || (word != "entered tunnel" && word != "left tunnel")) lines.push_back(printable(word));
        begin = end + 2;
    }
    if (lines.empty()) lines.emplace_back("nothing that can be seen");
    return lines;
}

std::string bytes_text(std::uint64_t bytes) {
    if (bytes < 1000) return std::to_string(bytes) + " B";
    const char* const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    for (; value >= 999.5 && unit + 1 < std::size(units); ++unit) value /= 1000;
    char text[32];
    std::snprintf(text, sizeof text, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);
    return text;
}

std::string tunnel_text(const v1::PathLeg& leg) {
    std::string text;
    for (const v1::PathLayer& layer : leg.layers()) {
        text += (text.empty() ? "" : " / ") + printable(layer.type());
        if (layer.has_id()) text += " " + std::to_string(layer.id());
        if (!layer.client_end().empty())
            text += " (" + printable(layer.client_end()) + " > " + printable(layer.server_end()) + ")";
    }
    return text;
}

std::string evidence_text(const std::string& by) {
    static const std::map<std::string, std::string> sentences = {
        {"isn_forward", "same initial sequence number of the client"},
        {"isn_reverse", "same initial sequence number of the server"},
        {"seq_ack_pair", "same (seq, ack, length) in packets of both"},
        {"constant_delta", "sequence numbers differ by one constant over all samples"},
        {"payload_head", "same first bytes of the stream"},
        {"payload_sample", "same payload in sampled packets"},
        {"toa", "the TOA option names the other side's client"},
        {"proxy_header", "the PROXY header names the other side's client"},
        {"request_id", "same X-Request-ID"},
        {"traceparent", "same traceparent"},
        {"forwarded_for", "X-Forwarded-For or Forwarded names the other side's client"},
        {"tls_random", "same TLS ClientHello random"},
        {"dns_query", "same DNS id and name"},
        {"quic_cid", "same QUIC connection id"},
        {"http_request", "same HTTP method, host and path"},
        {"icmp_echo", "same echo sequence numbers and payloads"},
        {"same_client", "client address and port unchanged"},
        {"same_server", "server address and port unchanged"},
        {"tcp_options", "TCP options agree"},
        {"ip_id", "IP identifications agree"},
        {"same_process", "both sockets belong to one process"},
        {"timing", "order and distance in time"},
        {"ttl", "TTLs agree with the order of the hops"},
        {"tunnel", "same inner addresses in another encapsulation"},
        {"contradiction", "something that should have survived did not"},
        {"known_proxy", "whoever opened the connection behind opens such for others all the time"},
        {"asked_target", "the client told its proxy to connect to the other side's server"},
        {"dns_question", "a forwarder asked the same name and type anew"},
    };
    const auto found = sentences.find(by);
    return found == sentences.end() ? printable(by) : found->second + " (" + by + ")";
}

std::string path_view(const v1::Path& path, const Paint& paint, std::size_t columns) {
    std::string text = paint(Style::strong, "path " + printable(path.path_id())) + "  " + proto_text(path) + "  " +
                       hops_text(path) + "\n";
    Block head("", paint, columns);
    head.add("first seen",
             {time_text(path.first_ns(), 6) + ", for " + duration_text(path.last_ns() - path.first_ns())});
    if (path.legs_size() > 0) {
        const v1::PathLeg& client = *client_leg(path);
        const v1::PathLeg& server = *server_leg(path);
        const bool alone = path.legs_size() == 1;  // a lone socket may be either end's
        const auto end_of = [&](const v1::PathLeg& leg, const std::string& address) {
            const std::string process = alone ? "" : process_text(leg);
            return process.empty() ? printable(address) : process + "  " + printable(address);
        };
        head.add("client", {end_of(client, client.client())});
        if (const std::string called = called_address(path); !called.empty()) head.add("calls", {called});
        head.add("server", {end_of(server, server.server())});
        if (const std::string names = server_names_text(path); !names.empty()) head.add("asked for", {names});
    }
    const AddedDelay added = added_delay(path);
    if (added.measured > 0)
        head.add("added", {added_delay_text(added) + " there and back, from the first tap to the last" +
                           (added.missing > 0 ? "; not every part could be measured" : "")});
    for (const std::string& one : abnormalities(path)) head.add("attention", {"! " + one}, Style::bad);
    for (const std::string& one : fate_sentences(path)) head.add("attention", {"! " + one}, Style::bad);
    text += head.text() + "\n";
    for (int i = 0; i < path.legs_size(); ++i) {
        text += leg_text(path.legs(i), i > 0 ? &path.legs(i - 1) : nullptr, i + 1, paint, columns);
        for (const v1::PathLink& link : path.links())
            if (link.from() == static_cast<std::uint32_t>(i) &&
                link.to() < static_cast<std::uint32_t>(path.legs_size()))
                text += link_text(path, link, paint, columns);
    }
    if (!path.spans().empty()) text += "\n" + spans_text(path, paint, columns);
    if (path.links().empty() && !path.unlinked().empty() && path.unlinked() != "linked")
        text += "\n" + wrap("Not linked (" + printable(path.unlinked()) + "): " + unlinked_text(path.unlinked()) + ".",
                            columns, "");
    if (path.legs_size() > 1)
        text += "\n" + paint(Style::faint, wrap("* differs from the hop before.  clew ladder " +
                                                    printable(path.path_id()) + "  shows its packets hop by hop.",
                                                columns, ""));
    return text;
}

}  // namespace clew::cli
