// SPDX-License-Identifier: Apache-2.0
// Colours by meaning; and text measured and cut in terminal columns (UTF-8, one column a code point).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace clew::cli {

enum class Style { plain, strong, faint, good, warning, bad, changed };

/// Wraps text in escape sequences when it is on, and leaves it alone when it is not.
class Paint {
  public:
    explicit Paint(bool on) : on_(on) {}
    std::string operator()(Style style, std::string_view text) const;

  private:
    bool on_;
};

std::size_t display_width(std::string_view text);
std::string pad_right(std::string_view text, std::size_t width);  ///< text first, then spaces
std::string pad_left(std::string_view text, std::size_t width);
std::string cut(std::string_view text, std::size_t width);  ///< at most `width` columns; a cut text ends in '…'

/// Text of others (process names, sentences of a server) made safe for a terminal: control characters become '?'.
std::string printable(std::string_view text);

/// The text in lines of at most `width` columns, broken at spaces; a longer word stands alone.
std::string wrap(std::string_view text, std::size_t width, std::string_view indent);

std::string with_thousands(std::uint64_t number);  ///< 1234567 → "1,234,567"

}  // namespace clew::cli
