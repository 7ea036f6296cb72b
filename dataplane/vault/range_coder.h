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

constexpr std::uint64_t range_min = 1ull << 32;

class RangeEncoder {
  public:
    static constexpr bool encodes = true;
    /// Appends to `out`; finish() once at the end.
    explicit RangeEncoder(std::vector<std::uint8_t>& out) : out_(out), size_(out.size()) { out_.resize(size_ + room); }

    bool bit(Probability& probability, bool yes) {
        const std::uint64_t bound = (range_ >> chance_bits) * probability.of_yes();
        if (yes) {
            range_ = bound;
        } else {
            add(bound);
            range_ -= bound;
        }
        probability.learn(yes);
        settle();
        return yes;
    }
    /// One of 16.
    unsigned symbol(SymbolModel& model, unsigned symbol) {
        const std::uint64_t part = range_ >> chance_bits;
        add(part * model.below(symbol));
        range_ = part * model.chance_of(symbol);
        model.learn(symbol);
        settle();
        return symbol;
    }
    /// `count` bits that nothing is known of; at most 32.
    std::uint32_t raw(std::uint32_t value, unsigned count) {
        for (unsigned left = count; left > 0;) {
            const unsigned step = left < 16 ? left : 16;
            left -= step;
            range_ >>= step;
            add(range_ * ((value >> left) & ((1u << step) - 1)));
            settle();
        }
        return value;
    }
    /// Within the range there is a number whose lower half is 0.
    void finish() {
        add(range_min - 1);
        put_word();
        out_.resize(size_);
    }

  private:
    void add(std::uint64_t more) {
        low_ += more;
        if (low_ < more) [[unlikely]]
            carry();
    }
    void settle() {
        if (range_ >= range_min) [[likely]]
            return;
        range_ <<= 32;
        put_word();
    }
    /// Writes what is settled but for a carry, which the bytes before it may still take.
    void put_word() {
        if (size_ + sizeof(std::uint32_t) > out_.size()) [[unlikely]]
            out_.resize(out_.size() * 2 + room);
        const std::uint32_t word = __builtin_bswap32(static_cast<std::uint32_t>(low_ >> 32));
        std::memcpy(out_.data() + size_, &word, sizeof word);
        size_ += sizeof word;
        low_ <<= 32;
    }
    [[gnu::noinline]] void carry() {
        for (std::size_t at = size_; ++out_[--at] == 0;) continue;
    }

    static constexpr std::size_t room = 4096;
    std::vector<std::uint8_t>& out_;
    std::size_t size_;  ///< bytes written; out_ is longer meanwhile
    std::uint64_t low_ = 0;
    std::uint64_t range_ = ~0ull;
};

class RangeDecoder {
  public:
    static constexpr bool encodes = false;
    /// Borrows `in`. Past its end come zeros, and overrun() tells.
    explicit RangeDecoder(std::span<const std::uint8_t> in) : in_(in) {
        code_ = next_word();
        code_ = code_ << 32 | next_word();
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
    std::uint32_t raw(std::uint32_t, unsigned count) {
        std::uint32_t value = 0;
        for (unsigned left = count; left > 0;) {
            const unsigned step = left < 16 ? left : 16;
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
        code_ = code_ << 32 | next_word();
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
    std::uint64_t range_ = ~0ull;
    std::uint64_t code_ = 0;
    std::uint64_t overrun_ = 0;
};

}  // namespace clew::vault
