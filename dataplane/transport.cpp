// SPDX-License-Identifier: Apache-2.0
#include "dataplane/transport.h"

#include <algorithm>

#include "dataplane/bytes.h"
#include "nat-trace/leg.h"

namespace clew::sensor {
namespace {

/// The payload starts `header_bytes` behind the transport header's start and is `length` bytes long as sent.
void set_payload(Transport& transport, const Decapped& decapped, std::uint32_t header_bytes, std::uint32_t length) {
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    transport.payload_offset = decapped.transport_offset + std::min(header_bytes, captured);
    transport.payload_captured = std::min(captured - std::min(header_bytes, captured), length);
    transport.payload_length = length;
}

void refuse(Transport& transport, Reason reason) { transport.reason = reason; }

void parse_tcp(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    constexpr std::uint32_t header_bytes_min = 20;
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    if (captured < header_bytes_min) return refuse(transport, Reason::tcp_truncated);
    const std::uint8_t* tcp = frame + decapped.transport_offset;
    const std::uint32_t header_bytes = (tcp[12] >> 4) * 4u;
    if (header_bytes < header_bytes_min || header_bytes > decapped.transport_length)
        return refuse(transport, Reason::tcp_header_bad);
    transport.source_port = load_be16(tcp);
    transport.destination_port = load_be16(tcp + 2);
    transport.seq = load_be32(tcp + 4);
    transport.ack = load_be32(tcp + 8);
    transport.flags = tcp[13];
    transport.window = load_be16(tcp + 14);
    transport.checksum = load_be16(tcp + 16);
    const std::uint32_t options_at = decapped.transport_offset + header_bytes_min;
    if (header_bytes > header_bytes_min && header_bytes <= captured && options_at <= 0xffff) {
        transport.options_offset = static_cast<std::uint16_t>(options_at);
        transport.options_length = static_cast<std::uint16_t>(header_bytes - header_bytes_min);
    }
    set_payload(transport, decapped, header_bytes, decapped.transport_length - header_bytes);
}

void parse_udp(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    constexpr std::uint32_t header_bytes = 8;
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    if (captured < header_bytes) return refuse(transport, Reason::udp_truncated);
    const std::uint8_t* udp = frame + decapped.transport_offset;
    std::uint32_t length = load_be16(udp + 4);
    if (length == 0) length = decapped.transport_length;  // jumbo datagram
    if (length < header_bytes || (length > decapped.transport_length && !decapped.first_fragment))
        return refuse(transport, Reason::udp_length_bad);
    transport.source_port = load_be16(udp);
    transport.destination_port = load_be16(udp + 2);
    transport.checksum = load_be16(udp + 6);
    set_payload(transport, decapped, header_bytes, std::min(length, decapped.transport_length) - header_bytes);
}

void parse_icmp(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    constexpr std::uint32_t header_bytes = 8;
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    if (captured < header_bytes || decapped.transport_length < header_bytes)
        return refuse(transport, Reason::icmp_truncated);
    const std::uint8_t* icmp = frame + decapped.transport_offset;
    const std::uint8_t request = decapped.v6 ? 128 : 8, reply = decapped.v6 ? 129 : 0;
    if (icmp[0] != request && icmp[0] != reply) return refuse(transport, Reason::icmp_not_echo);
    transport.echo_request = icmp[0] == request;
    transport.checksum = load_be16(icmp + 2);
    transport.source_port = transport.destination_port = load_be16(icmp + 4);
    transport.seq = load_be16(icmp + 6);
    set_payload(transport, decapped, header_bytes, decapped.transport_length - header_bytes);
}

}  // namespace

Reason parse_transport(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    transport = {};
    switch (decapped.protocol) {
        case static_cast<std::uint8_t>(Protocol::tcp): parse_tcp(frame, decapped, transport); break;
        case static_cast<std::uint8_t>(Protocol::udp): parse_udp(frame, decapped, transport); break;
        case static_cast<std::uint8_t>(Protocol::icmp):
            decapped.v6 ? refuse(transport, Reason::ip_protocol_unsupported) : parse_icmp(frame, decapped, transport);
            break;
        case static_cast<std::uint8_t>(Protocol::icmpv6):
            decapped.v6 ? parse_icmp(frame, decapped, transport) : refuse(transport, Reason::ip_protocol_unsupported);
            break;
        default: refuse(transport, Reason::ip_protocol_unsupported);
    }
    return transport.reason;
}

}  // namespace clew::sensor
