// SPDX-License-Identifier: Apache-2.0
// Keeps the store's house, one thing at a time with rests between, so that what comes in goes first: lets the oldest
// hours leave where rows take more than their budget, and makes the roll-ups of hours that are over and of slices of
// those that are not. What fails is tried again. Own thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "controlplane/store/disk_budget.h"
#include "controlplane/store/rollup.h"

namespace clew::control {

struct StoreKeeperCounters {
    std::uint64_t hours_made = 0;
    std::uint64_t slices_made = 0;
    std::uint64_t rollup_failures = 0;
    std::uint64_t hours_waiting = 0;  ///< as of the last look
    std::uint64_t hours_left = 0;     ///< because of the budget
    std::uint64_t budget_failures = 0;
    std::uint64_t bytes = 0;     ///< of all rows, as of the last look
    std::uint64_t oldest_s = 0;  ///< the oldest hour that has rows
};

class StoreKeeper {
  public:
    static constexpr int look_interval_ms = 5'000;  ///< for what is over
    static constexpr int rest_ms = 500;             ///< after each made

    StoreKeeper(const store::Rollup& rollup, const store::DiskBudget& budget, std::function<TimeNs()> now);
    ~StoreKeeper();  ///< waits for the statement that runs; what is half made is made anew after a restart

    StoreKeeperCounters counters() const;

  private:
    /// Tells when something begins to fail and when it works again, and counts.
    struct Trouble {
        const char* failing;
        const char* working;
        std::atomic<std::uint64_t> count{0};
        bool now = false;
        void take(const Error* error);
    };
    void run();
    Result<void> keep_budget();
    Result<bool> make_one();  ///< false: none is due
    Result<bool> make_slice();
    void rest(int ms);

    const store::Rollup& rollup_;
    const store::DiskBudget& budget_;
    const std::function<TimeNs()> now_;
    Trouble rollup_trouble_{"paths cannot be rolled up: {}; overviews read their rows, it is tried again\n",
                            "paths are rolled up again\n"};
    Trouble budget_trouble_{"the store's oldest hours cannot leave: {}; it is tried again\n",
                            "the store's oldest hours leave again\n"};
    std::atomic<std::uint64_t> hours_made_{0}, slices_made_{0}, hours_waiting_{0}, hours_left_{0}, bytes_{0},
        oldest_s_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace clew::control
