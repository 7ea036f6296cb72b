// SPDX-License-Identifier: Apache-2.0
// `clew pcap`: the packets of paths at all their taps, for Wireshark.
#include <algorithm>
#include <fstream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/paint.h"
#include "cli/path_capture.h"
#include "cli/program.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

constexpr std::uint32_t path_count_max = 100;  ///< in one file

struct Options {
    std::vector<std::string> what;
    std::string since, until, to, direction;
    CaptureLook look;
    bool headers_only = false, strip_tunnel = false;
};

Result<TimeNs> bound(const char* option, const std::string& text, TimeNs now) {
    if (text.empty()) return TimeNs{0};
    Result<TimeNs> time = parse_time(text, now);
    if (!time) return fail(time.error().kind, std::string(option) + ": " + time.error().sentence);
    return time;
}

bool is_path_id(const std::vector<std::string>& what) {
    constexpr std::size_t digits_min = 4, digits_max = 16;
    return what.size() == 1 && what[0].size() >= digits_min && what[0].size() <= digits_max &&
           what[0].find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

Result<std::vector<v1::Path>> paths_of(ApiClient& api, const Options& options, TimeNs since, TimeNs until) {
    std::vector<v1::Path> paths;
    if (is_path_id(options.what)) {
        Result<v1::Path> path = api.path(options.what[0]);
        if (!path) return tl::make_unexpected(path.error());
        paths.push_back(std::move(*path));
        return paths;
    }
    PathsRequest request{since, until, {}, path_count_max};
    for (const std::string& word : options.what) request.filter += (request.filter.empty() ? "" : " ") + word;
    Result<v1::PathList> list = api.paths(request);
    if (!list) return tl::make_unexpected(list.error());
    if (list->paths().empty())
        return fail(ErrorKind::nothing_found, "no path since " + time_text(since, 0) + " fits the filter '" +
                                                  printable(request.filter) + "'; look further back with --since");
    for (v1::Path& path : *list->mutable_paths()) paths.push_back(std::move(path));
    return paths;
}

/// Why there is no packet to write, in the words of whoever knows.
Error nothing_to_write(const PathCapture& capture, const std::string& partial) {
    std::string sentence = "no packet headers of this are kept";
    if (capture.without_headers() != 0)
        sentence = std::to_string(capture.without_headers()) +
                   " packets were seen, but their sensors keep no whole "
                   "headers: give them a vault";
    if (!partial.empty()) sentence += ": " + printable(partial);
    return {ErrorKind::nothing_found, sentence};
}

Result<void> write(const Program& program, const Options& options, const PathCapture& capture,
                   const v1::Status& status) {
    std::ofstream file;
    if (options.to != "-") file.open(options.to, std::ios::binary | std::ios::trunc);
    std::ostream& out = options.to == "-" ? program.surroundings.out : file;
    vault::PcapngWriter writer([&out](std::span<const std::uint8_t> bytes) {
        return !!out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    });
    capture.write(writer, status);
    if (writer.failed() || !out.flush())
        return fail(ErrorKind::failed,
                    "cannot write '" + options.to + "'; is there room, and may this user write there?");
    return {};
}

Result<void> run(const Program& program, const Options& options) {
    const Surroundings& surroundings = program.surroundings;
    if (options.to == "-" && surroundings.terminal)
        return fail(ErrorKind::usage, "-w - writes a capture file to the terminal; pipe it: | wireshark -k -i -");
    const TimeNs now = surroundings.now();
    const bool one = is_path_id(options.what);
    const Result<TimeNs> since = bound("--since", options.since.empty() && !one ? "5m" : options.since, now);
    if (!since) return tl::make_unexpected(since.error());
    const Result<TimeNs> until = bound("--until", options.until, now);
    if (!until) return tl::make_unexpected(until.error());
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const auto paths = paths_of(*api, options, *since, *until);
    if (!paths) return tl::make_unexpected(paths.error());
    PathCapture capture(options.look);
    std::string partial;
    if (paths->size() == path_count_max) partial = "only " + std::to_string(path_count_max) + " paths are in it";
    for (const v1::Path& path : *paths) {
        const Result<v1::Ladder> ladder = api->ladder(path.path_id(), *since, *until, true);
        const std::string why = ladder ? ladder->partial() : ladder.error().sentence;
        if (ladder) capture.add(path, *ladder);
        if (!why.empty() && partial.find(why) == std::string::npos) partial += (partial.empty() ? "" : "; ") + why;
    }
    if (capture.packet_count() == 0) return tl::make_unexpected(nothing_to_write(capture, partial));
    const Result<v1::Status> status = api->status();
    if (auto written = write(program, options, capture, status ? *status : v1::Status()); !written) return written;
    surroundings.err << with_thousands(capture.packet_count()) << " packets of " << with_thousands(paths->size())
                     << (paths->size() == 1 ? " path" : " paths")
                     << (options.headers_only ? "\n" : ", headers only: the vault keeps no payload\n");
    if (!partial.empty()) return fail(ErrorKind::partial, "not every packet is in it: " + printable(partial));
    return {};
}

}  // namespace

void add_pcap_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* verb = root.add_subcommand("pcap", "The packets of paths at every tap as one pcapng, for Wireshark");
    verb->add_option("PATH|FILTER", options->what, "A path's id, or a filter as 'clew paths' takes it")->required();
    verb->add_option("--since", options->since, "From when (90s, 5m, RFC 3339); a filter's default is 5m");
    verb->add_option("--until", options->until, "Until when, in the same forms");
    verb->add_option("-w", options->to, "The file to write; - is the standard output")->required();
    verb->add_option("--hop", options->look.taps, "Only this tap; repeatable")->allow_extra_args(false);
    verb->add_option("--direction", options->look.direction, "Only one direction")
        ->check(CLI::IsMember({"to_server", "to_client"}));
    verb->add_option("--snap", options->look.snap_length, "Cut packets to so many bytes");
    verb->add_flag("--aligned", options->look.aligned,
                   "Times by the first tap's clock, where clocks are known to differ");
    verb->add_flag("--headers-only", options->headers_only, "Headers without payload: all that vaults keep today");
    verb->add_flag("--strip-tunnel", options->strip_tunnel, "Without tunnels: headers come without them anyway");
    verb->footer(
        "Examples:\n"
        "  clew pcap 9f3a11c0 -w path.pcapng\n"
        "  clew pcap 9f3a11c0 -w - | wireshark -k -i -\n"
        "  clew pcap --since 10m -w busy.pcapng ip.addr == 10.0.0.7\n\n"
        "frame.packet_id is the same for the same packet at every tap; comments have hop, link and delay.\n"
        "Exit 3: nothing to write, and why. Exit 4: packets are missing, and why.");
    verb->callback([options, &program] { program.chosen = [options, &program] { return run(program, *options); }; });
}

}  // namespace clew::cli
