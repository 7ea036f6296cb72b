// SPDX-License-Identifier: Apache-2.0
// The download of a path's packets at all its taps.
#include <memory>
#include <string>
#include <utility>

#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/capture_stream.h"
#include "controlplane/http/departure.h"

namespace clew::control {
namespace {

/// A header's value: what a sentence may quote could end the line.
std::string header_value(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
    return text;
}

Error nothing_kept(const CaptureStream& stream) {
    const std::size_t without = stream.capture().without_headers();
    std::string sentence = without == 0
                               ? "no packet of this is kept"
                               : std::to_string(without) +
                                     " packets were seen, but their sensors keep no whole headers: give them a vault";
    if (!stream.partial().empty()) sentence += ": " + stream.partial();
    return {ErrorKind::nothing_found, sentence};
}

}  // namespace

void Api::add_pcap_route() {
    routes_.push_back({pcap_path,
                       "the path's packets at all its taps as pcapng, made while it is read; the header X-Clew-Partial "
                       "says what is missing as far as that is known at its beginning, a comment of the file's last "
                       "blocks all of it",
                       {{"from_ns", ParameterKind::time, false, 0, time_max, 0, "packets from then on; 0: all"},
                        {"to_ns", ParameterKind::time, false, 0, time_max, 0, "packets until then; 0: all"},
                        {"aligned", ParameterKind::flag, false, 0, 1, 0, "times by the first tap's clock"},
                        headers_only(),
                        strip_tunnels(),
                        snap()},
                       nullptr,
                       "application/x-pcapng"});
}

/// The first piece is made here: that there is nothing is an error, not an empty file.
Result<http::Response> Api::pcap(const std::string& id, const ApiArguments& arguments) const {
    auto path = path_with_legs(id);
    if (!path) return tl::make_unexpected(path.error());
    const FrameWish wish = frame_wish(arguments);
    CaptureLook look;
    look.aligned = arguments.number("aligned") != 0;
    look.snap_length = wish.snap_length;
    look.strip_tunnels = wish.strip_tunnels;
    const std::string name = path->path_id();
    CaptureStream::Sources sources{[ladder = sources_.ladder, wish](const v1::Path& of, TimeNs from, TimeNs to) {
                                       return ladder(of, from, to, wish);
                                   },
                                   sources_.status, sources_.now()};
    std::vector<v1::Path> paths;
    paths.push_back(std::move(*path));
    const auto stream = std::make_shared<CaptureStream>(std::move(paths), look, arguments.number("from_ns"),
                                                        arguments.number("to_ns"), std::move(sources));
    std::string first = stream->next(http::AnswerScope::left());
    if (first.empty()) return tl::make_unexpected(nothing_kept(*stream));
    http::Response response{.status = 200, .content_type = "application/x-pcapng", .body = {}, .headers = {}};
    response.next = [stream, first = std::move(first)]() mutable {
        return first.empty() ? stream->next(http::AnswerScope::left()) : std::exchange(first, {});
    };
    response.next_period_ms = 0;
    response.headers = {{"Cache-Control", "no-store"},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Content-Disposition", "attachment; filename=\"clew-" + name + ".pcapng\""}};
    if (!stream->partial().empty()) response.headers.emplace_back("X-Clew-Partial", header_value(stream->partial()));
    return response;
}

}  // namespace clew::control
