// SPDX-License-Identifier: Apache-2.0
// Leg records from one worker to the exporter: a ring of fixed size, one thread pushes, one pops. Full is an answer,
// never a wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "nat-trace/leg.h"
#include "nat-trace/prefetch.h"

namespace clew::sensor {

class LegRing {
  public:
    explicit LegRing(std::size_t leg_count_max) : legs_(leg_count_max + 1) {}

    static std::size_t memory_bytes(std::size_t leg_count_max) { return (leg_count_max + 1) * sizeof(Leg); }

    bool push(const Leg& leg) {
        const std::size_t tail = tail_.load(std::memory_order_relaxed);
        const std::size_t next = after(tail);
        if (next == head_.load(std::memory_order_acquire)) return false;
        legs_[tail] = leg;
        tail_.store(next, std::memory_order_release);
        return true;
    }

    /// The oldest leg, in place until pop(); null when there is none.
    const Leg* front() const {
        const std::size_t head = head_.load(std::memory_order_relaxed);
        return head == tail_.load(std::memory_order_acquire) ? nullptr : &legs_[head];
    }
    /// Fetches the leg behind front(), which another core wrote.
    void fetch_second() const {
        const std::size_t second = after(head_.load(std::memory_order_relaxed));
        if (second == tail_.load(std::memory_order_acquire)) return;
        const auto* bytes = reinterpret_cast<const char*>(&legs_[second]);
        for (std::size_t at = 0; at < sizeof(Leg); at += 64) prefetch_line(bytes + at);
    }
    void pop() { head_.store(after(head_.load(std::memory_order_relaxed)), std::memory_order_release); }

  private:
    std::size_t after(std::size_t at) const { return at + 1 == legs_.size() ? 0 : at + 1; }

    std::vector<Leg> legs_;
    alignas(64) std::atomic<std::size_t> head_{0};
    alignas(64) std::atomic<std::size_t> tail_{0};
};

}  // namespace clew::sensor
