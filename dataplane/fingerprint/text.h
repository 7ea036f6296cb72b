// SPDX-License-Identifier: Apache-2.0
// Small readers of text in payloads; none of them allocates.
#pragma once

#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include <arpa/inet.h>

#include "nat-trace/address.h"

namespace clew::sensor {

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// `name` is in lower case.
inline bool same_name(std::string_view text, std::string_view name) {
    if (text.size() != name.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (lower(text[i]) != name[i]) return false;
    return true;
}

inline std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

inline std::optional<IpAddress> read_ip(std::string_view text) {
    char copy[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    std::uint8_t raw[16];
    if (inet_pton(AF_INET, copy, raw) == 1) return IpAddress::from_v4_bytes(raw);
    if (inet_pton(AF_INET6, copy, raw) == 1) return IpAddress::from_v6_bytes(raw);
    return std::nullopt;
}

inline std::optional<std::uint16_t> read_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return port;
}

/// Takes the text up to `stop` off the front of `text`, and `stop` with it.
inline std::string_view take_word(std::string_view& text, char stop) {
    const std::size_t at = text.find(stop);
    const std::string_view word = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return word;
}

}  // namespace clew::sensor
