// SPDX-License-Identifier: Apache-2.0
// `clew status`: who is connected, and what was lost.
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/program.h"
#include "cli/status_view.h"

namespace clew::cli {

void add_status_verb(CLI::App& root, Program& program) {
    auto format = std::make_shared<std::string>();
    CLI::App* verb = root.add_subcommand("status", "Sensors, agents, taps and counters; losses first");
    add_format_option(*verb, *format);
    verb->footer(
        "Examples:\n"
        "  clew status\n"
        "  clew status --format json | jq '.observers[] | select(.connected | not).name'");
    verb->callback([format, &program] {
        program.chosen = [format, &program]() -> Result<void> {
            const Surroundings& surroundings = program.surroundings;
            Result<ApiClient> api = ApiClient::create(program.api_url);
            if (!api) return tl::make_unexpected(api.error());
            const Result<v1::Status> status = api->status();
            if (!status) return tl::make_unexpected(status.error());
            surroundings.out << (*format != "table"
                                     ? status_document(*status) + "\n"
                                     : status_view(*status, surroundings.now(), Paint(surroundings.colours),
                                                   static_cast<std::size_t>(surroundings.columns)));
            return {};
        };
    });
}

}  // namespace clew::cli
