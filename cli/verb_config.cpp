// SPDX-License-Identifier: Apache-2.0
// `clew config check`: loads a configuration with the loader of the program it is for.
#include <memory>

#include <CLI/CLI.hpp>

#include "bpf/agent_config.h"
#include "cli/paint.h"
#include "cli/program.h"
#include "configs/yaml_reader.h"
#include "controlplane/control_config.h"
#include "dataplane/sensor_config.h"

namespace clew::cli {
namespace {

Result<std::string> program_of(const std::string& file) {
    Result<configs::YamlMap> map = configs::YamlMap::parse_file(file);
    if (!map) return tl::make_unexpected(map.error());
    std::string program;
    map->take("program", program);
    if (!map->has("program"))
        return fail(ErrorKind::failed,
                    file + ":1: program: is missing; it is required: write sensor, agent or control behind it");
    if (program != "sensor" && program != "agent" && program != "control")
        map->mistake("program",
                     "'" + printable(program) + "' is none of Clew's programs; write sensor, agent or control");
    // Only the key `program` is looked at here: what finish() says of the others is the loader's to say.
    if (program == "sensor" || program == "agent" || program == "control") return program;
    return tl::make_unexpected(map->finish().error());
}

template <typename Config>
Result<void> verdict(const Result<Config>& config) {
    if (!config) return tl::make_unexpected(config.error());
    return {};
}

Result<void> check(const std::string& file, std::ostream& out) {
    const Result<std::string> program = program_of(file);
    if (!program) return tl::make_unexpected(program.error());
    const Result<void> result = *program == "sensor"  ? verdict(sensor::load_sensor_config(file))
                                : *program == "agent" ? verdict(agent::load_agent_config(file))
                                                      : verdict(control::load_control_config(file));
    if (!result) return result;
    out << file << ": a good configuration for clew-" << *program << "\n";
    return {};
}

}  // namespace

void add_config_verb(CLI::App& root, Program& program) {
    auto file = std::make_shared<std::string>();
    CLI::App* config = root.add_subcommand("config", "Configuration files (see 'clew config check --help')");
    config->require_subcommand(1);
    CLI::App* verb = config->add_subcommand("check", "Would clew-sensor, clew-agent or clew-control take this file?");
    verb->add_option("FILE", *file, "A YAML file; its key 'program' says which program it is for")->required();
    verb->footer(
        "Examples:\n"
        "  clew config check /etc/clew/sensor.yaml\n\n"
        "A mistake is one sentence with its line and the nearest known key; exit 1.");
    verb->callback(
        [file, &program] { program.chosen = [file, &program] { return check(*file, program.surroundings.out); }; });
}

}  // namespace clew::cli
