// SPDX-License-Identifier: Apache-2.0
#include "cli/path_summary.h"

#include <algorithm>
#include <map>

#include "cli/paint.h"
#include "cli/time_text.h"

namespace clew::cli {

const v1::PathLeg* client_leg(const v1::Path& path) { return path.legs().empty() ? nullptr : &path.legs(0); }
const v1::PathLeg* server_leg(const v1::Path& path) {
    return path.legs().empty() ? nullptr : &path.legs(path.legs_size() - 1);
}

std::string called_address(const v1::Path& path) {
    if (path.legs().empty()) return {};
    std::string called = client_leg(path)->server();
    std::string server = server_leg(path)->server();
    if (called == server) return {};
    // The echo id that stands for ICMP's port changes with every SNAT.
    const bool no_ports = path.proto().compare(0, 4, "icmp") == 0;
    if (no_ports && called.substr(0, called.rfind(':')) == server.substr(0, server.rfind(':'))) return {};
    return printable(called);
}

bool is_measurable(const v1::Path& path, const v1::PathLink& link) {
    const auto has_packets = [&](std::uint32_t i) {
        return i < static_cast<std::uint32_t>(path.legs_size()) &&
               path.legs(static_cast<int>(i)).observer() != "socket";
    };
    return has_packets(link.from()) && has_packets(link.to());
}

std::vector<unsigned> connection_of_leg(const v1::Path& path) {
    std::vector<unsigned> connections(static_cast<std::size_t>(path.legs_size()), 0);
    for (const v1::PathLink& link : path.links())
        if (link.kind() == "relay")
            for (std::size_t i = link.to(); i < connections.size(); ++i) ++connections[i];
    return connections;
}

/// The errors of a run of links between taps of one clock do not add up: what one leg's stamp is late by is added in
/// one link and taken off in the next, so that only the ends' remain.
class RunError {
  public:
    void add(DurationNs error_ns, bool same_clock) {
        if (!same_clock) end();
        run_ns_ = std::max(run_ns_, error_ns);
        if (!same_clock) end();
    }
    void end() {
        total_ns_ += run_ns_;
        run_ns_ = 0;
    }
    DurationNs total() {
        end();
        return total_ns_;
    }

  private:
    DurationNs run_ns_ = 0;
    DurationNs total_ns_ = 0;
};

const v1::PathDelay* delay_of(const v1::PathLink& link, const std::string& direction) {
    for (const v1::PathDelay& delay : link.delays())
        if (delay.direction() == direction && delay.samples() > 0) return &delay;
    return nullptr;
}

/// One of the link's legs does not carry the direction, and it was measured past it.
bool is_spanned(const v1::Path& path, const v1::PathLink& link, const std::string& direction) {
    for (const v1::PathSpan& span : path.spans())
        if (span.has_delay() && span.direction() == direction && span.from() <= link.from() && link.to() <= span.to())
            return true;
    return false;
}

AddedDelay added_delay(const v1::Path& path) {
    AddedDelay added;
    std::map<std::string, RunError> errors;  // by direction
    const auto add = [&](const v1::PathDelay& delay, bool same_clock) {
        added.sum_ns += delay.mean_ns();
        errors[delay.direction()].add(delay.error_ns(), same_clock);
        ++added.measured;
    };
    for (const v1::PathLink& link : path.links()) {
        if (!is_measurable(path, link)) {
            // From a socket to the tap beside it is no gateway; a proxy between two sockets is one, unmeasured.
            if (link.kind() != "forward") added.missing += 2;
            for (auto& [direction, error] : errors) error.end();
            continue;
        }
        const bool same_clock =
            path.legs(static_cast<int>(link.from())).clock() == path.legs(static_cast<int>(link.to())).clock();
        for (const char* const direction : {"to_server", "to_client"}) {
            if (const v1::PathDelay* const delay = delay_of(link, direction))
                add(*delay, same_clock);
            else if (!is_spanned(path, link, direction))
                ++added.missing;
        }
    }
    for (const v1::PathSpan& span : path.spans())
        if (span.has_delay())
            add(span.delay(),
                path.legs(static_cast<int>(span.from())).clock() == path.legs(static_cast<int>(span.to())).clock());
    for (auto& [direction, error] : errors) added.error_ns += error.total();
    return added;
}

std::string added_delay_text(const AddedDelay& added) {
    if (added.measured == 0) return "-";
    return (added.missing > 0 ? "≥ " : "") + measured_text(added.sum_ns, added.error_ns);
}

namespace {

/// Every different word of the legs once, in their order.
std::string each_once(const v1::Path& path, const std::string& (v1::PathLeg::*word_of)() const) {
    std::vector<std::string> seen;
    std::string text;
    for (const v1::PathLeg& leg : path.legs()) {
        const std::string word = printable((leg.*word_of)());
        if (word.empty() || std::find(seen.begin(), seen.end(), word) != seen.end()) continue;
        text += (seen.empty() ? "" : ", ") + word;
        seen.push_back(word);
    }
    return text;
}

}  // namespace

std::string proto_text(const v1::Path& path) {
    const std::string apps = each_once(path, &v1::PathLeg::app);
    return printable(path.proto()) + (apps.empty() ? "" : " " + apps);
}

std::string server_names_text(const v1::Path& path) { return each_once(path, &v1::PathLeg::server_name); }

std::string process_text(const v1::PathLeg& leg) {
    if (leg.process().empty() && leg.pid() == 0) return {};
    const std::string name = leg.process().empty() ? "?" : printable(leg.process());
    return leg.pid() == 0 ? name : name + "[" + std::to_string(leg.pid()) + "]";
}

std::string hops_text(const v1::Path& path) {
    if (path.links().empty())
        return path.unlinked().empty() || path.unlinked() == "linked" ? "-" : "unlinked: " + printable(path.unlinked());
    std::string text;
    for (const v1::PathLink& link : path.links())
        if (link.kind() != "forward") text += (text.empty() ? "" : " → ") + printable(link.kind());
    return text.empty() ? "forward" : text;
}

std::string worst_grade(const v1::Path& path) {
    std::string worst;
    for (const v1::PathLink& link : path.links()) worst = std::max(worst, link.grade());
    return worst.empty() ? "-" : printable(worst);
}

std::vector<std::string> abnormalities(const v1::Path& path) {
    std::vector<std::string> found;
    std::uint64_t retransmissions = 0, packets_to_client = 0, packets = 0;
    bool seen_by_tap = false;
    std::vector<unsigned> resets(1);
    const std::vector<unsigned> connections = connection_of_leg(path);
    for (int i = 0; i < path.legs_size(); ++i) {
        const v1::PathLeg& leg = path.legs(i);
        const unsigned connection = connections[static_cast<std::size_t>(i)];
        resets.resize(std::max<std::size_t>(resets.size(), connection + 1));
        resets[connection] += leg.end() == "reset";
        if (leg.observer() == "socket") continue;
        seen_by_tap = true;
        packets += leg.to_server().packets() + leg.to_client().packets();
        packets_to_client += leg.to_client().packets();
        // The same retransmission passes every tap: the worst tap counts, not the sum over taps.
        retransmissions = std::max<std::uint64_t>(
            retransmissions, std::uint64_t{leg.to_server().retransmissions()} + leg.to_client().retransmissions());
    }
    if (resets[0] > 0)
        found.emplace_back("reset");
    else if (std::any_of(resets.begin(), resets.end(), [](unsigned count) { return count > 0; }))
        found.emplace_back("reset behind the relay");
    if (seen_by_tap && packets > 0 && packets_to_client == 0) found.emplace_back("no answer seen");
    if (retransmissions > 0)
        found.push_back(with_thousands(retransmissions) +
                        (retransmissions == 1 ? " retransmission" : " retransmissions"));
    if (const std::string grade = worst_grade(path); grade == "C" || grade == "D")
        found.push_back("link of grade " + grade);
    return found;
}

std::string unlinked_text(const std::string& reason) {
    static const std::map<std::string, std::string> sentences = {
        {"no-candidate", "no other tap saw a connection that could be this one: the next hop may not be mirrored"},
        {"ambiguous", "several connections fit equally well; linking one of them would be a guess"},
        {"one-way", "only one direction was seen, which is too little to be sure"},
        {"capture-gap", "packets needed to compare were lost by the capture"},
        {"evicted", "it left the window before its neighbours were seen: the window is too small for this traffic"},
        {"unsupported", "this protocol leaves nothing to compare across a gateway"},
        {"clock", "the taps' clocks could not be brought together"},
        {"folded", "one of many alike connections without any entropy (health checks, scans): folded"},
    };
    const auto found = sentences.find(reason);
    return found == sentences.end() ? printable(reason) : found->second;
}

std::size_t id_prefix_length(const v1::PathList& list) {
    std::vector<std::string> ids;
    for (const v1::Path& path : list.paths()) ids.push_back(path.path_id());
    std::sort(ids.begin(), ids.end());
    std::size_t length = 8;
    for (std::size_t i = 1; i < ids.size(); ++i) {
        if (ids[i] == ids[i - 1]) continue;
        const auto [a, b] = std::mismatch(ids[i].begin(), ids[i].end(), ids[i - 1].begin(), ids[i - 1].end());
        length = std::max(length, static_cast<std::size_t>(a - ids[i].begin()) + 1);
    }
    return length;
}

}  // namespace clew::cli
