// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/query_ender.h"

#include <chrono>

namespace clew::store {

QueryEnder::QueryEnder(std::function<void(const std::string& mark)> end)
    : end_(std::move(end)), thread_([this] { run(); }) {}

QueryEnder::~QueryEnder() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void QueryEnder::end(const std::string& mark) {
    {
        const std::lock_guard lock(mutex_);
        marks_.insert(mark);
    }
    changed_.notify_all();
}

void QueryEnder::over(const std::string& mark) {
    const std::lock_guard lock(mutex_);
    marks_.erase(mark);
}

void QueryEnder::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !marks_.empty(); });
        if (stopping_) return;
        const std::set<std::string> marks = marks_;
        lock.unlock();
        for (const std::string& mark : marks) end_(mark);
        lock.lock();
        changed_.wait_for(lock, std::chrono::milliseconds(again_ms), [this] { return stopping_; });
    }
}

}  // namespace clew::store
