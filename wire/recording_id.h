// SPDX-License-Identifier: Apache-2.0
// A recording's id as a person reads and types it: 8 hex digits.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace clew::wire {

constexpr std::size_t recording_id_digits = 8;

inline std::string recording_id_text(std::uint32_t id) {
    char text[recording_id_digits + 1];
    std::snprintf(text, sizeof text, "%08x", id);
    return text;
}

/// Nothing where the text is no id.
inline std::optional<std::uint32_t> parse_recording_id(std::string_view text) {
    std::uint32_t id = 0;
    if (text.size() != recording_id_digits) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return id;
}

}  // namespace clew::wire
