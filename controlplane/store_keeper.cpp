// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store_keeper.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

namespace clew::control {

StoreKeeper::StoreKeeper(const store::Rollup& rollup, const store::DiskBudget& budget, std::function<TimeNs()> now)
    : rollup_(rollup), budget_(budget), now_(std::move(now)), thread_([this] { run(); }) {}

StoreKeeper::~StoreKeeper() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void StoreKeeper::rest(int ms) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_.load(); });
}

Result<bool> StoreKeeper::make_slice() {
    const TimeNs now = now_();
    const auto due = rollup_.due_slices(static_cast<std::uint32_t>(now / ns_per_s));
    if (!due) return tl::make_unexpected(due.error());
    if (due->empty()) return false;
    if (auto made = rollup_.make_slice(due->front(), now); !made) return tl::make_unexpected(made.error());
    ++slices_made_;
    return true;
}

Result<bool> StoreKeeper::make_one() {
    const auto slice = make_slice();  // first: hours of an older store may take long
    if (!slice || *slice) return slice;
    const TimeNs now = now_();
    const auto due = rollup_.due(static_cast<std::uint32_t>(now / ns_per_s));
    if (!due) return tl::make_unexpected(due.error());
    hours_waiting_ = due->size();
    if (due->empty()) return false;
    if (auto made = rollup_.make(due->front(), now); !made) return tl::make_unexpected(made.error());
    ++hours_made_;
    --hours_waiting_;
    return true;
}

/// The budget is looked at before each roll-up: making one takes room.
Result<void> StoreKeeper::keep_budget() {
    const auto use = budget_.keep();
    if (!use) return tl::make_unexpected(use.error());
    hours_left_ += use->hours_left;
    bytes_ = use->bytes;
    oldest_s_ = use->oldest_s;
    return {};
}

void StoreKeeper::Trouble::take(const Error* error) {
    count += error != nullptr;
    if (error != nullptr && !now) fmt::print(stderr, fmt::runtime(failing), error->sentence);
    if (error == nullptr && now) fmt::print(stderr, fmt::runtime(working));
    now = error != nullptr;
}

void StoreKeeper::run() {
    while (!stopping_) {
        const auto kept = keep_budget();
        budget_trouble_.take(kept ? nullptr : &kept.error());
        const auto made = make_one();
        rollup_trouble_.take(made ? nullptr : &made.error());
        rest(made && *made ? rest_ms : look_interval_ms);
    }
}

StoreKeeperCounters StoreKeeper::counters() const {
    return {.hours_made = hours_made_,
            .slices_made = slices_made_,
            .rollup_failures = rollup_trouble_.count,
            .hours_waiting = hours_waiting_,
            .hours_left = hours_left_,
            .budget_failures = budget_trouble_.count,
            .bytes = bytes_,
            .oldest_s = oldest_s_};
}

}  // namespace clew::control
