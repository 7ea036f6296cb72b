// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fragment_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/hash.h"

namespace clew::sensor {
namespace {

std::size_t set_count(std::uint32_t fragment_count_max, std::size_t ways) {
    return std::bit_ceil((std::size_t{std::max(fragment_count_max, 1u)} + ways - 1) / ways);
}

std::uint64_t add(std::uint64_t digest, const void* bytes, std::size_t count) {
    return hash_bytes(bytes, count, digest | 1);
}

}  // namespace

bool FragmentTable::allocate(std::uint32_t fragment_count_max, bool populate) {
    const std::size_t sets = set_count(fragment_count_max, way_count);
    mask_ = sets - 1;
    return entries_.allocate(sets * way_count, populate);
}

std::size_t FragmentTable::memory_bytes(std::uint32_t fragment_count_max) {
    return FixedArray<Entry>::memory_bytes(set_count(fragment_count_max, way_count) * way_count);
}

std::uint64_t FragmentTable::digest_of(const std::uint8_t* frame, TapId tap, const Decapped& packet,
                                       std::uint64_t seed) {
    const FoundFragment& fragment = packet.fragment;
    const std::uint64_t where = std::uint64_t{fragment.id} << 32 | std::uint64_t{tap} << 16 |
                                std::uint64_t{fragment.protocol} << 8 | (fragment.v6 ? 1 : 0);
    std::uint64_t digest = add(seed, &where, sizeof where);
    for (unsigned i = 0; i < fragment.layer_count; ++i) {
        const FoundLayer& layer = packet.layers[i];
        const std::uint64_t layer_is =
            std::uint64_t{layer.id} << 32 | std::uint64_t{static_cast<std::uint8_t>(layer.type)} << 1 | layer.has_id;
        digest = add(digest, &layer_is, sizeof layer_is);
        if (layer.ends_offset != 0) digest = add(digest, frame + layer.ends_offset, layer.ends_v6 ? 32 : 8);
    }
    digest = add(digest, frame + fragment.addresses_offset, fragment.v6 ? 32 : 8);
    return digest != 0 ? digest : 1;
}

bool FragmentTable::remember(std::uint64_t digest, const FragmentOwner& owner, TimeNs now) {
    const std::size_t first = first_of_set(digest);
    std::size_t place = first;
    for (std::size_t i = first; i < first + way_count; ++i) {
        if (entries_[i].digest == digest || entries_[i].digest == 0) {
            place = i;
            break;
        }
        if (entries_[i].time_ns < entries_[place].time_ns) place = i;
    }
    Entry& entry = entries_[place];
    const bool forgets = entry.digest != 0 && entry.digest != digest && now - entry.time_ns <= fragment_age_max_ns;
    entry = {digest, now, owner};
    return !forgets;
}

const FragmentOwner* FragmentTable::find(std::uint64_t digest, TimeNs now) const {
    const std::size_t first = first_of_set(digest);
    for (std::size_t i = first; i < first + way_count; ++i) {
        const Entry& entry = entries_[i];
        if (entry.digest == digest && now - entry.time_ns <= fragment_age_max_ns) return &entry.owner;
    }
    return nullptr;
}

}  // namespace clew::sensor
