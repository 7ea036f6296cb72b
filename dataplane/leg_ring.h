// SPDX-License-Identifier: Apache-2.0
// Leg records from one worker to the exporter, as they travel on the wire: a ring of bytes of fixed size, one thread
// pushes, one pops. A record lies whole, never around the end. Full is an answer, never a wait.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "nat-trace/leg.h"
#include "wire/leg_writer.h"

namespace clew::sensor {

class LegRing {
  public:
    /// `bytes` are rounded up to what two of the longest records take.
    explicit LegRing(std::size_t bytes) : bytes_(size_of(bytes)) {}

    static std::size_t memory_bytes(std::size_t bytes) { return size_of(bytes); }

    /// Writes the leg as one `legs` field of a Batch. False where the longest record would have no room.
    bool push(const Leg& leg) {
        const std::size_t tail = tail_.load(std::memory_order_relaxed);
        std::size_t at = tail % bytes_.size();
        const std::size_t left = bytes_.size() - at;
        const std::size_t skipped = left < record_bytes_max ? left : 0;
        const std::size_t used = tail - head_.load(std::memory_order_acquire);
        if (bytes_.size() - used < skipped + record_bytes_max) return false;
        if (skipped != 0) {
            put_length(at, goes_on_at_begin);
            at = 0;
        }
        const std::size_t length = wire::write_leg_field(leg, &bytes_[at + length_bytes]);
        put_length(at, static_cast<std::uint32_t>(length));
        tail_.store(tail + skipped + record_bytes(length), std::memory_order_release);
        return true;
    }

    /// The oldest record, in place until pop(); empty when there is none.
    std::string_view front() {
        std::size_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_.load(std::memory_order_acquire)) return {};
        std::size_t at = head % bytes_.size();
        if (length_at(at) == goes_on_at_begin) {
            head += bytes_.size() - at;
            head_.store(head, std::memory_order_release);
            at = 0;
        }
        return {reinterpret_cast<const char*>(&bytes_[at + length_bytes]), length_at(at)};
    }
    /// After front(), of a record that was there.
    void pop() {
        const std::size_t head = head_.load(std::memory_order_relaxed);
        head_.store(head + record_bytes(length_at(head % bytes_.size())), std::memory_order_release);
    }

  private:
    static constexpr std::size_t length_bytes = 4;
    static constexpr std::uint32_t goes_on_at_begin = 0xffff'ffff;  ///< in place of a length

    /// A record begins at a multiple of 4, so that a length always has room before the end.
    static constexpr std::size_t record_bytes(std::size_t length) {
        return (length_bytes + length + length_bytes - 1) / length_bytes * length_bytes;
    }
    static constexpr std::size_t record_bytes_max =
        (length_bytes + wire::leg_field_bytes_max + length_bytes - 1) / length_bytes * length_bytes;
    static constexpr std::size_t size_of(std::size_t bytes) {
        return (bytes > 2 * record_bytes_max ? bytes : 2 * record_bytes_max) / length_bytes * length_bytes;
    }

    std::uint32_t length_at(std::size_t at) const {
        std::uint32_t length;
        std::memcpy(&length, &bytes_[at], sizeof length);
        return length;
    }
    void put_length(std::size_t at, std::uint32_t length) { std::memcpy(&bytes_[at], &length, sizeof length); }

    std::vector<std::uint8_t> bytes_;
    alignas(64) std::atomic<std::size_t> head_{0};  ///< bytes popped so far; its place is this modulo the size
    alignas(64) std::atomic<std::size_t> tail_{0};  ///< bytes pushed so far
};

}  // namespace clew::sensor
