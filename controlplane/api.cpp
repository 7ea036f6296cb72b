// SPDX-License-Identifier: Apache-2.0
#include "controlplane/api.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <set>
#include <string_view>

#include "controlplane/open_metrics.h"
#include "controlplane/unlinked_groups.h"
#include "wire/convert.h"
#include "wire/convert_tcp.h"

namespace clew::control {
namespace {

constexpr std::string_view api_prefix = "/api/v1/";
constexpr std::string_view paths_prefix = "/api/v1/paths/";
constexpr std::string_view ladder_suffix = "/ladder";
constexpr int merge_steps_max = 4;

std::string to_json(const google::protobuf::Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string json;
    if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
    return json;
}

/// A caller's text as it may stand in an answer: short, printable.
std::string shown(std::string_view text) {
    std::string result(text.substr(0, 60));
    for (char& c : result)
        if (c < 0x20 || c > 0x7e) c = '?';
    return result;
}

http::Response error_response(unsigned status, const std::string& sentence) {
    v1::ApiError error;
    std::string safe = sentence;  // JSON must be UTF-8 and the sentence may quote what is not
    for (char& c : safe)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
    error.set_error(safe);
    return {.status = status, .content_type = "application/json", .body = to_json(error), .headers = {}};
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

Result<void> only(const http::Target& target, std::initializer_list<std::string_view> names) {
    std::set<std::string> seen;
    for (const auto& [name, value] : target.parameters) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            std::string known;
            for (const std::string_view one : names) known += (known.empty() ? "" : ", ") + std::string(one);
            return fail(ErrorKind::usage, "parameter '" + shown(name) + "' is not known; " +
                                              (known.empty() ? "there are none here" : "known are " + known));
        }
        if (!seen.insert(name).second) return fail(ErrorKind::usage, "parameter '" + name + "' is given twice");
    }
    return {};
}

Result<std::int64_t> number(const http::Target& target, const char* name, std::int64_t fallback, std::int64_t min,
                            std::int64_t max) {
    const std::string text = target.parameter(name);
    if (text.empty()) return fallback;
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size() || value < min || value > max)
        return fail(ErrorKind::usage, std::string(name) + ": '" + shown(text) + "' is not a whole number from " +
                                          std::to_string(min) + " to " + std::to_string(max));
    return value;
}

Result<std::int64_t> time(const http::Target& target, const char* name) {
    return number(target, name, 0, 0, std::int64_t{1} << 62);
}

Result<bool> flag(const http::Target& target, const char* name) {
    const std::string text = target.parameter(name, "false");
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return fail(ErrorKind::usage, std::string(name) + ": '" + shown(text) + "' is neither true nor false");
}

}  // namespace

http::Response Api::answer(const http::Request& request) const {
    if (request.method != "GET") return error_response(405, "the API answers GET alone, not " + shown(request.method));
    const http::Target target = http::parse_target(request.target);
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
    auto body = route(target);
    if (!body) return error_response(status_of(body.error().kind), body.error().sentence);
    return {.status = 200, .content_type = "application/json", .body = std::move(*body), .headers = {}};
}

Result<std::string> Api::route(const http::Target& target) const {
    if (target.path == std::string(api_prefix) + "status") {
        if (auto good = only(target, {}); !good) return tl::make_unexpected(good.error());
        return to_json(sources_.status());
    }
    if (target.path == std::string(api_prefix) + "paths") return paths(target);
    if (target.path == std::string(api_prefix) + "links/explain") return explain(target);
    if (target.path == std::string(api_prefix) + "unlinked") return unlinked(target);
    if (target.path == std::string(api_prefix) + "gateways") {
        if (auto good = only(target, {}); !good) return tl::make_unexpected(good.error());
        return to_json(sources_.gateways());
    }
    if (target.path.starts_with(paths_prefix)) {
        std::string id = target.path.substr(paths_prefix.size());
        if (id.ends_with(ladder_suffix)) return ladder(id.substr(0, id.size() - ladder_suffix.size()), target);
        if (auto good = only(target, {}); !good) return tl::make_unexpected(good.error());
        auto path = find(id);
        if (!path) return tl::make_unexpected(path.error());
        add_analysis(*path);
        return to_json(*path);
    }
    return fail(ErrorKind::nothing_found,
                "there is nothing at '" + shown(target.path) +
                    "'; see /api/v1/status, /api/v1/paths, /api/v1/gateways, /api/v1/unlinked, /metrics and /healthz");
}

Result<std::string> Api::paths(const http::Target& target) const {
    if (auto good = only(target, {"since_ns", "until_ns", "filter", "limit", "oldest_first"}); !good)
        return tl::make_unexpected(good.error());
    const auto since = time(target, "since_ns");
    if (!since) return tl::make_unexpected(since.error());
    const auto until = time(target, "until_ns");
    if (!until) return tl::make_unexpected(until.error());
    const auto limit = number(target, "limit", path_count_default, 1, path_count_max);
    if (!limit) return tl::make_unexpected(limit.error());
    const auto oldest_first = flag(target, "oldest_first");
    if (!oldest_first) return tl::make_unexpected(oldest_first.error());
    store::PathQuery query;
    query.since_ns = *since;
    query.until_ns = *until;
    query.filter = target.parameter("filter");
    query.count_max = static_cast<std::uint32_t>(*limit);
    query.oldest_first = *oldest_first;
    const auto list = store_.find_paths(query);
    if (!list) return tl::make_unexpected(list.error());
    return to_json(*list);
}

Result<std::string> Api::explain(const http::Target& target) const {
    if (auto good = only(target, {"a", "b"}); !good) return tl::make_unexpected(good.error());
    LegId legs[2];
    for (const std::size_t n : {0u, 1u}) {
        const auto id = wire::parse_id(target.parameter(n == 0 ? "a" : "b"));
        if (!id) return fail(ErrorKind::usage, std::string(n == 0 ? "a: " : "b: ") + id.error().sentence);
        legs[n] = *id;
    }
    const auto explanation = sources_.explain(legs[0], legs[1]);
    if (!explanation) return tl::make_unexpected(explanation.error());
    return to_json(*explanation);
}

Result<std::string> Api::unlinked(const http::Target& target) const {
    if (auto good = only(target, {"since_ns", "until_ns", "filter"}); !good) return tl::make_unexpected(good.error());
    const auto since = time(target, "since_ns");
    if (!since) return tl::make_unexpected(since.error());
    const auto until = time(target, "until_ns");
    if (!until) return tl::make_unexpected(until.error());
    store::PathQuery query;
    query.since_ns = *since;
    query.until_ns = *until;
    const std::string filter = target.parameter("filter");
    query.filter = "path.unlinked != linked" + (filter.empty() ? "" : " && (" + filter + ")");
    query.count_max = unlinked_path_count_max;
    const auto list = store_.find_paths(query);
    if (!list) return tl::make_unexpected(list.error());
    return to_json(group_unlinked(*list));
}

Result<std::string> Api::full_id(const std::string& prefix) const {
    store::PathQuery query;
    query.since_ns = std::max<TimeNs>(0, sources_.now() - prefix_search_ns);
    query.count_max = prefix_search_count_max;
    const auto list = store_.find_paths(query);
    if (!list) return tl::make_unexpected(list.error());
    std::set<std::string> fitting;
    for (const v1::Path& path : list->paths())
        if (path.path_id().starts_with(prefix)) fitting.insert(path.path_id());
    if (fitting.empty())
        return fail(ErrorKind::nothing_found, "no path of the last 24 hours begins with '" + prefix + "'");
    if (fitting.size() > 1)
        return fail(ErrorKind::usage,
                    std::to_string(fitting.size()) + " paths begin with '" + prefix + "'; give more digits");
    return *fitting.begin();
}

Result<v1::Path> Api::find(const std::string& id) const {
    std::string digits = id;
    for (char& c : digits)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    constexpr std::size_t id_digits = 16;
    if (digits.size() < prefix_digits_min || digits.size() > id_digits ||
        digits.find_first_not_of("0123456789abcdef") != std::string::npos)
        return fail(ErrorKind::usage,
                    "'" + shown(id) + "' is not a path's id: 4 to 16 hexadecimal digits are expected");
    if (digits.size() < id_digits) {
        auto full = full_id(digits);
        if (!full) return tl::make_unexpected(full.error());
        digits = *full;
    }
    auto path = store_.find_path(digits);
    if (!path) return tl::make_unexpected(path.error());
    if (!*path)
        return fail(ErrorKind::nothing_found, "there is no path " + digits + ", or it is older than the store keeps");
    return std::move(**path);
}

/// The analysis of TCP stands with each leg. A store that does not find it leaves the path as it is.
void Api::add_analysis(v1::Path& path) const {
    std::vector<store::LegWanted> wanted;
    for (const v1::PathLeg& leg : path.legs())
        if (const auto id = wire::parse_id(leg.leg_id())) wanted.push_back({*id, leg.first_ns()});
    const auto legs = store_.find_legs(wanted);
    if (!legs) return;
    for (v1::PathLeg& to : *path.mutable_legs())
        for (const Leg& leg : *legs)
            if (leg.tcp != TcpAnalysis{} && wire::id_text(leg.id) == to.leg_id())
                wire::encode(leg.tcp, *to.mutable_tcp());
}

Result<std::string> Api::ladder(const std::string& id, const http::Target& target) const {
    if (auto good = only(target, {"from_ns", "to_ns"}); !good) return tl::make_unexpected(good.error());
    const auto from = time(target, "from_ns");
    if (!from) return tl::make_unexpected(from.error());
    const auto to = time(target, "to_ns");
    if (!to) return tl::make_unexpected(to.error());
    auto path = find(id);
    for (int step = 0; step < merge_steps_max && path && path->retracted() && !path->merged_into().empty(); ++step)
        path = find(path->merged_into());
    if (!path) return tl::make_unexpected(path.error());
    if (path->legs().empty())
        return fail(ErrorKind::nothing_found,
                    "path " + path->path_id() + " was taken back: its legs stand in other paths now");
    const auto ladder = sources_.ladder(*path, *from, *to);
    if (!ladder) return tl::make_unexpected(ladder.error());
    return to_json(*ladder);
}

}  // namespace clew::control
