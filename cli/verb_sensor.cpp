// SPDX-License-Identifier: Apache-2.0
// `clew sensor status`: rates and drops of every sensor.
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/api_client.h"
#include "cli/program.h"
#include "cli/sensor_view.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

struct Options {
    std::string interval = "2s";
    std::string format;
};

Result<void> show(const Program& program, const Options& options) {
    const Surroundings& surroundings = program.surroundings;
    const auto interval = parse_duration(options.interval);
    if (!interval) return tl::make_unexpected(interval.error());
    Result<ApiClient> api = ApiClient::create(program.api_url);
    if (!api) return tl::make_unexpected(api.error());
    const Result<v1::Status> before = api->status();
    if (!before) return tl::make_unexpected(before.error());
    const TimeNs begin = surroundings.now();
    if (!surroundings.wait(*interval)) return {};
    const Result<v1::Status> after = api->status();
    if (!after) return tl::make_unexpected(after.error());
    const DurationNs span = surroundings.now() - begin;
    if (options.format != "table") {
        surroundings.out << sensor_document(*before, *after, span) << "\n";
        return {};
    }
    const std::string text =
        sensor_view(*before, *after, span, Paint(surroundings.colours), static_cast<std::size_t>(surroundings.columns));
    if (text.empty()) return fail(ErrorKind::nothing_found, "no sensor has connected to this control plane yet");
    surroundings.out << text;
    return {};
}

}  // namespace

void add_sensor_verb(CLI::App& root, Program& program) {
    auto options = std::make_shared<Options>();
    CLI::App* sensor = root.add_subcommand("sensor", "The sensors (see 'clew sensor status --help')");
    sensor->require_subcommand(1);
    CLI::App* verb = sensor->add_subcommand("status", "Packets and bits a second, and every place that drops");
    verb->add_option("--interval", options->interval, "The time over which rates are taken (2s)");
    add_format_option(*verb, options->format);
    verb->footer(
        "Examples:\n"
        "  clew sensor status\n"
        "  clew sensor status --interval 10s --format json | jq '.sensors[].counters[] | select(.is_loss)'");
    verb->callback([options, &program] { program.chosen = [options, &program] { return show(program, *options); }; });
}

}  // namespace clew::cli
