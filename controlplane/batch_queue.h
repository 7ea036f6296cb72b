// SPDX-License-Identifier: Apache-2.0
// Batches between the collector and those who use them (linker, leg writer). Bounded by legs; the producer never waits.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "nat-trace/leg.h"
#include "wire/collector.h"

namespace clew::control {

/// One batch as it was received; shared by its readers, never changed. `legs[i].tap` is an index into `taps`.
struct ReceivedBatch {
    wire::BatchId id;
    std::vector<v1::TapName> taps;
    std::vector<Leg> legs;
};
using SharedBatch = std::shared_ptr<const ReceivedBatch>;

class BatchQueue {
  public:
    explicit BatchQueue(std::size_t leg_count_max) : leg_count_max_(leg_count_max) {}

    /// Whether a batch of that size may be put in now. A single producer can rely on it until it puts one in.
    bool has_room(std::size_t leg_count) const;
    void put(SharedBatch batch);

    /// Waits for at most wait_ms for the first batch, then takes what is there up to about leg_count legs.
    std::vector<SharedBatch> take(std::size_t leg_count, std::uint32_t wait_ms);

    void close();  ///< take() no longer waits
    std::size_t leg_count() const;

  private:
    std::size_t leg_count_max_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<SharedBatch> batches_;
    std::size_t leg_count_ = 0;
    bool closed_ = false;
};

}  // namespace clew::control
