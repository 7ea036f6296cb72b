// SPDX-License-Identifier: Apache-2.0
// Adaptive models of numbers, each for encoder and decoder: code(coder, value) takes the value at the encoder, ignores
// it at the decoder, and gives it back at both.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/vault/range_coder.h"

namespace clew::vault {

/// A number of Bits bits, most significant first, each bit in the context of those before it. For what is rare.
template <unsigned Bits>
class BitTree {
  public:
    template <class Coder>
    std::uint32_t code(Coder& coder, std::uint32_t value) {
        std::uint32_t node = 1;
        for (unsigned i = Bits; i-- > 0;) node = node << 1 | coder.bit(nodes_[node], (value >> i) & 1);
        return node - (1u << Bits);
    }

  private:
    std::array<Probability, 1u << Bits> nodes_;
};

/// A number below 2^63 whose size matters more than its digits: its bit length in one of `Contexts` contexts, up to
/// four digits behind the first one in the context of that, the rest as they are.
template <unsigned Contexts>
class NumberModel {
  public:
    template <class Coder>
    std::uint64_t code(Coder& coder, unsigned context, std::uint64_t value) {
        auto length = static_cast<unsigned>(std::bit_width(value));
        length = code_length(coder, context, length);
        if (length < 2) return length;
        const unsigned left = length - 1;
        const unsigned leading = left < 4 ? left : 4;
        unsigned rest = left - leading;
        auto digits = static_cast<unsigned>(value >> rest) & ((1u << leading) - 1);
        digits = coder.symbol(leading_[length], digits) & ((1u << leading) - 1);
        std::uint64_t result = 1u << leading | digits;
        while (rest > 0) {
            const unsigned step = rest < 16 ? rest : 16;
            rest -= step;
            result = result << step | coder.raw(static_cast<std::uint32_t>(value >> rest) & 0xffff, step);
        }
        return result;
    }

  private:
    template <class Coder>
    unsigned code_length(Coder& coder, unsigned context, unsigned length) {
        constexpr unsigned more = SymbolModel::count - 1;  // and go on
        unsigned known = lengths_.code(coder, context, std::min(length, more));
        if (known < more) [[likely]]
            return known;
        for (SymbolModel& model : further_) {
            const unsigned step = coder.symbol(model, std::min(length - known, more));
            known += step;
            if (step < more) break;
        }
        return std::min(known, length_max);
    }

    static constexpr unsigned length_max = 63;
    SymbolModels<Contexts> lengths_;
    std::array<SymbolModel, 4> further_;
    std::array<SymbolModel, length_max + 1> leading_;
};

/// A difference of two 32-bit numbers, either way round.
template <unsigned Contexts>
class DifferenceModel {
  public:
    template <class Coder>
    std::uint32_t code(Coder& coder, unsigned context, std::uint32_t difference) {
        const bool down = coder.bit(down_[context], static_cast<std::int32_t>(difference) < 0);
        const std::uint32_t size = down ? 0u - difference : difference;
        const auto result = static_cast<std::uint32_t>(sizes_.code(coder, context, size));
        return down ? 0u - result : result;
    }

  private:
    std::array<Probability, Contexts> down_;
    NumberModel<Contexts> sizes_;
};

/// A 16-bit difference, either way round.
template <class Coder, unsigned Contexts>
std::uint16_t code16(Coder& coder, DifferenceModel<Contexts>& model, unsigned context, std::uint16_t difference) {
    const auto wide = static_cast<std::uint32_t>(std::int32_t{static_cast<std::int16_t>(difference)});
    return static_cast<std::uint16_t>(model.code(coder, context, wide));
}

/// Two bytes of which the upper ones come again.
class WordModel {
  public:
    template <class Coder>
    std::uint16_t code(Coder& coder, std::uint16_t value) {
        const unsigned first = coder.symbol(first_, value >> 12);
        const unsigned second = coder.symbol(second_[first], value >> 8 & 15);
        const unsigned third = coder.symbol(third_[second], value >> 4 & 15);
        const unsigned fourth = coder.symbol(fourth_[third], value & 15);
        return static_cast<std::uint16_t>(first << 12 | second << 8 | third << 4 | fourth);
    }

  private:
    SymbolModel first_;
    std::array<SymbolModel, SymbolModel::count> second_, third_, fourth_;
};

}  // namespace clew::vault
