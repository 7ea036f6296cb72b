// SPDX-License-Identifier: Apache-2.0
// `clew incidents`, `clew topology`, `clew compare`: what the console's first pages show, for a terminal.
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/overview_view.h"
#include "cli/path_jsonl.h"
#include "cli/program.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

struct Options {
    std::string since = "15m";
    std::string until;
    std::vector<std::string> filter;
    std::string format;
    std::uint32_t node_count_max = 60;
    std::string before;  ///< empty: as long before --since as the time is
};

Result<OverviewRequest> request_of(const Options& options, TimeNs now) {
    const Result<TimeRange> range = parse_range(options.since, options.until, now);
    if (!range) return tl::make_unexpected(range.error());
    OverviewRequest request{range->since_ns, range->until_ns, {}};
    for (const std::string& word : options.filter) request.filter += (request.filter.empty() ? "" : " ") + word;
    return request;
}

/// Asks, and prints the answer: `rows` picks what a line of jsonl is, `table` the text.
template <typename Message, typename Ask, typename Rows, typename Table>
Result<void> show(const Program& program, const Options& options, const std::string& nothing, Ask ask, Rows rows,
                  Table table) {
    const Surroundings& s = program.surroundings;
    const Result<OverviewRequest> request = request_of(options, s.now());
    if (!request) return tl::make_unexpected(request.error());
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const Result<Message> answer = ask(*api, *request);
    if (!answer) return tl::make_unexpected(answer.error());
    if (options.format == "json") s.out << message_json(*answer) << "\n";
    if (options.format == "jsonl")
        for (const auto& row : rows(*answer)) s.out << message_json(row) << "\n";
    if (options.format == "table" && !rows(*answer).empty())
        s.out << table(*answer, Paint(s.colours), static_cast<std::size_t>(s.columns));
    if (!answer->partial().empty())
        return fail(ErrorKind::partial, "not everything is counted: " + printable(answer->partial()));
    if (rows(*answer).empty())
        return fail(ErrorKind::nothing_found, nothing + " since " + time_text(request->since_ns, 0));
    return {};
}

Result<void> show_incidents(const Program& program, const Options& options) {
    return show<v1::IncidentList>(
        program, options, "nothing is out of line",
        [](ApiClient& api, const OverviewRequest& request) { return api.incidents(request); },
        [](const v1::IncidentList& list) -> const auto& { return list.incidents(); }, incidents_table);
}

Result<void> show_topology(const Program& program, const Options& options) {
    return show<v1::Topology>(
        program, options, "no path",
        [&](ApiClient& api, const OverviewRequest& request) { return api.topology(request, options.node_count_max); },
        [](const v1::Topology& topology) -> const auto& { return topology.edges(); }, topology_table);
}

Result<void> show_comparison(const Program& program, const Options& options) {
    const TimeNs now = program.surroundings.now();
    const Result<OverviewRequest> request = request_of(options, now);
    if (!request) return tl::make_unexpected(request.error());
    const TimeNs until_ns = request->until_ns == 0 ? now : request->until_ns;
    const Result<TimeNs> before = options.before.empty() ? Result<TimeNs>(2 * request->since_ns - until_ns)
                                                         : parse_time(options.before, request->since_ns);
    if (!before) return tl::make_unexpected(Error{before.error().kind, "--before: " + before.error().sentence});
    return show<v1::TimeComparison>(
        program, options, "no path",
        [&](ApiClient& api, const OverviewRequest& asked) { return api.compare(asked, *before); },
        [](const v1::TimeComparison& comparison) -> const auto& { return comparison.rows(); }, comparison_table);
}

CLI::App* add_verb(CLI::App& root, Program& program, const char* name, const char* text, const char* examples,
                   const std::shared_ptr<Options>& options,
                   Result<void> (*run)(const Program& program, const Options& options)) {
    CLI::App* verb = root.add_subcommand(name, text);
    verb->add_option("--since", options->since, "From when: how long ago (90s, 5m, 2h, 1d) or an RFC 3339 time")
        ->capture_default_str();
    verb->add_option("--until", options->until, "To when, in the same forms (default: now)");
    add_format_option(*verb, options->format);
    verb->add_option("FILTER", options->filter, "Of which paths, as for 'clew paths'; several words are one filter");
    verb->footer(examples);
    verb->callback(
        [options, run, &program] { program.chosen = [options, run, &program] { return run(program, *options); }; });
    return verb;
}

}  // namespace

void add_overview_verbs(CLI::App& root, Program& program) {
    add_verb(root, program, "incidents", "What is out of line: instances, segments, losses, resets, clocks",
             "Examples:\n  clew incidents\n  clew incidents --since 1h 'tap == edge' --format jsonl",
             std::make_shared<Options>(), show_incidents);
    const auto drawn = std::make_shared<Options>();
    add_verb(root, program, "topology", "Who speaks to whom: client networks, gateways, servers, edge by edge",
             "Examples:\n  clew topology\n  clew topology --since 6h --nodes 300 --format json", drawn, show_topology)
        ->add_option("--nodes", drawn->node_count_max, "At most so many; the rest stands together")
        ->check(CLI::Range(10u, 300u))
        ->capture_default_str();
    const auto compared = std::make_shared<Options>();
    add_verb(root, program, "compare", "All paths and each gateway now and before: ▲ is worse, ▼ better than before",
             "Examples:\n  clew compare --since 1h --before 1d\n  clew compare --since 15m 'proto == tcp'", compared,
             show_comparison)
        ->add_option("--before", compared->before,
                     "The other time begins so long before --since, or at a time (default: just before it)");
}

}  // namespace clew::cli
