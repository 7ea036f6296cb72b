// SPDX-License-Identifier: Apache-2.0
#include "bpf/leg_print.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace clew::agent {
namespace {

std::string_view phase_text(LegPhase phase) {
    switch (phase) {
        case LegPhase::opened: return "opened";
        case LegPhase::updated: return "updated";
        case LegPhase::ended: return "ended";
    }
    return "unknown";
}

nlohmann::ordered_json flow_json(const Flow& flow) {
    nlohmann::ordered_json json;
    json["packets"] = flow.packets;
    json["payload_bytes"] = flow.payload_bytes;
    if (flow.isn_from != IsnFrom::none) json["isn"] = flow.isn;
    if (flow.next_seq) json["next_seq"] = flow.next_seq;
    if (flow.last_ack) json["last_ack"] = flow.last_ack;
    json["retransmissions"] = flow.retransmissions;
    if (flow.syn_ns) json["syn_ns"] = flow.syn_ns;
    if (flow.first_ack_ns) json["first_ack_ns"] = flow.first_ack_ns;
    if (flow.mss) json["mss"] = flow.mss;
    if (flow.window_scale != 0xff) json["window_scale"] = flow.window_scale;
    json["timestamps"] = flow.has_timestamps;
    return json;
}

}  // namespace

std::string to_json_line(const Leg& leg) {
    nlohmann::ordered_json json;
    json["leg"] = fmt::format("{:016x}", leg.id);
    json["revision"] = leg.revision;
    json["phase"] = phase_text(leg.phase);
    if (leg.end != LegEnd::none) json["end"] = to_text(leg.end);
    json["client"] = to_text(leg.client);
    json["server"] = to_text(leg.server);
    json["netns"] = leg.segment.netns;
    if (leg.socket_role != SocketRole::none)
        json["socket"] = leg.socket_role == SocketRole::client ? "client" : "server";
    if (leg.process.pid) {
        json["process"] = leg.process.name();
        json["pid"] = leg.process.pid;
        json["uid"] = leg.process.uid;
    }
    json["first_ns"] = leg.first_ns;
    json["last_ns"] = leg.last_ns;
    json["to_server"] = flow_json(leg.flow(Direction::to_server));
    json["to_client"] = flow_json(leg.flow(Direction::to_client));
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace clew::agent
