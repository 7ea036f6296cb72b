// SPDX-License-Identifier: Apache-2.0
// A sensor on capture files that stays when they are used up, so that its header ring still answers: what the console's
// test looks at. `console_feed CONFIG` ends on SIGTERM.
#include <signal.h>

#include <cstdio>
#include <string>
#include <vector>

#include "dataplane/sensor.h"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: console_feed CONFIG\n");
        return 2;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const auto config = clew::sensor::load_sensor_config(argv[1]);
    if (!config) {
        std::fprintf(stderr, "console_feed: %s\n", config.error().sentence.c_str());
        return 1;
    }
    std::vector<std::string> remarks;
    const auto sensor = clew::sensor::Sensor::start(*config, remarks);
    if (!sensor) {
        std::fprintf(stderr, "console_feed: %s\n", sensor.error().sentence.c_str());
        return 1;
    }
    std::fprintf(stderr, "ready: feeding\n");
    int number = 0;
    sigwait(&signals, &number);
    (*sensor)->stop();
    return 0;
}
