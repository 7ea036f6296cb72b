// SPDX-License-Identifier: Apache-2.0
// Protocols of stores, queues and remote procedure calls, by their length fields and first fields.
#include <algorithm>
#include <string_view>

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/app_check.h"

namespace clew::sensor::app_check {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::uint32_t load_le24(const std::uint8_t* at) { return at[0] | at[1] << 8 | std::uint32_t{at[2]} << 16; }

std::uint32_t load_le32(const std::uint8_t* at) { return load_le24(at) | std::uint32_t{at[3]} << 24; }

bool all_printable(Bytes bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7f; });
}

}  // namespace

/// One packet: its length of 3 bytes, its number, its body. It may go on, but nothing comes behind it.
bool mysql_packet(const PayloadLook& look) { return load_le24(look.bytes.data()) + 4 >= look.length; }

bool mysql_whole_packet(const PayloadLook& look) { return load_le24(look.bytes.data()) + 4 == look.length; }

/// HandshakeResponse41: capabilities, packet size, character set, 23 bytes of zeros, a user's name.
bool mysql_login(const PayloadLook& look) {
    constexpr std::size_t header_bytes = 4, zeros_at = header_bytes + 9, zeros = 19, name_at = zeros_at + 23;
    constexpr std::uint32_t protocol_41 = 0x200;
    const Bytes bytes = look.bytes;
    if (bytes.size() < name_at || load_le24(bytes.data()) + header_bytes != look.length) {
        const bool request_for_tls = bytes.size() >= name_at && load_le24(bytes.data()) == 32;
        if (!request_for_tls) return false;
    }
    if ((load_le32(bytes.data() + header_bytes) & protocol_41) == 0) return false;
    return std::all_of(bytes.begin() + zeros_at, bytes.begin() + zeros_at + zeros, [](auto byte) { return byte == 0; });
}

bool postgresql_startup(const PayloadLook& look) {
    return load_be32(look.bytes.data()) == look.length && look.bytes.back() == 0;
}

/// Messages of a letter and a length, one behind the other to the payload's end; the last may go on.
bool postgresql_messages(const PayloadLook& look) {
    constexpr std::string_view letters = "BCDEFHPQRSXTZpfdcKNAtvns123IVG";
    constexpr std::uint32_t message_bytes_max = 1u << 20;
    std::size_t at = 0, count = 0;
    while (at + 5 <= look.bytes.size()) {
        const char letter = static_cast<char>(look.bytes[at]);
        const std::uint32_t length = load_be32(look.bytes.data() + at + 1);
        if (letters.find(letter) == std::string_view::npos || length < 4 || length > message_bytes_max) return false;
        if (letter == 'Q' && at + length < look.bytes.size() && look.bytes[at + length] != 0) return false;
        at += 1 + length;
        ++count;
    }
    return count > 1 || (count == 1 && at == look.length);
}

/// Its length, and behind the header: OP_MSG's flags (three are known) and a section with a document, or OP_QUERY's
/// flags and a collection's name, or a reply's flags.
bool mongodb(const PayloadLook& look) {
    constexpr std::uint32_t header_bytes = 16, message_bytes_max = 48'000'000, message_flags = 0x10003;
    constexpr std::uint32_t op_reply = 1, op_query = 2004, op_compressed = 2012;
    const Bytes bytes = look.bytes;
    const std::uint32_t length = load_le32(bytes.data());
    if (bytes.size() < header_bytes + 10 || length < look.length || length > message_bytes_max) return false;
    const std::uint32_t operation = load_le32(bytes.data() + 12), flags = load_le32(bytes.data() + header_bytes);
    switch (operation) {
        case op_reply: return flags < 16 && load_le32(bytes.data() + 8) != 0;
        case op_query: return flags < 256 && all_printable(bytes.subspan(header_bytes + 4, 3));
        case op_compressed: return flags == 1 || flags == op_query || flags == 2013;
        default: break;
    }
    const std::uint8_t section = bytes[header_bytes + 4];
    const std::uint32_t document = load_le32(bytes.data() + header_bytes + 5);
    return (flags & ~message_flags) == 0 && section <= 1 && document >= 5 && document <= length;
}

bool dubbo(const PayloadLook& look) {
    constexpr std::uint32_t header_bytes = 16, body_bytes_max = 64u << 20;
    return look.bytes.size() >= header_bytes && load_be32(look.bytes.data() + 12) <= body_bytes_max;
}

/// A request names its client; the length is the request's.
bool kafka_request(const PayloadLook& look) {
    constexpr std::size_t client_at = 14, header_bytes = 4;
    const Bytes bytes = look.bytes;
    if (bytes.size() <= client_at) return false;
    const std::uint32_t length = load_be32(bytes.data()) + header_bytes;
    const std::size_t client = load_be16(bytes.data() + 12);
    if (length < look.length || client == 0 || client > 249 || client_at + client > length) return false;
    return all_printable(bytes.subspan(client_at, std::min(client, bytes.size() - client_at)));
}

/// A method frame ends with 0xce.
bool amqp_frame(const PayloadLook& look) {
    constexpr std::size_t header_bytes = 7;
    const std::size_t end = header_bytes + load_be32(look.bytes.data() + 3);
    if (end + 1 > look.length) return false;
    return end < look.bytes.size() && look.bytes[end] == 0xce;
}

/// STARTUP or OPTIONS: a length of 4 bytes behind 5 of header.
bool cassandra(const PayloadLook& look) {
    constexpr std::uint32_t header_bytes = 9;
    return look.bytes.size() >= header_bytes && load_be32(look.bytes.data() + 5) + header_bytes == look.length;
}

bool tds(const PayloadLook& look) { return look.bytes.size() >= 8 && load_be16(look.bytes.data() + 2) == look.length; }

/// A strict binary message with a name; framed or not.
bool thrift(const PayloadLook& look) {
    const Bytes bytes = look.bytes;
    const std::size_t at = bytes[0] == 0x80 ? 0 : 4;
    if (bytes.size() < at + 9 || bytes[at] != 0x80 || bytes[at + 1] != 1) return false;
    if (at == 4 && load_be32(bytes.data()) + 4 < look.length) return false;
    const std::uint32_t name = load_be32(bytes.data() + at + 4);
    if (name == 0 || name > 128) return false;
    return all_printable(bytes.subspan(at + 8, std::min<std::size_t>(name, bytes.size() - at - 8)));
}

bool tpkt(const PayloadLook& look) {
    return look.bytes.size() >= 7 && load_be16(look.bytes.data() + 2) == look.length &&
           look.bytes[4] + 5u == look.length;
}

/// BER: a sequence as long as the payload, that begins with a message number.
bool ldap(const PayloadLook& look) {
    const Bytes bytes = look.bytes;
    std::size_t length = bytes[1], header = 2;
    if (length > 0x80) {
        const std::size_t count = length - 0x80;
        if (count > 4 || bytes.size() < 2 + count) return false;
        length = 0;
        for (std::size_t i = 0; i < count; ++i) length = length << 8 | bytes[2 + i];
        header += count;
    }
    return header + length == look.length && bytes.size() > header && bytes[header] == 2;
}

/// Commands of three bytes to the end, or up to text.
bool telnet(const PayloadLook& look) {
    return look.bytes.size() >= 3 && (look.length == 3 || (look.bytes.size() >= 4 && look.bytes[3] == 0xff) ||
                                      look.bytes[1] == 0xfa || look.on_port(23));
}

}  // namespace clew::sensor::app_check
