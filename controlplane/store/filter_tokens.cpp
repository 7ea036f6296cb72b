// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/filter_tokens.h"

#include <array>
#include <cctype>
#include <utility>

namespace clew::store {
namespace {

using Kind = FilterToken::Kind;

struct Mark {
    std::string_view text;
    Kind kind;
    std::string_view meaning;
};

constexpr std::array marks = {
    Mark{"&&", Kind::logic_and, ""}, Mark{"||", Kind::logic_or, ""},  Mark{"==", Kind::compare, "=="},
    Mark{"!=", Kind::compare, "!="}, Mark{"<=", Kind::compare, "<="}, Mark{">=", Kind::compare, ">="},
    Mark{"<", Kind::compare, "<"},   Mark{">", Kind::compare, ">"},   Mark{"!", Kind::logic_not, ""},
    Mark{"(", Kind::open, ""},       Mark{")", Kind::close, ""},      Mark{"{", Kind::set_open, ""},
    Mark{"}", Kind::set_close, ""},  Mark{",", Kind::comma, ""},
};

constexpr std::array words = {
    Mark{"and", Kind::logic_and, ""},
    Mark{"or", Kind::logic_or, ""},
    Mark{"not", Kind::logic_not, ""},
    Mark{"eq", Kind::compare, "=="},
    Mark{"ne", Kind::compare, "!="},
    Mark{"lt", Kind::compare, "<"},
    Mark{"le", Kind::compare, "<="},
    Mark{"gt", Kind::compare, ">"},
    Mark{"ge", Kind::compare, ">="},
    Mark{"in", Kind::compare, "in"},
    Mark{"contains", Kind::compare, "contains"},
};

bool word_byte(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte != 0x7f && std::string_view("()!=<>&|{},\"").find(c) == std::string_view::npos;
}

/// The text up to the closing quote; \" and \\ stand for the quote and the backslash.
FilterToken take_quoted(std::string_view text, std::size_t& at) {
    FilterToken token{.kind = Kind::quoted, .text = {}, .column = at + 1};
    for (++at; at < text.size(); ++at) {
        if (text[at] == '"') {
            ++at;
            return token;
        }
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        token.text += text[at];
    }
    return {.kind = Kind::bad, .text = "the quotes that open here are not closed", .column = token.column};
}

}  // namespace

FilterToken next_filter_token(std::string_view text, std::size_t& at) {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
    FilterToken token{.kind = Kind::end, .text = {}, .column = at + 1};
    if (at >= text.size()) return token;
    if (text[at] == '"') return take_quoted(text, at);
    for (const Mark& mark : marks) {
        if (text.substr(at, mark.text.size()) != mark.text) continue;
        at += mark.text.size();
        token.kind = mark.kind;
        token.text = mark.meaning;
        return token;
    }
    const std::size_t begin = at;
    while (at < text.size() && word_byte(text[at])) ++at;
    if (at == begin) {
        const char c = text[at++];
        token.kind = Kind::bad;
        token.text = c == '='   ? "'=' alone compares nothing; write =="
                     : c == '&' ? "write && or and"
                     : c == '|' ? "write || or or"
                                : "a byte that no filter has";
        return token;
    }
    token.kind = Kind::word;
    token.text = text.substr(begin, at - begin);
    for (const Mark& word : words) {
        if (token.text != word.text) continue;
        token.kind = word.kind;
        token.text = word.meaning;
        break;
    }
    return token;
}

}  // namespace clew::store
