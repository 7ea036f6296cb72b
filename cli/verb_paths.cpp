// SPDX-License-Identifier: Apache-2.0
// `clew paths`: the connections of a span of time.
#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/paint.h"
#include "cli/path_jsonl.h"
#include "cli/path_table.h"
#include "cli/program.h"
#include "cli/time_text.h"
#include "controlplane/store/filter.h"

namespace clew::cli {
namespace {

constexpr DurationNs watch_interval_ns = 2 * ns_per_s;

struct Options {
    std::string since = "5m";
    std::string until;
    std::vector<std::string> filter;
    std::uint32_t count_max = 100;
    std::string format;
    bool limit_named = false;
    bool watch = false;
    bool abnormal_first = false;
};

Result<PathsRequest> request_of(const Options& options, TimeNs now) {
    PathsRequest request;
    const Result<TimeRange> range = parse_range(options.since, options.until, now);
    if (!range) return tl::make_unexpected(range.error());
    request.since_ns = range->since_ns;
    request.until_ns = range->until_ns;
    for (const std::string& word : options.filter) request.filter += (request.filter.empty() ? "" : " ") + word;
    request.count_max = options.count_max;
    request.abnormal_first = options.abnormal_first;
    return request;
}

std::string list_text(const v1::PathList& list, const std::string& format, const Surroundings& surroundings) {
    if (format == "json") return path_document(list) + "\n";
    if (format == "table")
        return path_table(list, Paint(surroundings.colours), static_cast<std::size_t>(surroundings.columns));
    std::string lines;
    for (const v1::Path& path : list.paths()) lines += path_line(path) + "\n";
    return lines;
}

/// Why nothing came, and what to try: asks who is connected before it blames the question.
Error nothing_found(ApiClient& api, const PathsRequest& request) {
    const Result<v1::Status> status = api.status();
    const bool none_connected =
        status && std::none_of(status->observers().begin(), status->observers().end(),
                               [](const v1::ObserverStatus& observer) { return observer.connected(); });
    std::string sentence = "no path since " + time_text(request.since_ns, 0);
    if (request.until_ns != 0) sentence += " until " + time_text(request.until_ns, 0);
    if (!request.filter.empty()) sentence += " fits the filter '" + printable(request.filter) + "'";
    if (none_connected)
        sentence += "; no sensor or agent is connected to the control plane: start one, then see 'clew status'";
    else if (request.filter.empty())
        sentence += "; look further back with --since 1h, or see with 'clew status' whether the taps get packets";
    else
        sentence += "; try it without the filter, or look further back with --since 1h";
    return {ErrorKind::nothing_found, sentence};
}

Result<void> show_once(ApiClient& api, const Options& options, const Surroundings& surroundings) {
    const Result<PathsRequest> request = request_of(options, surroundings.now());
    if (!request) return tl::make_unexpected(request.error());
    const Result<v1::PathList> list = api.paths(*request);
    if (!list) return tl::make_unexpected(list.error());
    if (!list->paths().empty() || options.format == "json")
        surroundings.out << list_text(*list, options.format, surroundings);
    if (list->paths().empty()) return tl::make_unexpected(nothing_found(api, *request));
    // Whoever names a limit and gets that many has got what they asked for.
    const bool as_asked = options.limit_named && list->paths_size() == static_cast<int>(options.count_max);
    if (!list->partial().empty() && as_asked)
        surroundings.err << "clew: " << printable(list->partial()) << "\n";
    else if (!list->partial().empty())
        return fail(ErrorKind::partial, "not everything is shown: " + printable(list->partial()));
    return {};
}

/// A terminal is redrawn; anything else gets each path once for every revision of it.
Result<void> watch(ApiClient& api, const Options& options, const Surroundings& surroundings) {
    std::map<std::string, std::uint32_t> shown;
    const bool redraw = surroundings.terminal && options.format == "table";
    for (bool first = true;; first = false) {
        const Result<PathsRequest> request = request_of(options, surroundings.now());
        if (!request) return tl::make_unexpected(request.error());
        Result<v1::PathList> list = api.paths(*request);
        if (!list && first) return tl::make_unexpected(list.error());
        if (!list) {
            surroundings.err << "clew: " << list.error().sentence << "; trying again\n";
        } else if (redraw) {
            surroundings.out << "\x1b[H\x1b[2J"
                             << "clew paths  " << time_text(surroundings.now(), 0) << "  Ctrl-C ends\n\n"
                             << (list->paths().empty() ? "nothing yet\n"
                                                       : list_text(*list, options.format, surroundings));
        } else {
            v1::PathList news;
            std::map<std::string, std::uint32_t> current;
            for (v1::Path& path : *list->mutable_paths()) {
                const auto before = shown.find(path.path_id());
                current[path.path_id()] = path.revision();
                if (before == shown.end() || before->second != path.revision()) *news.add_paths() = std::move(path);
            }
            shown = std::move(current);
            if (!news.paths().empty()) surroundings.out << list_text(news, options.format, surroundings);
        }
        surroundings.out.flush();
        if (!surroundings.wait(watch_interval_ns)) return {};
    }
}

}  // namespace

void add_paths_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* verb = root.add_subcommand("paths", "Connections with every hop they took, newest first");
    verb->add_option("--since", options->since, "From when: how long ago (90s, 5m, 2h, 1d) or an RFC 3339 time")
        ->capture_default_str();
    verb->add_option("--until", options->until, "To when, in the same forms (default: now)");
    CLI::Option* limit = verb->add_option("--limit", options->count_max, "At most so many paths")
                             ->check(CLI::Range(1u, api_path_count_max))
                             ->capture_default_str();
    add_format_option(*verb, options->format);
    verb->add_flag("--watch", options->watch, "Go on showing what is new, every two seconds, until Ctrl-C");
    verb->add_flag("--abnormal-first", options->abnormal_first,
                   "The worst first (losses, resets, retransmissions, delay), then the newest");
    verb->add_option("FILTER", options->filter, "Which ones, in Wireshark's words; several words are one filter");
    verb->footer(
        "Examples:\n"
        "  clew paths\n"
        "  clew paths --since 1h 'ip.addr == 10.0.0.7'\n"
        "  clew paths --since 2026-11-23T03:00:00Z --until 2026-11-23T03:05:00Z\n"
        "  clew paths --watch 'tcp.port == 443'\n"
        "  clew paths --since 1h --abnormal-first 'path.delay > 5ms or path.lost > 0'\n"
        "  clew paths --since 10m --limit 10000 --format jsonl > paths.jsonl\n\n"
        "A line with '!' says what is wrong with that path. PATH is what 'clew path show' and 'clew ladder' take.\n\n"
        "FILTER: FIELD == VALUE, also != < <= > >= contains, in {80, 443, 8000..8100}; and, or, not, parentheses. A "
        "bare\n"
        "address, network, address:port, port, protocol, path id or process name is a filter too, and so is the name "
        "of a "
        "server (SNI, Host, DNS).\nDurations are whole ns or have a unit: 300us, 2ms, 1.5s. Fields:\n" +
        store::filter_field_list());
    verb->callback([options, limit, &program] {
        options->limit_named = limit->count() > 0;
        program.chosen = [options, &program]() -> Result<void> {
            Result<ApiClient> api = ApiClient::create(program.api_url);
            if (!api) return tl::make_unexpected(api.error());
            return options->watch ? watch(*api, *options, program.surroundings)
                                  : show_once(*api, *options, program.surroundings);
        };
    });
}

}  // namespace clew::cli
