// SPDX-License-Identifier: Apache-2.0
#include "dataplane/transport.h"

#include <algorithm>

namespace clew::sensor {
namespace {

Reason parse_udp(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    constexpr std::uint32_t header_bytes = 8;
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    if (captured < header_bytes) return refuse(transport, Reason::udp_truncated);
    transport = {};
    const std::uint8_t* udp = frame + decapped.transport_offset;
    std::uint32_t length = load_be16(udp + 4);
    if (length == 0) length = decapped.transport_length;  // jumbo datagram
    if (length < header_bytes || (length > decapped.transport_length && !decapped.first_fragment))
        return refuse(transport, Reason::udp_length_bad);
    transport.source_port = load_be16(udp);
    transport.destination_port = load_be16(udp + 2);
    transport.checksum = load_be16(udp + 6);
    set_payload(transport, decapped, header_bytes, std::min(length, decapped.transport_length) - header_bytes);
    return Reason::none;
}

Reason parse_icmp(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    constexpr std::uint32_t header_bytes = 8;
    const std::uint32_t captured = decapped.end_offset - decapped.transport_offset;
    if (captured < header_bytes || decapped.transport_length < header_bytes)
        return refuse(transport, Reason::icmp_truncated);
    const std::uint8_t* icmp = frame + decapped.transport_offset;
    const std::uint8_t request = decapped.v6 ? 128 : 8, reply = decapped.v6 ? 129 : 0;
    if (icmp[0] != request && icmp[0] != reply) return refuse(transport, Reason::icmp_not_echo);
    transport = {};
    transport.echo_request = icmp[0] == request;
    transport.checksum = load_be16(icmp + 2);
    transport.source_port = transport.destination_port = load_be16(icmp + 4);
    transport.seq = load_be16(icmp + 6);
    set_payload(transport, decapped, header_bytes, decapped.transport_length - header_bytes);
    return Reason::none;
}

}  // namespace

Reason parse_other_transport(const std::uint8_t* frame, const Decapped& decapped, Transport& transport) {
    switch (decapped.protocol) {
        case static_cast<std::uint8_t>(Protocol::udp): return parse_udp(frame, decapped, transport);
        case static_cast<std::uint8_t>(Protocol::icmp):
            if (!decapped.v6) return parse_icmp(frame, decapped, transport);
            break;
        case static_cast<std::uint8_t>(Protocol::icmpv6):
            if (decapped.v6) return parse_icmp(frame, decapped, transport);
            break;
    }
    return refuse(transport, Reason::ip_protocol_unsupported);
}

}  // namespace clew::sensor
