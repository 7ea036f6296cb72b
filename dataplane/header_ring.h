// SPDX-License-Identifier: Apache-2.0
// The newest packet headers of one worker in a ring of fixed size: the newest overwrites the oldest. One thread
// appends; any thread copies out meanwhile, and leaves out what was overwritten under its hands.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/fixed_array.h"
#include "nat-trace/ladder.h"

namespace clew::sensor {

class HeaderRing {
  public:
    bool allocate(std::uint32_t header_count_max, bool populate) { return slots_.allocate(header_count_max, populate); }
    static std::size_t memory_bytes(std::uint32_t header_count_max) {
        return FixedArray<Slot>::memory_bytes(header_count_max);
    }
    bool empty_sized() const { return slots_.size() == 0; }

    /// Inlined, so that the header is never laid into memory but as the ring's words.
    [[gnu::always_inline]] void append(const PacketHeader& header) {
        if (slots_.size() == 0) return;
        const std::uint64_t number = appended_.load(std::memory_order_relaxed);
        Slot& slot = slots_[place_];
        const Words words = words_of(header);
        // Readers learn that the slot is going before its words change, and that it is there after they did.
        started_.store(number + 1, std::memory_order_relaxed);
        [&]<std::size_t... i>(std::index_sequence<i...>) { (slot[i].store(words[i], std::memory_order_release), ...); }
        (std::make_index_sequence<std::tuple_size_v<Words>>());
        appended_.store(number + 1, std::memory_order_release);
        place_ = place_ + 1 == slots_.size() ? 0 : place_ + 1;
    }

    /// Headers of these legs in [from, to] (0 = no bound), oldest first, at most count_max. `partial` gets one sentence
    /// when some are no longer there, were overwritten meanwhile, or did not fit.
    std::vector<PacketHeader> copy(std::span<const LegId> legs, TimeNs from, TimeNs to, std::size_t count_max,
                                   std::string& partial) const;

  private:
    using Words = std::array<std::uint64_t, sizeof(PacketHeader) / 8>;
    using Slot = std::array<std::atomic<std::uint64_t>, sizeof(PacketHeader) / 8>;

    /// As std::bit_cast would, but out of registers: the fields just written would be waited for when read as words.
    [[gnu::always_inline]] static Words words_of(const PacketHeader& header) {
        const auto pair = [](std::uint64_t low, std::uint64_t high) { return low | high << 32; };
        const std::uint64_t rest = std::uint64_t{header.flags} | std::uint64_t{header.ttl} << 8 |
                                   std::uint64_t{static_cast<std::uint8_t>(header.direction)} << 16 |
                                   std::uint64_t{header.has_timestamps} << 24;
        return {header.leg,
                static_cast<std::uint64_t>(header.time_ns),
                pair(header.seq, header.ack),
                pair(header.tsval, header.tsecr),
                pair(std::uint64_t{header.length} | std::uint64_t{header.ip_id} << 16,
                     std::uint64_t{header.window} | std::uint64_t{header.payload_check} << 16),
                rest};
    }
    static_assert(std::endian::native == std::endian::little && offsetof(PacketHeader, length) == 32 &&
                  offsetof(PacketHeader, flags) == 40 && offsetof(PacketHeader, has_timestamps) == 43);

    bool read(std::uint64_t number, PacketHeader& header) const;

    FixedArray<Slot> slots_;
    std::size_t place_ = 0;                   ///< appended_ modulo size; the writer's own
    std::atomic<std::uint64_t> started_{0};   ///< headers whose writing began
    std::atomic<std::uint64_t> appended_{0};  ///< headers that are whole
};

}  // namespace clew::sensor
