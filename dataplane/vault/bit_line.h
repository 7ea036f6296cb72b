// SPDX-License-Identifier: Apache-2.0
// Bits one behind the other, the first of a byte its lowest.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace clew::vault {

class BitWriter {
  public:
    explicit BitWriter(std::vector<std::uint8_t>& out) : out_(out) {}
    void put(std::uint32_t value, unsigned bits) {  // at most 32
        held_ |= std::uint64_t{value} << count_;
        for (count_ += bits; count_ >= 8; count_ -= 8, held_ >>= 8) out_.push_back(static_cast<std::uint8_t>(held_));
    }
    /// As many ones as `value` tells, then a zero.
    void put_unary(std::uint32_t value) {
        for (; value >= 16; value -= 16) put(0xffff, 16);
        put((1u << value) - 1, value + 1);
    }
    void finish() {
        if (count_ != 0) out_.push_back(static_cast<std::uint8_t>(held_));
        held_ = count_ = 0;
    }

  private:
    std::vector<std::uint8_t>& out_;
    std::uint64_t held_ = 0;
    unsigned count_ = 0;
};

/// Behind the end there are zeros, and overrun() tells.
class BitReader {
  public:
    explicit BitReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    std::uint32_t take(unsigned bits) {  // at most 32
        fill();
        const auto value = static_cast<std::uint32_t>(held_ & ((std::uint64_t{1} << bits) - 1));
        drop(bits);
        return value;
    }
    std::uint32_t take_unary() {
        std::uint32_t value = 0;
        for (;;) {
            fill();
            const auto ones = static_cast<unsigned>(std::countr_one(held_));
            if (ones < 32) {
                drop(ones + 1);
                return value + ones;
            }
            drop(32);
            value += 32;
        }
    }
    bool overrun() const { return overrun_; }

  private:
    void fill() {
        for (; count_ <= 56 && at_ < bytes_.size(); count_ += 8) held_ |= std::uint64_t{bytes_[at_++]} << count_;
    }
    void drop(unsigned bits) {
        overrun_ |= bits > count_;
        held_ >>= bits;
        count_ = bits > count_ ? 0 : count_ - bits;
    }
    std::span<const std::uint8_t> bytes_;
    std::size_t at_ = 0;
    std::uint64_t held_ = 0;
    unsigned count_ = 0;
    bool overrun_ = false;
};

}  // namespace clew::vault
