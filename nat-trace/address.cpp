// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/address.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include <arpa/inet.h>

namespace clew {
namespace {
constexpr std::array<std::uint8_t, 12> v4_mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
}

IpAddress IpAddress::from_v4(std::uint32_t host_order) {
    const std::uint8_t raw[4] = {static_cast<std::uint8_t>(host_order >> 24),
                                 static_cast<std::uint8_t>(host_order >> 16),
                                 static_cast<std::uint8_t>(host_order >> 8), static_cast<std::uint8_t>(host_order)};
    return from_v4_bytes(raw);
}

IpAddress IpAddress::from_v4_bytes(const std::uint8_t* network_order) {
    IpAddress ip;
    std::copy(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), ip.bytes.begin());
    std::memcpy(ip.bytes.data() + 12, network_order, 4);
    return ip;
}

IpAddress IpAddress::from_v6_bytes(const std::uint8_t* network_order) {
    IpAddress ip;
    std::memcpy(ip.bytes.data(), network_order, 16);
    return ip;
}

bool IpAddress::is_v4() const { return std::equal(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), bytes.begin()); }

std::uint32_t IpAddress::v4() const {
    return std::uint32_t{bytes[12]} << 24 | std::uint32_t{bytes[13]} << 16 | std::uint32_t{bytes[14]} << 8 | bytes[15];
}

bool IpAddress::is_unspecified() const { return bytes == std::array<std::uint8_t, 16>{}; }

std::string to_text(const IpAddress& ip) {
    char text[INET6_ADDRSTRLEN];
    const bool v4 = ip.is_v4();
    inet_ntop(v4 ? AF_INET : AF_INET6, ip.bytes.data() + (v4 ? 12 : 0), text, sizeof text);
    return text;
}

std::string to_text(const Endpoint& endpoint) {
    const std::string ip = to_text(endpoint.ip);
    const std::string port = std::to_string(endpoint.port);
    return endpoint.ip.is_v4() ? ip + ":" + port : "[" + ip + "]:" + port;
}

std::string to_text(const MacAddress& mac) {
    char text[18];
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac.bytes[0], mac.bytes[1], mac.bytes[2],
                  mac.bytes[3], mac.bytes[4], mac.bytes[5]);
    return text;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
    const std::string copy(text);
    std::uint8_t raw[16];
    if (inet_pton(AF_INET, copy.c_str(), raw) == 1) return IpAddress::from_v4_bytes(raw);
    if (inet_pton(AF_INET6, copy.c_str(), raw) == 1) return IpAddress::from_v6_bytes(raw);
    return std::nullopt;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view port_text = text.substr(colon + 1);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (error != std::errc{} || end != port_text.data() + port_text.size()) return std::nullopt;
    const auto ip = parse_ip(host);
    if (!ip || ip->is_v4() == bracketed) return std::nullopt;
    return Endpoint{*ip, port};
}

}  // namespace clew
