// SPDX-License-Identifier: Apache-2.0
#include "wire/envelope.h"

#include <algorithm>
#include <string>

namespace clew::wire {
namespace {

constexpr std::array<std::uint8_t, 4> magic = {'C', 'L', 'E', 'W'};

std::uint16_t big_endian_16(std::span<const std::uint8_t> bytes, std::size_t offset) {
    return static_cast<std::uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

}  // namespace

std::array<std::uint8_t, envelope_bytes> encode_envelope(MessageType type) {
    const auto value = static_cast<std::uint16_t>(type);
    return {magic[0],
            magic[1],
            magic[2],
            magic[3],
            static_cast<std::uint8_t>(wire_version >> 8),
            static_cast<std::uint8_t>(wire_version & 0xff),
            static_cast<std::uint8_t>(value >> 8),
            static_cast<std::uint8_t>(value & 0xff)};
}

std::optional<std::uint16_t> envelope_version(std::span<const std::uint8_t> bytes) {
    if (bytes.size() != envelope_bytes || !std::equal(magic.begin(), magic.end(), bytes.begin())) return std::nullopt;
    return big_endian_16(bytes, 4);
}

Result<MessageType> decode_envelope(std::span<const std::uint8_t> bytes) {
    const auto version = envelope_version(bytes);
    if (!version) return fail(ErrorKind::failed, "the message is not one of Clew's: it does not start with CLEW");
    if (*version != wire_version)
        return fail(ErrorKind::not_allowed, "the peer speaks version " + std::to_string(*version) +
                                                " of the wire, this program speaks version " +
                                                std::to_string(wire_version) + "; install the same release on both");
    const std::uint16_t type = big_endian_16(bytes, 6);
    if (type < static_cast<std::uint16_t>(MessageType::hello) || type > static_cast<std::uint16_t>(MessageType::pong))
        return fail(ErrorKind::failed, "message type " + std::to_string(type) + " is not known");
    return static_cast<MessageType>(type);
}

}  // namespace clew::wire
