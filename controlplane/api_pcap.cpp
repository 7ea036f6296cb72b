// SPDX-License-Identifier: Apache-2.0
// The download of a path's packets at all its taps.
#include <span>
#include <string>
#include <utility>

#include "controlplane/api.h"
#include "controlplane/api_parameters.h"
#include "controlplane/path_capture.h"

namespace clew::control {
namespace {

/// A header's value: what a sentence may quote could end the line.
std::string header_value(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
    return text;
}

Error nothing_kept(const PathCapture& capture, const std::string& partial) {
    std::string sentence = capture.without_headers() == 0
                               ? "no packet of this is kept"
                               : std::to_string(capture.without_headers()) +
                                     " packets were seen, but their sensors keep no whole headers: give them a vault";
    if (!partial.empty()) sentence += ": " + partial;
    return {ErrorKind::nothing_found, sentence};
}

}  // namespace

void Api::add_pcap_route() {
    routes_.push_back({pcap_path,
                       "the path's packets at all its taps as pcapng; the header X-Clew-Partial says what is missing",
                       {{"from_ns", ParameterKind::time, false, 0, time_max, 0, "packets from then on; 0: all"},
                        {"to_ns", ParameterKind::time, false, 0, time_max, 0, "packets until then; 0: all"},
                        {"aligned", ParameterKind::flag, false, 0, 1, 0, "times by the first tap's clock"}},
                       nullptr,
                       "application/x-pcapng"});
}

Result<http::Response> Api::pcap(const std::string& id, const ApiArguments& arguments) const {
    const auto path = find(id);
    if (!path) return tl::make_unexpected(path.error());
    const auto packets =
        ladder(id, arguments, {.frames = true, .headers_only = false, .strip_tunnels = false, .snap_length = 0});
    if (!packets) return tl::make_unexpected(packets.error());
    CaptureLook look;
    look.aligned = arguments.number("aligned") != 0;
    PathCapture capture(look);
    capture.add(*path, *packets);
    std::string partial = packets->partial();
    if (capture.packet_count() == 0) return tl::make_unexpected(nothing_kept(capture, partial));
    http::Response response{.status = 200, .content_type = "application/x-pcapng", .body = {}, .headers = {}};
    wire::PcapngWriter writer([&body = response.body](std::span<const std::uint8_t> block) {
        if (body.size() + block.size() > pcap_bytes_max) return false;
        body.append(reinterpret_cast<const char*>(block.data()), block.size());
        return true;
    });
    capture.write(writer, sources_.status());
    if (writer.failed())
        partial += (partial.empty() ? "" : "; ") + ("the file ends at " + std::to_string(pcap_bytes_max >> 20)) +
                   " MB: choose a shorter time for the packets after it";
    response.headers = {{"Cache-Control", "no-store"},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Content-Disposition", "attachment; filename=\"clew-" + path->path_id() + ".pcapng\""}};
    if (!partial.empty()) response.headers.emplace_back("X-Clew-Partial", header_value(partial));
    return response;
}

}  // namespace clew::control
