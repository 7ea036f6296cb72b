// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/statement.h"

#include <algorithm>
#include <cctype>

namespace clew::store {
namespace {

bool word_byte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool same_word(std::string_view text, std::string_view upper) {
    return std::ranges::equal(text, upper,
                              [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; });
}

struct Token {
    enum class Kind { end, word, semicolon, open, close, other };
    Kind kind = Kind::end;
    std::string_view text;
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// Splits SQL into words and marks; quoted text and comments are passed over. Never reads beyond what it was asked for,
/// so data after the part that matters may hold any bytes.
class Tokens {
  public:
    explicit Tokens(std::string_view text) : text_(text) {}

    Token next() {
        skip_blanks();
        Token token{.kind = Token::Kind::end, .text = {}, .begin = at_, .end = at_};
        if (at_ >= text_.size()) return token;
        const char c = text_[at_];
        if (word_byte(c)) {
            while (at_ < text_.size() && word_byte(text_[at_])) ++at_;
            token.kind = Token::Kind::word;
        } else if (c == '\'' || c == '"' || c == '`') {
            skip_quoted(c);
            token.kind = Token::Kind::other;
        } else {
            ++at_;
            token.kind = c == ';'   ? Token::Kind::semicolon
                         : c == '(' ? Token::Kind::open
                         : c == ')' ? Token::Kind::close
                                    : Token::Kind::other;
        }
        token.end = at_;
        token.text = text_.substr(token.begin, token.end - token.begin);
        return token;
    }

  private:
    bool at(std::string_view mark) const { return text_.substr(at_, mark.size()) == mark; }

    void skip_blanks() {
        while (at_ < text_.size()) {
            if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
                ++at_;
            } else if (at("--") || at("#!") || at("# ")) {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (at("/*")) {
                const std::size_t end = text_.find("*/", at_ + 2);
                at_ = end == std::string_view::npos ? text_.size() : end + 2;
            } else {
                return;
            }
        }
    }

    void skip_quoted(char quote) {
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\\') {
                ++at_;
            } else if (text_[at_] == quote) {
                ++at_;
                return;
            }
        }
        at_ = std::min(at_, text_.size());
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

/// Blanks up to and with the first line end belong to the statement; what follows is data.
std::size_t data_start(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r')) ++at;
    if (at < text.size() && text[at] == ';') ++at;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r')) ++at;
    if (at < text.size() && text[at] == '\n') ++at;
    return at;
}

/// After the word INSERT. Nothing when the rows come from a SELECT.
bool read_insert(std::string_view text, Tokens& tokens, Statement& statement) {
    int depth = 0;
    while (true) {
        const Token token = tokens.next();
        if (token.kind == Token::Kind::open) ++depth;
        if (token.kind == Token::Kind::close) --depth;
        if (token.kind == Token::Kind::end || token.kind == Token::Kind::semicolon) {
            statement.sql = text.substr(0, token.begin);
            statement.data_offset = text.size();
            return true;
        }
        if (token.kind != Token::Kind::word || depth != 0) continue;
        if (same_word(token.text, "SELECT") || same_word(token.text, "WITH") || same_word(token.text, "WATCH"))
            return false;
        if (same_word(token.text, "VALUES")) {
            statement.sql = text.substr(0, token.begin);
            statement.format = "Values";
            statement.data_offset = token.end;
            return true;
        }
        if (same_word(token.text, "FORMAT")) {
            const Token name = tokens.next();
            statement.sql = text.substr(0, token.begin);
            statement.format = name.text;
            statement.data_offset = data_start(text, name.end);
            return true;
        }
    }
}

}  // namespace

Result<Statement> read_statement(std::string_view text) {
    Statement statement;
    Tokens tokens(text);
    Token token = tokens.next();
    if (token.kind == Token::Kind::end) return fail(ErrorKind::usage, "Empty query");
    if (same_word(token.text, "INSERT")) {
        if (read_insert(text, tokens, statement)) {
            statement.takes_data = true;
            return statement;
        }
        statement = {};
    }
    std::size_t end = text.size();
    bool ended = false;
    bool format_follows = false;
    int depth = token.kind == Token::Kind::open ? 1 : 0;
    for (token = tokens.next(); token.kind != Token::Kind::end; token = tokens.next()) {
        if (token.kind == Token::Kind::semicolon) {
            if (!ended) end = token.begin;
            ended = true;
            continue;
        }
        if (ended) return fail(ErrorKind::usage, "Multi-statements are not allowed");
        if (token.kind == Token::Kind::open) ++depth;
        if (token.kind == Token::Kind::close) --depth;
        if (format_follows && token.kind == Token::Kind::word) statement.format = token.text;
        format_follows = depth == 0 && token.kind == Token::Kind::word && same_word(token.text, "FORMAT");
    }
    statement.sql = text.substr(0, end);
    statement.data_offset = text.size();
    return statement;
}

}  // namespace clew::store
