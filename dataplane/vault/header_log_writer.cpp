// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_log_writer.h"

#include <pthread.h>

#include <chrono>

namespace clew::vault {
namespace {
constexpr auto idle_sleep = std::chrono::milliseconds(5);
}

HeaderLogWriter::HeaderLogWriter(std::vector<HeaderAppender*> appenders, BlockStore& store)
    : appenders_(std::move(appenders)), store_(store) {}

void HeaderLogWriter::start() {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "clew-vault");
        while (!stop_.load(std::memory_order_acquire))
            if (!write_some()) std::this_thread::sleep_for(idle_sleep);
        while (write_some()) continue;
    });
}

void HeaderLogWriter::stop() {
    stop_.store(true, std::memory_order_release);
    if (thread_.joinable()) thread_.join();
}

bool HeaderLogWriter::write_some() {
    bool any = false;
    for (std::size_t i = 0; i < appenders_.size(); ++i) {
        const OpenBlock* block = appenders_[i]->oldest_full();
        if (!block) continue;
        any = true;
        sorted_.sort(*block);
        bytes_.clear();
        encoder_.encode(sorted_, bytes_);
        store_.append(bytes_, origin_of(i, block->number()));  // a failure is counted there
        appenders_[i]->release();
    }
    return any;
}

}  // namespace clew::vault
