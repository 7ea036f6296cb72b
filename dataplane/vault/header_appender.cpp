// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_appender.h"

namespace clew::vault {

Result<std::unique_ptr<HeaderAppender>> HeaderAppender::create(const HeaderAppenderSettings& settings,
                                                               std::uint32_t leg_count_max, std::uint64_t id_base,
                                                               bool populate) {
    std::unique_ptr<HeaderAppender> appender(new HeaderAppender(settings));
    bool allocated = appender->places_.allocate(leg_count_max, populate);
    for (OpenBlock& block : appender->blocks_)
        allocated = allocated && block.allocate(settings.block, id_base, populate);
    if (allocated) return appender;
    return fail(ErrorKind::failed, "the header log needs " +
                                       std::to_string(memory_bytes(settings, leg_count_max) >> 20) +
                                       " MB for its open blocks and the machine does not have them: lower "
                                       "vault.blocks or vault.block_packets");
}

std::size_t HeaderAppender::memory_bytes(const HeaderAppenderSettings& settings, std::uint32_t leg_count_max) {
    return sensor::FixedArray<LegPlace>::memory_bytes(leg_count_max) +
           settings.block_count * OpenBlock::memory_bytes(settings.block);
}

bool HeaderAppender::open_next() {
    const std::uint32_t number = opened_.load(std::memory_order_relaxed);
    if (number - written_.load(std::memory_order_acquire) == blocks_.size()) return false;
    open_ = &blocks_[number % blocks_.size()];
    open_->clear(number);  // before any reader knows of it
    opened_.store(number + 1, std::memory_order_release);
    return true;
}

void HeaderAppender::seal() {
    if (!open_ || open_->empty()) return;
    filled_.store(opened_.load(std::memory_order_relaxed), std::memory_order_release);
    open_ = nullptr;
}

const OpenBlock* HeaderAppender::oldest_full() const {
    const std::uint32_t number = written_.load(std::memory_order_relaxed);
    if (number == filled_.load(std::memory_order_acquire)) return nullptr;
    return &blocks_[number % blocks_.size()];
}

}  // namespace clew::vault
