// SPDX-License-Identifier: Apache-2.0
#include "controlplane/rollup_maker.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

namespace clew::control {

RollupMaker::RollupMaker(const store::Rollup& rollup, std::function<TimeNs()> now)
    : rollup_(rollup), now_(std::move(now)), thread_([this] { run(); }) {}

RollupMaker::~RollupMaker() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void RollupMaker::rest(int ms) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_.load(); });
}

Result<bool> RollupMaker::make_slice() {
    const TimeNs now = now_();
    const auto due = rollup_.due_slices(static_cast<std::uint32_t>(now / ns_per_s));
    if (!due) return tl::make_unexpected(due.error());
    if (due->empty()) return false;
    if (auto made = rollup_.make_slice(due->front(), now); !made) return tl::make_unexpected(made.error());
    ++slices_made_;
    return true;
}

Result<bool> RollupMaker::make_one() {
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

void RollupMaker::run() {
    bool failed = false;
    while (!stopping_) {
        const auto made = make_one();
        if (!made) {
            ++failures_;
            if (!failed)
                fmt::print(stderr, "paths cannot be rolled up: {}; overviews read their rows, it is tried again\n",
                           made.error().sentence);
        } else if (failed) {
            fmt::print(stderr, "paths are rolled up again\n");
        }
        failed = !made;
        rest(made && *made ? rest_ms : look_interval_ms);
    }
}

}  // namespace clew::control
