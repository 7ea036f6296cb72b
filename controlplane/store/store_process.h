// SPDX-License-Identifier: Apache-2.0
// A clew-store child: starts it, learns its address and the sentence it ends with, ends it. It also ends by itself when
// this program dies, since its stdin is a pipe from here. Used under the caller's lock: one thread at a time.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "controlplane/store/store.h"
#include "nat-trace/result.h"

namespace clew::store {

class StoreProcess {
  public:
    /// Starts the program and waits until it is ready. Its own sentence when it is not.
    static Result<std::unique_ptr<StoreProcess>> start(const StoreSettings& settings);
    ~StoreProcess();  ///< asks it to end, waits for it; kills it after end_time_ms_max
    StoreProcess(const StoreProcess&) = delete;
    StoreProcess& operator=(const StoreProcess&) = delete;

    const std::string& url() const { return url_; }
    const std::string& key() const { return key_; }  ///< what its requests must carry
    pid_t pid() const { return pid_; }
    bool running();  ///< false once it has ended; then last_words() tells why, where it could
    std::string last_words();

    static constexpr unsigned start_time_ms_max = 60'000;
    static constexpr unsigned end_time_ms_max = 15'000;

  private:
    StoreProcess() = default;
    Result<void> spawn(const StoreSettings& settings);
    Result<void> wait_ready(const StoreSettings& settings);
    void read_words();

    pid_t pid_ = -1;
    int exit_code_ = -1;  ///< once it ended by itself
    int stdin_ = -1;
    int stderr_ = -1;
    std::string key_;
    std::string url_;
    std::thread reader_;
    std::mutex mutex_;  ///< of what the reader writes
    std::string ready_url_;
    std::string words_;
    bool words_ended_ = false;
};

}  // namespace clew::store
