// SPDX-License-Identifier: Apache-2.0
#include "dataplane/segment_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/bytes.h"
#include "dataplane/hash.h"

namespace clew::sensor {
namespace {

/// Writes two ends of N bytes in sorted order; true when that swapped them.
template <std::size_t N>
bool put_pair(std::uint8_t* to, const std::uint8_t* first, const std::uint8_t* second) {
    const bool swap = compare_addresses<N>(first, second) > 0;
    std::memcpy(to, swap ? second : first, N);
    std::memcpy(to + N, swap ? first : second, N);
    return swap;
}

std::size_t slot_count(std::uint32_t segment_count_max) {
    return std::bit_ceil(std::size_t{std::max(segment_count_max, 1u)} * 2);
}

}  // namespace

SegmentKey segment_key(const std::uint8_t* frame, const Decapped& decapped, TapId tap) {
    SegmentKey key;
    std::memcpy(key.bytes, &tap, sizeof tap);
    std::uint8_t* to = key.bytes + sizeof tap;
    for (unsigned i = 0; i < decapped.layer_count; ++i) {
        const FoundLayer& layer = decapped.layers[i];
        const std::uint8_t head[4] = {static_cast<std::uint8_t>(layer.type), layer.has_id, layer.ends_v6,
                                      layer.ends_offset != 0};
        std::memcpy(to, head, 4);
        std::memcpy(to + 4, &layer.id, 4);
        to += 8;
        if (layer.ends_offset == 0) continue;
        const std::size_t size = layer.ends_v6 ? 16 : 4;
        const std::uint8_t* ends = frame + layer.ends_offset;
        const bool swap = layer.ends_v6 ? put_pair<16>(to, ends, ends + 16) : put_pair<4>(to, ends, ends + 4);
        if (swap) key.swapped |= static_cast<std::uint16_t>(1u << i);
        to += 2 * size;
    }
    if (decapped.has_mac) [[likely]] {
        const std::uint8_t* mac = frame + decapped.mac_offset;  // destination first on the wire
        if (put_pair<6>(to, mac + 6, mac)) key.swapped |= swapped_mac_bit;
    } else {
        std::memset(to, 0, 12);
    }
    to += 12;
    key.length = static_cast<std::uint16_t>(to - key.bytes);
    return key;
}

bool SegmentTable::allocate(std::uint32_t segment_count_max, bool populate) {
    if (!entries_.allocate(segment_count_max, populate) || !free_.allocate(segment_count_max, populate) ||
        !stamps_.allocate(segment_count_max, populate) || !unused_.allocate(segment_count_max, populate) ||
        !slots_.allocate(slot_count(segment_count_max), populate))
        return false;
    mask_ = slots_.size() - 1;
    free_count_ = segment_count_max;
    for (std::uint32_t i = 0; i < segment_count_max; ++i) free_[i] = segment_count_max - 1 - i;
    return true;
}

std::size_t SegmentTable::memory_bytes(std::uint32_t segment_count_max) {
    return FixedArray<Entry>::memory_bytes(segment_count_max) +
           FixedArray<std::uint32_t>::memory_bytes(slot_count(segment_count_max) + 3 * std::size_t{segment_count_max});
}

SegmentNumber SegmentTable::find(const SegmentKey& key) const {
    const auto hash = static_cast<std::uint32_t>(hash_bytes(key.bytes, key.length));
    for (std::size_t slot = home(hash); slots_[slot] != 0; slot = (slot + 1) & mask_) {
        const Entry& entry = entries_[slots_[slot] - 1];
        if (entry.hash == hash && entry.length == key.length && std::memcmp(entry.bytes, key.bytes, key.length) == 0)
            return slots_[slot] - 1;
    }
    return segment_none;
}

SegmentNumber SegmentTable::add(const SegmentKey& key) {
    if (const SegmentNumber known = find(key); known != segment_none) return known;
    if (free_count_ == 0) return segment_none;
    const SegmentNumber number = free_[--free_count_];
    Entry& entry = entries_[number];
    entry.legs = 0;
    entry.unused_noted = false;
    entry.hash = static_cast<std::uint32_t>(hash_bytes(key.bytes, key.length));
    entry.length = key.length;
    std::memcpy(entry.bytes, key.bytes, key.length);
    std::size_t slot = home(entry.hash);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = number + 1;
    ++count_;
    if (keeps_unused_) note_unused(number);
    return number;
}

void SegmentTable::release(SegmentNumber segment) {
    Entry& entry = entries_[segment];
    CLEW_CHECK(entry.legs > 0);
    if (--entry.legs > 0) return;
    keeps_unused_ ? note_unused(segment) : free_number(segment);
}

void SegmentTable::note_unused(SegmentNumber segment) {
    Entry& entry = entries_[segment];
    if (!entry.unused_noted) unused_[unused_count_++] = segment;
    entry.unused_noted = true;
}

void SegmentTable::free_unused() {
    keeps_unused_ = false;
    for (; unused_count_ != 0; --unused_count_) {
        const SegmentNumber segment = unused_[unused_count_ - 1];
        entries_[segment].unused_noted = false;
        if (entries_[segment].legs == 0) free_number(segment);
    }
}

void SegmentTable::free_number(SegmentNumber segment) {
    std::size_t slot = home(entries_[segment].hash);
    while (slots_[slot] != segment + 1) slot = (slot + 1) & mask_;
    erase_slot(slot);
    ++stamps_[segment];
    free_[free_count_++] = segment;
    --count_;
}

TapId SegmentTable::tap(SegmentNumber segment) const {
    TapId tap;
    std::memcpy(&tap, entries_[segment].bytes, sizeof tap);
    return tap;
}

/// Moves later entries of the probe run back over the hole, so that no search stops short.
void SegmentTable::erase_slot(std::size_t slot) {
    std::size_t hole = slot;
    for (std::size_t next = (hole + 1) & mask_; slots_[next] != 0; next = (next + 1) & mask_) {
        const std::size_t wants = home(entries_[slots_[next] - 1].hash);
        if (((next - wants) & mask_) < ((next - hole) & mask_)) continue;
        slots_[hole] = slots_[next];
        hole = next;
    }
    slots_[hole] = 0;
}

Segment SegmentTable::segment(SegmentNumber number, std::uint16_t swapped) const {
    const Entry& entry = entries_[number];
    Segment segment;
    const std::uint8_t* from = entry.bytes + sizeof(TapId);
    const std::uint8_t* macs = entry.bytes + entry.length - 12;
    for (unsigned i = 0; from < macs; ++i) {
        Layer& layer = segment.layers[i];
        segment.layer_count = static_cast<std::uint8_t>(i + 1);
        layer.type = static_cast<LayerType>(from[0]);
        layer.has_id = from[1] != 0;
        const bool v6 = from[2] != 0, has_ends = from[3] != 0;
        std::memcpy(&layer.id, from + 4, 4);
        from += 8;
        if (!has_ends) continue;
        const std::size_t size = v6 ? 16 : 4;
        layer.client_end = v6 ? IpAddress::from_v6_bytes(from) : IpAddress::from_v4_bytes(from);
        layer.server_end = v6 ? IpAddress::from_v6_bytes(from + size) : IpAddress::from_v4_bytes(from + size);
        if (swapped >> i & 1) std::swap(layer.client_end, layer.server_end);
        from += 2 * size;
    }
    std::memcpy(segment.client_mac.bytes.data(), macs, 6);
    std::memcpy(segment.server_mac.bytes.data(), macs + 6, 6);
    if (swapped & swapped_mac_bit) std::swap(segment.client_mac, segment.server_mac);
    return segment;
}

}  // namespace clew::sensor
