// SPDX-License-Identifier: Apache-2.0
// clew-sim: writes a labelled corpus (region.json, a pcap a tap, truth.jsonl) of connections through gateways.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "tests/sim/corpus/world.h"

namespace {

using namespace clew::corpus;

constexpr int exit_failed = 1, exit_usage = 2;

int list() {
    for (const ClassSpec& spec : class_specs())
        std::cout << "class\t" << spec.name << '\t' << spec.group << '\t' << spec.chain << '\n';
    for (const ConditionName& condition : condition_names())
        std::cout << "condition\t" << condition.name << '\t' << condition.text << '\n';
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Writes a labelled corpus: what several capture points saw, and what really happened.");
    std::string classes = "all", conditions;
    bool only_list = false;
    WorldSettings settings;
    app.add_option("--class", classes, "classes, divided by commas, or all");
    app.add_option("--condition", conditions, "conditions, divided by commas, or clean");
    app.add_option("--connections", settings.connections, "connections in all")->check(CLI::Range(1, 10'000'000));
    app.add_option("--rate", settings.rate, "new connections a second")->check(CLI::Range(0.001, 1e7));
    app.add_option("--seed", settings.seed, "the same seed gives the same bytes");
    app.add_option("-o,--output", settings.directory, "folder, made when missing");
    app.add_option("--start-ns", settings.start_ns, "when the first connection begins, in ns since 1970")
        ->check(CLI::Range(0L, 4'000'000'000'000'000'000L));
    app.add_option("--slow-ns", settings.slow_ns,
                   "instance 3 of the second middlebox keeps every packet so much longer")
        ->check(CLI::Range(0L, 1'000'000'000L));
    app.add_flag("--list", only_list, "prints the classes and conditions there are");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }
    if (only_list) return list();
    if (settings.directory.empty()) {
        std::cerr << "clew-sim: -o FOLDER says where the corpus goes\n";
        return exit_usage;
    }
    if (classes == "all")
        for (const ClassSpec& spec : class_specs()) settings.classes.push_back(&spec);
    else
        for (const std::string& name : words_of(classes, ',')) {
            settings.classes.push_back(find_class(name));
            if (settings.classes.back() != nullptr) continue;
            std::cerr << "clew-sim: there is no class " << name << "; --list names them\n";
            return exit_usage;
        }
    if (settings.classes.empty()) {
        std::cerr << "clew-sim: --class names no class; --list names them\n";
        return exit_usage;
    }
    if (const std::string unknown = set_conditions(conditions, settings.conditions); !unknown.empty()) {
        std::cerr << "clew-sim: there is no condition " << unknown << "; --list names them\n";
        return exit_usage;
    }
    std::error_code error;
    std::filesystem::create_directories(settings.directory, error);
    if (error) {
        std::cerr << "clew-sim: cannot make the folder " << settings.directory << ": " << error.message() << '\n';
        return exit_failed;
    }
    World world(std::move(settings));
    if (const std::string failure = world.run(); !failure.empty()) {
        std::cerr << "clew-sim: " << failure << '\n';
        return exit_failed;
    }
    std::cerr << world.connection_count() << " connections, " << world.frame_count() << " frames\n";
    return 0;
}
