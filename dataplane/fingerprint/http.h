// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1 request or response: what of it can be recognised on the other side of a proxy. Views into the
// payload. Pure; looks at http_bytes_max bytes at most.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "nat-trace/address.h"

namespace clew::sensor {

constexpr std::size_t http_bytes_max = 4096;

struct HttpHead {
    bool request = false;
    bool response = false;
    bool complete = false;  ///< the empty line was seen
    std::string_view method, uri, host;
    std::string_view request_id;  ///< X-Request-ID, X-Correlation-ID or Request-Id, the first there is
    std::string_view traceparent;
    std::string_view forwarded_for;  ///< X-Forwarded-For: the whole value of the last such line
    std::string_view forwarded;      ///< Forwarded (RFC 7239), likewise
};

/// Most payloads are no HTTP, and most of those are told by their first byte.
constexpr bool may_begin_http(std::uint8_t first) {
    switch (first) {
        case 'G':
        case 'P':
        case 'H':
        case 'D':
        case 'O':
        case 'C':
        case 'T': return true;
        default: return false;
    }
}

/// `in_head`: the stream's earlier bytes were an HTTP head whose end has not come: read header lines from the next line
/// on.
HttpHead parse_http_head(std::span<const std::uint8_t> payload, bool in_head);

/// X-Request-ID and its family, in any case.
bool names_request_id(std::string_view header);

/// 16 bytes trace id + 8 bytes parent id; false when the text is no W3C trace context.
bool parse_traceparent(std::string_view text, std::span<std::uint8_t, 24> ids);

/// The last address of X-Forwarded-For, with or without a port: the client of the proxy that sent this head. False when
/// the last entry is no address ("unknown", a made-up name): the ones before it are other proxies' clients.
bool parse_forwarded_for(std::string_view text, IpAddress& client);

/// The same of Forwarded (RFC 7239): what its last element says behind "for=". False when that is no address
/// ("unknown", a made-up "_name"), is not said, or stands in quotes that do not end.
bool parse_forwarded(std::string_view text, IpAddress& client);

/// XXH3-64 of "METHOD host URI".
std::uint64_t hash_http_request(const HttpHead& head);

}  // namespace clew::sensor
