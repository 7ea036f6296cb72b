// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/leg_labels.h"

#include "dataplane/hash.h"

namespace clew::vault {
namespace {

/// The inverse of word ^ (word >> shift).
constexpr std::uint64_t unshift(std::uint64_t word, unsigned shift) {
    std::uint64_t result = word;
    for (unsigned moved = shift; moved < 64; moved += shift) result = word ^ (result >> shift);
    return result;
}

/// The odd number that odd * inverse is 1 with, by Newton's steps.
constexpr std::uint64_t inverse_of(std::uint64_t odd) {
    std::uint64_t inverse = odd;
    for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
    return inverse;
}

constexpr std::uint64_t unmix(std::uint64_t word) {
    word = unshift(word, 31) * inverse_of(0x94d049bb133111ebull);
    word = unshift(word, 27) * inverse_of(0xbf58476d1ce4e5b9ull);
    return unshift(word, 30);
}

}  // namespace

std::uint64_t leg_number_of(LegId id, std::uint64_t id_base) { return unmix(id) - id_base; }
LegId leg_id_of(std::uint64_t leg_number, std::uint64_t id_base) { return sensor::mix(leg_number + id_base); }

}  // namespace clew::vault
