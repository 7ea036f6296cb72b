// SPDX-License-Identifier: Apache-2.0
// clew-control: takes legs from sensors and agents, links them to paths, stores both, and answers questions about them.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "configs/command_line.h"
#include "controlplane/control_config.h"
#include "controlplane/control_plane.h"

namespace clew::control {
namespace {

int end_with(const Error& error) {
    fmt::print(stderr, "clew-control: {}\n", error.sentence);
    return static_cast<int>(error.kind);
}

/// Blocks the signals that end the program, in all threads to come; waited for by wait_for_end().
sigset_t block_end_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return signals;
}

int run(ControlConfig config) {
    if (auto keys = read_keys(config); !keys) return end_with(keys.error());
    const sigset_t end_signals = block_end_signals();
    auto store = store::Store::open(config.store);
    if (!store) return end_with(store.error());
    auto plane = ControlPlane::start(config, std::move(*store));
    if (!plane) return end_with(plane.error());
    fmt::print(stderr, "ready: observers connect to {}, the console and the API are at http://{}:{}\n",
               (*plane)->wire_endpoint(), config.api_address, (*plane)->api_port());
    int number = 0;
    sigwait(&end_signals, &number);
    return 0;
}

int main_of(int argc, char** argv) {
    CLI::App app(
        "Clew's control plane: takes legs from sensors and agents, links them to paths, stores both, answers clew.");
    std::string path;
    bool check = false;
    app.add_option("--config", path, "configuration file; configs/control.yaml is an example")->required();
    app.add_flag("--check", check, "load the configuration, then stop");
    if (const auto code = configs::parse_command_line(app, "clew-control", argc, argv)) return *code;
    auto config = load_control_config(path);
    if (!config) return end_with(config.error());
    return check ? 0 : run(std::move(*config));
}

}  // namespace
}  // namespace clew::control

int main(int argc, char** argv) { return clew::control::main_of(argc, argv); }
