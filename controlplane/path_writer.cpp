// SPDX-License-Identifier: Apache-2.0
#include "controlplane/path_writer.h"

#include <chrono>

#include "controlplane/store_retry.h"

namespace clew::control {

PathWriter::PathWriter(store::Store& store) : store_(store), thread_([this] { run(); }) {}

PathWriter::~PathWriter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool PathWriter::has_room() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size() < waiting_path_count_max;
}

void PathWriter::put(std::vector<v1::Path> paths) {
    {
        const std::lock_guard lock(mutex_);
        for (v1::Path& path : paths) {
            v1::Path& waiting = waiting_[path.path_id()];
            if (waiting.revision() <= path.revision()) waiting = std::move(path);
        }
    }
    changed_.notify_one();
}

std::vector<v1::Path> PathWriter::gather() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(insert_delay_ms_max),
                      [this] { return stopping_ || !waiting_.empty(); });
    std::vector<v1::Path> paths;
    while (!waiting_.empty() && paths.size() < insert_path_count_max)
        paths.push_back(std::move(waiting_.extract(waiting_.begin()).mapped()));
    return paths;
}

void PathWriter::run() {
    for (;;) {
        const bool last = stopping_;
        const auto paths = gather();
        if (paths.empty() && last) return;
        if (paths.empty()) continue;
        StoreRetry retry("paths");
        for (;;) {
            const auto inserted = store_.insert_paths(paths);
            if (inserted) break;
            ++insert_failures_;
            if (!retry.again(inserted.error(), stopping_)) return;
        }
        retry.succeeded();
        paths_stored_ += paths.size();
        if (!last) std::this_thread::sleep_for(std::chrono::milliseconds(insert_delay_ms_max / 2));
    }
}

PathWriterCounters PathWriter::counters() const {
    const std::lock_guard lock(mutex_);
    return {paths_stored_, insert_failures_, waiting_.size()};
}

}  // namespace clew::control
