// SPDX-License-Identifier: Apache-2.0
// A worker's end of the header log: every header goes into the open block; full blocks wait in line for the writer. The
// worker never waits: while no block is free its headers are dropped and counted. The worker appends, one writer takes
// blocks, and readers look at all that is not written yet.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "dataplane/leg_state.h"
#include "dataplane/vault/open_block.h"
#include "nat-trace/prefetch.h"

namespace clew::vault {

struct HeaderAppenderSettings {
    OpenBlockLimits block;
    std::uint32_t block_count = 4;                ///< one open, the others waiting for the writer
    DurationNs block_age_max_ns = 10 * ns_per_s;  ///< an open block is closed then: what a crash may lose
    bool payload_checks = true;  ///< keep PacketHeader::payload_check: lines packets up behind relays and for UDP, ICMP
    bool wait_for_writer = false;   ///< for files: rather than drop headers
    bool verify_checksums = false;  ///< over the whole payload: for files; a worker has no time for it
};

class HeaderAppender {
  public:
    static Result<std::unique_ptr<HeaderAppender>> create(const HeaderAppenderSettings& settings,
                                                          std::uint32_t leg_count_max, std::uint64_t id_base,
                                                          bool populate);
    static std::size_t memory_bytes(const HeaderAppenderSettings& settings, std::uint32_t leg_count_max);

    const HeaderAppenderSettings& settings() const { return settings_; }

    // ---- the worker's thread

    /// `describe(LegLabel&)` is called for a leg's first packet in a block.
    template <class Describe>
    void append(sensor::LegNumber leg, LegId id, const SeenHeader& seen, Describe&& describe) {
        while (!open_ && !open_next()) {
            if (settings_.wait_for_writer) {
                std::this_thread::sleep_for(std::chrono::microseconds(200));
                continue;
            }
            dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            return;
        }
        LegPlace& place = places_[leg];
        if (place.id != id || place.block != open_->number()) {
            describe(open_->next_label());
            place = {id, open_->number(), open_->commit_leg()};
        }
        open_->append(place.leg, seen);
        if (open_->is_full()) seal();
    }
    void prefetch(sensor::LegNumber leg) const { prefetch_line(&places_[leg]); }
    /// Closes a block that has grown old.
    void advance(TimeNs now) {
        if (open_ && !open_->empty() && now - open_->first_ns() > settings_.block_age_max_ns) seal();
    }
    void seal();

    // ---- the writer's thread

    const OpenBlock* oldest_full() const;
    /// The oldest full block is written, or given up: it may be filled anew.
    void release() {
        const std::lock_guard lock(mutex_);
        written_.store(written_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    // ---- any thread

    /// Calls visit(const OpenBlock&) for each block that is not written yet, oldest first, while none of them leaves.
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
    struct LegPlace {
        LegId id;
        std::uint32_t block;
        std::uint32_t leg;
    };
    HeaderAppender(const HeaderAppenderSettings& settings) : settings_(settings), blocks_(settings.block_count) {}
    bool open_next();

    HeaderAppenderSettings settings_;
    sensor::FixedArray<LegPlace> places_;  ///< by leg number: where it stands in the open block
    std::vector<OpenBlock> blocks_;        ///< number n stands at n modulo their count
    OpenBlock* open_ = nullptr;
    std::atomic<std::uint32_t> opened_{1};   ///< the next block's number; numbers begin at 1
    std::atomic<std::uint32_t> filled_{1};   ///< the first block that is not full
    std::atomic<std::uint32_t> written_{1};  ///< the first block that is not written
    std::atomic<std::uint64_t> dropped_{0};
    mutable std::mutex mutex_;  ///< written_ stands still while it is held; never taken by the worker
};

}  // namespace clew::vault
