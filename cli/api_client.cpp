// SPDX-License-Identifier: Apache-2.0
#include "cli/api_client.h"

#include <algorithm>

#include <google/protobuf/util/json_util.h>

#include "cli/paint.h"

namespace clew::cli {
namespace {

constexpr std::size_t id_digits = 16;
constexpr std::size_t id_prefix_digits_min = 4;

ErrorKind kind_of(unsigned http_status) {
    if (http_status == 400 || http_status == 414 || http_status == 422) return ErrorKind::usage;
    if (http_status == 401 || http_status == 403) return ErrorKind::not_allowed;
    if (http_status == 404) return ErrorKind::nothing_found;
    if (http_status == 503) return ErrorKind::unreachable;
    return ErrorKind::failed;
}

/// What a person typed, in the API's form.
Result<std::string> id_of(const std::string& typed) {
    std::string id = typed;
    for (char& c : id)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const bool hex = id.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!hex || id.size() > id_digits || id.size() < id_prefix_digits_min)
        return fail(ErrorKind::usage, "'" + printable(cut(typed, 40)) +
                                          "' is not a path id; give 4 to 16 hex digits as 'clew paths' prints them");
    return id;
}

template <typename Message>
bool read_json(const std::string& body, Message& message) {
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;  // a newer control plane may say more
    return google::protobuf::util::JsonStringToMessage(body, &message, options).ok();
}

}  // namespace

Result<ApiClient> ApiClient::create(const std::string& url, std::uint32_t timeout_ms) {
    auto client = http::Client::create(url, timeout_ms);
    if (!client) return tl::make_unexpected(client.error());
    return ApiClient(url, std::move(*client));
}

Result<std::string> ApiClient::send(const std::string& target, const char* method) {
    http::Request request;
    request.method = method;
    request.target = target;
    request.content_type = "application/json";
    Result<http::Response> response = client_->send(request);
    if (!response && response.error().kind == ErrorKind::unreachable)
        return fail(ErrorKind::unreachable,
                    "the control plane at " + url_ + " does not answer (" + printable(response.error().sentence) +
                        "); is clew-control running? Start it with 'clew-control --config FILE', or name "
                        "another one with --api URL or CLEW_API");
    if (!response) return tl::make_unexpected(response.error());
    if (response->status == 200) return std::move(response->body);
    v1::ApiError error;
    if (read_json(response->body, error) && !error.error().empty())
        return fail(kind_of(response->status), printable(error.error()));
    // Another program's 404 does not mean that there is no such path.
    return fail(response->status == 404 ? ErrorKind::failed : kind_of(response->status),
                url_ + target + " answered HTTP " + std::to_string(response->status) + "; is that clew-control's API?");
}

template <typename Message>
Result<Message> ApiClient::get_message(const std::string& target, const char* method) {
    Result<std::string> body = send(target, method);
    if (!body) return tl::make_unexpected(body.error());
    Message message;
    if (!read_json(*body, message))
        return fail(
            ErrorKind::failed,
            url_ + target + " answered something that is not Clew's JSON; is --api right, and of this version?");
    return message;
}

Result<v1::PathList> ApiClient::paths(const PathsRequest& request) {
    std::string target =
        "/api/v1/paths?since_ns=" + std::to_string(request.since_ns) + "&limit=" + std::to_string(request.count_max);
    if (request.until_ns != 0) target += "&until_ns=" + std::to_string(request.until_ns);
    if (!request.filter.empty()) target += "&filter=" + http::percent_encode(request.filter);
    if (request.abnormal_first) target += "&abnormal_first=1";
    return get_message<v1::PathList>(target);
}

Result<v1::Path> ApiClient::path(const std::string& typed) {
    const Result<std::string> full = id_of(typed);
    if (!full) return tl::make_unexpected(full.error());
    Result<v1::Path> path = get_message<v1::Path>("/api/v1/paths/" + *full);
    // Legs move to another path when a better link is found: follow where they went.
    for (int step = 0; step < 4 && path && path->retracted() && !path->merged_into().empty(); ++step)
        path = get_message<v1::Path>("/api/v1/paths/" + http::percent_encode(path->merged_into()));
    if (path && path->legs().empty())
        return fail(ErrorKind::nothing_found,
                    "path " + *full + " was taken back and its legs are in other paths; look again with 'clew paths'");
    return path;
}

std::string form_text(const FrameForm& form) {
    std::string text;
    if (form.headers_only) text += "&headers_only=1";
    if (form.strip_tunnels) text += "&strip_tunnels=1";
    if (form.snap_length != 0) text += "&snap=" + std::to_string(form.snap_length);
    return text;
}

Result<v1::Ladder> ApiClient::ladder(const std::string& typed, TimeNs from_ns, TimeNs to_ns, const FrameForm& form) {
    const Result<std::string> id = id_of(typed);
    if (!id) return tl::make_unexpected(id.error());
    std::string target = "/api/v1/paths/" + *id + "/ladder";
    char separator = '?';
    for (const auto& [name, time] : {std::pair{"from_ns", from_ns}, std::pair{"to_ns", to_ns}}) {
        if (time == 0) continue;
        target += separator + std::string(name) + "=" + std::to_string(time);
        separator = '&';
    }
    if (form.frames) target += separator + std::string("frames=1") + form_text(form);
    return get_message<v1::Ladder>(target);
}

Result<v1::CapturedPacketList> ApiClient::packets(const PacketsRequest& request) {
    std::string target =
        "/api/v1/packets?since_ns=" + std::to_string(request.since_ns) + "&limit=" + std::to_string(request.count_max);
    if (request.until_ns != 0) target += "&until_ns=" + std::to_string(request.until_ns);
    if (!request.filter.empty()) target += "&filter=" + http::percent_encode(request.filter);
    if (!request.bpf.empty()) target += "&bpf=" + http::percent_encode(request.bpf);
    return get_message<v1::CapturedPacketList>(target + form_text(request.form));
}

Result<v1::RecordingList> ApiClient::record(const RecordRequest& request) {
    std::string target = "/api/v1/vault/recordings?seconds=" + std::to_string(request.duration / ns_per_s) +
                         "&snap=" + std::to_string(request.snap_length);
    if (!request.bpf.empty()) target += "&bpf=" + http::percent_encode(request.bpf);
    if (!request.tap.empty()) target += "&tap=" + http::percent_encode(request.tap);
    return get_message<v1::RecordingList>(target, "POST");
}

Result<v1::RecordingList> ApiClient::end_recording(const std::string& id) {
    return get_message<v1::RecordingList>("/api/v1/vault/recordings/" + http::percent_encode(id), "DELETE");
}

Result<v1::LinkRivals> ApiClient::rivals(const std::string& leg) {
    return get_message<v1::LinkRivals>("/api/v1/links/rivals?leg=" + http::percent_encode(leg));
}

Result<v1::LinkExplanation> ApiClient::explain(const std::string& leg_a, const std::string& leg_b) {
    return get_message<v1::LinkExplanation>("/api/v1/links/explain?a=" + http::percent_encode(leg_a) +
                                            "&b=" + http::percent_encode(leg_b));
}

Result<v1::UnlinkedList> ApiClient::unlinked(TimeNs since_ns, TimeNs until_ns, const std::string& filter) {
    std::string target = "/api/v1/unlinked?since_ns=" + std::to_string(since_ns);
    if (until_ns != 0) target += "&until_ns=" + std::to_string(until_ns);
    if (!filter.empty()) target += "&filter=" + http::percent_encode(filter);
    return get_message<v1::UnlinkedList>(target);
}

std::string overview_target(const char* what, const OverviewRequest& request) {
    std::string target = std::string("/api/v1/") + what + "?since_ns=" + std::to_string(request.since_ns);
    if (request.until_ns != 0) target += "&until_ns=" + std::to_string(request.until_ns);
    if (!request.filter.empty()) target += "&filter=" + http::percent_encode(request.filter);
    return target;
}

Result<v1::IncidentList> ApiClient::incidents(const OverviewRequest& request) {
    return get_message<v1::IncidentList>(overview_target("incidents", request));
}

Result<v1::Topology> ApiClient::topology(const OverviewRequest& request, std::uint32_t node_count_max) {
    return get_message<v1::Topology>(overview_target("topology", request) + "&limit=" + std::to_string(node_count_max));
}

Result<v1::TimeComparison> ApiClient::compare(const OverviewRequest& request, TimeNs before_ns) {
    return get_message<v1::TimeComparison>(overview_target("compare", request) +
                                           "&before_ns=" + std::to_string(before_ns));
}

Result<v1::GatewayList> ApiClient::gateways() { return get_message<v1::GatewayList>("/api/v1/gateways"); }

Result<v1::Status> ApiClient::status() { return get_message<v1::Status>("/api/v1/status"); }

}  // namespace clew::cli
