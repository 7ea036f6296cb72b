// SPDX-License-Identifier: Apache-2.0
// The transport header of a decapped packet: ports, TCP fields, where options and payload are. By value, host byte
// order.
#pragma once

#include <cstdint>

#include "dataplane/decap.h"

namespace clew::sensor {

struct Transport {
    Reason reason = Reason::none;   ///< anything else: the packet makes no leg
    std::uint8_t flags = 0;         ///< TCP
    bool echo_request = false;      ///< ICMP
    std::uint16_t source_port = 0;  ///< ICMP: the echo id, at both ends
    std::uint16_t destination_port = 0;
    std::uint16_t window = 0;
    std::uint16_t checksum = 0;  ///< as written
    std::uint32_t seq = 0;       ///< TCP; ICMP: the echo's sequence number
    std::uint32_t ack = 0;
    std::uint16_t options_offset = 0;  ///< TCP, from the frame's first byte; 0 when there are none or they are cut
    std::uint16_t options_length = 0;
    std::uint32_t payload_offset = 0;
    std::uint32_t payload_captured = 0;  ///< bytes that may be read at payload_offset
    std::uint32_t payload_length = 0;    ///< as sent (of a first fragment: its own part)
};

/// Writes every member; returns transport.reason.
Reason parse_transport(const std::uint8_t* frame, const Decapped& decapped, Transport& transport);

inline Transport parse_transport(const std::uint8_t* frame, const Decapped& decapped) {
    Transport transport;
    parse_transport(frame, decapped, transport);
    return transport;
}

}  // namespace clew::sensor
