// SPDX-License-Identifier: Apache-2.0
// Numbers out of packet bytes, which are in network byte order and not aligned. The caller has checked the length.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace clew::sensor {

static_assert(std::endian::native == std::endian::little);

inline std::uint16_t load_be16(const std::uint8_t* at) {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}

inline std::uint32_t load_be32(const std::uint8_t* at) {
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

inline std::uint32_t load_be24(const std::uint8_t* at) {
    return std::uint32_t{at[0]} << 16 | std::uint32_t{at[1]} << 8 | at[2];
}

}  // namespace clew::sensor
