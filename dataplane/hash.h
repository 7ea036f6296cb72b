// SPDX-License-Identifier: Apache-2.0
// XXH3, compiled in: hashes of short keys on the sensor's path. A seed keeps strangers from choosing collisions.
#pragma once

#include <cstddef>
#include <cstdint>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace clew::sensor {

inline std::uint64_t hash_bytes(const void* bytes, std::size_t count, std::uint64_t seed = 0) {
    return seed == 0 ? XXH3_64bits(bytes, count) : XXH3_64bits_withSeed(bytes, count, seed);
}

/// Mixes a word so that every bit of the result depends on every bit of it; one to one.
inline std::uint64_t mix(std::uint64_t word) {
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
    return word ^ (word >> 31);
}

/// Two words into one: the 128-bit product, folded. Strangers cannot aim at a result when they do not know one of them.
inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ typedef unsigned __int128 Wide;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
}

}  // namespace clew::sensor
