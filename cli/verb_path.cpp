// SPDX-License-Identifier: Apache-2.0
// `clew path show`: one path in full.
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/path_jsonl.h"
#include "cli/path_view.h"
#include "cli/program.h"

namespace clew::cli {
namespace {

struct Options {
    std::string id;
    std::string format;
};

Result<void> show(const Program& program, const Options& options) {
    const Surroundings& surroundings = program.surroundings;
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const Result<v1::Path> path = api->path(options.id);
    if (!path) return tl::make_unexpected(path.error());
    if (options.format == "table")
        surroundings.out << path_view(*path, Paint(surroundings.colours),
                                      static_cast<std::size_t>(surroundings.columns));
    else
        surroundings.out << path_line(*path) << "\n";
    return {};
}

}  // namespace

void add_path_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* path = root.add_subcommand("path", "One connection (see 'clew path show --help')");
    path->require_subcommand(1);
    CLI::App* verb =
        path->add_subcommand("show", "Every hop of one connection: addresses, tunnel, what changed, why, at what cost");
    verb->add_option("ID", options->id, "The path, as 'clew paths' prints it; the first digits are enough")->required();
    add_format_option(*verb, options->format);
    verb->footer(
        "Examples:\n"
        "  clew path show 9f3a11c0\n"
        "  clew path show 9f3a11c04be7d210 --format json | jq .links\n\n"
        "Grades: A explicit or at least 64 verified bits, B at least 32 bits, C statistical, D a guess.");
    verb->callback([options, &program] { program.chosen = [options, &program] { return show(program, *options); }; });
}

}  // namespace clew::cli
