// SPDX-License-Identifier: Apache-2.0
// The program `clew`: its verbs, and what one run of it comes to. One file a verb: verb_paths.cpp and so on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/surroundings.h"
#include "nat-trace/result.h"

namespace CLI {
class App;
}

namespace clew::cli {

/// What the verbs share while the arguments are read and one of them runs.
struct Program {
    Surroundings& surroundings;
    std::string api_url;
    std::function<Result<void>()> chosen;  ///< set by the verb that the arguments name
};

void add_replay_verb(CLI::App& root, Program& program);
void add_paths_verb(CLI::App& root, Program& program);
void add_path_verb(CLI::App& root, Program& program);
void add_link_verb(CLI::App& root, Program& program);
void add_gateways_verb(CLI::App& root, Program& program);
void add_ladder_verb(CLI::App& root, Program& program);
void add_pcap_verb(CLI::App& root, Program& program);
void add_overview_verbs(CLI::App& root, Program& program);
void add_status_verb(CLI::App& root, Program& program);
void add_sensor_verb(CLI::App& root, Program& program);
void add_vault_verb(CLI::App& root, Program& program);
void add_config_verb(CLI::App& root, Program& program);
void add_doctor_verb(CLI::App& root, Program& program);
void add_keys_verb(CLI::App& root, Program& program);

/// Adds `--format` with the named choices; the first is the default.
void add_format_option(CLI::App& verb, std::string& format);

/// `arguments` without the program's own name. Prints data on `out`, one sentence on `err` when it fails. The exit
/// code.
int run_program(const std::vector<std::string>& arguments, Surroundings& surroundings);

}  // namespace clew::cli
