// SPDX-License-Identifier: Apache-2.0
// The vault's writer: one thread that takes the workers' full blocks, sorts and encodes them and stores them. Appenders
// and store are borrowed and outlive it. However slow the store is, the workers go on: what finds no block is counted.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/vault/block_store.h"
#include "dataplane/vault/header_appender.h"

namespace clew::vault {

class HeaderLogWriter {
  public:
    HeaderLogWriter(std::vector<HeaderAppender*> appenders, BlockStore& store);
    ~HeaderLogWriter() { stop(); }

    void start();
    /// Writes what is full, then ends. The workers have closed their blocks before.
    void stop();
    /// Writes the full blocks of all appenders; false when there were none. For start()'s thread, or without it.
    bool write_some();

    /// Names a block of this run, in the store and while it waits.
    static std::uint64_t origin_of(std::size_t appender, std::uint32_t block) {
        return (static_cast<std::uint64_t>(appender) + 1) << 32 | block;
    }

  private:
    std::vector<HeaderAppender*> appenders_;
    BlockStore& store_;
    SortedBlock sorted_;
    HeaderBlockEncoder encoder_;
    std::vector<std::uint8_t> bytes_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace clew::vault
