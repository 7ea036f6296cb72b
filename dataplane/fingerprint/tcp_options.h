// SPDX-License-Identifier: Apache-2.0
// TCP options of one segment: those of a SYN, the timestamps, and TOA, the option in which LVS FULLNAT and its kin name
// the client (kinds 254, 200, 252, 253; 8 bytes with IPv4, 20 with IPv6: kind, length, port, address). Pure.
#pragma once

#include <cstdint>
#include <span>

#include "nat-trace/address.h"

namespace clew::sensor {

struct TcpOptions {
    std::uint16_t mss = 0;             ///< 0 = absent
    std::uint8_t window_scale = 0xff;  ///< 0xff = absent
    bool sack_permitted = false;
    bool has_timestamps = false;
    bool has_toa = false;
    std::uint32_t tsval = 0;
    std::uint32_t tsecr = 0;
    Endpoint toa;
};

/// Reads up to the first malformed option.
TcpOptions parse_tcp_options(std::span<const std::uint8_t> options);

}  // namespace clew::sensor
