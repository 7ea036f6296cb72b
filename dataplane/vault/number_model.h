// SPDX-License-Identifier: Apache-2.0
// Adaptive models of numbers, each for encoder and decoder: code(coder, value) takes the value at the encoder, ignores
// it at the decoder, and gives it back at both.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/vault/range_coder.h"

namespace clew::vault {

/// A number of Bits bits, most significant first, each bit in the context of those before it.
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

/// A number below 2^63 whose size matters more than its digits: its bit length in one of `Contexts` contexts, its
/// leading bits behind that, the rest as they are.
template <unsigned Contexts, unsigned Leading = 3>
class NumberModel {
  public:
    template <class Coder>
    std::uint64_t code(Coder& coder, unsigned context, std::uint64_t value) {
        const auto length = lengths_[context].code(coder, static_cast<std::uint32_t>(std::bit_width(value)));
        if (length < 2) return length;
        std::uint64_t result = 1;
        unsigned left = length - 1;
        for (std::uint32_t node = 1; left > 0 && node < (1u << Leading);) {
            --left;
            const bool one = coder.bit(leading_[length][node], (value >> left) & 1);
            node = node << 1 | one;
            result = result << 1 | one;
        }
        for (; left > 0;) {
            const unsigned step = left < 16 ? left : 16;
            left -= step;
            result = result << step | coder.raw(static_cast<std::uint32_t>(value >> left) & 0xffff, step);
        }
        return result;
    }

  private:
    std::array<BitTree<6>, Contexts> lengths_;
    std::array<std::array<Probability, 1u << Leading>, 64> leading_;
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

}  // namespace clew::vault
