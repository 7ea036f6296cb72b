// SPDX-License-Identifier: Apache-2.0
// `clew gateways`: what the middleboxes between the taps were learnt to do.
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/gateway_view.h"
#include "cli/path_jsonl.h"
#include "cli/program.h"

namespace clew::cli {
namespace {

struct Options {
    std::string which;
    std::string format;
};

bool fits(const v1::Gateway& gateway, const std::string& which) {
    return which.empty() || gateway.gateway_id().rfind(which, 0) == 0 || gateway.name() == which ||
           gateway.known_by().find(which) != std::string::npos;
}

Result<void> show(const Program& program, const Options& options) {
    const Surroundings& s = program.surroundings;
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const Result<v1::GatewayList> all = api->gateways();
    if (!all) return tl::make_unexpected(all.error());
    v1::GatewayList list;
    list.set_partial(all->partial());
    for (const v1::Gateway& gateway : all->gateways())
        if (fits(gateway, options.which)) *list.add_gateways() = gateway;
    const Paint paint(s.colours);
    const auto columns = static_cast<std::size_t>(s.columns);
    if (options.format == "json") {
        s.out << message_json(list) << "\n";
    } else if (options.format == "jsonl") {
        for (const v1::Gateway& gateway : list.gateways()) s.out << message_json(gateway) << "\n";
    } else if (!options.which.empty()) {
        for (const v1::Gateway& gateway : list.gateways()) s.out << gateway_view(gateway, paint, columns) << "\n";
    } else if (!list.gateways().empty()) {
        s.out << gateways_table(list, paint, columns);
    }
    if (list.gateways().empty())
        return fail(ErrorKind::nothing_found,
                    options.which.empty()
                        ? "no gateway is known yet: they are learnt from connections that are over"
                        : "no gateway is '" + printable(options.which) + "'; 'clew gateways' lists them");
    if (!list.partial().empty()) return fail(ErrorKind::partial, printable(list.partial()));
    return {};
}

}  // namespace

void add_gateways_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* verb =
        root.add_subcommand("gateways", "Middleboxes between the taps: what each does to packets, adds and loses");
    verb->add_option("GATEWAY", options->which,
                     "One in full: the first digits of its id, its name, or an address of its");
    add_format_option(*verb, options->format);
    verb->footer(
        "Examples:\n"
        "  clew gateways\n"
        "  clew gateways 02:00:5e:10:00:01\n"
        "  clew gateways --format jsonl | jq 'select(.events != [])'\n\n"
        "Learnt since the control plane started; a change of behaviour is an event with what was before and after.");
    verb->callback([options, &program] { program.chosen = [options, &program] { return show(program, *options); }; });
}

}  // namespace clew::cli
