// SPDX-License-Identifier: Apache-2.0
// A leg of the window written tightly: a third of its size, nothing is lost. Every number takes as many bytes as it
// needs, most are told by what they differ from. Only this library reads it, in the memory it was written in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nat-trace/window_leg.h"

namespace clew {

constexpr std::size_t packed_leg_bytes_max = 512;

/// Writes the leg to `out`, which has room for packed_leg_bytes_max; gives its length.
std::size_t pack_leg(const WindowLeg& leg, std::uint8_t* out);

/// Reads what pack_leg() wrote. May read up to 8 bytes behind its end.
void unpack_leg(const std::uint8_t* packed, WindowLeg& leg);

/// The id alone.
inline LegId packed_leg_id(const std::uint8_t* packed) {
    LegId id = 0;
    std::memcpy(&id, packed, sizeof id);
    return id;
}

/// The keys alone, one call of `take` each. Behind the id and what takes a few bits.
constexpr std::size_t packed_keys_at = sizeof(LegId) + sizeof(std::uint32_t);
template <typename F>
void each_packed_key(const std::uint8_t* packed, F&& take) {
    const std::uint8_t* at = packed + packed_keys_at;
    for (std::size_t left = *at++; left > 0; --left, at += sizeof(std::uint32_t)) {
        std::uint32_t key = 0;
        std::memcpy(&key, at, sizeof key);
        take(key);
    }
}

}  // namespace clew
