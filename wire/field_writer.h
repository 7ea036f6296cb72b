// SPDX-License-Identifier: Apache-2.0
// Writes protobuf fields (proto3's encoding: varints, little-endian fixed words, lengths in front) straight into a
// buffer that the caller made large enough. Fields are numbered by the schema's own constants; what is zero is left
// out, as proto3 does. One thread; nothing is allocated.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace clew::wire {

static_assert(std::endian::native == std::endian::little, "fixed words are copied as they lie in memory");

class FieldWriter {
  public:
    explicit FieldWriter(std::uint8_t* to) : at_(to) {}
    std::uint8_t* at() const { return at_; }

    template <int field>
    void number(std::uint64_t value) {
        if (value != 0) number_or_zero<field>(value);
    }
    /// Of an `optional` field, which says by its being there that it was set.
    template <int field>
    void number_or_zero(std::uint64_t value) {
        tag<field, varint_type>();
        varint(value);
    }
    /// Of a sint32 or sint64 field.
    template <int field>
    void signed_number(std::int64_t value) {
        number<field>(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
    }
    template <int field>
    void fixed32(std::uint32_t value) {
        fixed<field, fixed32_type>(value);
    }
    template <int field>
    void fixed64(std::uint64_t value) {
        fixed<field, fixed64_type>(value);
    }
    template <int field>
    void bytes(const void* from, std::size_t count) {
        if (count == 0) return;
        tag<field, bytes_type>();
        varint(count);
        std::memcpy(at_, from, count);
        at_ += count;
    }

    /// A message, or packed numbers, of fewer than 128 bytes: `write` writes what is inside.
    template <int field, typename Write>
    void short_message(Write&& write) {
        tag<field, bytes_type>();
        std::uint8_t* const length = at_++;
        write();
        *length = static_cast<std::uint8_t>(at_ - length - 1);
    }
    /// The same of fewer than 16384.
    template <int field, typename Write>
    void message(Write&& write) {
        tag<field, bytes_type>();
        std::uint8_t* const begin = at_;
        at_ += 2;
        write();
        const auto length = static_cast<std::size_t>(at_ - begin - 2);
        if (length >= 0x80) {
            begin[0] = static_cast<std::uint8_t>(length | 0x80);
            begin[1] = static_cast<std::uint8_t>(length >> 7);
            return;
        }
        begin[0] = static_cast<std::uint8_t>(length);
        std::memmove(begin + 1, begin + 2, length);
        --at_;
    }

    /// Varints that are all below 128: `count` of them, of which the first `used` stay.
    template <std::size_t count>
    void small_varints(const std::uint16_t* values, std::size_t used) {
        for (std::size_t i = 0; i < count; ++i) at_[i] = static_cast<std::uint8_t>(values[i]);
        at_ += used;
    }

    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) *at_++ = static_cast<std::uint8_t>(value | 0x80);
        *at_++ = static_cast<std::uint8_t>(value);
    }

  private:
    // Wire types of the encoding.
    static constexpr unsigned varint_type = 0, fixed64_type = 1, bytes_type = 2, fixed32_type = 5;

    template <int field, unsigned type>
    void tag() {
        constexpr unsigned value = static_cast<unsigned>(field) << 3 | type;
        static_assert(value < 1u << 14);
        if constexpr (value >= 0x80) *at_++ = static_cast<std::uint8_t>(value | 0x80);
        *at_++ = static_cast<std::uint8_t>(value < 0x80 ? value : value >> 7);
    }
    template <int field, unsigned type, typename Word>
    void fixed(Word value) {
        if (value == 0) return;
        tag<field, type>();
        std::memcpy(at_, &value, sizeof value);
        at_ += sizeof value;
    }

    std::uint8_t* at_;
};

}  // namespace clew::wire
