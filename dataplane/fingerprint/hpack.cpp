// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/hpack.h"

#include <algorithm>
#include <cstring>

#include "dataplane/fingerprint/text.h"

namespace clew::sensor {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint32_t static_count = 61;
constexpr std::size_t entry_overhead = 32;
constexpr std::size_t read_name_bytes_max = 20;  // longer ones are none of those that are read

/// RFC 7541, appendix B, by the codes' lengths: codes of one length follow each other in the order of the symbols, and
/// the shorter ones come first.
constexpr std::size_t symbol_count = 257;
constexpr std::uint32_t end_of_string = 256;
constexpr int code_bits_max = 30;
constexpr std::uint8_t code_lengths[symbol_count] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,  5,  5,  5,  6,  6,  6,  6,  6,  6,  6,
    7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
    7,  8,  7,  8,  13, 19, 13, 14, 6,  15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,
    5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24,
    24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22,
    23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26,
    27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23,
    22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};

struct HuffmanTable {
    std::array<std::uint16_t, symbol_count> symbols{};      ///< by code
    std::array<std::uint32_t, code_bits_max + 1> first{};   ///< code of each length
    std::array<std::uint32_t, code_bits_max + 1> behind{};  ///< its last code + 1, with bits up to code_bits_max
    std::array<std::uint16_t, code_bits_max + 1> places{};  ///< of first, in symbols
};

constexpr HuffmanTable make_huffman_table() {
    HuffmanTable table;
    std::uint32_t code = 0;
    std::uint16_t place = 0;
    for (int length = 1; length <= code_bits_max; ++length) {
        code <<= 1;
        const auto at = static_cast<std::size_t>(length);
        table.first[at] = code;
        table.places[at] = place;
        for (std::uint16_t symbol = 0; symbol < symbol_count; ++symbol) {
            if (code_lengths[symbol] != length) continue;
            table.symbols[place++] = symbol;
            ++code;
        }
        table.behind[at] = code << (code_bits_max - length);
    }
    return table;
}
constexpr HuffmanTable huffman = make_huffman_table();
static_assert(huffman.behind[code_bits_max] == 1u << code_bits_max, "the codes are complete");

/// RFC 7541, 5.1: what is left of the first byte below its highest bits, and more bytes where that is all ones.
bool read_integer(Bytes& in, int prefix_bits, std::uint32_t& value) {
    constexpr int shift_max = 21;
    if (in.empty()) return false;
    const std::uint32_t mask = (1u << prefix_bits) - 1;
    value = in[0] & mask;
    in = in.subspan(1);
    if (value < mask) return true;
    for (int shift = 0; shift <= shift_max; shift += 7) {
        if (in.empty()) return false;
        const std::uint8_t byte = in[0];
        in = in.subspan(1);
        value += std::uint32_t{byte & 0x7fu} << shift;
        if ((byte & 0x80) == 0) return true;
    }
    return false;
}

/// A field's name or value: as many of its bytes as there is room for, and how long it is.
struct Text {
    std::string_view seen;
    std::size_t length = 0;
    bool whole() const { return seen.size() == length; }
};

bool read_text(Bytes& in, char* room, std::size_t room_bytes, Text& out) {
    if (in.empty()) return false;
    const bool coded = (in[0] & 0x80) != 0;
    std::uint32_t length = 0;
    if (!read_integer(in, 7, length) || length > in.size()) return false;
    const Bytes bytes = in.first(length);
    in = in.subspan(length);
    out.length = length;
    if (coded) {
        out.length = decode_huffman(bytes, room, room_bytes);
        if (out.length == huffman_bad) return false;
    } else {
        std::memcpy(room, bytes.data(), std::min(bytes.size(), room_bytes));
    }
    out.seen = {room, std::min(out.length, room_bytes)};
    return true;
}

HpackName name_of(std::string_view text) {
    struct Known {
        std::string_view text;
        HpackName name;
    };
    static constexpr Known known[] = {
        {":authority", HpackName::authority},
        {":method", HpackName::method},
        {":path", HpackName::path},
        {":status", HpackName::status},
        {"host", HpackName::host},
        {"traceparent", HpackName::traceparent},
        {"x-forwarded-for", HpackName::forwarded_for},
        {"forwarded", HpackName::forwarded},
    };
    for (const Known& k : known)
        if (same_name(text, k.text)) return k.name;
    return names_request_id(text) ? HpackName::request_id : HpackName::other;
}

/// Of the static table those that are read.
HpackName static_name(std::uint32_t index) {
    if (index == 1) return HpackName::authority;
    if (index == 2 || index == 3) return HpackName::method;
    if (index == 4 || index == 5) return HpackName::path;
    if (index >= 8 && index <= 14) return HpackName::status;
    return index == 38 ? HpackName::host : HpackName::other;
}

bool static_value(std::uint32_t index, std::string_view& value) {
    if (index < 2 || index > 5) return false;
    static constexpr std::string_view values[] = {"GET", "POST", "/", "/index.html"};
    value = values[index - 2];
    return true;
}

/// One block, field by field.
class BlockReader {
  public:
    BlockReader(Bytes in, HpackTable& table, HpackText& text, HttpHead& head)
        : in_(in), table_(table), text_(text), head_(head) {}

    bool read() {
        while (!in_.empty())
            if (!read_field()) return false;
        head_.complete = true;
        head_.request = !head_.method.empty() && !head_.uri.empty() && !lost_;
        if (head_.host.empty()) head_.host = host_;
        return true;
    }

  private:
    bool read_field() {
        const std::uint8_t first = in_[0];
        if (first & 0x80) return read_indexed();
        if (first & 0x40) return read_literal(6, true);
        if (first & 0x20) {
            std::uint32_t size = 0;
            if (!read_integer(in_, 5, size)) return false;
            table_.resize(size);
            return true;
        }
        return read_literal(4, false);
    }

    bool read_indexed() {
        std::uint32_t index = 0;
        if (!read_integer(in_, 7, index) || index == 0) return false;
        std::string_view value;
        bool known = false;
        if (index <= static_count) {
            known = static_value(index, value);
        } else if (table_.value(index - static_count - 1, value)) {
            known = keep(value);  // what follows in this block may take its place in the table
        }
        take(name_at(index), value, known);
        return true;
    }

    bool read_literal(int prefix_bits, bool indexed) {
        std::uint32_t index = 0;
        if (!read_integer(in_, prefix_bits, index)) return false;
        HpackName name = name_at(index);
        std::size_t name_length = 0;
        if (index == 0) {
            char room[read_name_bytes_max];
            Text text;
            if (!read_text(in_, room, sizeof room, text)) return false;
            name_length = text.length;
            if (text.whole()) name = name_of(text.seen);
        }
        char* const at = text_.bytes.data() + text_.used;
        Text value;
        if (!read_text(in_, at, text_.bytes.size() - text_.used, value)) return false;
        if (indexed) table_.add(name, value.seen, value.whole(), name_length + value.length + entry_overhead);
        if (name != HpackName::other && value.whole()) text_.used += value.length;
        take(name, value.seen, value.whole());
        return true;
    }

    HpackName name_at(std::uint32_t index) const {
        return index <= static_count ? static_name(index) : table_.name(index - static_count - 1);
    }

    bool keep(std::string_view& value) {
        if (value.size() > text_.bytes.size() - text_.used) return false;
        char* const at = text_.bytes.data() + text_.used;
        std::memcpy(at, value.data(), value.size());
        text_.used += value.size();
        value = {at, value.size()};
        return true;
    }

    void take(HpackName name, std::string_view value, bool known) {
        if (name == HpackName::status) head_.response = true;
        const bool names_request = name == HpackName::method || name == HpackName::path ||
                                   name == HpackName::authority || name == HpackName::host;
        if (!known) {
            lost_ |= names_request;
            return;
        }
        switch (name) {
            case HpackName::authority: head_.host = value; break;
            case HpackName::host: host_ = value; break;
            case HpackName::method: head_.method = value; break;
            case HpackName::path: head_.uri = value; break;
            case HpackName::request_id:
                if (head_.request_id.empty()) head_.request_id = value;
                break;
            case HpackName::traceparent: head_.traceparent = value; break;
            case HpackName::forwarded_for:
                if (!value.empty()) head_.forwarded_for = value;  // of several the last continues the list
                break;
            case HpackName::forwarded:
                if (!value.empty()) head_.forwarded = value;
                break;
            default: break;
        }
    }

    Bytes in_;
    HpackTable& table_;
    HpackText& text_;
    HttpHead& head_;
    std::string_view host_;
    bool lost_ = false;  ///< something that names the request is not known
};

}  // namespace

HpackName HpackTable::name(std::uint32_t place) const {
    if (place >= added_ || place >= entry_count_max) return HpackName::other;
    return entries_[(added_ - 1 - place) % entry_count_max].name;
}

bool HpackTable::value(std::uint32_t place, std::string_view& value) const {
    if (place >= added_ || place >= entry_count_max) return false;
    const Entry& entry = entries_[(added_ - 1 - place) % entry_count_max];
    if (!entry.has_value || written_ - entry.value_at > value_room) return false;
    value = {values_.data() + entry.value_at % value_room, entry.length};
    return true;
}

void HpackTable::add(HpackName name, std::string_view value, bool whole, std::size_t size) {
    if (size > size_max_) {  // RFC 7541, 4.4: it empties the table and is not in it
        added_ = 0;
        return;
    }
    Entry entry;
    entry.name = name;
    if (name != HpackName::other && whole && value.size() <= value_room / 2) {
        const std::uint32_t at = written_ % value_room;
        if (at + value.size() > value_room) written_ += value_room - at;
        entry.value_at = written_;
        entry.length = static_cast<std::uint16_t>(value.size());
        entry.has_value = true;
        std::memcpy(values_.data() + written_ % value_room, value.data(), value.size());
        written_ += entry.length;
    }
    entries_[added_ % entry_count_max] = entry;
    ++added_;
}

void HpackTable::resize(std::size_t size_max) {
    size_max_ = static_cast<std::uint32_t>(size_max);
    if (size_max == 0) added_ = 0;
}

std::size_t decode_huffman(Bytes coded, char* out, std::size_t room) {
    std::uint64_t held = 0;  ///< the lowest `bits` of it are not decoded yet
    int bits = 0;
    std::size_t length = 0, at = 0;
    for (;;) {
        for (; bits <= 56 && at < coded.size(); bits += 8) held = held << 8 | coded[at++];
        if (bits == 0) return length;
        constexpr std::uint32_t all_ones = (1u << code_bits_max) - 1;
        const std::uint32_t window = bits >= code_bits_max
                                         ? static_cast<std::uint32_t>(held >> (bits - code_bits_max)) & all_ones
                                         : (static_cast<std::uint32_t>(held << (code_bits_max - bits)) & all_ones) |
                                               ((1u << (code_bits_max - bits)) - 1);
        std::size_t code_bits = 5;
        while (window >= huffman.behind[code_bits]) ++code_bits;
        if (static_cast<int>(code_bits) > bits) {
            // RFC 7541, 5.2: what is left of the last byte is the beginning of the code that ends a string.
            return bits < 8 && window == all_ones ? length : huffman_bad;
        }
        const std::uint32_t code = window >> (code_bits_max - static_cast<int>(code_bits));
        const std::uint32_t symbol = huffman.symbols[huffman.places[code_bits] + (code - huffman.first[code_bits])];
        if (symbol == end_of_string) return huffman_bad;
        if (length < room) out[length] = static_cast<char>(symbol);
        ++length;
        bits -= static_cast<int>(code_bits);
    }
}

bool read_header_block(Bytes block, HpackTable& table, HpackText& text, HttpHead& head) {
    text.used = 0;
    return BlockReader(block, table, text, head).read();
}

}  // namespace clew::sensor
