// SPDX-License-Identifier: Apache-2.0
// What the range coder expects: how likely a decision's yes is, and each of 16 symbols, learnt from those before;
// quickly at first, then as a running mean. All chances are of 2^15.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace clew::vault {

constexpr unsigned chance_bits = 15;

class Probability {
  public:
    std::uint32_t of_yes() const { return state_ >> 17 | 1; }  ///< never 0, never all
    /// Without a branch: what is hard to predict for the coder is so for the processor.
    void learn(bool yes) {
        const std::uint32_t seen = state_ & seen_mask;
        const std::uint32_t chance = state_ >> seen_bits;
        const std::int32_t aim = -static_cast<std::int32_t>(yes) & ((1 << chance_bits) - 1);
        const std::int32_t step = (aim - static_cast<std::int32_t>(chance >> 10)) * rates[seen] >> 6;
        state_ = (chance + static_cast<std::uint32_t>(step)) << seen_bits | (seen + (seen < seen_max));
    }

  private:
    static constexpr std::uint32_t seen_bits = 7, seen_mask = 127,
                                   seen_max = 90;  ///< decisions that the mean runs over
    static constexpr std::array<std::int32_t, seen_max + 1> make_rates() {
        std::array<std::int32_t, seen_max + 1> result{};
        for (unsigned n = 0; n <= seen_max; ++n) result[n] = static_cast<std::int32_t>(131072u / (2 * n + 3));
        return result;
    }
    static const std::array<std::int32_t, seen_max + 1> rates;

    std::uint32_t state_ = 1u << 31;  ///< 25 bits of chance, 7 bits of how many decisions it stands on
};
inline constexpr std::array<std::int32_t, Probability::seen_max + 1> Probability::rates = Probability::make_rates();

class SymbolModel {
  public:
    static constexpr unsigned count = 16;
    std::uint32_t below(unsigned symbol) const { return below_[symbol]; }  ///< the chance of all smaller ones
    std::uint32_t chance_of(unsigned symbol) const { return std::uint32_t{below_[symbol + 1]} - below_[symbol]; }
    bool fresh() const { return seen_ == 0; }
    /// The same chances, nothing learnt yet.
    SymbolModel as_fresh() const {
        SymbolModel result = *this;
        result.seen_ = seen_ < 2 ? seen_ : 2;
        return result;
    }
    bool young() const { return seen_ < 8; }

    /// The symbol within whose share this lies; the last one beyond 2^15.
    unsigned find(std::uint64_t share) const {
        constexpr std::uint64_t last = (1u << chance_bits) - 1;
        const auto sought = static_cast<std::int16_t>(share < last ? share : last);
#ifdef __AVX2__
        const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(below_.data()));
        const __m256i above = _mm256_cmpgt_epi16(all, _mm256_set1_epi16(sought));
        const auto bits = static_cast<unsigned>(_mm256_movemask_epi8(above));
        return bits == 0 ? count - 1 : static_cast<unsigned>(__builtin_ctz(bits)) / 2 - 1;
#else
        unsigned symbol = 0;
        while (symbol + 1 < count && below_[symbol + 1] <= sought) ++symbol;
        return symbol;
#endif
    }

    /// Each chance moves towards all or (nearly) nothing by the same part of the way.
    void learn(unsigned symbol) {
        const std::array<std::int16_t, count>& aim = aims[symbol];
        const std::int16_t rate = rates[seen_];
        seen_ = static_cast<std::uint16_t>(seen_ + (seen_ < seen_max));
#ifdef __AVX2__
        auto* const place = reinterpret_cast<__m256i*>(below_.data());
        const __m256i now = _mm256_loadu_si256(place);
        const __m256i way = _mm256_sub_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(aim.data())), now);
        _mm256_storeu_si256(place, _mm256_add_epi16(now, _mm256_mulhi_epi16(way, _mm256_set1_epi16(rate))));
#else
        for (unsigned i = 0; i < count; ++i)
            below_[i] = static_cast<std::uint16_t>(below_[i] + ((std::int32_t{aim[i]} - below_[i]) * rate >> 16));
#endif
    }

  private:
    static constexpr unsigned chance_min = 3;      ///< what no symbol falls below
    static constexpr std::uint16_t seen_max = 30;  ///< symbols that the mean runs over
    static constexpr std::array<std::int16_t, seen_max + 1> make_rates() {
        std::array<std::int16_t, seen_max + 1> result{};
        for (unsigned n = 0; n <= seen_max; ++n) result[n] = static_cast<std::int16_t>(65535 / (n + 3));
        return result;
    }
    static constexpr std::array<std::array<std::int16_t, count>, count> make_aims() {
        std::array<std::array<std::int16_t, count>, count> result{};
        for (unsigned symbol = 0; symbol < count; ++symbol)
            for (unsigned i = 0; i < count; ++i)
                result[symbol][i] = static_cast<std::int16_t>(
                    i <= symbol ? i * chance_min : (1u << chance_bits) - (count - i) * chance_min);
        return result;
    }
    static constexpr std::array<std::uint16_t, count + 1> make_even() {
        std::array<std::uint16_t, count + 1> result{};
        for (unsigned i = 0; i <= count; ++i) result[i] = static_cast<std::uint16_t>(i << (chance_bits - 4));
        return result;
    }
    static const std::array<std::int16_t, seen_max + 1> rates;
    alignas(32) static const std::array<std::array<std::int16_t, count>, count> aims;

    std::array<std::uint16_t, count + 1> below_ = make_even();
    std::uint16_t seen_ = 0;
};
inline constexpr std::array<std::int16_t, SymbolModel::seen_max + 1> SymbolModel::rates = SymbolModel::make_rates();
alignas(32) inline constexpr std::array<std::array<std::int16_t, 16>, 16> SymbolModel::aims = SymbolModel::make_aims();

/// A symbol in one of `Contexts` contexts; one that is new begins with what other new ones met.
template <unsigned Contexts>
class SymbolModels {
  public:
    template <class Coder>
    unsigned code(Coder& coder, unsigned context, unsigned symbol) {
        SymbolModel& model = models_[context];
        if (model.young()) [[unlikely]] {
            if (model.fresh()) model = start_.as_fresh();
            symbol = coder.symbol(model, symbol);
            start_.learn(symbol);
            return symbol;
        }
        return coder.symbol(model, symbol);
    }

  private:
    std::array<SymbolModel, Contexts> models_;
    SymbolModel start_;
};

}  // namespace clew::vault
