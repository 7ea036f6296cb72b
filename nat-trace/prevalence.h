// SPDX-License-Identifier: Apache-2.0
// How many legs of one tap in the window have a value in common: an initial sequence number that a scanner gives all
// its probes, the first bytes that every health check sends. Such a value says little about two legs that share it.
// Lines of one cache line with fifteen places of a mark and a count each. A mark is a tag of the value and how far it
// stands from its home, the line that its hash names: where that is full it stands in one of the next. Every line that
// it passed counts it, so that a look-up knows whether to go on. Values of one home and one tag (one in some ten
// thousands) are counted together; values that 255 legs share stay common until the table grows. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nat-trace/pages.h"
#include "nat-trace/prefetch.h"

namespace clew {

class Prevalence {
  public:
    static constexpr std::uint32_t count_max = 255;

    /// Gives how often the value is in now. `value` is a well-mixed hash. There should be room (is_full): one that
    /// finds none near its home is not counted.
    std::uint32_t add(std::uint64_t value) {
        const Found found = find(value);
        if (found.place != no_place) {
            std::uint32_t& place = lines_[found.line].words[found.place];
            if (count_in(place) != count_max) ++place;
            return count_in(place);
        }
        std::uint32_t mark = mark_of(value);
        std::size_t at = line_of(value);
        for (std::size_t far = 1; lines_[at].taken() == line_place_count; ++far) {
            if (far == distance_count) return 0;
            at = next(at);
            ++mark;
        }
        for (std::size_t passed = line_of(value); passed != at; passed = next(passed)) lines_[passed].pass(1);
        lines_[at].words[lines_[at].taken()] = mark << count_bits | 1;
        lines_[at].take(1);
        ++taken_;
        return 1;
    }
    void remove(std::uint64_t value) {
        const Found found = find(value);
        if (found.place == no_place) return;
        Line& line = lines_[found.line];
        std::uint32_t& place = line.words[found.place];
        if (count_in(place) == count_max) return;
        --place;
        if (count_in(place) != 0) return;
        for (std::size_t at = line_of(value); at != found.line; at = next(at)) lines_[at].pass(-1);
        line.take(-1);
        std::uint32_t& last = line.words[line.taken()];
        place = last;
        last = 0;
        --taken_;
    }
    std::uint32_t count(std::uint64_t value) const {
        if (lines_.empty()) return 0;
        const Found found = find(value);
        return found.place == no_place ? 0 : count_in(lines_[found.line].words[found.place]);
    }
    /// Fetches what the others will read and write.
    void prefetch(std::uint64_t value) const {
        if (!lines_.empty()) prefetch_line(&lines_[line_of(value)]);
    }

    /// So many more values might not find room: it has to grow.
    bool is_full(std::size_t value_count) const {
        return (taken_ + value_count) * full_share_of > lines_.size() * line_place_count * full_share;
    }
    /// Empties it, with more room; all must be added again.
    void grow() {
        const std::size_t count = std::max(line_count_min, lines_.size() + lines_.size() / growth_share);
        PageVector<Line>(count).swap(lines_);
        taken_ = 0;
    }
    std::size_t memory_bytes() const { return lines_.capacity() * sizeof(Line); }

  private:
    static constexpr std::size_t line_place_count = 15;
    static constexpr std::size_t line_count_min = 1024;
    static constexpr std::size_t growth_share = 4;  ///< by a quarter
    static constexpr std::size_t full_share = 7;    ///< seven of ten places may be taken
    static constexpr std::size_t full_share_of = 10;
    static constexpr std::size_t no_place = line_place_count;
    static constexpr std::uint32_t count_bits = 8;
    static constexpr std::size_t distance_bits = 4;
    static constexpr std::size_t distance_count = std::size_t{1} << distance_bits;
    /// Fifteen places, each a mark and, in its lowest bits, a count; the taken ones first, 0 in others. In the last
    /// word how many are taken, and how many values stand behind because this line was full.
    struct alignas(64) Line {
        std::array<std::uint32_t, line_place_count + 1> words{};

        std::size_t taken() const { return words[line_place_count] & 0xff; }
        bool is_passed() const { return words[line_place_count] > 0xff; }
        void take(int more) { words[line_place_count] += static_cast<std::uint32_t>(more); }
        void pass(int more) { words[line_place_count] += static_cast<std::uint32_t>(more) << 8; }
    };
    static_assert(sizeof(Line) == 64, "one cache line");
    struct Found {
        std::size_t line = 0;
        std::size_t place = no_place;
    };

    std::size_t line_of(std::uint64_t value) const { return (value & 0xffff'ffff) * lines_.size() >> 32; }
    static std::uint32_t count_in(std::uint32_t place) { return place & count_max; }
    /// At home; with every line on, one more.
    static std::uint32_t mark_of(std::uint64_t value) {
        constexpr std::size_t tag_bits = 32 - count_bits - distance_bits;
        return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, value >> (64 - tag_bits)) << distance_bits);
    }
    std::size_t next(std::size_t at) const { return at + 1 < lines_.size() ? at + 1 : 0; }
    /// All places are looked at, four at once: a loop that ends early is guessed wrong too often. A mark stands at one
    /// at most.
    static std::size_t place_of(const Line& line, std::uint32_t mark) {
        using Four = std::uint32_t __attribute__((vector_size(16)));
        Four words[4];
        std::memcpy(words, line.words.data(), sizeof words);
        words[3][3] = 0;  // no place
        const Four wanted = {mark, mark, mark, mark};
        Four found = {};
        Four numbers = {1, 2, 3, 4};
        for (Four& four : words) {
            found |= (four >> count_bits == wanted) & numbers;
            numbers += 4;
        }
        const std::uint32_t number = found[0] | found[1] | found[2] | found[3];
        return number == 0 ? no_place : number - 1;
    }
    Found find(std::uint64_t value) const {
        std::uint32_t mark = mark_of(value);
        std::size_t at = line_of(value);
        for (std::size_t far = 0; far < distance_count; ++far, ++mark, at = next(at)) {
            const std::size_t place = place_of(lines_[at], mark);
            if (place != no_place) return {at, place};
            if (!lines_[at].is_passed()) break;
        }
        return {};
    }

    PageVector<Line> lines_;
    std::size_t taken_ = 0;  ///< places
};

}  // namespace clew
