// SPDX-License-Identifier: Apache-2.0
#include "controlplane/batch_queue.h"

#include <chrono>

namespace clew::control {

bool BatchQueue::has_room(std::size_t leg_count) const {
    const std::lock_guard lock(mutex_);
    return !closed_ && (leg_count_ == 0 || leg_count_ + leg_count <= leg_count_max_);
}

void BatchQueue::put(SharedBatch batch) {
    {
        const std::lock_guard lock(mutex_);
        leg_count_ += batch->legs.size();
        batches_.push_back(std::move(batch));
    }
    changed_.notify_one();
}

std::vector<SharedBatch> BatchQueue::take(std::size_t leg_count, std::uint32_t wait_ms) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return closed_ || !batches_.empty(); });
    std::vector<SharedBatch> taken;
    std::size_t taken_legs = 0;
    while (!batches_.empty() && (taken.empty() || taken_legs + batches_.front()->legs.size() <= leg_count)) {
        taken_legs += batches_.front()->legs.size();
        leg_count_ -= batches_.front()->legs.size();
        taken.push_back(std::move(batches_.front()));
        batches_.pop_front();
    }
    return taken;
}

void BatchQueue::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    changed_.notify_all();
}

std::size_t BatchQueue::leg_count() const {
    const std::lock_guard lock(mutex_);
    return leg_count_;
}

}  // namespace clew::control
