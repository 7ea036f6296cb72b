// SPDX-License-Identifier: Apache-2.0
// `clew link explain`, `clew link rivals` and `clew link unlinked`: why legs are linked, and why they are not.
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/link_words.h"
#include "cli/path_jsonl.h"
#include "cli/path_summary.h"
#include "cli/program.h"
#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

struct ExplainOptions {
    std::vector<std::string> ids;
    std::string format;
};

struct RivalsOptions {
    std::string leg;
    std::string format;
};

struct UnlinkedOptions {
    std::string since = "5m";
    std::string until;
    std::string filter;
    std::string format;
};

/// The link between two legs that are neighbours in one path, with all that the path keeps of it; else none.
Result<std::optional<int>> link_of(ApiClient& api, const v1::LinkExplanation& legs, v1::Path& path) {
    if (legs.path_a().empty() || legs.path_a() != legs.path_b()) return std::nullopt;
    const Result<v1::Path> found = api.path(legs.path_a());
    if (!found) return std::nullopt;
    path = *found;
    for (int n = 0; n < path.links_size(); ++n) {
        const std::string& from = path.legs(static_cast<int>(path.links(n).from())).leg_id();
        const std::string& to = path.legs(static_cast<int>(path.links(n).to())).leg_id();
        if ((from == legs.a().leg_id() && to == legs.b().leg_id()) ||
            (from == legs.b().leg_id() && to == legs.a().leg_id()))
            return n;
    }
    return std::nullopt;
}

Result<void> explain(const Program& program, const ExplainOptions& options) {
    const Surroundings& s = program.surroundings;
    const Paint paint(s.colours);
    const auto columns = static_cast<std::size_t>(s.columns);
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    if (options.ids.size() == 1) {
        const Result<v1::Path> path = api->path(options.ids[0]);
        if (!path) return tl::make_unexpected(path.error());
        s.out << (options.format == "table" ? path_explained(*path, paint, columns) : path_line(*path) + "\n");
        return {};
    }
    const Result<v1::LinkExplanation> legs = api->explain(options.ids[0], options.ids[1]);
    if (!legs) return tl::make_unexpected(legs.error());
    if (options.format != "table") {
        s.out << message_json(*legs) << "\n";
        return {};
    }
    v1::Path path;
    const auto link = link_of(*api, *legs, path);
    if (!link) return tl::make_unexpected(link.error());
    s.out << (*link ? link_explained(path, **link, paint, columns) : legs_explained(*legs, paint, columns));
    return {};
}

Result<void> rivals(const Program& program, const RivalsOptions& options) {
    const Surroundings& s = program.surroundings;
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const Result<v1::LinkRivals> list = api->rivals(options.leg);
    if (!list) return tl::make_unexpected(list.error());
    if (options.format == "json") s.out << message_json(*list) << "\n";
    if (options.format == "jsonl")
        for (const v1::LinkExplanation& one : list->rivals()) s.out << message_json(one) << "\n";
    if (options.format == "table")
        for (int n = 0; n < list->rivals_size(); ++n)
            s.out << (n > 0 ? "\n" : "")
                  << legs_explained(list->rivals(n), Paint(s.colours), static_cast<std::size_t>(s.columns));
    if (list->rivals().empty() && list->partial().empty())
        return fail(ErrorKind::nothing_found, "no leg of another path has anything in common with " +
                                                  printable(options.leg) + " that could identify a connection");
    if (!list->partial().empty())
        return fail(ErrorKind::partial, "not every rival is here: " + printable(list->partial()));
    return {};
}

std::string unlinked_table(const v1::UnlinkedList& list, const Surroundings& s) {
    TextTable table({"REASON", "TAP", "PROTO", "LEGS", "FIRST", "EXAMPLE"});
    for (const v1::UnlinkedGroup& group : list.groups()) {
        std::string example;
        if (group.examples_size() > 0)
            example = printable(group.examples(0).client()) + " > " + printable(group.examples(0).server()) + "  " +
                      printable(group.example_paths(0));
        table.add({{printable(group.reason())},
                   {printable(group.tap())},
                   {printable(group.proto())},
                   {with_thousands(group.count()), Style::plain, true},
                   {time_text(group.first_ns(), 0)},
                   {example}});
    }
    std::string text = table.text(Paint(s.colours), static_cast<std::size_t>(s.columns)) + "\n";
    std::string before;
    for (const v1::UnlinkedGroup& group : list.groups()) {
        if (before.find("|" + group.reason() + "|") != std::string::npos) continue;
        before += "|" + group.reason() + "|";
        text += wrap(printable(group.reason()) + ": " + unlinked_text(group.reason()),
                     static_cast<std::size_t>(s.columns), "  ") +
                "\n";
    }
    return text;
}

Result<void> unlinked(const Program& program, const UnlinkedOptions& options) {
    const Surroundings& s = program.surroundings;
    const Result<TimeRange> range = parse_range(options.since, options.until, s.now());
    if (!range) return tl::make_unexpected(range.error());
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const Result<v1::UnlinkedList> list = api->unlinked(range->since_ns, range->until_ns, options.filter);
    if (!list) return tl::make_unexpected(list.error());
    if (options.format == "json") {
        s.out << message_json(*list) << "\n";
    } else if (options.format == "jsonl") {
        for (const v1::UnlinkedGroup& group : list->groups()) s.out << message_json(group) << "\n";
    } else if (!list->groups().empty()) {
        s.out << unlinked_table(*list, s);
    }
    if (list->groups().empty())
        return fail(ErrorKind::nothing_found, "no leg stands alone since " + time_text(range->since_ns, 0));
    if (!list->partial().empty())
        return fail(ErrorKind::partial, "not everything is counted: " + printable(list->partial()));
    return {};
}

void add_explain(CLI::App& link, Program& program) {
    auto options = std::make_shared<ExplainOptions>();
    CLI::App* verb = link.add_subcommand("explain", "Why two legs are linked, or are not; or every link of a path");
    verb->add_option("ID", options->ids, "A path (its first digits are enough), or two legs (16 digits each)")
        ->required()
        ->expected(1, 2);
    add_format_option(*verb, options->format);
    verb->footer(
        "Examples:\n"
        "  clew link explain 9f3a11c0\n"
        "  clew link explain 5d2c86aa4f1b0e37 0c9e41f2aa5b8d13\n\n"
        "Legs' ids stand in 'clew path show ID --format json'. Two legs are weighed by the linker, as long as it "
        "holds\n"
        "them; a path keeps its evidence as long as the store keeps the path.");
    verb->callback(
        [options, &program] { program.chosen = [options, &program] { return explain(program, *options); }; });
}

void add_rivals(CLI::App& link, Program& program) {
    auto options = std::make_shared<RivalsOptions>();
    CLI::App* verb =
        link.add_subcommand("rivals", "Which legs of other paths could stand beside a leg, and why they do not");
    verb->add_option("LEG", options->leg, "A leg's id, 16 digits, of one that the linker still holds")->required();
    add_format_option(*verb, options->format);
    verb->footer("Example:\n  clew link rivals 5d2c86aa4f1b0e37");
    verb->callback([options, &program] { program.chosen = [options, &program] { return rivals(program, *options); }; });
}

void add_unlinked(CLI::App& link, Program& program) {
    auto options = std::make_shared<UnlinkedOptions>();
    CLI::App* verb = link.add_subcommand("unlinked", "Legs that stand alone, counted by why, where and which protocol");
    verb->add_option("--since", options->since, "From when: how long ago (90s, 5m, 2h, 1d) or an RFC 3339 time")
        ->capture_default_str();
    verb->add_option("--until", options->until, "To when, in the same forms (default: now)");
    verb->add_option("FILTER", options->filter, "Which ones, as for 'clew paths'");
    add_format_option(*verb, options->format);
    verb->footer(
        "Examples:\n"
        "  clew link unlinked --since 1h\n"
        "  clew link unlinked 'tap == edge' --format jsonl");
    verb->callback(
        [options, &program] { program.chosen = [options, &program] { return unlinked(program, *options); }; });
}

}  // namespace

void add_link_verb(CLI::App& root, Program& program) {
    CLI::App* link = root.add_subcommand("link", "Why legs are linked or stand alone (see 'clew link explain --help')");
    link->require_subcommand(1);
    add_explain(*link, program);
    add_rivals(*link, program);
    add_unlinked(*link, program);
}

}  // namespace clew::cli
