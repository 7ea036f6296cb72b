// SPDX-License-Identifier: Apache-2.0
// An adaptive range coder of symbols and decisions: each costs what it was unexpected. Encoder and decoder have the
// same calls, so that one template describes a format for both: what goes in at the encoder comes back at the decoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "dataplane/vault/probability.h"

namespace clew::vault {

/// Ranges are of 63 bits, so that the 64th may take a carry; 32 of them are settled at a time.
constexpr unsigned range_bits = 63;
constexpr std::uint64_t range_max = (1ull << range_bits) - 1, range_min = 1ull << (range_bits - 32);

constexpr unsigned raw_step_max = 16;  ///< bits that are coded at a time
constexpr std::uint32_t raw_step_mask = (1u << raw_step_max) - 1;

class RangeEncoder {
  public:
    static constexpr bool encodes = true;
    /// Appends to `out`; finish() once at the end.
    explicit RangeEncoder(std::vector<std::uint8_t>& out) : out_(out), size_(out.size()) { out_.resize(size_ + room); }

    bool bit(Probability& probability, bool yes) {
        const std::uint64_t bound = (range_ >> chance_bits) * probability.of_yes();
        low_ += yes ? 0 : bound;
        range_ = yes ? bound : range_ - bound;
        probability.learn(yes);
        settle();
        return yes;
    }
    /// One of 16.
    unsigned symbol(SymbolModel& model, unsigned symbol) {
        const std::uint64_t part = range_ >> chance_bits;
        low_ += part * model.below(symbol);
        range_ = part * model.chance_of(symbol);
        model.learn(symbol);
        settle();
        return symbol;
    }
    /// One of 16, in the opinion of two models.
    unsigned symbol(MixedModel& fine, SymbolModel& coarse, unsigned symbol) {
        const std::uint64_t part = range_ >> chance_bits;
        const std::uint32_t below = fine.below(coarse, symbol), above = fine.below(coarse, symbol + 1);
        low_ += part * below;
        range_ = part * (above - below);
        fine.learn(coarse, symbol);
        settle();
        return symbol;
    }
    /// `count` bits that nothing is known of; at most 32.
    std::uint32_t raw(std::uint32_t value, unsigned count) {
        unsigned left = count;
        if (left > raw_step_max) raw_step(value >> (left -= raw_step_max) & raw_step_mask, raw_step_max);
        raw_step(value & ((1u << left) - 1), left);  // of no bits as well: nothing changes
        return value;
    }
    /// Within the range there is a number whose lower bits are 0.
    void finish() {
        low_ += range_min - 1;
        put_word();
        out_.resize(size_);
    }

  private:
    void raw_step(std::uint32_t value, unsigned count) {
        range_ >>= count;
        low_ += range_ * value;
        settle();
    }
    void settle() {
        if (range_ >= range_min) [[likely]]
            return;
        put_word();
    }
    /// Writes what is settled but for a carry, which the bytes before it may still take.
    [[gnu::noinline]] void put_word() {
        range_ <<= 32;
        if (low_ >> range_bits != 0) carry();
        if (size_ + sizeof(std::uint32_t) > out_.size()) [[unlikely]]
            out_.resize(out_.size() * 2 + room);
        const std::uint32_t word = __builtin_bswap32(static_cast<std::uint32_t>(low_ >> (range_bits - 32)));
        std::memcpy(out_.data() + size_, &word, sizeof word);
        size_ += sizeof word;
        low_ = (low_ & (range_min - 1)) << 32;
    }
    void carry() {
        for (std::size_t at = size_; ++out_[--at] == 0;) continue;
    }

    static constexpr std::size_t room = 4096;
    std::vector<std::uint8_t>& out_;
    std::size_t size_;  ///< bytes written; out_ is longer meanwhile
    std::uint64_t low_ = 0;
    std::uint64_t range_ = range_max;
};

class RangeDecoder {
  public:
    static constexpr bool encodes = false;
    /// Borrows `in`. Past its end come zeros, and overrun() tells.
    explicit RangeDecoder(std::span<const std::uint8_t> in) : in_(in) {
        const std::uint64_t first = next_word();
        last_word_ = next_word();
        code_ = (first << 32 | last_word_) >> 1;
    }

    bool bit(Probability& probability, bool) {
        const std::uint64_t bound = (range_ >> chance_bits) * probability.of_yes();
        const bool yes = code_ < bound;
        if (yes) {
            range_ = bound;
        } else {
            code_ -= bound;
            range_ -= bound;
        }
        probability.learn(yes);
        settle();
        return yes;
    }
    unsigned symbol(SymbolModel& model, unsigned) {
        const std::uint64_t part = range_ >> chance_bits;
        const unsigned symbol = model.find(code_ / part);
        code_ -= part * model.below(symbol);
        range_ = part * model.chance_of(symbol);
        model.learn(symbol);
        settle();
        return symbol;
    }
    unsigned symbol(MixedModel& fine, SymbolModel& coarse, unsigned) {
        const std::uint64_t part = range_ >> chance_bits;
        const unsigned symbol = fine.find(coarse, code_ / part);
        const std::uint32_t below = fine.below(coarse, symbol);
        code_ -= part * below;
        range_ = part * (fine.below(coarse, symbol + 1) - below);
        fine.learn(coarse, symbol);
        settle();
        return symbol;
    }
    std::uint32_t raw(std::uint32_t, unsigned count) {
        std::uint32_t value = 0;
        for (unsigned left = count; left > 0;) {
            const unsigned step = left < raw_step_max ? left : raw_step_max;
            left -= step;
            range_ >>= step;
            const std::uint64_t most = (1u << step) - 1;
            std::uint64_t part = code_ / range_;
            part = part < most ? part : most;  // only damaged input goes beyond
            code_ -= part * range_;
            value = value << step | static_cast<std::uint32_t>(part);
            settle();
        }
        return value;
    }
    bool overrun() const { return overrun_ > sizeof(std::uint32_t); }

  private:
    void settle() {
        if (range_ >= range_min) [[likely]]
            return;
        range_ <<= 32;
        const std::uint64_t last = last_word_;
        last_word_ = next_word();
        code_ = code_ << 32 | static_cast<std::uint32_t>((last << 32 | last_word_) >> 1);
    }
    std::uint32_t next_word() {
        std::uint32_t word = 0;
        const std::size_t left = in_.size() - at_;
        const std::size_t taken = left < sizeof word ? left : sizeof word;
        if (taken != 0) std::memcpy(&word, in_.data() + at_, taken);
        at_ += taken;
        overrun_ += sizeof word - taken;
        return __builtin_bswap32(word);
    }

    std::span<const std::uint8_t> in_;
    std::size_t at_ = 0;
    std::uint64_t range_ = range_max;
    std::uint64_t code_ = 0;
    std::uint32_t last_word_ = 0;  ///< its last bit is still to come
    std::uint64_t overrun_ = 0;
};

}  // namespace clew::vault
