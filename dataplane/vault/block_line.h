// SPDX-License-Identifier: Apache-2.0
// A worker's open blocks in line for the writer: one is filled, full ones wait, what is written is filled anew. The
// worker never waits. One worker fills, one writer takes, any thread reads what is not written yet.
//
// Block has clear(number), number() and empty(); its memory is taken before.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace clew::vault {

template <class Block>
class BlockLine {
  public:
    explicit BlockLine(std::size_t block_count) : blocks_(block_count) {}

    std::vector<Block>& blocks() { return blocks_; }  ///< to allocate them

    // ---- the worker's thread

    Block* open() { return open_; }
    /// The block to fill; null while all wait for the writer.
    Block* open_or_next() { return open_ || open_next() ? open_ : nullptr; }
    void seal() {
        if (!open_ || open_->empty()) return;
        filled_.store(opened_.load(std::memory_order_relaxed), std::memory_order_release);
        open_ = nullptr;
    }
    void count_dropped() { dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

    // ---- the writer's thread

    const Block* oldest_full() const {
        const std::uint32_t number = written_.load(std::memory_order_relaxed);
        if (number == filled_.load(std::memory_order_acquire)) return nullptr;
        return &blocks_[number % blocks_.size()];
    }
    /// The oldest full block is written, or given up: it may be filled anew.
    void release() {
        const std::lock_guard lock(mutex_);
        written_.store(written_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    // ---- any thread

    /// Calls visit(const Block&) for each block that is not written yet, oldest first, while none of them leaves.
    template <class Visit>
    void read_unwritten(Visit&& visit) const {
        const std::lock_guard lock(mutex_);
        const std::uint32_t end = opened_.load(std::memory_order_acquire);
        for (std::uint32_t number = written_.load(std::memory_order_acquire); number != end; ++number)
            visit(blocks_[number % blocks_.size()]);
    }
    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
    std::uint32_t waiting() const {
        return filled_.load(std::memory_order_relaxed) - written_.load(std::memory_order_relaxed);
    }

  private:
    bool open_next() {
        const std::uint32_t number = opened_.load(std::memory_order_relaxed);
        if (number - written_.load(std::memory_order_acquire) == blocks_.size()) return false;
        open_ = &blocks_[number % blocks_.size()];
        open_->clear(number);  // before any reader knows of it
        opened_.store(number + 1, std::memory_order_release);
        return true;
    }

    std::vector<Block> blocks_;  ///< number n stands at n modulo their count
    Block* open_ = nullptr;
    std::atomic<std::uint32_t> opened_{1};   ///< the next block's number; numbers begin at 1
    std::atomic<std::uint32_t> filled_{1};   ///< the first block that is not full
    std::atomic<std::uint32_t> written_{1};  ///< the first block that is not written
    std::atomic<std::uint64_t> dropped_{0};
    mutable std::mutex mutex_;  ///< written_ stands still while it is held; never taken by the worker
};

}  // namespace clew::vault
