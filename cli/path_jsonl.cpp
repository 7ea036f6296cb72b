// SPDX-License-Identifier: Apache-2.0
#include "cli/path_jsonl.h"

#include "cli/tcp_view.h"

#include <cmath>

#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include "cli/fate_json.h"

namespace clew::cli {
namespace {

using Json = nlohmann::ordered_json;

double rounded(float bits) { return std::round(static_cast<double>(bits) * 100) / 100; }

Json flow_json(const v1::PathFlow& flow) {
    Json json = {{"packets", flow.packets()},
                 {"bytes", flow.bytes()},
                 {"retransmissions", flow.retransmissions()},
                 {"ttl", flow.ttl()}};
    if (flow.has_isn()) json["isn"] = flow.isn();
    add_flow_fates(flow, json);
    return json;
}

Json layers_json(const v1::PathLeg& leg) {
    Json layers = Json::array();
    for (const v1::PathLayer& layer : leg.layers()) {
        Json json = {{"type", layer.type()}, {"id", layer.has_id() ? Json(layer.id()) : Json(nullptr)}};
        if (!layer.client_end().empty()) json["client_end"] = layer.client_end();
        if (!layer.server_end().empty()) json["server_end"] = layer.server_end();
        layers.push_back(std::move(json));
    }
    return layers;
}

Json delay_json(const v1::PathDelay& delay) {
    return {{"min_ns", delay.min_ns()},
            {"mean_ns", delay.mean_ns()},
            {"max_ns", delay.max_ns()},
            {"error_ns", delay.error_ns()},
            {"samples", delay.samples()}};
}

Json span_json(const v1::PathSpan& span) {
    Json json = {{"direction", span.direction()}, {"from", span.from()}, {"to", span.to()}};
    if (span.has_delay()) json["delay"] = delay_json(span.delay());
    return json;
}

Json link_json(const v1::PathLink& link) {
    Json evidence = Json::array();
    for (const v1::PathEvidence& one : link.evidence())
        evidence.push_back({{"by", one.by()}, {"bits", rounded(one.bits())}});
    Json delta = Json::object();
    if (link.has_delta_to_server()) delta["to_server"] = link.delta_to_server();
    if (link.has_delta_to_client()) delta["to_client"] = link.delta_to_client();
    Json delay = Json::object();
    for (const v1::PathDelay& one : link.delays()) delay[one.direction()] = delay_json(one);
    Json json = {{"from", link.from()},          {"to", link.to()},
                 {"kind", link.kind()},          {"grade", link.grade()},
                 {"bits", rounded(link.bits())}, {"margin_bits", rounded(link.margin_bits())},
                 {"rivals", link.rivals()},      {"evidence", std::move(evidence)},
                 {"delta", std::move(delta)},    {"delay", std::move(delay)},
                 {"changes", link.changes()}};
    add_link_losses(link, json);
    if (link.has_clock())
        json["clock"] = {{"offset_ns", link.clock().offset_ns()}, {"error_ns", link.clock().error_ns()}};
    return json;
}

}  // namespace

Json leg_json(const v1::PathLeg& leg) {
    Json json = {{"tap", leg.tap()},           {"client", leg.client()},
                 {"server", leg.server()},     {"vni", leg.has_vni() ? Json(leg.vni()) : Json(nullptr)},
                 {"first_ns", leg.first_ns()}, {"last_ns", leg.last_ns()},
                 {"leg_id", leg.leg_id()},     {"clock", leg.clock()},
                 {"observer", leg.observer()}, {"end", leg.end()},
                 {"tunnel", layers_json(leg)}};
    if (!leg.client_mac().empty()) json["client_mac"] = leg.client_mac();
    if (!leg.server_mac().empty()) json["server_mac"] = leg.server_mac();
    if (leg.netns() != 0) json["netns"] = leg.netns();
    if (leg.pid() != 0 || !leg.process().empty()) {
        json["process"] = leg.process();
        json["pid"] = leg.pid();
    }
    if (!leg.app().empty()) json["app"] = leg.app();
    if (!leg.server_name().empty()) json["server_name"] = leg.server_name();
    json["to_server"] = flow_json(leg.to_server());
    json["to_client"] = flow_json(leg.to_client());
    if (leg.has_tcp()) json["tcp"] = tcp_json(leg.tcp());
    return json;
}

std::string message_json(const google::protobuf::Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string json;
    return google::protobuf::util::MessageToJsonString(message, &json, options).ok() ? json : "{}";
}

std::string json_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string path_line(const v1::Path& path) {
    Json json = {{"path_id", path.path_id()},   {"revision", path.revision()}, {"proto", path.proto()},
                 {"first_ns", path.first_ns()}, {"last_ns", path.last_ns()},   {"legs", Json::array()},
                 {"links", Json::array()}};
    for (const v1::PathLeg& leg : path.legs()) json["legs"].push_back(leg_json(leg));
    for (const v1::PathLink& link : path.links()) json["links"].push_back(link_json(link));
    for (const v1::PathSpan& span : path.spans()) json["spans"].push_back(span_json(span));
    if (!path.unlinked().empty() && path.unlinked() != "linked") json["unlinked"] = path.unlinked();
    add_fates(path, json);
    return json_line(json);
}

std::string path_document(const v1::PathList& list) {
    std::string text = "{\"paths\": [";
    for (int i = 0; i < list.paths_size(); ++i) text += (i > 0 ? ",\n" : "\n") + path_line(list.paths(i));
    return text + "\n], \"partial\": " + json_line(Json(list.partial())) + "}";
}

}  // namespace clew::cli
