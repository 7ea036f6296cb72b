// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/proxy_header.h"

#include <algorithm>
#include <string_view>

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/text.h"

namespace clew::sensor {
namespace {

using State = ProxyHeader::State;

constexpr std::string_view v2_signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view v1_signature = "PROXY ";
constexpr std::size_t v1_bytes_max = 107;

/// Whether `text` starts with `signature`, or is cut short inside it.
State starts_with(std::string_view text, std::string_view signature) {
    const std::size_t common = std::min(text.size(), signature.size());
    if (text.substr(0, common) != signature.substr(0, common)) return State::absent;
    return common == signature.size() ? State::found : State::incomplete;
}

ProxyHeader parse_v1(std::string_view text) {
    ProxyHeader header;
    const std::size_t end = text.substr(0, v1_bytes_max).find("\r\n");
    if (end == std::string_view::npos) {
        header.state = text.size() < v1_bytes_max ? State::incomplete : State::absent;
        return header;
    }
    header.state = State::found;
    header.byte_count = static_cast<std::uint32_t>(end + 2);
    std::string_view line = text.substr(v1_signature.size(), end - v1_signature.size());
    const std::string_view family = take_word(line, ' ');
    if (family != "TCP4" && family != "TCP6") return header;
    const auto source = read_ip(take_word(line, ' ')), destination = read_ip(take_word(line, ' '));
    const auto source_port = read_port(take_word(line, ' ')), destination_port = read_port(line);
    if (!source || !destination || !source_port || !destination_port) return header;
    header.has_ends = true;
    header.source = {*source, *source_port};
    header.destination = {*destination, *destination_port};
    return header;
}

ProxyHeader parse_v2(std::span<const std::uint8_t> bytes) {
    constexpr std::size_t fixed_bytes = 16;
    ProxyHeader header;
    if (bytes.size() < fixed_bytes) {
        header.state = State::incomplete;
        return header;
    }
    const std::uint8_t version = bytes[12] >> 4, command = bytes[12] & 0x0f, family = bytes[13] >> 4;
    if (version != 2) return header;
    const std::uint16_t length = load_be16(bytes.data() + 14);
    header.byte_count = static_cast<std::uint32_t>(fixed_bytes + length);
    const std::size_t size = family == 1 ? 4 : family == 2 ? 16 : 0;
    const std::size_t ends_bytes = 2 * size + 4;
    header.state = State::found;
    if (command != 1 || size == 0 || length < ends_bytes) return header;
    if (bytes.size() < fixed_bytes + ends_bytes) {
        header.state = State::incomplete;
        return header;
    }
    const std::uint8_t* ends = bytes.data() + fixed_bytes;
    header.has_ends = true;
    header.source.ip = size == 4 ? IpAddress::from_v4_bytes(ends) : IpAddress::from_v6_bytes(ends);
    header.destination.ip = size == 4 ? IpAddress::from_v4_bytes(ends + size) : IpAddress::from_v6_bytes(ends + size);
    header.source.port = load_be16(ends + 2 * size);
    header.destination.port = load_be16(ends + 2 * size + 2);
    return header;
}

}  // namespace

ProxyHeader parse_proxy_header(std::span<const std::uint8_t> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const State v1 = starts_with(text, v1_signature), v2 = starts_with(text, v2_signature);
    if (v2 == State::found) return parse_v2(bytes);
    if (v1 == State::found) return parse_v1(text);
    ProxyHeader header;
    header.state = v1 == State::incomplete || v2 == State::incomplete ? State::incomplete : State::absent;
    return header;
}

}  // namespace clew::sensor
