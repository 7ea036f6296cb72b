// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ladder_source.h"

#include <map>
#include <string>
#include <vector>

#include "nat-trace/ladder.h"
#include "wire/convert.h"

namespace clew::control {
namespace {

constexpr const char* socket_observer = "socket";  // sockets see no packets: they get no column

void note(v1::Ladder& ladder, const std::string& sentence) {
    if (!ladder.partial().empty()) ladder.set_partial(ladder.partial() + "; ");
    ladder.set_partial(ladder.partial() + sentence);
}

std::map<std::string, std::string> observer_of_tap(const std::vector<v1::ObserverStatus>& observers) {
    std::map<std::string, std::string> result;
    for (const v1::ObserverStatus& observer : observers)
        for (const std::string& tap : observer.taps())
            if (observer.connected() || !result.contains(tap)) result[tap] = observer.name();
    return result;
}

void fill_cell(const LadderCell& cell, v1::LadderCell& message) {
    message.set_seen(cell.seen);
    if (!cell.seen) return;
    message.set_time_ns(cell.header.time_ns);
    message.set_seq(cell.header.seq);
    message.set_ack(cell.header.ack);
    message.set_length(cell.header.length);
    message.set_flags(cell.header.flags);
    message.set_ttl(cell.header.ttl);
    message.set_ip_id(cell.header.ip_id);
    message.set_window(cell.header.window);
    if (cell.has_delay) message.set_delay_ns(cell.delay_ns);
}

void fill_rows(const v1::Path& path, const std::vector<LadderRow>& rows, v1::Ladder& ladder) {
    for (const LadderRow& row : rows) {
        if (static_cast<std::size_t>(ladder.rows_size()) == LadderSource::row_count_max)
            return note(ladder, "only the first " + std::to_string(LadderSource::row_count_max) +
                                    " packets are shown; narrow the time");
        v1::LadderRow& message = *ladder.add_rows();
        message.set_direction(row.direction == Direction::to_server ? "to_server" : "to_client");
        message.set_time_ns(row.time_ns);
        message.set_retransmission(row.retransmission);
        for (std::size_t i = 0; i < row.cells.size(); ++i)
            if (path.legs(static_cast<int>(i)).observer() != socket_observer)
                fill_cell(row.cells[i], *message.add_cells());
    }
}

}  // namespace

Result<v1::Ladder> LadderSource::ladder(const v1::Path& path, TimeNs from_ns, TimeNs to_ns) const {
    const auto vocabulary = wire::path_from_message(path);
    if (!vocabulary) return tl::make_unexpected(vocabulary.error());
    v1::Ladder ladder;
    ladder.set_path_id(path.path_id());
    const auto observers = observer_of_tap(collector_.observers());
    std::map<std::string, v1::HeaderRequest> requests;
    for (int i = 0; i < path.legs_size(); ++i) {
        const v1::PathLeg& leg = path.legs(i);
        if (leg.observer() == socket_observer) continue;
        *ladder.add_columns() = leg;
        const auto observer = observers.find(leg.tap());
        if (observer == observers.end())
            note(ladder, "nobody who sees tap '" + leg.tap() + "' has connected since this control plane started");
        else
            requests[observer->second].add_legs(vocabulary->legs[static_cast<std::size_t>(i)].leg);
    }
    std::vector<PacketHeader> headers;
    for (auto& [observer, request] : requests) {
        request.set_from_ns(from_ns);
        request.set_to_ns(to_ns);
        request.set_header_count_max(header_count_max);
        const auto reply = collector_.ask_headers(observer, request, ask_timeout_ms);
        if (!reply) {
            note(ladder, reply.error().sentence);
            continue;
        }
        if (!reply->partial().empty()) note(ladder, observer + ": " + reply->partial());
        for (const v1::PacketHeader& message : reply->headers())
            if (const auto header = wire::decode(message)) headers.push_back(*header);
    }
    fill_rows(path, build_ladder(*vocabulary, std::move(headers)), ladder);
    return ladder;
}

}  // namespace clew::control
