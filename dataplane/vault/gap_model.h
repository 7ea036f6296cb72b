// SPDX-License-Identifier: Apache-2.0
// The model of the time between two packets of a leg: two symbols tell its size within an eighth, the rest is bits as
// they are.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/vault/number_model.h"

namespace clew::vault {

/// A time before the packet's, in units of the leg; a packet that is stamped earlier than the one before goes
/// backwards.
struct Gap {
    std::uint64_t size = 0;  ///< below 2^63
    bool backwards = false;
};

class GapModel {
  public:
    static constexpr unsigned kind_count = 9;

    /// `kind` says what is like this packet, `alike` how long it took when that came last.
    template <class Coder>
    Gap code(Coder& coder, unsigned kind, std::uint64_t alike, Gap gap) {
        const auto length = static_cast<unsigned>(std::bit_width(gap.size));
        unsigned range = 0;
        if constexpr (Coder::encodes) range = gap.backwards || length > length_max ? range_far : (length + 1) / 2;
        const unsigned before = std::min(static_cast<unsigned>(std::bit_width(alike)), alike_max);
        range = ranges_.code(coder, kind + kind_count * before, kind, range);
        if (range == 0) return {};
        if (range == range_far) [[unlikely]] {
            gap.backwards = coder.bit(backwards_, gap.backwards);
            gap.size = far_.code(coder, 0, gap.size);
            return gap;
        }
        // Which of the two lengths of the range, and the three digits behind the first one.
        const unsigned shorter = 2 * range - 1;
        const unsigned longer = length > shorter;
        unsigned rest = std::max(length, digit_count + 1) - digit_count - 1;
        unsigned leading = longer << digit_count | (static_cast<unsigned>(gap.size >> rest) & digit_mask);
        leading = leading_.code(coder, range * kind_count + kind, range, leading);
        const unsigned found = shorter + (leading >> digit_count);
        if constexpr (Coder::encodes) {
            if (rest > raw_step_max)
                coder.raw(static_cast<std::uint32_t>(gap.size >> 16) & ((1u << (rest - 16)) - 1), rest - 16);
            rest = std::min(rest, raw_step_max);
            coder.raw(static_cast<std::uint32_t>(gap.size) & ((1u << rest) - 1), rest);
            return gap;
        }
        if (found <= digit_count)
            return {found == 0 ? 0 : (leading & ((1u << (found - 1)) - 1)) | 1ull << (found - 1), false};
        rest = found - digit_count - 1;
        std::uint64_t size = 1u << digit_count | (leading & digit_mask);
        if (rest > 16) {
            rest -= 16;
            size = size << rest | coder.raw(static_cast<std::uint32_t>(gap.size >> 16) & ((1u << rest) - 1), rest);
            rest = 16;
        }
        size = size << rest | coder.raw(static_cast<std::uint32_t>(gap.size) & ((1u << rest) - 1), rest);
        return {size, false};
    }

  private:
    static constexpr unsigned range_far = SymbolModel::count - 1, length_max = 2 * (range_far - 1);
    static constexpr unsigned digit_count = 3, digit_mask = (1u << digit_count) - 1;
    static constexpr unsigned alike_max = 20;
    MixedModels<kind_count*(alike_max + 1), kind_count> ranges_;
    MixedModels<SymbolModel::count * kind_count, SymbolModel::count> leading_;
    Probability backwards_;
    NumberModel<1> far_;
};

}  // namespace clew::vault
