// SPDX-License-Identifier: Apache-2.0
#include "cli/paint.h"

#include <algorithm>

namespace clew::cli {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

const char* escape(Style style) {
    switch (style) {
        case Style::plain: return "";
        case Style::strong: return "\x1b[1m";
        case Style::faint: return "\x1b[2m";
        case Style::good: return "\x1b[32m";
        case Style::warning: return "\x1b[33m";
        case Style::bad: return "\x1b[1;31m";
        case Style::changed: return "\x1b[1;36m";
    }
    return "";
}

}  // namespace

std::string Paint::operator()(Style style, std::string_view text) const {
    if (!on_ || style == Style::plain || text.empty()) return std::string(text);
    return escape(style) + std::string(text) + "\x1b[0m";
}

std::size_t display_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::string pad_right(std::string_view text, std::size_t width) {
    const std::size_t used = display_width(text);
    return std::string(text) + std::string(used < width ? width - used : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
    const std::size_t used = display_width(text);
    return std::string(used < width ? width - used : 0, ' ') + std::string(text);
}

std::string cut(std::string_view text, std::size_t width) {
    if (display_width(text) <= width) return std::string(text);
    if (width == 0) return {};
    std::size_t end = 0;
    for (std::size_t column = 0; end < text.size(); ++end)
        if (!continues(text[end]) && ++column == width) break;
    return std::string(text.substr(0, end)) + "…";
}

std::string printable(std::string_view text) {
    std::string safe(text);
    for (char& c : safe)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    // U+0080…U+009F are control characters as well: two bytes, c2 80 … c2 9f.
    for (std::size_t i = 0; i + 1 < safe.size(); ++i)
        if (safe[i] == '\xc2' && static_cast<unsigned char>(safe[i + 1]) < 0xa0) safe.replace(i, 2, "?");
    return safe;
}

std::string wrap(std::string_view text, std::size_t width, std::string_view indent) {
    if (display_width(text) <= width) return std::string(indent) + std::string(text) + "\n";
    std::string lines;
    std::string line;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        const std::string_view word = text.substr(begin, end - begin);
        begin = end + 1;
        if (word.empty()) continue;
        if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
            lines += std::string(indent) + line + "\n";
            line.clear();
        }
        line += (line.empty() ? "" : " ") + std::string(word);
    }
    return lines + std::string(indent) + line + "\n";
}

std::string with_thousands(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

}  // namespace clew::cli
