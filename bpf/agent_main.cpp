// SPDX-License-Identifier: Apache-2.0
// clew-agent: the sockets and processes of this host, in all network namespaces, as legs.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <ctime>

#include "bpf/agent.h"
#include "bpf/agent_config.h"
#include "bpf/leg_print.h"
#include "bpf/probe_error.h"
#include "bpf/publishing.h"
#include "configs/command_line.h"
#include "wire/publisher.h"

namespace clew::agent {
namespace {

std::atomic<bool> stop_asked = false;

struct Options {
    std::string config;
    bool check = false;
    bool print = false;
    bool verbose = false;
};

int end_with(const Error& error) {
    fmt::print(stderr, "clew-agent: {}\n", error.sentence);
    return static_cast<int>(error.kind);
}

TimeNs real_time() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * ns_per_s + now.tv_nsec;
}

void stop_on_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { stop_asked = true; };
    for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
    action.sa_handler = SIG_IGN;  // a reader that left is seen at the next write
    sigaction(SIGPIPE, &action, nullptr);
}

/// One line of JSON a leg on stdout. A reader that left ends the program.
bool print_leg(const Leg& leg) {
    const std::string line = to_json_line(leg) + "\n";
    if (std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fflush(stdout) == 0) return true;
    stop_asked = true;
    return false;
}

/// Reports what is there, says that it is ready, and goes on until a signal comes.
Result<void> follow(Agent& agent, const AgentConfig& config) {
    if (auto existing = agent.report_existing(); !existing) return existing;
    fmt::print(stderr, "ready: following the TCP sockets of all network namespaces as {}\n", config.tap);
    return agent.run(stop_asked);
}

void print_counters(const Agent& agent) {
    for (const auto& count : agent.counters())
        fmt::print(stderr, "{:>10} {}: {}\n", count.value, count.name, count.text);
}

int run_printing(const AgentConfig& config) {
    auto agent = Agent::start(config, real_time(), print_leg);
    if (!agent) return end_with(agent.error());
    if (auto followed = follow(**agent, config); !followed) return end_with(followed.error());
    print_counters(**agent);
    return 0;
}

int run_publishing(const AgentConfig& config) {
    const TimeNs started_ns = real_time();
    auto settings = publisher_settings(config, started_ns);
    if (!settings) return end_with(settings.error());
    std::unique_ptr<wire::Publisher> publisher;
    auto agent = Agent::start(config, started_ns, [&](const Leg& leg) { return publisher->offer(leg); });
    if (!agent) return end_with(agent.error());
    auto started = wire::Publisher::start(
        std::move(*settings), [](const auto& request, const auto& reply) { reply(no_headers(request)); },
        [&agent = **agent] { return counter_messages(agent.counters()); });
    if (!started) return end_with(started.error());
    publisher = std::move(*started);
    auto followed = follow(**agent, config);
    publisher.reset();  // its thread reads the agent's counters
    if (!followed) return end_with(followed.error());
    print_counters(**agent);
    return 0;
}

int main_of(int argc, char** argv) {
    CLI::App app("The sockets and processes of this host, in all network namespaces, as legs of Clew.");
    Options options;
    app.add_option("--config", options.config, "configuration file; configs/agent.yaml is an example")->required();
    app.add_flag("--check", options.check, "load the configuration, then stop");
    app.add_flag("--print", options.print, "print legs as JSON lines on stdout; no control plane is needed");
    app.add_flag("--verbose", options.verbose, "show what libbpf and the kernel say about the probes");
    if (const auto code = configs::parse_command_line(app, "clew-agent", argc, argv)) return *code;
    auto config = load_agent_config(options.config);
    if (!config) return end_with(config.error());
    if (options.check) return 0;
    set_libbpf_words(options.verbose);
    stop_on_signals();
    return options.print ? run_printing(*config) : run_publishing(*config);
}

}  // namespace
}  // namespace clew::agent

int main(int argc, char** argv) { return clew::agent::main_of(argc, argv); }
