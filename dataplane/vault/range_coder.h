// SPDX-License-Identifier: Apache-2.0
// An adaptive binary range coder: each yes/no decision costs what it was unexpected. Encoder and decoder have the same
// three calls, so that one template describes a format for both: what goes in at the encoder comes back at the decoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace clew::vault {

/// How likely a decision is a yes, learnt from those before: quickly at first, then as a running mean.
class Probability {
  public:
    static constexpr unsigned bits = 15;
    std::uint32_t of_yes() const { return state_ >> 17 | 1; }  ///< of 1 << bits; never 0, never all
    /// Without a branch: what is hard to predict for the coder is so for the processor.
    void learn(bool yes) {
        const std::uint32_t seen = state_ & seen_mask;
        const std::uint32_t chance = state_ >> seen_bits;
        const std::int32_t aim = -static_cast<std::int32_t>(yes) & ((1 << bits) - 1);
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

constexpr std::uint32_t range_min = 1u << 24;

class RangeEncoder {
  public:
    static constexpr bool encodes = true;
    /// Appends to `out`; finish() once at the end.
    explicit RangeEncoder(std::vector<std::uint8_t>& out) : out_(out), size_(out.size()) { out_.resize(size_ + room); }

    bool bit(Probability& probability, bool yes) {
        const std::uint32_t bound = (range_ >> Probability::bits) * probability.of_yes();
        const std::uint32_t if_no = static_cast<std::uint32_t>(yes) - 1;  // all ones, or none
        low_ += bound & if_no;
        range_ = bound + ((range_ - 2 * bound) & if_no);
        probability.learn(yes);
        while (range_ < range_min) [[unlikely]] shift();
        return yes;
    }
    /// `count` bits that nothing is known of; at most 32.
    std::uint32_t raw(std::uint32_t value, unsigned count) {
        while (count > 0) {
            const unsigned step = count < 16 ? count : 16;
            count -= step;
            range_ >>= step;
            low_ += std::uint64_t{range_} * ((value >> count) & ((1u << step) - 1));
            while (range_ < range_min) shift();
        }
        return value;
    }
    void finish() {
        for (int i = 0; i < 4; ++i) shift();
        out_.resize(size_);
    }

  private:
    /// Writes the upper byte of what is settled but for a carry, which the bytes before it may still take.
    void shift() {
        range_ <<= 8;
        if (size_ == out_.size()) [[unlikely]]
            out_.resize(out_.size() * 2 + room);
        if (low_ > 0xffff'ffffu) [[unlikely]]
            carry();
        out_[size_++] = static_cast<std::uint8_t>(low_ >> 24);
        low_ = (low_ & 0x00ff'ffffu) << 8;
    }
    [[gnu::noinline]] void carry() {
        for (std::size_t at = size_; ++out_[--at] == 0;) continue;
        low_ &= 0xffff'ffffu;
    }

    static constexpr std::size_t room = 4096;
    std::vector<std::uint8_t>& out_;
    std::size_t size_;  ///< bytes written; out_ is longer meanwhile
    std::uint64_t low_ = 0;
    std::uint32_t range_ = 0xffff'ffffu;
};

class RangeDecoder {
  public:
    static constexpr bool encodes = false;
    /// Borrows `in`. Past its end come zeros, and overrun() tells.
    explicit RangeDecoder(std::span<const std::uint8_t> in) : in_(in) {
        for (int i = 0; i < 4; ++i) code_ = code_ << 8 | next();
    }

    bool bit(Probability& probability, bool) {
        const std::uint32_t bound = (range_ >> Probability::bits) * probability.of_yes();
        const bool yes = code_ < bound;
        if (yes) {
            range_ = bound;
        } else {
            code_ -= bound;
            range_ -= bound;
        }
        probability.learn(yes);
        while (range_ < range_min) shift();
        return yes;
    }
    std::uint32_t raw(std::uint32_t, unsigned count) {
        std::uint32_t value = 0;
        while (count > 0) {
            const unsigned step = count < 16 ? count : 16;
            count -= step;
            range_ >>= step;
            std::uint32_t part = code_ / range_;
            part = part < (1u << step) ? part : (1u << step) - 1;  // only damaged input goes beyond
            code_ -= part * range_;
            value = value << step | part;
            while (range_ < range_min) shift();
        }
        return value;
    }
    bool overrun() const { return overrun_ > 4; }

  private:
    void shift() {
        range_ <<= 8;
        code_ = code_ << 8 | next();
    }
    std::uint8_t next() {
        if (at_ < in_.size()) return in_[at_++];
        ++overrun_;
        return 0;
    }

    std::span<const std::uint8_t> in_;
    std::size_t at_ = 0;
    std::uint32_t range_ = 0xffff'ffffu;
    std::uint32_t code_ = 0;
    std::uint64_t overrun_ = 0;
};

}  // namespace clew::vault
