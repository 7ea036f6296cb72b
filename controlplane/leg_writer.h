// SPDX-License-Identifier: Apache-2.0
// Writes received batches to the store and says which are safe there, so that they can be acknowledged. While the store
// does not take them it tries again and again: what it holds is bounded by its queue. Own thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "controlplane/batch_queue.h"
#include "controlplane/store/store.h"

namespace clew::control {

struct LegWriterCounters {
    std::uint64_t legs_stored = 0;
    std::uint64_t inserts = 0;
    std::uint64_t insert_failures = 0;
};

class LegWriter {
  public:
    static constexpr std::size_t insert_leg_count_max = 10'000;
    static constexpr std::uint32_t insert_delay_ms_max = 200;

    /// `stored` is called on the writer's thread, once for each batch, after the store has it.
    LegWriter(store::Store& store, BatchQueue& queue, std::function<void(const wire::BatchId&)> stored);
    ~LegWriter();  ///< writes what waits, tries once only, joins. Close the queue before.

    LegWriterCounters counters() const;

  private:
    void run();
    std::vector<SharedBatch> gather();
    bool insert(const std::vector<SharedBatch>& batches);

    store::Store& store_;
    BatchQueue& queue_;
    std::function<void(const wire::BatchId&)> stored_;
    std::atomic<std::uint64_t> legs_stored_{0};
    std::atomic<std::uint64_t> inserts_{0};
    std::atomic<std::uint64_t> insert_failures_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace clew::control
