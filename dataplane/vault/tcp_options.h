// SPDX-License-Identifier: Apache-2.0
// TCP options taken apart into what varies (time stamps, SACK edges) and the template of all else. Any bytes are
// allowed: what is no option stays in the template.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/bytes.h"
#include "dataplane/vault/header_record.h"

namespace clew::vault {

struct OptionTemplate {
    std::uint8_t length = 0;
    std::array<std::uint8_t, options_bytes_max> bytes{};  ///< with zeros where values were

    bool operator==(const OptionTemplate&) const = default;
};

struct OptionPlaces {
    std::uint8_t timestamps = 0;  ///< where TSval stands, TSecr behind it; 0: there is none
    std::uint8_t sack = 0;        ///< where the first left edge stands; 0: there is none
    std::uint8_t sack_blocks = 0;
};

/// Works on options and on their template alike: the values are not looked at.
inline OptionPlaces find_places(const std::uint8_t* bytes, std::size_t length) {
    constexpr std::uint8_t end = 0, nop = 1, sack = 5, timestamps = 8;
    OptionPlaces places;
    for (std::size_t at = 0; at < length && bytes[at] != end;) {
        if (bytes[at] == nop) {
            ++at;
            continue;
        }
        if (at + 2 > length || bytes[at + 1] < 2 || at + bytes[at + 1] > length) break;
        const std::uint8_t size = bytes[at + 1];
        if (bytes[at] == timestamps && size == 10 && places.timestamps == 0)
            places.timestamps = static_cast<std::uint8_t>(at + 2);
        if (bytes[at] == sack && size > 2 && (size - 2) % 8 == 0 && places.sack == 0) {
            places.sack = static_cast<std::uint8_t>(at + 2);
            places.sack_blocks = static_cast<std::uint8_t>((size - 2) / 8);
        }
        at += size;
    }
    return places;
}

constexpr std::uint32_t options_nop_nop_timestamps = 0x0101080a;
constexpr std::uint8_t timestamps_alone_bytes = 12;

/// NOP, NOP, time stamps, as most packets have that have any.
inline bool are_timestamps_alone(const std::uint8_t* options, std::uint8_t length) {
    return length == timestamps_alone_bytes && sensor::load_be32(options) == options_nop_nop_timestamps;
}

/// The template, and where its values stand.
inline OptionPlaces take_apart(const std::uint8_t* options, std::uint8_t length, OptionTemplate& to) {
    to.length = length;
    to.bytes = {};
    if (are_timestamps_alone(options, length)) {
        std::memcpy(to.bytes.data(), options, 4);
        return {.timestamps = 4, .sack = 0, .sack_blocks = 0};
    }
    std::memcpy(to.bytes.data(), options, length);
    const OptionPlaces places = find_places(options, length);
    if (places.timestamps != 0) std::memset(to.bytes.data() + places.timestamps, 0, 8);
    if (places.sack != 0) std::memset(to.bytes.data() + places.sack, 0, places.sack_blocks * std::size_t{8});
    return places;
}

inline void store_be32(std::uint8_t* at, std::uint32_t value) {
    value = __builtin_bswap32(value);
    std::memcpy(at, &value, sizeof value);
}

}  // namespace clew::vault
