// SPDX-License-Identifier: Apache-2.0
// What a client tells a proxy that it wants to be connected to: HTTP CONNECT (RFC 9110, 9.3.6), SOCKS5 (RFC 1928, with
// RFC 1929's password), SOCKS4 and 4a; and what the proxy answers. Views into the payload. Pure; each message must be
// whole in one payload, as it is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nat-trace/address.h"

namespace clew::sensor {

/// How far the two have come.
enum class Asking : std::uint8_t {
    nothing = 0,
    socks5_greeted,
    socks5_asked,
    socks4_asked,
    connect_asked,
    over,  ///< what both sides carry has begun, or it was none of these
};
constexpr bool has_asked(Asking asking) {
    return asking == Asking::socks5_asked || asking == Asking::socks4_asked || asking == Asking::connect_asked;
}

struct AskedTarget {
    std::string_view name;  ///< empty: `address` has all
    Endpoint address;       ///< of a name the port alone
};

/// The client's next message, at the start of `payload`. Says where they are then; `byte_count` is the message's
/// length, and `target` is filled in once it has been told.
Asking read_ask(Asking now, std::span<const std::uint8_t> payload, std::size_t& byte_count, AskedTarget& target);

/// The proxy's next message, of one that has been asked; `byte_count` is its length if it says yes, else 0.
void read_reply(Asking now, std::span<const std::uint8_t> payload, std::size_t& byte_count);

}  // namespace clew::sensor
