// SPDX-License-Identifier: Apache-2.0
// `clew ladder`: the packets of one path at all its taps.
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/ladder_view.h"
#include "cli/program.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

struct Options {
    std::string id;
    std::string from, to;
    std::string format;
    bool absolute = false;
    bool fold = false;
};

Result<TimeNs> bound(const char* option, const std::string& text, TimeNs now) {
    if (text.empty()) return TimeNs{0};
    Result<TimeNs> time = parse_time(text, now);
    if (!time) return fail(time.error().kind, std::string(option) + ": " + time.error().sentence);
    return time;
}

Result<void> show(const Program& program, const Options& options) {
    const Surroundings& surroundings = program.surroundings;
    const TimeNs now = surroundings.now();
    const Result<TimeNs> from = bound("--from", options.from, now);
    if (!from) return tl::make_unexpected(from.error());
    const Result<TimeNs> to = bound("--to", options.to, now);
    if (!to) return tl::make_unexpected(to.error());
    if (*to != 0 && *to <= *from) return fail(ErrorKind::usage, "--to is not after --from");
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const Result<v1::Ladder> ladder = api->ladder(options.id, *from, *to);
    if (!ladder) return tl::make_unexpected(ladder.error());
    if (ladder->rows().empty())
        return fail(ErrorKind::nothing_found,
                    "no packet header of path " + options.id + " is kept" +
                        (ladder->partial().empty()
                             ? std::string("; the sensors' header rings may have moved on, or only sockets saw it")
                             : ": " + printable(ladder->partial())));
    if (options.format == "table") {
        LadderLook look{.fold = options.fold,
                        .absolute = options.absolute,
                        .columns = static_cast<std::size_t>(surroundings.columns)};
        if (const Result<v1::Path> path = api->path(ladder->path_id())) {
            look.connections = connection_of_column(*ladder, *path);
            look.delay_errors_ns = delay_error_of_column(*ladder, *path);
        }
        surroundings.out << ladder_view(*ladder, look, Paint(surroundings.colours));
    } else {
        surroundings.out << (options.format == "json" ? ladder_document(*ladder) : ladder_lines(*ladder));
    }
    if (!ladder->partial().empty())
        return fail(ErrorKind::partial, "not every packet is here: " + printable(ladder->partial()));
    return {};
}

}  // namespace

void add_ladder_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* verb = root.add_subcommand("ladder", "The packets of one connection at every tap, side by side");
    verb->add_option("ID", options->id, "The path, as 'clew paths' prints it; the first digits are enough")->required();
    verb->add_option("--from", options->from, "From when: how long ago (90s, 5m) or an RFC 3339 time");
    verb->add_option("--to", options->to, "To when, in the same forms");
    verb->add_flag("--absolute", options->absolute, "Times of day in place of seconds since the first packet");
    verb->add_flag("--fold", options->fold, "Runs of plain acknowledgements that every tap saw as one row");
    add_format_option(*verb, options->format);
    verb->footer(
        "Examples:\n"
        "  clew ladder 9f3a11c0\n"
        "  clew ladder 9f3a11c0 --absolute | less -S\n"
        "  clew ladder 9f3a11c0 --format jsonl\n\n"
        "One row is one packet. SEQ and ACK are relative to each tap's own start, as in Wireshark, so a gateway that\n"
        "moves sequence numbers does not show in them; --format jsonl has them as written. Exit 4: packets are "
        "missing.");
    verb->callback([options, &program] { program.chosen = [options, &program] { return show(program, *options); }; });
}

}  // namespace clew::cli
