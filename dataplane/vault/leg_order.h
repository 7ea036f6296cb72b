// SPDX-License-Identifier: Apache-2.0
// The packets of an open block, leg by leg, each in the order they came. Keeps its memory between blocks.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace clew::vault {

class LegOrder {
  public:
    /// Block has leg_count(), bytes_used(), and entry(at) with its `leg`, the next entry size_of(entry) behind it.
    template <class Block>
    void sort(const Block& block) {
        sort(block, [](const auto&) {});
    }
    /// The same, and visits each entry in the order they came.
    template <class Block, class Visit>
    void sort(const Block& block, Visit&& visit) {
        leg_count_ = block.leg_count();
        const std::uint32_t end = block.bytes_used();
        begins_.assign(leg_count_ + 2, 0);
        std::uint32_t count = 0;
        for (std::uint32_t at = 0; at < end; at += Block::size_of(block.entry(at)), ++count) {
            ++begins_[block.entry(at).leg + 2];
            visit(block.entry(at));
        }
        std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
        places_.resize(count);
        for (std::uint32_t at = 0; at < end; at += Block::size_of(block.entry(at)))
            places_[begins_[block.entry(at).leg + 1]++] = at;
    }
    std::uint32_t leg_count() const { return leg_count_; }
    std::size_t packet_count() const { return places_.size(); }
    /// Where the leg's packets stand in the block.
    std::span<const std::uint32_t> packets_of(std::uint32_t leg) const {
        return std::span(places_).subspan(begins_[leg], begins_[leg + 1] - begins_[leg]);
    }

  private:
    std::uint32_t leg_count_ = 0;
    std::vector<std::uint32_t> begins_, places_;
};

}  // namespace clew::vault
