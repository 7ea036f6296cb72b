// SPDX-License-Identifier: Apache-2.0
// The byte streams on both sides of a proxy that passes bytes on as they are: how far one is shifted against the other
// (by a PROXY header, say), so that a byte has one place however it was cut into segments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nat-trace/ladder.h"

namespace clew {

/// How much too early a proxy's packet may seem, by the time stamps' error.
constexpr DurationNs relay_early_ns = ns_per_ms;

/// A segment with payload that was sent for the first time.
struct StreamSegment {
    std::size_t transport = 0;  ///< counts relays passed, from the client on
    Direction direction = Direction::to_server;
    std::uint32_t offset = 0;  ///< from the initial sequence number
    std::uint16_t length = 0;
    std::uint16_t payload_check = 0;  ///< 0: not known
    TimeNs time_ns = 0;               ///< at its sender's end of the transport
};

class LadderStreams {
  public:
    /// Each transport's streams are apart until find().
    explicit LadderStreams(std::size_t transport_count);
    /// Joins neighbouring transports where the same payload lies at one constant distance, and none contradicts.
    void find(const std::vector<StreamSegment>& segments);

    /// The first transport whose stream this is, and this one's offset against it.
    std::size_t stream_of(std::size_t transport, Direction direction) const;
    std::uint32_t shift_of(std::size_t transport, Direction direction) const;
    bool is_joined(std::size_t transport, Direction direction) const {
        return stream_of(transport, direction) != transport;
    }

  private:
    struct Place {
        std::size_t stream = 0;
        std::uint32_t shift = 0;
    };
    std::array<std::vector<Place>, direction_count> places_;  ///< by transport
};

}  // namespace clew
