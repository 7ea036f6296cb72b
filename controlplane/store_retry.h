// SPDX-License-Identifier: Apache-2.0
// Patience with a store that does not answer: says so once, waits, says once when it is back.
#pragma once

#include <atomic>
#include <string>

#include "nat-trace/result.h"

namespace clew::control {

class StoreRetry {
  public:
    static constexpr int wait_ms = 1000;

    /// `what`: "legs", "paths".
    explicit StoreRetry(std::string what) : what_(std::move(what)) {}

    /// Waits before the next try; false when `stopping` says that there is none.
    bool again(const Error& error, const std::atomic<bool>& stopping);
    void succeeded();

  private:
    std::string what_;
    bool failed_ = false;
};

}  // namespace clew::control
