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

}  // namespace clew::sensor
