// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/program.h"

namespace {

volatile std::sig_atomic_t stop_asked = 0;
void ask_to_stop(int) { stop_asked = 1; }

clew::TimeNs time_of_day() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Ctrl-C ends a wait; outside of one it ends the program as usual.
bool wait_for(clew::DurationNs span) {
    struct sigaction action {
    }, before{};
    action.sa_handler = ask_to_stop;
    sigaction(SIGINT, &action, &before);
    timespec time{static_cast<std::time_t>(span / clew::ns_per_s), static_cast<long>(span % clew::ns_per_s)};
    nanosleep(&time, nullptr);
    sigaction(SIGINT, &before, nullptr);
    return stop_asked == 0;
}

int terminal_columns() {
    constexpr int columns_min = 40;
    if (const char* set = std::getenv("COLUMNS"); set && std::atoi(set) > 0)
        return std::max(columns_min, std::atoi(set));
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return std::max<int>(columns_min, size.ws_col);
    return 80;
}

}  // namespace

int main(int argc, char** argv) {
    clew::cli::Surroundings surroundings{.out = std::cout, .err = std::cerr, .now = time_of_day, .wait = wait_for};
    surroundings.terminal = isatty(STDOUT_FILENO) != 0;
    if (surroundings.terminal) surroundings.columns = terminal_columns();
    const char* kind = std::getenv("TERM");
    const bool no_colour = std::getenv("NO_COLOR") && *std::getenv("NO_COLOR");
    surroundings.colours = surroundings.terminal && !no_colour && !(kind && std::string_view(kind) == "dumb");
    std::ios::sync_with_stdio(false);
    return clew::cli::run_program({argv + 1, argv + argc}, surroundings);
}
