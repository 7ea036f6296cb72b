// SPDX-License-Identifier: Apache-2.0
// What the range coder expects: how likely a decision's yes is, and each of 16 symbols, learnt from those before;
// quickly at first, then as a running mean. All chances are of 2^15.
#pragma once

#include <array>
#include <bit>
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

/// How many symbols a model's mean runs over at most. Legs differ: what came lately counts most.
constexpr std::uint16_t memory_usual = 20, memory_long = 40, memory_short = 9;

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
#ifdef __AVX2__
        return find_in(all_below(), share);
#else
        return find_in([this](unsigned symbol) { return below_[symbol]; }, share);
#endif
    }

    /// Each chance moves towards all or (nearly) nothing by the same part of the way.
    void learn(unsigned symbol, std::uint16_t memory = memory_usual) {
        const std::array<std::int16_t, count>& aim = aims[symbol];
        const std::int16_t rate = rates[seen_];
        seen_ = static_cast<std::uint16_t>(seen_ + (seen_ < memory));
#ifdef __AVX2__
        const __m256i now = all_below();
        const __m256i way = _mm256_sub_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(aim.data())), now);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(below_.data()),
                            _mm256_add_epi16(now, _mm256_mulhi_epi16(way, _mm256_set1_epi16(rate))));
#else
        for (unsigned i = 0; i < count; ++i)
            below_[i] = static_cast<std::uint16_t>(below_[i] + ((std::int32_t{aim[i]} - below_[i]) * rate >> 16));
#endif
    }

  private:
    friend class MixedModel;
#ifdef __AVX2__
    __m256i all_below() const { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(below_.data())); }
    static unsigned find_in(__m256i all, std::uint64_t share) {
        const __m256i above = _mm256_cmpgt_epi16(all, _mm256_set1_epi16(sought(share)));
        const auto bits = static_cast<unsigned>(_mm256_movemask_epi8(above));
        return bits == 0 ? count - 1 : static_cast<unsigned>(__builtin_ctz(bits)) / 2 - 1;
    }
#else
    template <class Below>
    static unsigned find_in(Below&& below, std::uint64_t share) {
        unsigned symbol = 0;
        while (symbol + 1 < count && static_cast<std::int32_t>(below(symbol + 1)) <= sought(share)) ++symbol;
        return symbol;
    }
#endif
    static std::int16_t sought(std::uint64_t share) {
        constexpr std::uint64_t last = (1u << chance_bits) - 1;
        return static_cast<std::int16_t>(share < last ? share : last);
    }

    static constexpr unsigned chance_min = 4;  ///< what no symbol falls much below
    static constexpr std::array<std::int16_t, memory_long + 1> make_rates() {
        std::array<std::int16_t, memory_long + 1> result{};
        for (unsigned n = 0; n <= memory_long; ++n) result[n] = static_cast<std::int16_t>(65535 / (n + 3));
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
    static const std::array<std::int16_t, memory_long + 1> rates;
    alignas(32) static const std::array<std::array<std::int16_t, count>, count> aims;

    std::array<std::uint16_t, count + 1> below_ = make_even();
    std::uint16_t seen_ = 0;
};
inline constexpr std::array<std::int16_t, memory_long + 1> SymbolModel::rates = SymbolModel::make_rates();
alignas(32) inline constexpr std::array<std::array<std::int16_t, 16>, 16> SymbolModel::aims = SymbolModel::make_aims();

/// A model of a fine context, and how much it counts beside that of a coarse one: learnt from which of them knew
/// better. The fine one remembers long, the coarse one is quick to follow. In one cache line.
class alignas(64) MixedModel {
  public:
    std::uint32_t below(const SymbolModel& coarse, unsigned symbol) const {
        const std::uint32_t other = coarse.below(symbol);
        const std::int32_t apart = static_cast<std::int32_t>(fine_.below(symbol) - other);
        return other + static_cast<std::uint32_t>((apart * share_ + (1 << (chance_bits - 1))) >> chance_bits);
    }
    unsigned find(const SymbolModel& coarse, std::uint64_t share) const {
#ifdef __AVX2__
        const __m256i other = coarse.all_below();
        const __m256i apart = _mm256_sub_epi16(fine_.all_below(), other);
        const __m256i mixed = _mm256_add_epi16(other, _mm256_mulhrs_epi16(apart, _mm256_set1_epi16(share_)));
        return SymbolModel::find_in(mixed, share);
#else
        return SymbolModel::find_in([&](unsigned symbol) { return below(coarse, symbol); }, share);
#endif
    }
    void learn(SymbolModel& coarse, unsigned symbol) {
        const auto own = static_cast<std::int32_t>(fine_.chance_of(symbol));
        const auto other = static_cast<std::int32_t>(coarse.chance_of(symbol));
        const auto size = static_cast<unsigned>(std::bit_width(static_cast<std::uint32_t>(own + other)));
        const std::int32_t step = (own - other) * step_factor >> size;
        // Without a branch, as above: the way left to share_max where the fine one knew better, else to share_min.
        const std::int32_t worse = own > other ? 0 : -1;
        const std::int32_t room = ((share_max & ~worse) + (-share_min & worse)) - ((share_ ^ worse) - worse);
        share_ = static_cast<std::int16_t>(share_ + (step * room >> 10));
        fine_.learn(symbol, memory_long);
        coarse.learn(symbol, memory_short);
    }

  private:
    static constexpr std::int32_t share_min = 512, share_max = (1 << chance_bits) - share_min;
    static constexpr std::int32_t step_factor = 512;
    SymbolModel fine_;
    std::int16_t share_ = 1 << 14;
};

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

/// A symbol in the mixed opinion of two contexts.
template <unsigned Fine, unsigned Coarse>
class MixedModels {
  public:
    template <class Coder>
    unsigned code(Coder& coder, unsigned fine, unsigned coarse, unsigned symbol) {
        return coder.symbol(fine_[fine], coarse_[coarse], symbol);
    }

  private:
    std::array<MixedModel, Fine> fine_;
    std::array<SymbolModel, Coarse> coarse_;
};

}  // namespace clew::vault
