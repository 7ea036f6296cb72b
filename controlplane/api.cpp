// SPDX-License-Identifier: Apache-2.0
#include "controlplane/api.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "controlplane/api_parameters.h"
#include "controlplane/open_metrics.h"

namespace clew::control {
namespace {

constexpr std::string_view api_prefix = "/api/v1/";
constexpr std::string_view id_mark = "{id}";

http::Response json_response(unsigned status, std::string body) {
    return {.status = status,
            .content_type = "application/json",
            .body = std::move(body),
            .headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

http::Response error_response(unsigned status, const std::string& sentence) {
    v1::ApiError error;
    std::string safe = sentence;  // JSON must be UTF-8 and the sentence may quote what is not
    for (char& c : safe)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
    error.set_error(safe);
    return json_response(status, to_json(error));
}

unsigned status_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage: return 400;
        case ErrorKind::not_allowed: return 403;
        case ErrorKind::nothing_found: return 404;
        case ErrorKind::unreachable: return 503;
        case ErrorKind::failed:
        case ErrorKind::partial: break;
    }
    return 503;
}

/// The id where `path` is the route's, with something in the place of "{id}".
std::optional<std::string> match(std::string_view route, std::string_view path) {
    const std::size_t mark = route.find(id_mark);
    if (mark == std::string_view::npos) return route == path ? std::optional(std::string()) : std::nullopt;
    const std::string_view before = route.substr(0, mark), behind = route.substr(mark + id_mark.size());
    if (!path.starts_with(before) || !path.ends_with(behind) || path.size() < before.size() + behind.size())
        return std::nullopt;
    const std::string_view id = path.substr(before.size(), path.size() - before.size() - behind.size());
    if (id.find('/') != std::string_view::npos) return std::nullopt;
    return std::string(id);
}

}  // namespace

Api::Api(store::Store& store, ApiSources sources) : store_(store), sources_(std::move(sources)) {
    add_path_routes();
    add_link_routes();
    add_packet_routes();
    add_recording_routes();
    add_overview_routes();
    routes_.push_back({"events", "server-sent events: 'status' once a second, with a Status each", {}, nullptr});
    add_pcap_route();
    open_api_ = open_api_document(routes_, CLEW_VERSION);
}

/// A page of another site can make a browser send a POST, but not one of this content type.
std::optional<http::Response> Api::refuse_method(const http::Request& request, std::string_view path) const {
    std::string_view method = "GET";
    for (const ApiRoute& route : routes_)
        if (path.starts_with(api_prefix) && match(route.path, path.substr(api_prefix.size()))) method = route.method;
    if (method == "GET" && (request.method == "GET" || request.method == "HEAD")) return std::nullopt;
    if (request.method != method)
        return error_response(405, "this is asked by " + std::string(method) + ", not by " + shown(request.method));
    if (request.content_type == "application/json") return std::nullopt;
    return error_response(400, "a " + std::string(method) + " has to say 'Content-Type: application/json'");
}

void Api::add(ApiRoute route, Answer answer) {
    routes_.push_back(std::move(route));
    answers_.push_back(std::move(answer));
}

http::Response Api::answer(const http::Request& request) const {
    const http::Target target = http::parse_target(request.target);
    if (const auto refused = refuse_method(request, target.path)) return *refused;
    if (target.path == "/metrics")
        return {.status = 200,
                .content_type = open_metrics_content_type,
                .body = to_open_metrics(sources_.status()),
                .headers = {}};
    if (target.path == "/healthz") {
        const auto alive = store_.ping();
        if (!alive) return error_response(503, alive.error().sentence);
        return {.status = 200, .content_type = "text/plain", .body = "ok\n", .headers = {}};
    }
    if (!target.path.starts_with("/api/")) return sources_.console.answer(request, target.path);
    auto response = route(target);
    if (!response) return error_response(status_of(response.error().kind), response.error().sentence);
    return std::move(*response);
}

Result<http::Response> Api::route(const http::Target& target) const {
    const std::string_view path = std::string_view(target.path).substr(std::min(api_prefix.size(), target.path.size()));
    if (!target.path.starts_with(api_prefix) || path == "openapi.json") {
        if (path == "openapi.json") return json_response(200, open_api_);
    } else {
        for (std::size_t i = 0; i < routes_.size(); ++i) {
            const auto id = match(routes_[i].path, path);
            if (!id) continue;
            const auto arguments = ApiArguments::check(routes_[i], target);
            if (!arguments) return tl::make_unexpected(arguments.error());
            if (routes_[i].path == pcap_path) return pcap(*id, *arguments);
            if (routes_[i].answers == nullptr) return events();
            auto body = answers_[i](*id, *arguments);
            if (!body) return tl::make_unexpected(body.error());
            http::Response response = json_response(200, std::move(*body));
            if (!routes_[i].binary.empty() && arguments->number("binary") != 0)
                response.content_type = binary_content_type;
            return response;
        }
    }
    return fail(ErrorKind::nothing_found,
                "there is nothing at '" + shown(target.path) +
                    "'; /api/v1/openapi.json lists what there is, besides /metrics and /healthz");
}

http::Response Api::events() const {
    http::Response response{
        .status = 200, .content_type = "text/event-stream", .body = {}, .headers = {{"Cache-Control", "no-store"}}};
    response.next = [this] { return "event: status\ndata: " + to_json(sources_.status()) + "\n\n"; };
    response.next_period_ms = static_cast<std::uint32_t>(event_period_ns / ns_per_ms);
    return response;
}

}  // namespace clew::control
