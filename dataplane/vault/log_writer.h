// SPDX-License-Identifier: Apache-2.0
// A log's writer: one thread that takes the workers' full blocks, encodes them and stores them. Appenders and store are
// borrowed and outlive it. However slow the store is, the workers go on: what finds no block is counted.
//
// Encoding has encode(block, bytes), which appends the block as it goes to disk and gives the keys of its legs, where
// the block does not hold them itself.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "dataplane/vault/block_store.h"

namespace clew::vault {

/// Names a block of this run, in the store and while it waits.
inline std::uint64_t origin_of(std::size_t appender, std::uint32_t block) {
    return (static_cast<std::uint64_t>(appender) + 1) << 32 | block;
}

template <class Appender, class Encoding>
class LogWriter {
  public:
    LogWriter(std::vector<Appender*> appenders, BlockStore& store) : appenders_(std::move(appenders)), store_(store) {}
    ~LogWriter() { stop(); }

    void start() {
        thread_ = std::thread([this] {
            pthread_setname_np(pthread_self(), Encoding::thread_name);
            while (!stop_.load(std::memory_order_acquire))
                if (!write_some()) std::this_thread::sleep_for(idle_sleep);
            while (write_some()) continue;
        });
    }
    /// Writes what is full, closes the file, then ends. The workers have closed their blocks before.
    void stop() {
        stop_.store(true, std::memory_order_release);
        if (!thread_.joinable()) return;
        thread_.join();
        store_.close_file();
    }
    /// Writes the full blocks of all appenders; false when there were none. For start()'s thread, or without it.
    bool write_some() {
        bool any = false;
        for (std::size_t i = 0; i < appenders_.size(); ++i) {
            const auto* block = appenders_[i]->oldest_full();
            if (!block) continue;
            any = true;
            bytes_.clear();
            const auto keys = encoding_.encode(*block, bytes_);
            store_.append(bytes_, origin_of(i, block->number()), keys);  // a failure is counted there
            appenders_[i]->release();
        }
        return any;
    }

  private:
    static constexpr auto idle_sleep = std::chrono::milliseconds(5);

    std::vector<Appender*> appenders_;
    BlockStore& store_;
    Encoding encoding_;
    std::vector<std::uint8_t> bytes_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace clew::vault
