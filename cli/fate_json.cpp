// SPDX-License-Identifier: Apache-2.0
#include "cli/fate_json.h"

namespace clew::cli {
namespace {

using Json = nlohmann::ordered_json;

template <typename Message>
void add_places(const Message& message, Json& json) {
    json["from_leg"] = message.has_from_leg() ? Json(message.from_leg()) : Json(nullptr);
    json["to_leg"] = message.has_to_leg() ? Json(message.to_leg()) : Json(nullptr);
}

Json case_json(const v1::PathLossCase& part) {
    Json json = {{"fate", part.fate()}, {"direction", part.direction()}};
    add_places(part, json);
    if (part.handshake())
        json["handshake"] = true;
    else if (part.bytes() != 0)
        json["offset"] = part.offset(), json["bytes"] = part.bytes();
    json["times"] = part.times();
    return json;
}

Json opening_json(const v1::PathOpening& opening) {
    Json json = {{"first_leg", opening.first_leg()}, {"last_leg", opening.last_leg()}, {"fate", opening.fate()}};
    if (opening.has_from_leg()) add_places(opening, json);
    json["syn_count"] = opening.syn_count();
    if (!opening.gateway_id().empty())
        json["gateway"] = {
            {"gateway_id", opening.gateway_id()}, {"known_by", opening.gateway()}, {"usual_tap", opening.usual_tap()}};
    return json;
}

Json reset_json(const v1::PathReset& reset) {
    Json json = {{"by", reset.by()}, {"direction", reset.direction()}};
    json["from_leg"] = reset.has_from_leg() ? Json(reset.from_leg()) : Json(nullptr);
    json["to_leg"] = reset.to_leg();
    json["certain"] = reset.certain();
    json["time_ns"] = reset.time_ns();
    return json;
}

}  // namespace

void add_fates(const v1::Path& path, Json& json) {
    for (const v1::PathLossCase& part : path.losses()) json["losses"].push_back(case_json(part));
    if (path.losses_untold() != 0) json["losses_untold"] = path.losses_untold();
    if (path.losses_partial()) json["losses_partial"] = true;
    for (const v1::PathOpening& opening : path.openings()) json["openings"].push_back(opening_json(opening));
    for (const v1::PathReset& reset : path.resets()) json["resets"].push_back(reset_json(reset));
    for (const v1::PathIcmpError& error : path.icmp_errors())
        json["icmp_errors"].push_back({{"meaning", error.meaning()},
                                       {"reporter", error.reporter()},
                                       {"leg", error.leg()},
                                       {"direction", error.direction()},
                                       {"type", error.type()},
                                       {"code", error.code()},
                                       {"count", error.count()},
                                       {"time_ns", error.time_ns()}});
}

void add_flow_fates(const v1::PathFlow& flow, Json& json) {
    if (flow.missed() != 0) json["missed"] = flow.missed(), json["missed_bytes"] = flow.missed_bytes();
    if (flow.has_loop())
        json["loop"] = {
            {"laps", flow.loop().laps()}, {"ttl_first", flow.loop().ttl_first()}, {"ttl_last", flow.loop().ttl_last()}};
}

void add_link_losses(const v1::PathLink& link, Json& json) {
    for (const v1::PathLoss& loss : link.losses())
        json["loss"][loss.direction()] = {{"lost", loss.lost()},
                                          {"lost_bytes", loss.lost_bytes()},
                                          {"unknown", loss.unknown()},
                                          {"unknown_bytes", loss.unknown_bytes()}};
}

}  // namespace clew::cli
