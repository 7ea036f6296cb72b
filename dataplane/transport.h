// SPDX-License-Identifier: Apache-2.0
// The transport header of a decapped packet: ports, TCP fields, where options and payload are. By value, host byte
// order.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/bytes.h"
#include "dataplane/decap.h"
#include "nat-trace/leg.h"

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

/// Of anything but TCP; else as parse_transport().
Reason parse_other_transport(const std::uint8_t* frame, const Decapped& decapped, Transport& transport);

/// The payload starts `header_bytes` behind the transport header's start and is `length` bytes long as sent.
inline void set_payload(Transport& transport, const Decapped& decapped, std::uint32_t header_bytes,
                        std::uint32_t length) {
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    const std::uint32_t header_captured = std::min(header_bytes, captured);
    transport.payload_offset = decapped.transport_offset + header_captured;
    transport.payload_captured = std::min(captured - header_captured, length);
    transport.payload_length = length;
}

inline Reason refuse(Transport& transport, Reason reason) {
    transport = {};
    return transport.reason = reason;
}

/// As they stand in the header, in one store: they are read together right after.
inline void put_ports(Transport& transport, std::uint32_t both) {
    static_assert(offsetof(Transport, destination_port) == offsetof(Transport, source_port) + 2);
    const std::uint32_t word = std::rotl(both, 16);
    std::memcpy(reinterpret_cast<std::uint8_t*>(&transport) + offsetof(Transport, source_port), &word, sizeof word);
}

inline Reason parse_tcp(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    constexpr std::uint32_t header_bytes_min = 20;
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    if (captured < header_bytes_min) return refuse(transport, Reason::tcp_truncated);
    const std::uint8_t* tcp = frame + decapped.transport_offset;
    const std::uint32_t header_bytes = (tcp[12] >> 4) * 4u;
    if (header_bytes < header_bytes_min || header_bytes > decapped.transport_length)
        return refuse(transport, Reason::tcp_header_bad);
    transport.reason = Reason::none;
    transport.flags = tcp[13];
    transport.echo_request = false;
    put_ports(transport, load_be32(tcp));
    transport.window = load_be16(tcp + 14);
    transport.checksum = load_be16(tcp + 16);
    transport.seq = load_be32(tcp + 4);
    transport.ack = load_be32(tcp + 8);
    const std::uint32_t options_at = decapped.transport_offset + header_bytes_min;
    const bool options = header_bytes > header_bytes_min && header_bytes <= captured && options_at <= 0xffff;
    transport.options_offset = static_cast<std::uint16_t>(options ? options_at : 0);
    transport.options_length = static_cast<std::uint16_t>(options ? header_bytes - header_bytes_min : 0);
    set_payload(transport, decapped, header_bytes, decapped.transport_length - header_bytes);
    return Reason::none;
}

/// Writes every member; returns transport.reason.
inline Reason parse_transport(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    if (decapped.protocol == static_cast<std::uint8_t>(Protocol::tcp)) [[likely]]
        return parse_tcp(frame, decapped, transport);
    return parse_other_transport(frame, decapped, transport);
}

inline Transport parse_transport(const std::uint8_t* frame, const Decapped& decapped) {
    Transport transport;
    parse_transport(frame, decapped, transport);
    return transport;
}

}  // namespace clew::sensor
