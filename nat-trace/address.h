// SPDX-License-Identifier: Apache-2.0
// Addresses as written in a packet: IP, MAC, and an IP with a port; and their text forms.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace clew {

/// An IPv6 address in network byte order; an IPv4 address is held v4-mapped (::ffff:a.b.c.d).
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};

    static IpAddress from_v4(std::uint32_t host_order);
    static IpAddress from_v4_bytes(const std::uint8_t* network_order);
    static IpAddress from_v6_bytes(const std::uint8_t* network_order);

    bool is_v4() const;
    std::uint32_t v4() const;     ///< host byte order; only meaningful when is_v4()
    bool is_unspecified() const;  ///< all zero: not known

    auto operator<=>(const IpAddress&) const = default;
    bool operator==(const IpAddress& other) const {
        std::uint64_t mine[2], its[2];
        std::memcpy(mine, bytes.data(), 16);
        std::memcpy(its, other.bytes.data(), 16);
        return mine[0] == its[0] && mine[1] == its[1];
    }
};
static_assert(sizeof(IpAddress) == 16);

/// One end of a connection. The port is in host byte order; 0 where the protocol has none; the echo id for ICMP echo.
struct Endpoint {
    IpAddress ip;
    std::uint16_t port = 0;

    auto operator<=>(const Endpoint&) const = default;
};

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    bool is_zero() const { return bytes == std::array<std::uint8_t, 6>{}; }
    auto operator<=>(const MacAddress&) const = default;
};

std::string to_text(const IpAddress& ip);       ///< "10.0.0.7" or RFC 5952 "2001:db8::1"
std::string to_text(const Endpoint& endpoint);  ///< "10.0.0.7:443" or "[2001:db8::1]:443"
std::string to_text(const MacAddress& mac);     ///< "02:00:5e:10:00:01"

std::optional<IpAddress> parse_ip(std::string_view text);
std::optional<Endpoint> parse_endpoint(std::string_view text);  ///< the forms that to_text prints; the port is required

}  // namespace clew
