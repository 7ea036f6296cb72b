// SPDX-License-Identifier: Apache-2.0
// `clew replay`: paths out of capture files.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>

#include <CLI/CLI.hpp>

#include "cli/gateway_view.h"
#include "cli/link_words.h"
#include "cli/paint.h"
#include "cli/path_jsonl.h"
#include "cli/path_table.h"
#include "cli/program.h"
#include "cli/replay.h"
#include "cli/status_view.h"
#include "wire/convert.h"

namespace clew::cli {
namespace {

struct Options {
    std::string corpus;
    std::vector<std::string> taps;
    std::vector<std::string> clocks;
    std::string format;
    bool gateways = false;
    std::vector<std::string> explained;
};

Result<std::pair<std::string, std::string>> split(const char* option, const std::string& text, const char* example) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
        return fail(ErrorKind::usage, std::string(option) + " '" + printable(text) + "': write it as " + example);
    return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

Result<std::vector<TapFile>> named_taps(const Options& options) {
    std::vector<TapFile> taps;
    for (const std::string& text : options.taps) {
        const auto parts = split("--tap", text, "NAME=FILE, like edge=edge.pcap");
        if (!parts) return tl::make_unexpected(parts.error());
        for (const TapFile& tap : taps)
            if (tap.name == parts->first)
                return fail(ErrorKind::usage, "--tap: the name '" + printable(tap.name) +
                                                  "' stands twice; give every file a name of its own");
        // Nothing is known of its clock, so it shares none.
        taps.push_back({parts->first, parts->second, "clock of " + parts->first});
    }
    for (const std::string& text : options.clocks) {
        const auto parts = split("--clock", text, "NAME=CLOCK, like edge=sensor-a");
        if (!parts) return tl::make_unexpected(parts.error());
        const auto tap =
            std::find_if(taps.begin(), taps.end(), [&](const TapFile& one) { return one.name == parts->first; });
        if (tap == taps.end())
            return fail(ErrorKind::usage, "--clock: there is no --tap named '" + printable(parts->first) + "'");
        tap->clock = parts->second;
    }
    return taps;
}

Result<std::vector<TapFile>> taps_of(const Options& options) {
    if (options.corpus.empty() && options.taps.empty())
        return fail(ErrorKind::usage,
                    "nothing to replay; give a corpus folder or --tap NAME=FILE; see 'clew replay --help'");
    if (!options.corpus.empty() && !(options.taps.empty() && options.clocks.empty()))
        return fail(ErrorKind::usage,
                    "a corpus folder names its taps and clocks itself; give either the folder or --tap and --clock");
    return options.corpus.empty() ? named_taps(options) : read_region(options.corpus);
}

void print_paths(const ReplayOutcome& outcome, const std::string& format, const Surroundings& surroundings) {
    if (format == "jsonl") {
        for (const v1::Path& path : outcome.paths) surroundings.out << path_line(path) << "\n";
        return;
    }
    v1::PathList list;
    for (const v1::Path& path : outcome.paths) *list.add_paths() = path;
    for (const std::string& sentence : outcome.damaged_files)
        list.set_partial(list.partial() + (list.partial().empty() ? "" : "; ") + sentence);
    if (format == "json")
        surroundings.out << path_document(list) << "\n";
    else
        surroundings.out << path_table(list, Paint(surroundings.colours),
                                       static_cast<std::size_t>(surroundings.columns));
}

void print_gateways(const ReplayOutcome& outcome, const std::string& format, const Surroundings& surroundings) {
    if (format == "json")
        surroundings.out << message_json(outcome.gateways) << "\n";
    else if (format == "jsonl")
        for (const v1::Gateway& one : outcome.gateways.gateways()) surroundings.out << message_json(one) << "\n";
    else
        surroundings.out << gateways_table(outcome.gateways, Paint(surroundings.colours),
                                           static_cast<std::size_t>(surroundings.columns));
}

Result<std::optional<std::array<LegId, 2>>> explained_legs(const Options& options) {
    if (options.explained.empty()) return std::nullopt;
    std::array<LegId, 2> legs{};
    for (std::size_t n = 0; n < legs.size(); ++n) {
        const Result<std::uint64_t> id = wire::parse_id(options.explained[n]);
        if (!id)
            return fail(ErrorKind::usage, "--explain '" + printable(options.explained[n]) +
                                              "': a leg's id has 16 hex digits, as '--format jsonl' prints it");
        legs[n] = *id;
    }
    return legs;
}

Result<void> print_explanation(const ReplayOutcome& outcome, const std::string& format, const Surroundings& s) {
    if (!outcome.explanation)
        return fail(ErrorKind::nothing_found,
                    "--explain: one of the two is no leg of these captures, or it ended long before they did");
    s.out << (format == "table"
                  ? legs_explained(*outcome.explanation, Paint(s.colours), static_cast<std::size_t>(s.columns))
                  : message_json(*outcome.explanation) + "\n");
    return {};
}

std::string counted(std::uint64_t count, const std::string& noun) {
    return with_thousands(count) + " " + noun + (count == 1 ? "" : "s");
}

/// What went in and what came out, and every packet that came to nothing, with its reason.
void print_summary(const ReplayOutcome& outcome, std::size_t tap_count, std::ostream& err) {
    const auto alone = std::count_if(outcome.paths.begin(), outcome.paths.end(),
                                     [](const v1::Path& path) { return path.legs_size() < 2; });
    err << counted(tap_count, "tap") << ", " << counted(outcome.packets, "packet") << ", "
        << counted(outcome.legs, "leg") << ", " << counted(outcome.paths.size(), "path") << " ("
        << with_thousands(static_cast<std::uint64_t>(alone)) << " of a single leg)\n";
    for (const Remark& counter : outcome.counters)
        if (counts_a_loss(counter.name))
            err << "  " << with_thousands(counter.count) << "  " << counter.text << " (" << counter.name << ")\n";
}

Result<void> run(const Options& options, const Surroundings& surroundings) {
    const Result<std::vector<TapFile>> taps = taps_of(options);
    if (!taps) return tl::make_unexpected(taps.error());
    const auto explained = explained_legs(options);
    if (!explained) return tl::make_unexpected(explained.error());
    const Result<ReplayOutcome> outcome = replay(*taps, *explained);
    if (!outcome) return tl::make_unexpected(outcome.error());
    if (*explained) {
        if (auto printed = print_explanation(*outcome, options.format, surroundings); !printed) return printed;
    } else if (options.gateways)
        print_gateways(*outcome, options.format, surroundings);
    else if (!outcome->paths.empty() || options.format == "json")
        print_paths(*outcome, options.format, surroundings);
    surroundings.out.flush();
    print_summary(*outcome, taps->size(), surroundings.err);
    if (outcome->legs_without_path != 0)
        return fail(ErrorKind::failed,
                    counted(outcome->legs_without_path, "leg") +
                        " of the captures stand in no path; this is a bug of clew, please report it");
    if (!outcome->damaged_files.empty())
        return fail(ErrorKind::partial,
                    outcome->damaged_files.front() +
                        (outcome->damaged_files.size() > 1
                             ? " (and " + counted(outcome->damaged_files.size() - 1, "more file") + ")"
                             : ""));
    if (outcome->paths.empty())
        return fail(ErrorKind::nothing_found, outcome->packets == 0 ? "the captures hold no packets"
                                                                    : "no TCP, UDP or ICMP connection was found in " +
                                                                          counted(outcome->packets, "packet") +
                                                                          "; the counts above say what they were");
    return {};
}

}  // namespace

void add_replay_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* verb = root.add_subcommand("replay", "Paths out of capture files: no root, no network, no store");
    verb->add_option("CORPUS_DIR", options->corpus, "A folder with region.json and one capture a tap");
    verb->add_option("--tap", options->taps,
                     "NAME=FILE: a capture file (pcap or pcapng) and the tap it was taken at; repeatable")
        ->allow_extra_args(false);
    verb->add_option("--clock", options->clocks,
                     "NAME=CLOCK: which clock stamped that tap; repeatable (default: every tap its own)")
        ->allow_extra_args(false);
    verb->add_flag("--gateways", options->gateways,
                   "Print what was learnt of the gateways between the taps instead of the paths");
    verb->add_option("--explain", options->explained,
                     "LEG LEG: print why these two legs are linked, or are not, instead of the paths")
        ->expected(2);
    add_format_option(*verb, options->format);
    verb->footer(
        "Examples:\n"
        "  clew replay --tap edge=edge.pcap --tap lb=lb.pcapng --clock edge=sensor-a --clock lb=sensor-a\n"
        "  clew replay corpus/fullnat --format jsonl > answer.jsonl\n"
        "  clew replay corpus/fullnat --explain 5d2c86aa4f1b0e37 0c9e41f2aa5b8d13\n\n"
        "Taps with one clock give exact delays between them. Every leg of the captures stands in exactly one path.");
    verb->callback(
        [options, &program] { program.chosen = [options, &program] { return run(*options, program.surroundings); }; });
}

}  // namespace clew::cli
