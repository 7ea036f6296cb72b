// SPDX-License-Identifier: Apache-2.0
// `clew vault`: what the sensors' vaults hold, and archives of headers.
#include <algorithm>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/paint.h"
#include "cli/program.h"
#include "cli/status_view.h"
#include "cli/time_text.h"
#include "cli/vault_archive.h"
#include "cli/vault_view.h"
#include "wire/recording_id.h"

namespace clew::cli {
namespace {

struct Options {
    std::vector<std::string> captures;
    std::string archive, to, format;
    std::string filter, duration, tap, end;
    std::uint32_t snap_length = 0;
    bool payload_checks = false;
};

/// NAME=FILE, or the file alone: then its name without folder and ending is the tap's.
Result<std::vector<TapFile>> taps_of(const std::vector<std::string>& captures) {
    std::vector<TapFile> taps;
    for (const std::string& text : captures) {
        const std::size_t equals = text.find('=');
        TapFile tap;
        tap.file = equals == std::string::npos ? text : text.substr(equals + 1);
        tap.name = equals == std::string::npos ? std::filesystem::path(text).stem().string() : text.substr(0, equals);
        for (const TapFile& other : taps)
            if (other.name == tap.name)
                return fail(ErrorKind::usage,
                            "two captures are of a tap '" + printable(tap.name) + "'; name them: NAME=FILE");
        taps.push_back(std::move(tap));
    }
    return taps;
}

std::string per_packet(std::uint64_t bytes, std::uint64_t packets) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f",
                  packets == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(packets));
    return text;
}

Result<void> pack(const Program& program, const Options& options) {
    const auto taps = taps_of(options.captures);
    if (!taps) return tl::make_unexpected(taps.error());
    const auto outcome = pack_captures(*taps, options.to, options.payload_checks);
    if (!outcome) return tl::make_unexpected(outcome.error());
    std::ostream& err = program.surroundings.err;
    err << with_thousands(outcome->headers) << " headers (" << with_thousands(outcome->tcp_headers) << " of TCP) of "
        << with_thousands(outcome->packets) << " packets in " << with_thousands(outcome->bytes) << " bytes, "
        << per_packet(outcome->bytes, outcome->headers) << " a header; the captures have "
        << with_thousands(outcome->capture_bytes) << ". Every header was decoded again and is the same.\n";
    for (const Remark& counter : outcome->counters)
        if (counts_a_loss(counter.name) || counter.name == "packets_mirrored_twice")
            err << "  " << with_thousands(counter.count) << "  " << counter.text << " (" << counter.name << ")\n";
    if (!outcome->damaged_files.empty()) return fail(ErrorKind::partial, outcome->damaged_files.front());
    if (outcome->headers == 0)
        return fail(ErrorKind::nothing_found, "no packet of the captures is on a TCP, UDP or ICMP connection");
    return {};
}

Result<void> unpack(const Program& program, const Options& options) {
    const auto outcome = unpack_archive(options.archive, options.to);
    if (!outcome) return tl::make_unexpected(outcome.error());
    program.surroundings.err << with_thousands(outcome->packets) << " headers written to " << options.to << "\n";
    if (!outcome->damage.empty()) return fail(ErrorKind::partial, "not all was there: " + outcome->damage);
    if (outcome->packets == 0) return fail(ErrorKind::nothing_found, "the archive holds no packets");
    return {};
}

Result<void> status(const Program& program, const Options& options) {
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const Result<v1::Status> status = api->status();
    if (!status) return tl::make_unexpected(status.error());
    const auto vaults = vaults_of(*status);
    if (vaults.empty())
        return fail(ErrorKind::nothing_found,
                    "no connected sensor has a vault; give it one: vault: {directory: …} in its configuration");
    const Surroundings& surroundings = program.surroundings;
    surroundings.out << (options.format == "table"
                             ? vault_table(vaults, surroundings.now(), Paint(surroundings.colours))
                             : vault_lines(vaults, options.format == "json"));
    return {};
}

/// Of each sensor what it does, or why it does not. `done`: what stands behind its name where it does.
Result<void> tell(const Program& program, const v1::RecordingList& list, const char* done, const char* refuses,
                  bool until) {
    int refused = 0;
    for (const v1::RecordingSensor& sensor : list.sensors()) {
        const bool does = sensor.until_ns() != 0;
        refused += !does;
        program.surroundings.out << printable(sensor.observer()) << " "
                                 << (does ? done + (until ? time_text(sensor.until_ns(), 0) : std::string())
                                          : refuses + printable(sensor.refusal()))
                                 << "\n";
    }
    if (refused == list.sensors_size()) return fail(ErrorKind::failed, "no sensor did it");
    if (refused != 0) return fail(ErrorKind::partial, "not all sensors did it");
    return {};
}

Result<void> record(const Program& program, const Options& options) {
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!options.end.empty()) {
        if (!wire::parse_recording_id(options.end))
            return fail(ErrorKind::usage, "--end: a recording's id has 8 hex digits; 'clew vault status' shows it");
        if (!api) return tl::make_unexpected(api.error());
        const auto list = api->end_recording(options.end);
        if (!list) return tl::make_unexpected(list.error());
        return tell(program, *list, "has ended it; what it kept stays", "does not end it: ", false);
    }
    if (options.duration.empty()) return fail(ErrorKind::usage, "say --for how long, or --end ID to end one");
    const auto duration = parse_duration(options.duration);
    if (!duration) return tl::make_unexpected(duration.error());
    if (*duration < ns_per_s) return fail(ErrorKind::usage, "--for: a recording lasts at least a second");
    if (!api) return tl::make_unexpected(api.error());
    const auto list = api->record({options.filter, options.tap, *duration, options.snap_length});
    if (!list) return tl::make_unexpected(list.error());
    program.surroundings.err << "recording " << wire::recording_id_text(list->id()) << "\n";
    return tell(program, *list, "records until ", "does not record: ", true);
}

void add_record(CLI::App& vault, Program& program, const std::shared_ptr<Options>& options) {
    CLI::App* verb = vault.add_subcommand("record", "Keep whole packets from now on, for a time");
    auto* filter = verb->add_option(
        "FILTER", options->filter, "A capture filter (pcap-filter(7)) on the innermost IP packet; '' for every packet");
    auto* duration = verb->add_option("--for", options->duration, "How long: 90s, 10m, 1h30m; at most 24h");
    verb->add_option("--snap", options->snap_length, "So many bytes of a packet, but never less than its headers");
    verb->add_option("--tap", options->tap, "At this tap alone");
    verb->add_option("--end", options->end, "End the recording of this id before its time")
        ->excludes(filter)
        ->excludes(duration);
    verb->callback([options, &program, filter] {
        if (options->end.empty() && filter->count() == 0) throw CLI::RequiredError("FILTER");
        program.chosen = [options, &program] { return record(program, *options); };
    });
}

void add_pack(CLI::App& vault, Program& program, const std::shared_ptr<Options>& options) {
    CLI::App* verb = vault.add_subcommand("pack", "All headers of capture files into one archive");
    verb->add_option("CAPTURE", options->captures, "pcap or pcapng files, or TAP=FILE")->required();
    verb->add_option("-o", options->to, "The archive to write")->required();
    verb->add_flag("--payload-checks", options->payload_checks,
                   "Keep 16 bits of hash of each payload too, as sensors do");
    verb->callback([options, &program] { program.chosen = [options, &program] { return pack(program, *options); }; });
}

void add_unpack(CLI::App& vault, Program& program, const std::shared_ptr<Options>& options) {
    CLI::App* verb = vault.add_subcommand("unpack", "An archive back into header-only packets");
    verb->add_option("ARCHIVE", options->archive, "What 'clew vault pack' wrote, or a file of a sensor's vault")
        ->required();
    verb->add_option("-w", options->to, "The pcapng file to write")->required();
    verb->callback([options, &program] { program.chosen = [options, &program] { return unpack(program, *options); }; });
}

}  // namespace

void add_vault_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* vault = root.add_subcommand("vault", "What the sensors keep of every packet; archives of headers");
    vault->require_subcommand(1);
    CLI::App* verb = vault->add_subcommand("status", "How far back each sensor's headers reach, bytes and losses");
    add_format_option(*verb, options->format);
    verb->callback([options, &program] { program.chosen = [options, &program] { return status(program, *options); }; });
    add_record(*vault, program, options);
    add_pack(*vault, program, options);
    add_unpack(*vault, program, options);
    vault->footer(
        "Examples:\n"
        "  clew vault status\n"
        "  clew vault record 'host 10.0.0.7 and tcp port 443' --for 10m --snap 256\n"
        "  clew vault record --end 5c0ffee5\n"
        "  clew vault pack edge.pcap lb.pcap -o headers.clvh\n"
        "  clew vault unpack headers.clvh -w headers.pcapng");
}

}  // namespace clew::cli
