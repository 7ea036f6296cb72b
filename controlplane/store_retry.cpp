// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store_retry.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

namespace clew::control {

bool StoreRetry::again(const Error& error, const std::atomic<bool>& stopping) {
    if (!failed_)
        fmt::print(stderr, "the store does not take {}: {}; nothing is lost, observers keep what is not acknowledged\n",
                   what_, error.sentence);
    failed_ = true;
    for (int waited = 0; waited < wait_ms; waited += 50) {
        if (stopping) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
}

void StoreRetry::succeeded() {
    if (failed_) fmt::print(stderr, "the store takes {} again\n", what_);
    failed_ = false;
}

}  // namespace clew::control
