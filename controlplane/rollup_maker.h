// SPDX-License-Identifier: Apache-2.0
// Makes the store's roll-ups of hours that are over and of slices of those that are not, one at a time with rests
// between, so that what comes in goes first. What fails is tried again. Own thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "controlplane/store/rollup.h"

namespace clew::control {

struct RollupCounters {
    std::uint64_t hours_made = 0;
    std::uint64_t slices_made = 0;
    std::uint64_t failures = 0;
    std::uint64_t hours_waiting = 0;  ///< as of the last look
};

class RollupMaker {
  public:
    static constexpr int look_interval_ms = 5'000;  ///< for what is over
    static constexpr int rest_ms = 500;             ///< after each made

    RollupMaker(const store::Rollup& rollup, std::function<TimeNs()> now);
    ~RollupMaker();  ///< waits for the statement that runs; what is half made is made anew after a restart

    RollupCounters counters() const { return {hours_made_, slices_made_, failures_, hours_waiting_}; }

  private:
    void run();
    Result<bool> make_one();  ///< false: none is due
    Result<bool> make_slice();
    void rest(int ms);

    const store::Rollup& rollup_;
    const std::function<TimeNs()> now_;
    std::atomic<std::uint64_t> hours_made_{0}, slices_made_{0}, failures_{0}, hours_waiting_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace clew::control
