// SPDX-License-Identifier: Apache-2.0
#include "dataplane/icmp_error.h"

#include "dataplane/bytes.h"
#include "nat-trace/leg.h"

namespace clew::sensor {
namespace {

constexpr std::uint32_t icmp_header_bytes = 8;
constexpr std::uint32_t quoted_transport_bytes = 8;  // what every error must quote at least

bool is_error(bool v6, std::uint8_t type) {
    return v6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
}

/// Ports, or the echo id for both.
bool take_ports(const std::uint8_t* transport, IcmpError& error) {
    switch (static_cast<Protocol>(error.protocol)) {
        case Protocol::tcp:
        case Protocol::udp:
            error.source.port = load_be16(transport);
            error.destination.port = load_be16(transport + 2);
            return true;
        case Protocol::icmp:
        case Protocol::icmpv6: error.source.port = error.destination.port = load_be16(transport + 4); return true;
    }
    return false;
}

bool take_quote_v4(const std::uint8_t* quote, std::uint32_t length, IcmpError& error) {
    constexpr std::uint32_t header_bytes_min = 20;
    if (length < header_bytes_min || quote[0] >> 4 != 4) return false;
    const std::uint32_t header_bytes = (quote[0] & 0xf) * 4u;
    if (header_bytes < header_bytes_min || length < header_bytes + quoted_transport_bytes) return false;
    if ((load_be16(quote + 6) & 0x1fff) != 0) return false;  // a later fragment has no ports
    error.protocol = quote[9];
    error.source.ip = IpAddress::from_v4_bytes(quote + 12);
    error.destination.ip = IpAddress::from_v4_bytes(quote + 16);
    return take_ports(quote + header_bytes, error);
}

bool take_quote_v6(const std::uint8_t* quote, std::uint32_t length, IcmpError& error) {
    constexpr std::uint32_t header_bytes = 40;
    if (length < header_bytes + quoted_transport_bytes || quote[0] >> 4 != 6) return false;
    error.protocol = quote[6];  // quotes behind extension headers are passed over
    error.source.ip = IpAddress::from_v6_bytes(quote + 8);
    error.destination.ip = IpAddress::from_v6_bytes(quote + 24);
    return take_ports(quote + header_bytes, error);
}

}  // namespace

std::optional<IcmpError> parse_icmp_error(const std::uint8_t* frame, const Decapped& decapped) {
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    if (captured < icmp_header_bytes || decapped.first_fragment) return std::nullopt;
    const std::uint8_t* icmp = frame + decapped.transport_offset;
    if (!is_error(decapped.v6, icmp[0])) return std::nullopt;
    IcmpError error;
    error.type = icmp[0];
    error.code = icmp[1];
    const std::uint8_t* addresses = frame + decapped.addresses_offset;
    error.reporter = decapped.v6 ? IpAddress::from_v6_bytes(addresses) : IpAddress::from_v4_bytes(addresses);
    const std::uint8_t* quote = icmp + icmp_header_bytes;
    const std::uint32_t length = captured - icmp_header_bytes;
    const bool good = decapped.v6 ? take_quote_v6(quote, length, error) : take_quote_v4(quote, length, error);
    return good ? std::optional(error) : std::nullopt;
}

}  // namespace clew::sensor
