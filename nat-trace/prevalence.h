// SPDX-License-Identifier: Apache-2.0
// How many legs of one tap in the window have a value in common: an initial sequence number that a scanner gives all
// its probes, the first bytes that every health check sends. Such a value says little about two legs that share it.
// A counting sketch of one byte a cell: it may count too many, never too few, but for values that more than 255 legs
// share (they stay common until the sketch grows). One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace clew {

class Prevalence {
  public:
    /// `value` is a well-mixed hash.
    void add(std::uint64_t value) {
        for (std::uint8_t* cell : {&cell_a(value), &cell_b(value)})
            if (*cell != 255) ++*cell;
    }
    void remove(std::uint64_t value) {
        for (std::uint8_t* cell : {&cell_a(value), &cell_b(value)})
            if (*cell != 255 && *cell != 0) --*cell;
    }
    std::uint32_t count(std::uint64_t value) const {
        return cells_.empty() ? 0 : std::min(cells_[place_a(value)], cells_[place_b(value)]);
    }

    /// Empties it, with room for so many values; all must be added again.
    void reset(std::size_t value_count_max) {
        std::size_t size = 4096;
        while (size < value_count_max * cells_per_value) size *= 2;
        cells_.assign(size, 0);
    }
    std::size_t room() const { return cells_.size() / cells_per_value; }
    std::size_t memory_bytes() const { return cells_.capacity(); }

  private:
    static constexpr std::size_t cells_per_value = 4;

    std::size_t place_a(std::uint64_t value) const { return value & (cells_.size() - 1); }
    std::size_t place_b(std::uint64_t value) const { return (value >> 32) & (cells_.size() - 1); }
    std::uint8_t& cell_a(std::uint64_t value) { return cells_[place_a(value)]; }
    std::uint8_t& cell_b(std::uint64_t value) { return cells_[place_b(value)]; }

    std::vector<std::uint8_t> cells_;
};

}  // namespace clew
