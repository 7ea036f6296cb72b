// SPDX-License-Identifier: Apache-2.0
#include "wire/outbox.h"

#include <algorithm>

namespace clew::wire {

Outbox::Outbox(std::unique_ptr<Spool> spool, std::uint32_t window_batch_count_max, std::string taps)
    : spool_(std::move(spool)), window_batch_count_max_(window_batch_count_max), taps_(std::move(taps)) {}

SpoolRecord Outbox::with_taps(SpoolRecord batch) const {
    batch.batch += taps_;  // protobuf: messages written one behind the other are merged when read
    return batch;
}

bool Outbox::spill() {
    for (Waiting& waiting : window_) {
        if (waiting.on_disk) continue;
        if (!spool_->append_as_read(with_taps(waiting.batch))) return false;
        waiting.on_disk = true;
    }
    return true;
}

void Outbox::add(SpoolRecord batch) {
    const bool room = window_.size() < window_batch_count_max_;
    const bool all_in_memory = spool_->all_read();
    if (all_in_memory && room && connected_) {
        window_.push_back({std::move(batch), false, false});
        return;
    }
    if (all_in_memory && !spill()) {  // the disk refuses: memory alone is left
        if (room) {
            window_.push_back({std::move(batch), false, false});
        } else {
            ++counters_.batches_dropped;
            counters_.legs_dropped += batch.leg_count;
        }
        return;
    }
    spool_->append(with_taps(std::move(batch)));
}

const SpoolRecord* Outbox::next_unsent() {
    const auto unsent = std::find_if(window_.begin(), window_.end(), [](const Waiting& w) { return !w.sent; });
    if (unsent != window_.end()) {
        unsent->sent = true;
        return &unsent->batch;
    }
    while (window_.size() < window_batch_count_max_) {
        auto record = spool_->read_next();
        if (!record) return nullptr;
        const bool known = is_acknowledged(*record);
        window_.push_back({std::move(*record), true, true});
        if (!known) return &window_.back().batch;
        remove_acknowledged();
    }
    return nullptr;
}

bool Outbox::is_acknowledged(const SpoolRecord& batch) const {
    const auto run = acknowledged_.find({batch.observer, batch.started_ns});
    return run != acknowledged_.end() && batch.sequence <= run->second;
}

void Outbox::remove_acknowledged() {
    while (!window_.empty() && is_acknowledged(window_.front().batch)) {
        if (window_.front().on_disk) spool_->acknowledge_oldest_read();
        window_.pop_front();
        ++counters_.batches_acknowledged;
    }
}

void Outbox::acknowledge(const std::string& observer, std::int64_t started_ns, std::uint64_t sequence) {
    std::uint64_t& highest = acknowledged_[{observer, started_ns}];
    highest = std::max(highest, sequence);
    remove_acknowledged();
}

std::uint64_t Outbox::legs_in_memory_only() const {
    std::uint64_t count = 0;
    for (const Waiting& waiting : window_)
        if (!waiting.on_disk) count += waiting.batch.leg_count;
    return count;
}

void Outbox::connected() { connected_ = true; }

void Outbox::disconnected() {
    connected_ = false;
    for (Waiting& waiting : window_) waiting.sent = false;
    const bool all_in_memory = spool_->all_read();
    if (all_in_memory && !spill()) return;
    window_.clear();
    spool_->rewind();
}

}  // namespace clew::wire
