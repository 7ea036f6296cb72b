// SPDX-License-Identifier: Apache-2.0
// What was learnt of gateways, as a file that outlives the program. Written by a thread of its own, so that a slow disk
// holds nobody up: beside the file, then renamed, so that a kill leaves the old or the new one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "nat-trace/result.h"
#include "wire/gateway_state.h"

namespace clew::control {

class GatewayKeeper {
  public:
    /// An empty path: nothing is kept, and nothing was.
    explicit GatewayKeeper(std::string path);
    ~GatewayKeeper();  ///< writes what waits

    /// Nothing where there is no file yet. Errors: it cannot be read, or is damaged.
    Result<wire::LearntGateways> load() const;
    bool keeps() const { return !path_.empty(); }
    /// The latest is written; from any thread.
    void put(std::string state);
    std::uint64_t failures() const;  ///< times that it could not be written; from any thread

  private:
    void run();
    bool write(const std::string& state) const;

    const std::string path_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string waiting_;
    std::uint64_t failures_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace clew::control
