// SPDX-License-Identifier: Apache-2.0
// How many legs of one tap in the window have a value in common: an initial sequence number that a scanner gives all
// its probes, the first bytes that every health check sends. Such a value says little about two legs that share it.
// A counting sketch of one byte a cell: it may count too many, never too few, but for values that more than 255 legs
// share (they stay common until the sketch grows). One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "nat-trace/pages.h"
#include "nat-trace/prefetch.h"

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
        if (lines_.empty()) return 0;
        const Line& line = lines_[line_of(value)];
        return std::min(line.cells[place_a(value)], line.cells[place_b(value)]);
    }
    /// Fetches what the others will read and write.
    void prefetch(std::uint64_t value) const {
        if (!lines_.empty()) prefetch_line(&lines_[line_of(value)]);
    }

    /// Empties it, with room for so many values; all must be added again.
    void reset(std::size_t value_count_max) {
        std::size_t count = 64;
        while (count * line_size < value_count_max * cells_per_value) count *= 2;
        lines_.assign(count, Line{});
    }
    std::size_t room() const { return lines_.size() * line_size / cells_per_value; }
    std::size_t memory_bytes() const { return lines_.capacity() * sizeof(Line); }

  private:
    static constexpr std::size_t cells_per_value = 4;
    static constexpr std::size_t line_size = 64;
    /// Both cells of a value lie in one cache line.
    struct alignas(line_size) Line {
        std::array<std::uint8_t, line_size> cells{};
    };

    std::size_t line_of(std::uint64_t value) const { return value & (lines_.size() - 1); }
    static std::size_t place_a(std::uint64_t value) { return (value >> 52) & (line_size - 1); }
    static std::size_t place_b(std::uint64_t value) { return place_a(value) ^ ((value >> 58) | 1); }  // another
    std::uint8_t& cell_a(std::uint64_t value) { return lines_[line_of(value)].cells[place_a(value)]; }
    std::uint8_t& cell_b(std::uint64_t value) { return lines_[line_of(value)].cells[place_b(value)]; }

    PageVector<Line> lines_;
};

}  // namespace clew
