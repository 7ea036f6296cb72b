// SPDX-License-Identifier: Apache-2.0
// ICMP and ICMPv6 errors (RFC 792, RFC 4443): what is reported, and the packet that they quote, as it was written on
// the link where the error is seen: gateways write the quote back as they write the addresses of answers.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/decap.h"
#include "nat-trace/address.h"

namespace clew::sensor {

struct IcmpError {
    std::uint8_t type = 0;  ///< destination unreachable, time exceeded, parameter problem; ICMPv6: packet too big too
    std::uint8_t code = 0;
    std::uint8_t protocol = 0;  ///< of the quoted packet: TCP, UDP or echo
    IpAddress reporter;
    Endpoint source;  ///< of the quoted packet
    Endpoint destination;
};

/// Nothing when the packet is no error, or quotes too little.
std::optional<IcmpError> parse_icmp_error(const std::uint8_t* frame, const Decapped& decapped);

}  // namespace clew::sensor
