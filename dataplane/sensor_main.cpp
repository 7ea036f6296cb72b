// SPDX-License-Identifier: Apache-2.0
// clew-sensor: mirror ports in, leg records out.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

#include "configs/command_line.h"
#include "dataplane/sensor.h"

namespace clew::sensor {
namespace {

constexpr std::uint32_t trace_packet_count_max = 1'000'000;

volatile sig_atomic_t stop_asked = 0;

int end_with(const Error& error) {
    std::fprintf(stderr, "clew-sensor: %s\n", error.sentence.c_str());
    return static_cast<int>(error.kind);
}

void stop_on_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { stop_asked = 1; };
    for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
}

int run(const SensorConfig& config) {
    std::fprintf(stderr, "clew-sensor: takes %s\n", to_text(memory_budget(config)).c_str());
    std::vector<std::string> remarks;
    auto sensor = Sensor::start(config, remarks);
    if (!sensor) return end_with(sensor.error());
    for (const std::string& remark : remarks) std::fprintf(stderr, "clew-sensor: %s\n", remark.c_str());
    stop_on_signals();  // behind DPDK's start, which sets handlers of its own
    std::string taps;
    for (const TapConfig& tap : config.taps)
        taps += (taps.empty() ? "" : ", ") + tap.name + " (" + to_text(tap.source) + ")";
    std::fprintf(stderr, "ready: %s sees %s\n", config.observer.c_str(), taps.c_str());
    while (stop_asked == 0 && !(*sensor)->at_end()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    (*sensor)->stop();
    const auto sentences = (*sensor)->end_of_files();
    for (const std::string& sentence : sentences) std::fprintf(stderr, "clew-sensor: %s\n", sentence.c_str());
    return sentences.empty() ? 0 : static_cast<int>(ErrorKind::partial);
}

int main_of(int argc, char** argv) {
    CLI::App app("Mirror and TAP ports in, leg records out: the sensor of Clew.");
    std::string path;
    bool check = false;
    std::uint32_t trace_packet_count = 0;
    app.add_option("--config", path, "configuration file; configs/sensor.yaml is an example")->required();
    app.add_option("--trace", trace_packet_count, "print the journey of the first N packets, step by step")
        ->type_name("N")
        ->check(CLI::Range(1u, trace_packet_count_max));
    app.add_flag("--check", check, "load the configuration, then stop");
    if (const auto code = configs::parse_command_line(app, "clew-sensor", argc, argv)) return *code;
    auto config = load_sensor_config(path);
    if (!config) return end_with(config.error());
    config->trace_packet_count = trace_packet_count;
    return check ? 0 : run(*config);
}

}  // namespace
}  // namespace clew::sensor

int main(int argc, char** argv) {
    try {
        return clew::sensor::main_of(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "clew-sensor: %s\n", error.what());
        return 1;
    }
}
