// SPDX-License-Identifier: Apache-2.0
// Legs on their way to the publisher's thread, written as they travel: as the `legs` field of a Batch, one behind the
// other. So a leg is copied once, and small.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/leg.h"
#include "wire/leg_writer.h"
#include "wire/socket.h"

namespace clew::wire {

/// Writes legs as messages. One thread.
class LegEncoder {
  public:
    /// The leg as one `legs` field of a Batch: tag, length, message. Valid until the next call.
    std::string_view encode(const Leg& leg);

  private:
    std::array<std::uint8_t, leg_field_bytes_max> field_;
};

/// Fields that LegEncoder wrote, in order.
class EncodedLegs {
  public:
    void add(std::string_view field);
    void clear();
    std::size_t count() const { return ends_.size(); }

    /// Legs `from` and following, at most `count_max`; `from` is moved behind them.
    std::string_view next(std::size_t& from, std::size_t count_max) const;

  private:
    std::string bytes_;
    std::vector<std::size_t> ends_;  ///< of each field in bytes_
};

/// Between offer() and the publisher's thread. The producer holds the lock for one copy, the consumer for one swap.
class LegQueue {
  public:
    LegQueue(std::uint32_t leg_count_max, std::uint32_t wake_at) : leg_count_max_(leg_count_max), wake_at_(wake_at) {}

    /// From one thread at a time. False when `leg_count_max` legs wait.
    bool put(const Leg& leg) { return put(encoder_.encode(leg)); }
    /// The same of a leg that write_leg_field() wrote.
    bool put(std::string_view field);
    void take_all(EncodedLegs& into);

    const Waker& waker() const { return waker_; }

  private:
    std::uint32_t leg_count_max_;
    std::uint32_t wake_at_;
    LegEncoder encoder_;
    std::mutex mutex_;
    EncodedLegs legs_;
    Waker waker_;
};

}  // namespace clew::wire
