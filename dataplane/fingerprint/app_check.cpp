// SPDX-License-Identifier: Apache-2.0
// The web's, names' and datagrams' protocols; those of stores and queues are in app_check_services.cpp.
#include "dataplane/fingerprint/app_check.h"

#include <algorithm>
#include <string_view>

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/datagram.h"

namespace clew::sensor::app_check {
namespace {

using Bytes = std::span<const std::uint8_t>;

bool is_printable(std::uint8_t byte) { return (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\r'; }

bool is_tls_version(const std::uint8_t* at) { return at[0] == 3 && at[1] <= 4; }

/// Known types alone: their numbers are spread over 16 bits.
bool is_dns_type(std::uint16_t type) {
    return (type >= 1 && type <= 65) || (type >= 249 && type <= 257) || type == 32769;
}

}  // namespace

bool always(const PayloadLook&) { return true; }

bool eight_bytes(const PayloadLook& look) { return look.length == 8; }

bool text_line(const PayloadLook& look) {
    const auto end = std::find(look.bytes.begin(), look.bytes.end(), '\n');
    return std::all_of(look.bytes.begin(), end, is_printable);
}

/// Records one behind the other; the last may go on in the next packet.
bool tls(const PayloadLook& look) {
    constexpr std::uint32_t header_bytes = 5, record_bytes_max = 16384 + 2048;
    std::size_t at = 0;
    while (look.bytes.size() - at >= header_bytes) {
        const std::uint8_t* record = look.bytes.data() + at;
        const std::uint32_t length = load_be16(record + 3);
        if (record[0] < 20 || record[0] > 24 || !is_tls_version(record + 1)) return false;
        if (length == 0 || length > record_bytes_max) return false;
        if (record[0] == 20 && length != 1) return false;
        if (record[0] == 21 && length != 2 && length < 16) return false;
        at += header_bytes + length;
        if (at >= look.bytes.size()) break;
    }
    return at >= header_bytes;
}

bool dtls(const PayloadLook& look) {
    constexpr std::uint32_t header_bytes = 13;
    if (look.bytes.size() < header_bytes) return false;
    const std::uint32_t end = header_bytes + load_be16(look.bytes.data() + 11);
    const bool old = look.bytes[1] == 1;  // before RFC 4347: two bytes that say little
    return old ? end == look.length : end <= look.length;
}

/// A long header with connection ids of lengths that the version allows.
bool quic_long(const PayloadLook& look) {
    constexpr std::size_t id_bytes_max = 20, payload_bytes_min = 20;
    const Bytes bytes = look.bytes;
    if (bytes.size() < 7 || look.length < payload_bytes_min) return false;
    const bool google = bytes[1] == 'Q' || bytes[1] == 'T';
    if (google) return true;  // its lengths are packed otherwise (Q043 to Q050)
    const std::size_t destination = bytes[5];
    if (destination > id_bytes_max || bytes.size() < 7 + destination) return false;
    return bytes[6 + destination] <= id_bytes_max;
}

bool http_request(const PayloadLook& look) {
    const std::string_view text(reinterpret_cast<const char*>(look.bytes.data()), look.bytes.size());
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (!std::all_of(line.begin(), line.end(), [](char c) { return static_cast<std::uint8_t>(c) >= 0x20; }))
        return false;
    return end == std::string_view::npos || line.find(" HTTP/1.") != std::string_view::npos;
}

/// The first frame of each side: SETTINGS of 6 bytes each, on stream 0.
bool http2_settings(const PayloadLook& look) {
    const std::uint32_t length = load_be24(look.bytes.data());
    return length % 6 == 0 && 9 + length <= look.length && (look.bytes[4] == 0 || length == 0);
}

bool dns(const PayloadLook& look) {
    constexpr std::size_t header_bytes = 12;
    const Bytes bytes = look.bytes;
    if (bytes.size() < header_bytes || look.on_port(137)) return false;
    const std::uint16_t questions = load_be16(bytes.data() + 4);
    if (questions != 1 || (bytes[2] & 0x78) > 0x28) return false;
    const bool response = (bytes[2] & 0x80) != 0;
    const std::uint32_t records = load_be16(bytes.data() + 6) + 0u + load_be16(bytes.data() + 8);
    if (!response && records != 0) return false;
    std::size_t at = header_bytes;
    while (at < bytes.size() && bytes[at] != 0) {
        if (bytes[at] > 63) return false;
        at += 1u + bytes[at];
    }
    if (at + 5 > bytes.size()) return false;
    const std::uint16_t kind = load_be16(bytes.data() + at + 3) & 0x7fff;
    return is_dns_type(load_be16(bytes.data() + at + 1)) && (kind == 1 || kind == 3 || kind == 255);
}

bool dns_over_tcp(const PayloadLook& look) {
    if (look.bytes.size() < 14) return false;
    const std::uint32_t length = load_be16(look.bytes.data());
    if (length < 12 || length + 2 < look.length) return false;
    return dns({look.bytes.subspan(2), look.length - 2, look.source_port, look.destination_port});
}

bool stun(const PayloadLook& look) {
    constexpr std::uint32_t header_bytes = 20;
    if (look.bytes.size() < header_bytes) return false;
    const std::uint32_t length = load_be16(look.bytes.data() + 2);
    return length % 4 == 0 && header_bytes + length <= look.length;
}

bool dhcp(const PayloadLook& look) {
    constexpr std::size_t cookie_at = 236;
    return look.bytes.size() >= cookie_at + 4 && load_be32(look.bytes.data() + cookie_at) == 0x63825363;
}

/// Nothing but shape tells it: the port does.
bool ntp(const PayloadLook& look) {
    constexpr std::uint16_t port = 123;
    const unsigned version = look.bytes[0] >> 3 & 7u, mode = look.bytes[0] & 7u;
    if (!look.on_port(port) || version < 1 || version > 4 || mode == 0) return false;
    return mode >= 6 || look.length >= 48;
}

bool wireguard(const PayloadLook& look) {
    switch (look.bytes[0]) {
        case 1: return look.length == 148;
        case 2: return look.length == 92;
        case 3: return look.length == 64 && look.on_port(51820);
        default: return look.length >= 32 && look.length % 16 == 0 && look.on_port(51820);
    }
}

}  // namespace clew::sensor::app_check
