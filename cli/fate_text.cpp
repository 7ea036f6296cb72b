// SPDX-License-Identifier: Apache-2.0
#include "cli/fate_text.h"

#include <set>

#include "cli/paint.h"
#include "cli/path_view.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

std::string tap_of(const v1::Path& path, std::uint32_t leg) {
    return leg < static_cast<std::uint32_t>(path.legs_size()) ? printable(path.legs(static_cast<int>(leg)).tap()) : "?";
}

std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
    return with_thousands(count) + " " + (count == 1 ? one : many);
}

/// The end of a transport connection, by which leg of the path it is behind.
std::string server_text(const v1::Path& path, const v1::PathOpening& opening) {
    return opening.last_leg() + 1 < static_cast<std::uint32_t>(path.legs_size()) ? "the relay" : "the server";
}

std::string opening_text(const v1::Path& path, const v1::PathOpening& opening) {
    if (opening.fate() == "refused") return server_text(path, opening) + " side refused the connection with a reset";
    if (opening.fate() == "unreachable") return "refused by an ICMP error";
    if (opening.fate() == "answer-lost")
        return "the SYN-ACK was seen at " + tap_of(path, opening.from_leg()) + " and not at " +
               tap_of(path, opening.to_leg()) + ": lost between them on its way to the client";
    const std::string syns = counted(opening.syn_count(), "SYN", "SYNs");
    const std::string place = "the SYN was seen last at " + tap_of(path, opening.from_leg());
    if (opening.has_to_leg())
        return place + ", not at " + tap_of(path, opening.to_leg()) + ": lost between them (" + syns + ")";
    std::string text = place + "; no tap behind it saw it, and nothing answered (" + syns + ")";
    if (!opening.gateway().empty())
        text += ". It was sent to the gateway " + printable(opening.gateway()) +
                ", whose packets are usually seen next at " + printable(opening.usual_tap());
    return text;
}

std::string reset_text(const v1::Path& path, const v1::PathReset& reset) {
    const std::string way = reset.direction() == "to_server" ? "to the server" : "to the client";
    std::string text = "reset " + way + " sent by the " + printable(reset.by());
    if (reset.by() == "middlebox") {
        text = "reset " + way + " sent by a middlebox ";
        text += reset.has_from_leg()
                    ? "between " + tap_of(path, reset.from_leg()) + " and " + tap_of(path, reset.to_leg())
                    : "before " + tap_of(path, reset.to_leg()) + " (its TTL is not the sender's)";
    }
    return reset.certain() ? text : text + ", or by what stands before " + tap_of(path, reset.to_leg());
}

void add_loops(const v1::Path& path, std::vector<std::string>& out) {
    for (const v1::PathLeg& leg : path.legs())
        for (const v1::PathFlow* flow : {&leg.to_server(), &leg.to_client()})
            if (flow->has_loop())
                out.push_back("routing loop at " + printable(leg.tap()) + ": one packet came by " +
                              with_thousands(flow->loop().laps() + 1) + " times, TTL " +
                              std::to_string(flow->loop().ttl_first()) + " → " +
                              std::to_string(flow->loop().ttl_last()));
}

std::string size_text(std::uint64_t bytes) { return bytes == 0 ? "" : " (" + bytes_text(bytes) + ")"; }

void add_losses(const v1::Path& path, std::vector<std::string>& out) {
    std::uint64_t lost = 0, missed = 0, beyond = 0, unknown = 0;
    std::set<std::string> taps;
    for (const v1::PathLink& link : path.links())
        for (const v1::PathLoss& loss : link.losses()) lost += loss.lost(), unknown += loss.unknown();
    for (const v1::PathLeg& leg : path.legs()) {
        const std::uint64_t here = std::uint64_t{leg.to_server().missed()} + leg.to_client().missed();
        missed += here;
        if (here > 0) taps.insert(printable(leg.tap()));
    }
    for (const v1::PathLossCase& part : path.losses())
        if (part.fate() == "network" && (!part.has_from_leg() || !part.has_to_leg())) beyond += part.times();
    const std::string least = path.losses_partial() ? "at least " : "";
    if (lost > 0) out.push_back(least + counted(lost, "packet", "packets") + " lost on the wire between taps");
    if (beyond > 0)
        out.push_back(least + counted(beyond, "packet", "packets") + " sent again for a loss beyond the taps");
    if (unknown > 0) out.push_back(counted(unknown, "packet", "packets") + " of unknown fate between taps");
    if (missed == 0) return;
    std::string names;
    for (const std::string& tap : taps) names += (names.empty() ? "" : ", ") + tap;
    out.push_back("the capture missed " + least + counted(missed, "packet", "packets") + " at " + names +
                  " (not lost: they passed)");
}

}  // namespace

std::vector<std::string> fate_sentences(const v1::Path& path) {
    std::vector<std::string> out;
    for (const v1::PathOpening& opening : path.openings())
        if (opening.fate() != "answered") out.push_back(opening_text(path, opening));
    for (const v1::PathIcmpError& error : path.icmp_errors())
        out.push_back(printable(error.meaning()) + " from " + printable(error.reporter()) + " at tap " +
                      tap_of(path, error.leg()) + ", about packets " +
                      (error.direction() == "to_server" ? "to the server" : "to the client"));
    for (const v1::PathReset& reset : path.resets()) out.push_back(reset_text(path, reset));
    add_loops(path, out);
    add_losses(path, out);
    return out;
}

std::vector<std::string> link_loss_lines(const v1::PathLink& link) {
    std::vector<std::string> lines;
    for (const v1::PathLoss& loss : link.losses()) {
        const std::string way = loss.direction() == "to_server" ? "to server  " : "to client  ";
        if (loss.lost() > 0)
            lines.push_back(way + with_thousands(loss.lost()) + " lost on the wire" + size_text(loss.lost_bytes()) +
                            ", sent again");
        if (loss.unknown() > 0)
            lines.push_back(way + with_thousands(loss.unknown()) + " of unknown fate" +
                            size_text(loss.unknown_bytes()) + ": not seen behind, neither acknowledged nor sent again");
    }
    return lines;
}

std::string missed_text(const v1::PathFlow& flow) {
    if (flow.missed() == 0) return {};
    return ", " + counted(flow.missed(), "part", "parts") + " not captured" + size_text(flow.missed_bytes());
}

}  // namespace clew::cli
