// SPDX-License-Identifier: Apache-2.0
// Numbers out of packet bytes, which are in network byte order and not aligned. The caller has checked the length.
#pragma once

#include <bit>
#include <cstddef>
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

inline std::uint64_t load_be64(const std::uint8_t* at) {
    std::uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

inline std::uint32_t load_be24(const std::uint8_t* at) {
    return std::uint32_t{at[0]} << 16 | std::uint32_t{at[1]} << 8 | at[2];
}

/// Orders two addresses of N bytes as memcmp does; N is 4 (IPv4), 6 (MAC) or 16 (IPv6).
template <std::size_t N>
int compare_addresses(const std::uint8_t* a, const std::uint8_t* b) {
    static_assert(N == 4 || N == 6 || N == 16);
    std::uint64_t x = 0, y = 0;
    if constexpr (N == 4) {
        x = load_be32(a);
        y = load_be32(b);
    } else if constexpr (N == 6) {
        x = std::uint64_t{load_be32(a)} << 16 | load_be16(a + 4);
        y = std::uint64_t{load_be32(b)} << 16 | load_be16(b + 4);
    } else {
        x = load_be64(a);
        y = load_be64(b);
        if (x == y) {
            x = load_be64(a + 8);
            y = load_be64(b + 8);
        }
    }
    return x < y ? -1 : x > y ? 1 : 0;
}

}  // namespace clew::sensor
