// SPDX-License-Identifier: Apache-2.0
// The first part of every message between processes: who speaks which version, and what the second part holds.
//
//     offset 0  4 bytes  "CLEW"
//            4  2 bytes  version, big endian
//            6  2 bytes  message type, big endian
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "nat-trace/result.h"

namespace clew::wire {

constexpr std::uint16_t wire_version = 1;

enum class MessageType : std::uint16_t {
    hello = 1,
    hello_reply = 2,
    batch = 3,
    batch_ack = 4,
    header_request = 5,
    header_reply = 6,
    ping = 7,  ///< empty second part; answered with pong
    pong = 8,
};

constexpr std::size_t envelope_bytes = 8;
constexpr std::size_t message_bytes_max = 16u << 20;  ///< a larger second part is refused

std::array<std::uint8_t, envelope_bytes> encode_envelope(MessageType type);

/// The version a message of Clew's was written in, this one or another; nothing when it is not Clew's.
std::optional<std::uint16_t> envelope_version(std::span<const std::uint8_t> bytes);

/// The type, or one sentence that says what is wrong (not Clew's, another version, unknown type).
Result<MessageType> decode_envelope(std::span<const std::uint8_t> bytes);

}  // namespace clew::wire
