// SPDX-License-Identifier: Apache-2.0
// Which parts of one direction's TCP stream a tap saw not exactly once: passed over, seen late, seen again. Compared
// over the taps of a path they tell a loss on the wire from a gap in the capture. A plain value of fixed size; one
// thread. Sequence numbers are as written at the tap, host byte order, modulo 2^32.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "nat-trace/address.h"
#include "nat-trace/time.h"

namespace clew {

/// A part of the stream, and how often it was seen.
struct StreamMark {
    std::uint32_t seq = 0;
    std::uint32_t length = 0;  ///< bytes of sequence space; a FIN counts as one
    std::uint8_t copies = 0;   ///< 0: never; saturates at 255
    bool late = false;         ///< first seen after what follows it
    /// How long it was missing in ms, saturating; while copies == 0, when it was passed over, in ms modulo 65536.
    std::uint16_t missing_ms = 0;

    auto operator<=>(const StreamMark&) const = default;
};
constexpr std::size_t stream_mark_count_max = 8;  ///< of one direction of a leg

class StreamMarks {
  public:
    /// Bytes were passed over: later ones came first.
    void skip(std::uint32_t seq, std::uint32_t length, TimeNs now);
    /// Bytes at or before the highest seen came: a hole is filled, or they were seen again.
    void come_again(std::uint32_t seq, std::uint32_t length, TimeNs now);

    const StreamMark* begin() const { return marks_.data(); }
    const StreamMark* end() const { return marks_.data() + count_; }
    std::size_t size() const { return count_; }
    bool empty() const { return count_ == 0 && forgotten_ == 0; }
    const StreamMark& operator[](std::size_t i) const { return marks_[i]; }
    std::uint16_t forgotten() const { return forgotten_; }  ///< changes that found no room; saturates

    /// As received from outside: a mark more, or one more forgotten when there is no room.
    void take(const StreamMark& mark) { add(mark); }
    void set_forgotten(std::uint16_t count) { forgotten_ = count; }

    auto operator<=>(const StreamMarks&) const = default;

  private:
    void add(const StreamMark& mark);
    void remove(std::size_t i);
    bool make_room();

    std::uint8_t count_ = 0;
    std::uint16_t forgotten_ = 0;
    std::array<StreamMark, stream_mark_count_max> marks_{};
};

/// The first reset of one direction.
struct ResetSeen {
    TimeNs time_ns = 0;  ///< 0: none was seen
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint16_t ip_id = 0;
    std::uint8_t ttl = 0;

    auto operator<=>(const ResetSeen&) const = default;
};

/// One packet that came by again and again with a falling TTL: a routing loop.
struct LoopSeen {
    std::uint16_t laps = 0;      ///< times it came by again; saturates
    std::uint8_t ttl_first = 0;  ///< when it was first seen
    std::uint8_t ttl_last = 0;

    auto operator<=>(const LoopSeen&) const = default;
};

/// The first ICMP error about a packet of one direction, of those that passed the tap.
struct IcmpErrorSeen {
    TimeNs time_ns = 0;
    IpAddress reporter;     ///< who sent it, as written there
    std::uint8_t type = 0;  ///< as in the header: ICMP, or ICMPv6 where the addresses are IPv6
    std::uint8_t code = 0;
    std::uint16_t count = 0;  ///< 0: none; saturates

    auto operator<=>(const IcmpErrorSeen&) const = default;
};

}  // namespace clew
