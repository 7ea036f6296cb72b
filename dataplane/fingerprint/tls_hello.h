// SPDX-License-Identifier: Apache-2.0
// What a TLS handshake's first message says in the clear (RFC 8446, 6066, 7301): the name of the server the client asks
// for, and the application protocol. A message that goes on in a later packet is read as far as it is there. Views into
// the payload; pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace clew::sensor {

struct TlsHello {
    bool client = false;           ///< a ClientHello; else a ServerHello
    std::string_view server_name;  ///< SNI; empty: none was seen
    std::string_view alpn;         ///< the first protocol of the list; a server's list has one
};

/// `payload` begins with a TLS record. Empty when that is no hello.
TlsHello parse_tls_hello(std::span<const std::uint8_t> payload);

}  // namespace clew::sensor
