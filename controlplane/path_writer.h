// SPDX-License-Identifier: Apache-2.0
// Writes new and changed paths to the store, of each path only the latest revision that waits. Own thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "controlplane/store/store.h"

namespace clew::control {

struct PathWriterCounters {
    std::uint64_t paths_stored = 0;
    std::uint64_t insert_failures = 0;
    std::uint64_t paths_waiting = 0;  ///< now
};

class PathWriter {
  public:
    static constexpr std::size_t waiting_path_count_max = 200'000;
    static constexpr std::size_t insert_path_count_max = 10'000;
    static constexpr std::uint32_t insert_delay_ms_max = 200;

    explicit PathWriter(store::Store& store);
    ~PathWriter();  ///< writes what waits, tries once only, joins

    /// False when too many wait already: leave them in the engine for now.
    bool has_room() const;
    void put(std::vector<v1::Path> paths);

    PathWriterCounters counters() const;

  private:
    void run();
    std::vector<v1::Path> gather();

    store::Store& store_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::unordered_map<std::string, v1::Path> waiting_;  ///< by path id
    std::atomic<std::uint64_t> paths_stored_{0};
    std::atomic<std::uint64_t> insert_failures_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace clew::control
