// SPDX-License-Identifier: Apache-2.0
#include "controlplane/leg_writer.h"

#include "controlplane/store_retry.h"

namespace clew::control {

LegWriter::LegWriter(store::Store& store, BatchQueue& queue, std::function<void(const wire::BatchId&)> stored)
    : store_(store), queue_(queue), stored_(std::move(stored)), thread_([this] { run(); }) {}

LegWriter::~LegWriter() {
    stopping_ = true;
    thread_.join();
}

std::vector<SharedBatch> LegWriter::gather() {
    auto batches = queue_.take(insert_leg_count_max, insert_delay_ms_max);
    std::size_t legs = 0;
    for (const SharedBatch& batch : batches) legs += batch->legs.size();
    if (legs == 0 || legs >= insert_leg_count_max || stopping_) return batches;
    // The first ones are here: the others of the same moment go with them.
    std::this_thread::sleep_for(std::chrono::milliseconds(insert_delay_ms_max / 2));
    for (SharedBatch& batch : queue_.take(insert_leg_count_max - legs, 0)) batches.push_back(std::move(batch));
    return batches;
}

bool LegWriter::insert(const std::vector<SharedBatch>& batches) {
    std::vector<store::StoredLeg> rows;
    for (const SharedBatch& batch : batches)
        for (const Leg& leg : batch->legs) {
            const v1::TapName& tap = batch->taps[leg.tap];
            rows.push_back(
                {leg, tap.name(), tap.clock(), batch->id.observer, batch->id.started_ns, batch->id.sequence});
        }
    if (rows.empty()) return true;
    StoreRetry retry("legs");
    for (;;) {
        const auto inserted = store_.insert_legs(rows);
        if (inserted) break;
        ++insert_failures_;
        if (!retry.again(inserted.error(), stopping_)) return false;
    }
    retry.succeeded();
    ++inserts_;
    legs_stored_ += rows.size();
    return true;
}

void LegWriter::run() {
    for (;;) {
        const bool last = stopping_;
        const auto batches = gather();
        if (batches.empty() && last) return;
        if (batches.empty()) continue;
        if (!insert(batches)) return;  // stopping: the observers still have them
        for (const SharedBatch& batch : batches) stored_(batch->id);
    }
}

LegWriterCounters LegWriter::counters() const { return {legs_stored_, inserts_, insert_failures_}; }

}  // namespace clew::control
