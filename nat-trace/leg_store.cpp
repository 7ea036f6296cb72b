// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/leg_store.h"

#include <algorithm>

#include "nat-trace/check.h"

namespace clew {

std::uint8_t* PackedLegs::take_run(std::size_t bytes) {
    if (left_ < bytes) {
        blocks_.emplace_back(block_bytes);
        left_ = block_bytes - read_beyond;
    }
    left_ -= bytes;
    return blocks_.back().data() + left_;
}

PackedLegs::Slot PackedLegs::add(const std::uint8_t* packed, std::size_t bytes) {
    const std::size_t number = (bytes - 1) / size_step;
    CLEW_CHECK(number < size_count);
    Size& size = sizes_[number];
    if (size.free.empty()) {
        CLEW_CHECK(size.count < 0x8000'0000 / size_count);
        if (size.count % run_length == 0) size.runs.push_back(take_run(run_length * bytes_of(number)));
        size.free.push_back(static_cast<Slot>(size.count++ * size_count + number));
    }
    const Slot slot = size.free.back();
    size.free.pop_back();
    std::memcpy(place_of(slot), packed, bytes);
    return slot;
}

std::size_t PackedLegs::memory_bytes() const {
    std::size_t bytes = blocks_.size() * block_bytes;
    for (const Size& size : sizes_)
        bytes += size.runs.capacity() * sizeof(std::uint8_t*) + size.free.capacity() * sizeof(Slot);
    return bytes;
}

LegStore::LegStore(std::size_t open_leg_count) : open_leg_count_(open_leg_count) {
    // Every free place shows the first open slot, which nobody takes.
    take_slot(no_leg);
    open_count_ = 0;
}

std::uint32_t LegStore::take_slot(LegIndex i) const {
    if (free_.empty()) {
        const auto first = static_cast<std::uint32_t>(owners_.size());
        chunks_.emplace_back(chunk_size);
        owners_.resize(first + chunk_size, no_leg);
        for (std::uint32_t n = chunk_size; n-- > 0;) free_.push_back(first + n);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    owners_[slot] = i;
    ++open_count_;
    return slot;
}

WindowLeg& LegStore::take(LegIndex i) {
    const std::uint32_t slot = take_slot(i);
    at_[i] = open_bit | slot;
    WindowLeg& leg = open_leg(slot);
    leg = WindowLeg{};
    return leg;
}

void LegStore::give_back(LegIndex i) {
    const std::uint32_t at = at_[i];
    at_[i] = open_bit | no_leg_slot;
    if ((at & open_bit) == 0) {
        packed_.remove(at);
        return;
    }
    owners_[at ^ open_bit] = no_leg;
    free_.push_back(at ^ open_bit);
    --open_count_;
}

WindowLeg& LegStore::open(LegIndex i) const {
    const std::uint32_t packed = at_[i];
    const std::uint32_t slot = take_slot(i);
    WindowLeg& leg = open_leg(slot);
    unpack_leg(packed_.at(packed), leg);
    packed_.remove(packed);
    at_[i] = open_bit | slot;
    return leg;
}

void LegStore::pack(std::uint32_t slot) {
    std::array<std::uint8_t, packed_leg_bytes_max> packed;
    at_[owners_[slot]] = packed_.add(packed.data(), pack_leg(open_leg(slot), packed.data()));
    owners_[slot] = no_leg;
    free_.push_back(slot);
    --open_count_;
}

/// What waits to be linked or for its neighbours will be asked for soon. A few are looked at each time: where most are
/// spared, more lie open rather than that they are looked at again and again.
void LegStore::pack_some() {
    std::size_t looks = open_count_ <= 2 * open_leg_count_ ? looks_usual : looks_max;
    for (; open_count_ > open_leg_count_ && looks > 0; --looks) {
        hand_ = hand_ + 1 < owners_.size() ? hand_ + 1 : 0;
        if (owners_[hand_] == no_leg) continue;
        const WindowLeg& leg = open_leg(static_cast<std::uint32_t>(hand_));
        if ((leg.dirty || !leg.settled) && open_count_ <= open_share_spared * open_leg_count_) continue;
        pack(static_cast<std::uint32_t>(hand_));
    }
}

std::size_t LegStore::memory_bytes() const {
    return at_.capacity() * sizeof(std::uint32_t) + chunks_.size() * chunk_size * sizeof(WindowLeg) +
           owners_.capacity() * sizeof(LegIndex) + free_.capacity() * sizeof(std::uint32_t) + packed_.memory_bytes();
}

}  // namespace clew
