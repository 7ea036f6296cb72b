// SPDX-License-Identifier: Apache-2.0
// The words and marks of a filter text.
#pragma once

#include <string>
#include <string_view>

namespace clew::store {

struct FilterToken {
    enum class Kind {
        end,
        word,
        quoted,
        compare,
        logic_and,
        logic_or,
        logic_not,
        open,
        close,
        set_open,
        set_close,
        comma,
        bad
    };
    Kind kind = Kind::end;
    std::string text;        ///< of a word, a quoted text (without its quotes) or a comparison ("==")
    std::size_t column = 1;  ///< where it starts, in bytes from 1
};

/// Takes the next token off the front of `text`; `at` is the number of bytes taken so far.
FilterToken next_filter_token(std::string_view text, std::size_t& at);

}  // namespace clew::store
