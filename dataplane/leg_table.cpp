// SPDX-License-Identifier: Apache-2.0
#include "dataplane/leg_table.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "nat-trace/prefetch.h"

namespace clew::sensor {
namespace {
/// Half of the slots, or more, stay free.
std::size_t line_count(std::uint32_t leg_count_max) {
    constexpr std::uint32_t legs_a_line = 4;
    return std::bit_ceil(std::size_t{std::max(leg_count_max, legs_a_line)} * 2) / (legs_a_line * 2);
}
}  // namespace

bool LegTable::allocate(std::uint32_t leg_count_max, bool populate) {
    if (!hot_.allocate(std::max(leg_count_max, 1u), populate) ||
        !cold_.allocate(leg_count_max, populate, Pages::small) || !tcp_.allocate(leg_count_max, populate) ||
        !free_.allocate(leg_count_max, populate) || !lines_.allocate(line_count(leg_count_max), populate))
        return false;
    line_mask_ = lines_.size() - 1;
    capacity_ = leg_count_max;
    return true;
}

std::size_t LegTable::memory_bytes(std::uint32_t leg_count_max) {
    return FixedArray<HotLeg>::memory_bytes(std::max(leg_count_max, 1u)) +
           FixedArray<ColdLeg>::memory_bytes(leg_count_max) + FixedArray<TcpLeg>::memory_bytes(leg_count_max) +
           FixedArray<LegNumber>::memory_bytes(leg_count_max) +
           FixedArray<Line>::memory_bytes(line_count(leg_count_max));
}

LegNumber LegTable::insert(const LegKey& key, std::uint32_t hash, const LegAddresses& addresses) {
    if (free_count_ == 0 && used_ == capacity()) return leg_none;
    const LegNumber leg = free_count_ != 0 ? free_[--free_count_] : used_++;
    const std::uint32_t before = hot_[leg].generation;
    hot_[leg] = HotLeg{};
    hot_[leg].set_key(key);
    hot_[leg].generation = before + 1;
    if (before != 0) {  // else all zero: what is not touched needs no page
        std::memset(static_cast<void*>(&cold_[leg]), 0, offsetof(ColdLeg, samples));
        if (hot_[leg].is_tcp()) tcp_[leg] = TcpLeg{};
    }
    cold_[leg].addresses = addresses;
    std::size_t slot = home_of(hash);
    while (leg_at(slot) != 0) slot = next_slot(slot);
    hash_at(slot) = hash;
    leg_at(slot) = leg + 1;
    return leg;
}

void LegTable::remove(LegNumber leg, std::uint32_t hash) {
    const std::size_t mask = lines_.size() * slots_a_line - 1;
    std::size_t hole = home_of(hash);
    while (leg_at(hole) != leg + 1) hole = next_slot(hole);
    for (std::size_t next = next_slot(hole); leg_at(next) != 0; next = next_slot(next)) {
        const std::size_t wants = home_of(hash_at(next));
        if (((next - wants) & mask) < ((next - hole) & mask)) continue;
        hash_at(hole) = hash_at(next);
        leg_at(hole) = leg_at(next);
        hole = next;
    }
    leg_at(hole) = 0;
    hot_[leg].protocol = 0;
    free_[free_count_++] = leg;
}

LegNumber LegTable::longest_idle(unsigned sample_count) {
    LegNumber oldest = leg_none;
    TimeNs oldest_ns = 0;
    const std::uint32_t count = capacity();
    for (unsigned i = 0; i < std::min<std::uint32_t>(sample_count, count); ++i) {
        const LegNumber leg = eviction_cursor_;
        eviction_cursor_ = eviction_cursor_ + 1 == count ? 0 : eviction_cursor_ + 1;
        prefetch_line(&hot_[(leg + 8) % count]);
        if (!in_use(leg)) continue;
        const TimeNs last = hot_[leg].last_ns();
        if (oldest != leg_none && last >= oldest_ns) continue;
        oldest = leg;
        oldest_ns = last;
    }
    return oldest;
}

}  // namespace clew::sensor
