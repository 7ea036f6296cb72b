// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/hpack.h"

#include <algorithm>
#include <cstdint>

namespace clew::corpus {
namespace {

constexpr std::size_t table_bytes_max = 4096;
constexpr std::size_t first_of_table = 62;

/// What of the static table is used here.
struct StaticEntry {
    std::size_t index;
    const char* name;
    const char* value;
};
constexpr StaticEntry static_entries[] = {
    {1, ":authority", ""},       {2, ":method", "GET"},    {3, ":method", "POST"}, {4, ":path", "/"},
    {5, ":path", "/index.html"}, {6, ":scheme", "http"},   {8, ":status", "200"},  {19, "accept", ""},
    {28, "content-length", ""},  {31, "content-type", ""}, {32, "cookie", ""},     {34, "etag", ""},
    {54, "server", ""},          {58, "user-agent", ""},   {60, "via", ""},
};

/// RFC 7541, appendix B: of the symbols from ' ' to '~' the codes' lengths. Codes are given out by length, then symbol.
constexpr int code_lengths[] = {6, 10, 10, 12, 13, 6, 8,  11, 10, 10, 8, 11, 8,  6,  6,  6, 5,  5, 5, 6,  6,  6,  6, 6,
                                6, 6,  7,  8,  15, 6, 12, 10, 13, 6,  7, 7,  7,  7,  7,  7, 7,  7, 7, 7,  7,  7,  7, 7,
                                7, 7,  7,  7,  7,  7, 7,  7,  8,  7,  8, 13, 19, 13, 14, 6, 15, 5, 6, 5,  6,  5,  6, 6,
                                6, 5,  7,  7,  6,  6, 6,  5,  6,  7,  6, 5,  5,  6,  7,  7, 7,  7, 7, 15, 11, 14, 13};
constexpr int code_length_max = 15;  // the backslash, which has a longer one, is never coded

struct Code {
    std::uint32_t bits = 0;
    int length = 0;
};

std::vector<Code> make_codes() {
    std::vector<Code> codes(128);
    std::uint32_t code = 0;
    for (int length = 1; length <= code_length_max; ++length) {
        code <<= 1;
        if (length == 13) ++code;  // the symbol 0
        for (int symbol = ' '; symbol <= '~'; ++symbol)
            if (code_lengths[symbol - ' '] == length) codes[static_cast<std::size_t>(symbol)] = {code++, length};
    }
    return codes;
}

bool is_coded(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
}

std::string huffman(const std::string& text) {
    static const std::vector<Code> codes = make_codes();
    std::string out;
    std::uint64_t held = 0;
    int bits = 0;
    for (const char c : text) {
        const Code& code = codes[static_cast<std::size_t>(c)];
        held = held << code.length | code.bits;
        for (bits += code.length; bits >= 8; bits -= 8) out.push_back(static_cast<char>(held >> (bits - 8)));
    }
    if (bits > 0) out.push_back(static_cast<char>(held << (8 - bits) | ((1u << (8 - bits)) - 1)));
    return out;
}

void put_integer(std::string& out, unsigned first, int prefix_bits, std::size_t value) {
    const std::size_t mask = (1u << prefix_bits) - 1;
    if (value < mask) {
        out.push_back(static_cast<char>(first | value));
        return;
    }
    out.push_back(static_cast<char>(first | mask));
    for (value -= mask; value >= 128; value /= 128) out.push_back(static_cast<char>(128 + value % 128));
    out.push_back(static_cast<char>(value));
}

}  // namespace

void HpackWriter::put_text(std::string& out, const std::string& text) {
    if (huffman_ && is_coded(text)) {
        const std::string coded = huffman(text);
        put_integer(out, 0x80, 7, coded.size());
        out += coded;
        return;
    }
    put_integer(out, 0, 7, text.size());
    out += text;
}

void HpackWriter::remember(const std::string& name, const std::string& value) {
    table_.emplace_front(name, value);
    size_ += name.size() + value.size() + 32;
    while (size_ > table_bytes_max) {
        size_ -= table_.back().first.size() + table_.back().second.size() + 32;
        table_.pop_back();
    }
}

void HpackWriter::put_field(std::string& out, const std::string& name, const std::string& value) {
    std::size_t same_name = 0;
    for (const StaticEntry& entry : static_entries) {
        if (name != entry.name) continue;
        if (*entry.value != '\0' && value == entry.value) return put_integer(out, 0x80, 7, entry.index);
        if (same_name == 0) same_name = entry.index;
    }
    for (std::size_t i = 0; i < table_.size(); ++i) {
        if (table_[i].first != name) continue;
        if (table_[i].second == value) return put_integer(out, 0x80, 7, first_of_table + i);
        if (same_name == 0) same_name = first_of_table + i;
    }
    const bool secret = name == "cookie" && value.size() < 20;
    const bool indexed = !secret && (name[0] == ':' || rng_.chance(0.8));
    put_integer(out, indexed ? 0x40 : secret ? 0x10 : 0, indexed ? 6 : 4, same_name);
    if (same_name == 0) put_text(out, name);
    put_text(out, value);
    if (indexed) remember(name, value);
}

std::string HpackWriter::block(const Fields& fields) {
    std::string out;
    for (const auto& [name, value] : fields) put_field(out, name, value);
    return out;
}

std::string frame(int type, int flags, std::uint32_t stream, const std::string& body) {
    std::string out;
    for (const int shift : {16, 8, 0}) out.push_back(static_cast<char>(body.size() >> shift));
    out.push_back(static_cast<char>(type)), out.push_back(static_cast<char>(flags));
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(stream >> shift));
    return out + body;
}

std::string message(HpackWriter& writer, std::uint32_t stream, const Fields& fields, const std::string& body,
                    const Fields& trailers) {
    constexpr int data = 0, headers = 1;
    constexpr std::size_t frame_bytes_max = 16'384;
    const bool alone = body.empty() && trailers.empty();
    std::string out = frame(headers, end_headers | (alone ? end_stream : 0), stream, writer.block(fields));
    for (std::size_t at = 0; at < body.size(); at += frame_bytes_max) {
        const bool last = at + frame_bytes_max >= body.size() && trailers.empty();
        out += frame(data, last ? end_stream : 0, stream, body.substr(at, frame_bytes_max));
    }
    if (!trailers.empty()) out += frame(headers, end_headers | end_stream, stream, writer.block(trailers));
    return out;
}

std::string client_preface(Rng& rng) {
    constexpr int settings = 4, window_update = 8;
    std::string out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    out += frame(settings, 0, 0, rng.chance(0.5) ? std::string("\0\x03\0\0\0\x64\0\x04\0\x10\0\0", 12) : std::string());
    if (rng.chance(0.7)) out += frame(window_update, 0, 0, std::string("\0\x0f\0\x01", 4));
    return out;
}

std::string server_preface(Rng& rng) {
    constexpr int settings = 4, ack = 1;
    return frame(settings, 0, 0, rng.chance(0.5) ? std::string("\0\x03\0\0\0\x80", 6) : std::string()) +
           frame(settings, ack, 0, {});
}

}  // namespace clew::corpus
