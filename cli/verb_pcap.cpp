// SPDX-License-Identifier: Apache-2.0
// `clew pcap`: the packets of paths at all their taps, for Wireshark.
#include <algorithm>
#include <fstream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/paint.h"
#include "cli/program.h"
#include "cli/time_text.h"
#include "cli/vault_capture.h"
#include "controlplane/capture_parts.h"
#include "controlplane/capture_stream.h"
#include "wire/bpf_program.h"

namespace clew::cli {
namespace {

constexpr std::uint32_t path_count_max = 100;  ///< in one file
constexpr std::uint32_t look_back_timeout_ms = 60'000;

constexpr std::size_t packet_count_default = 200'000, packet_count_limit = 100'000'000;

struct Options {
    std::vector<std::string> what;
    std::string since, until, to, bpf;
    control::CaptureLook look;
    bool headers_only = false, vault = false;
    std::size_t count_max = packet_count_default;
};

FrameForm form_of(const Options& options) {
    return {.frames = true,
            .headers_only = options.headers_only,
            .strip_tunnels = options.look.strip_tunnels,
            .snap_length = options.look.snap_length};
}

std::string filter_of(const Options& options) {
    std::string filter;
    for (const std::string& word : options.what) filter += (filter.empty() ? "" : " ") + word;
    return filter;
}

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
    const PathsRequest request{since, until, filter_of(options), path_count_max};
    Result<v1::PathList> list = api.paths(request);
    if (!list) return tl::make_unexpected(list.error());
    if (list->paths().empty())
        return fail(ErrorKind::nothing_found, "no path since " + time_text(since, 0) + " fits the filter '" +
                                                  printable(request.filter) + "'; look further back with --since");
    for (v1::Path& path : *list->mutable_paths()) paths.push_back(std::move(path));
    return paths;
}

/// Why there is no packet to write, in the words of whoever knows.
Error nothing_to_write(const control::CaptureStream& stream) {
    std::string sentence = "no packet headers of this are kept";
    if (stream.capture().without_headers() != 0)
        sentence = std::to_string(stream.capture().without_headers()) +
                   " packets were seen, but their sensors keep no whole "
                   "headers: give them a vault";
    if (!stream.partial().empty()) sentence += ": " + printable(stream.partial());
    return {ErrorKind::nothing_found, sentence};
}

Error cannot_write(const Options& options) {
    return {ErrorKind::failed, "cannot write '" + options.to + "'; is there room, and may this user write there?"};
}

/// The file, or the standard output, opened when it is first asked for.
class Target {
  public:
    Target(const Program& program, const Options& options) : program_(program), options_(options) {}

    wire::PcapngWriter::Write open() {
        if (options_.to != "-") file_.open(options_.to, std::ios::binary | std::ios::trunc);
        return [this](std::span<const std::uint8_t> bytes) {
            return !!out().write(reinterpret_cast<const char*>(bytes.data()),
                                 static_cast<std::streamsize>(bytes.size()));
        };
    }
    Result<void> finish(bool failed) {
        if (failed || !out().flush()) return tl::make_unexpected(cannot_write(options_));
        return {};
    }

  private:
    std::ostream& out() { return options_.to == "-" ? program_.surroundings.out : file_; }
    const Program& program_;
    const Options& options_;
    std::ofstream file_;
};

struct Times {
    TimeNs since = 0, until = 0;
};

Result<Times> times_of(const Program& program, const Options& options) {
    const TimeNs now = program.surroundings.now();
    const bool one = !options.vault && options.bpf.empty() && is_path_id(options.what);
    const Result<TimeNs> since = bound("--since", options.since.empty() && !one ? "5m" : options.since, now);
    if (!since) return tl::make_unexpected(since.error());
    const Result<TimeNs> until = bound("--until", options.until, now);
    if (!until) return tl::make_unexpected(until.error());
    return Times{*since, *until};
}

void tell(const Program& program, const Options& options, const std::string& what, bool had_tunnels) {
    program.surroundings.err << what << "\n";
    if (options.look.strip_tunnels && !had_tunnels)
        program.surroundings.err << "  no tunnel is around them: --strip-tunnel changed nothing\n";
}

/// Without a path: what the sensors' vaults have of it.
Result<void> look_back(const Program& program, const Options& options, ApiClient& api, const Times& times) {
    if (!options.bpf.empty())
        if (const auto program_of = wire::BpfProgram::compile(options.bpf, wire::BpfOn::ip); !program_of)
            return fail(ErrorKind::usage, "--bpf: " + program_of.error().sentence);
    Target target(program, options);
    VaultCapture capture(options.look, [&target] { return target.open(); });
    PacketsRequest request;
    request.since_ns = times.since;
    request.until_ns = times.until;
    request.filter = filter_of(options);
    request.bpf = options.bpf;
    request.form = form_of(options);
    const auto done = capture.run(api, request, options.count_max);
    if (!done) return tl::make_unexpected(done.error());
    if (done->packets == 0)
        return fail(ErrorKind::nothing_found,
                    "no vault has packets of this since " + time_text(times.since, 0) +
                        (done->partial.empty() ? "; look further back with --since" : ": " + printable(done->partial)));
    if (auto finished = target.finish(capture.failed()); !finished) return finished;
    tell(program, options, control::whole_text(done->whole, done->packets) + ", out of the sensors' vaults",
         done->had_tunnels);
    if (!done->partial.empty())
        return fail(ErrorKind::partial, "not every packet is in it: " + printable(done->partial));
    return {};
}

/// The paths' packets, lined up, a slice of time after the other: written as they come.
Result<void> capture_paths(const Program& program, const Options& options, ApiClient& api, std::vector<v1::Path> paths,
                           const Times& times) {
    const std::size_t path_count = paths.size();
    control::CaptureStream::Sources sources;
    sources.ladder = [&api, form = form_of(options)](const v1::Path& path, TimeNs from, TimeNs to) {
        return api.ladder(path.path_id(), from, to, form);
    };
    sources.status = [&api] {
        const Result<v1::Status> status = api.status();
        return status ? *status : v1::Status();
    };
    sources.now = program.surroundings.now();
    control::CaptureStream stream(std::move(paths), options.look, times.since, times.until, std::move(sources));
    std::string piece = stream.next();
    if (piece.empty()) return tl::make_unexpected(nothing_to_write(stream));
    Target target(program, options);
    const auto write = target.open();
    for (; !piece.empty(); piece = stream.next())
        if (!write({reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()}))
            return tl::make_unexpected(cannot_write(options));
    if (auto finished = target.finish(false); !finished) return finished;
    tell(program, options,
         control::whole_text(stream.capture().whole_count(), stream.capture().packet_count()) + ", of " +
             with_thousands(path_count) + (path_count == 1 ? " path" : " paths"),
         stream.capture().had_tunnels());
    std::string partial = stream.partial();
    if (path_count == path_count_max)
        partial += (partial.empty() ? "" : "; ") + ("only " + std::to_string(path_count_max) + " paths are in it");
    if (!partial.empty()) return fail(ErrorKind::partial, "not every packet is in it: " + printable(partial));
    return {};
}

Result<void> run(const Program& program, const Options& options) {
    if (options.to == "-" && program.surroundings.terminal)
        return fail(ErrorKind::usage, "-w - writes a capture file to the terminal; pipe it: | wireshark -k -i -");
    if (options.what.empty() && !options.vault && options.bpf.empty())
        return fail(ErrorKind::usage, "name a path, give a filter, or look back with --bpf or --vault");
    const auto times = times_of(program, options);
    if (!times) return tl::make_unexpected(times.error());
    Result<ApiClient> api = ApiClient::create(program.api_url, look_back_timeout_ms);
    if (!api) return tl::make_unexpected(api.error());
    if (options.vault || !options.bpf.empty()) return look_back(program, options, *api, *times);
    auto paths = paths_of(*api, options, times->since, times->until);
    if (!paths) return tl::make_unexpected(paths.error());
    return capture_paths(program, options, *api, std::move(*paths), *times);
}

}  // namespace

void add_pcap_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* verb = root.add_subcommand("pcap", "The packets of paths at every tap as one pcapng, for Wireshark");
    verb->add_option("PATH|FILTER", options->what, "A path's id, or a filter as 'clew paths' takes it");
    verb->add_option("--since", options->since, "From when (90s, 5m, RFC 3339); without a path's id the default is 5m");
    verb->add_option("--until", options->until, "Until when, in the same forms");
    verb->add_option("-w", options->to, "The file to write; - is the standard output")->required();
    verb->add_flag("--vault", options->vault,
                   "Look back in the sensors' vaults, without paths: for what was not traced");
    verb->add_option("--bpf", options->bpf, "The same by a capture filter, on what is inside all tunnels");
    verb->add_option("--limit", options->count_max, "So many packets at most out of the vaults")
        ->check(CLI::Range(std::size_t{1}, packet_count_limit));
    verb->add_option("--hop", options->look.taps, "Only this tap; repeatable")->allow_extra_args(false);
    verb->add_option("--direction", options->look.direction, "Only one direction")
        ->check(CLI::IsMember({"to_server", "to_client"}));
    verb->add_option("--snap", options->look.snap_length, "Cut packets to so many bytes");
    verb->add_flag("--aligned", options->look.aligned,
                   "Times by the first tap's clock, where clocks are known to differ");
    verb->add_flag("--headers-only", options->headers_only, "Headers without payload, even where packets are kept");
    verb->add_flag("--strip-tunnel", options->look.strip_tunnels, "Without what stands around the innermost IP packet");
    verb->footer(
        "Examples:\n"
        "  clew pcap 9f3a11c0 -w path.pcapng\n"
        "  clew pcap 9f3a11c0 -w - | wireshark -k -i -\n"
        "  clew pcap --since 10m -w busy.pcapng ip.addr == 10.0.0.7\n"
        "  clew pcap --vault --since 1h -w all.pcapng ip.addr == 10.0.0.7 and vxlan.vni == 100\n"
        "  clew pcap --bpf 'tcp[tcpflags] & tcp-rst != 0' --since 1h -w resets.pcapng\n\n"
        "Packets are whole where a sensor keeps them (vault.packets), else their headers are built back: each\n"
        "interface's last comment says how many of each. With a path, frame.packet_id is the same for the same packet\n"
        "at every tap; comments have hop, link and delay.\n"
        "Exit 3: nothing to write, and why. Exit 4: packets are missing, and why.");
    verb->callback([options, &program] { program.chosen = [options, &program] { return run(program, *options); }; });
}

}  // namespace clew::cli
