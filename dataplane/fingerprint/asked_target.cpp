// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/asked_target.h"

#include <algorithm>

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/http.h"
#include "dataplane/fingerprint/text.h"

namespace clew::sensor {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// A name that is an address in words is one.
bool take_name(std::string_view name, AskedTarget& target) {
    if (name.empty() || !is_printable(name)) return false;
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    if (const auto ip = read_ip(name))
        target.address.ip = *ip;
    else
        target.name = name;
    return true;
}

/// Behind the empty line that ends an HTTP head; 0 when it is not there.
std::size_t head_end(Bytes payload) {
    const std::size_t at = text_of(payload.first(std::min(payload.size(), http_bytes_max))).find("\r\n\r\n");
    return at == std::string_view::npos ? 0 : at + 4;
}

Asking read_connect(Bytes payload, std::size_t& byte_count, AskedTarget& target) {
    const std::size_t end = head_end(payload);
    if (end == 0) return Asking::over;
    const HttpHead head = parse_http_head(payload.first(end), false);
    const std::size_t colon = head.uri.rfind(':');
    if (!head.request || head.method != "CONNECT" || colon == std::string_view::npos) return Asking::over;
    const auto port = read_port(head.uri.substr(colon + 1));
    if (!port || !take_name(head.uri.substr(0, colon), target)) return Asking::over;
    target.address.port = *port;
    byte_count = end;
    return Asking::connect_asked;
}

Asking read_greeting(Bytes payload, std::size_t& byte_count) {
    constexpr std::uint8_t method_count_max = 8;
    const std::uint8_t method_count = payload[1];
    const std::size_t length = std::size_t{2} + method_count;
    // Nothing follows before it is answered, but from who is in a hurry.
    const bool fits = payload.size() == length || (payload.size() > length && payload[length] == 5);
    if (method_count == 0 || method_count > method_count_max || !fits) return Asking::over;
    byte_count = length;
    return Asking::socks5_greeted;
}

Asking read_socks5_request(Bytes payload, std::size_t& byte_count, AskedTarget& target) {
    constexpr std::uint8_t command_connect = 1, kind_v4 = 1, kind_name = 3, kind_v6 = 4;
    constexpr std::size_t fixed_bytes = 4;
    if (payload.size() < fixed_bytes + 1 || payload[1] != command_connect || payload[2] != 0) return Asking::over;
    const std::uint8_t kind = payload[3];
    const Bytes address = payload.subspan(fixed_bytes);
    const std::size_t length = kind == kind_v4     ? 4
                               : kind == kind_v6   ? 16
                               : kind == kind_name ? std::size_t{1} + address[0]
                                                   : 0;
    if (length == 0 || address.size() < length + 2) return Asking::over;
    if (kind == kind_v4)
        target.address.ip = IpAddress::from_v4_bytes(address.data());
    else if (kind == kind_v6)
        target.address.ip = IpAddress::from_v6_bytes(address.data());
    else if (!take_name(text_of(address.subspan(1, length - 1)), target))
        return Asking::over;
    target.address.port = load_be16(address.data() + length);
    byte_count = fixed_bytes + length + 2;
    return Asking::socks5_asked;
}

/// RFC 1929: version 1, user, password.
Asking read_password(Bytes payload, std::size_t& byte_count) {
    if (payload.size() < 3 || payload.size() < std::size_t{3} + payload[1]) return Asking::over;
    const std::size_t length = std::size_t{3} + payload[1] + payload[std::size_t{2} + payload[1]];
    if (payload.size() < length) return Asking::over;
    byte_count = length;
    return Asking::socks5_greeted;
}

Asking read_socks4(Bytes payload, std::size_t& byte_count, AskedTarget& target) {
    constexpr std::size_t user_at = 8;
    if (payload.size() <= user_at || payload[1] != 1) return Asking::over;
    const std::string_view text = text_of(payload);
    const std::size_t user_end = text.find('\0', user_at);
    if (user_end == std::string_view::npos || !is_printable(text.substr(user_at, user_end - user_at)))
        return Asking::over;
    byte_count = user_end + 1;
    if (load_be24(payload.data() + 4) == 0 && payload[7] != 0) {
        const std::size_t name_end = text.find('\0', user_end + 1);
        if (name_end == std::string_view::npos ||
            !take_name(text.substr(user_end + 1, name_end - user_end - 1), target))
            return Asking::over;
        byte_count = name_end + 1;
    } else {
        target.address.ip = IpAddress::from_v4_bytes(payload.data() + 4);
    }
    target.address.port = load_be16(payload.data() + 2);
    return Asking::socks4_asked;
}

}  // namespace

Asking read_ask(Asking now, Bytes payload, std::size_t& byte_count, AskedTarget& target) {
    byte_count = 0;
    if (payload.size() < 2 || has_asked(now) || now == Asking::over) return now;
    Asking next = Asking::over;
    if (now == Asking::socks5_greeted)
        next = payload[0] == 1   ? read_password(payload, byte_count)
               : payload[0] == 5 ? read_socks5_request(payload, byte_count, target)
                                 : Asking::over;
    else if (payload[0] == 'C')
        next = read_connect(payload, byte_count, target);
    else if (payload[0] == 5)
        next = read_greeting(payload, byte_count);
    else if (payload[0] == 4)
        next = read_socks4(payload, byte_count, target);
    if (next == Asking::over) byte_count = 0;
    return next;
}

void read_reply(Asking now, Bytes payload, std::size_t& byte_count) {
    constexpr std::size_t socks4_bytes = 8;
    constexpr std::uint8_t socks4_granted = 0x5a;
    byte_count = 0;
    if (now == Asking::connect_asked) {
        const std::string_view text = text_of(payload);
        if (text.starts_with("HTTP/1.") && text.substr(std::min<std::size_t>(text.size(), 8)).starts_with(" 2"))
            byte_count = head_end(payload);
    } else if (now == Asking::socks4_asked) {
        if (payload.size() >= socks4_bytes && payload[0] == 0 && payload[1] == socks4_granted)
            byte_count = socks4_bytes;
    } else if (now == Asking::socks5_asked) {
        if (payload.size() < 5 || payload[0] != 5 || payload[1] != 0 || payload[2] != 0) return;
        const std::size_t address = payload[3] == 1 ? 4 : payload[3] == 4 ? 16 : std::size_t{1} + payload[4];
        if (payload.size() >= 4 + address + 2) byte_count = 4 + address + 2;
    }
}

}  // namespace clew::sensor
