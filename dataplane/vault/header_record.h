// SPDX-License-Identifier: Apache-2.0
// What the header log keeps of one packet, and of the leg it belongs to. Plain values, host byte order.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "nat-trace/leg.h"
#include "nat-trace/segment.h"
#include "nat-trace/time.h"

namespace clew::vault {

/// Of the transport header's check sum, or of the IPv4 header's. The value itself is not kept.
enum class Checksum : std::uint8_t {
    unchecked,  ///< not verified: the payload was cut, or verifying is switched off
    good,
    bad,
    absent,  ///< UDP over IPv4 with 0 in the field
};

constexpr std::size_t ip_extra_bytes_max = 64;  ///< IPv4 options, or IPv6 extension headers; more is cut, and marked
constexpr std::size_t options_bytes_max = 40;   ///< TCP options

/// One packet. Where a protocol has no such field it is 0. Equal fields are equal packets: unused bytes are 0.
struct HeaderRecord {
    TimeNs time_ns = 0;                ///< as received
    std::uint32_t wire_length = 0;     ///< of the whole frame as sent
    std::uint32_t payload_length = 0;  ///< behind the transport header, as sent
    std::uint32_t seq = 0;             ///< TCP; ICMP echo: its sequence number
    std::uint32_t ack = 0;
    std::uint16_t ip_length = 0;  ///< as written: IPv4 total length, IPv6 payload length
    std::uint16_t ip_id = 0;
    std::uint16_t window = 0;  ///< as written, not scaled
    std::uint16_t udp_length = 0;
    std::uint16_t payload_check = 0;  ///< as PacketHeader::payload_check; 0 when it is not kept
    std::uint8_t flags = 0;
    std::uint8_t tcp_offset = 0;   ///< byte 12 of the TCP header: its length, and the bits behind that
    std::uint8_t side = 0;         ///< 0: sent by the leg's lower end, 1: by the higher
    std::uint8_t ip_protocol = 0;  ///< as written: of IPv6 the first next header
    bool v6 = false;               ///< of the innermost IP header
    bool to_server = false;        ///< by what was known of the client when it came
    // From here to ip_extra_length: what hardly ever changes within a side of a leg, without gaps.
    std::uint32_t flow_label = 0;  ///< IPv6
    std::uint16_t ip_offset = 0;   ///< where the inner IP header starts in the frame
    std::uint16_t fragment = 0;    ///< IPv4: flags and offset as written
    std::uint16_t urgent = 0;
    std::uint8_t tos = 0;  ///< DSCP and ECN
    std::uint8_t ttl = 0;
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    bool has_payload_check = false;
    bool ip_extra_cut = false;  ///< there was more of it than ip_extra_bytes_max, or than was captured
    Checksum ip_checksum = Checksum::absent;
    Checksum checksum = Checksum::unchecked;
    std::uint8_t ip_extra_length = 0;
    std::uint8_t options_length = 0;  ///< as captured
    std::array<std::uint8_t, ip_extra_bytes_max> ip_extra{};
    std::array<std::uint8_t, options_bytes_max> options{};

    bool operator==(const HeaderRecord&) const = default;
};

/// The leg that a block's packets belong to. The lower end is the lower address, then the lower port.
struct LegLabel {
    LegId id = 0;
    IpAddress low, high;
    std::uint16_t port_low = 0, port_high = 0;
    TapId tap = 0;
    std::uint8_t protocol = 0;  ///< IANA, behind IPv6 extension headers
    Segment segment;            ///< as the lower end's packets bear it: its client is the lower end

    bool v6() const { return !low.is_v4() || !high.is_v4(); }  ///< of most packets; IPv6 may carry mapped addresses
    bool operator==(const LegLabel&) const = default;
};

}  // namespace clew::vault
