// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/raw_header.h"

#include <cstring>

#include "dataplane/bytes.h"

namespace clew::vault {
namespace {

using sensor::load_be16;
using sensor::load_be32;

/// The IPv4 header's own check sum: over all its bytes it comes to all ones, in either order of bytes.
Checksum ipv4_checksum(const std::uint8_t* ip, std::size_t length) {
    const auto word = [ip](std::size_t at) {
        std::uint32_t value;
        std::memcpy(&value, ip + at, sizeof value);
        return std::uint64_t{value};
    };
    std::uint64_t sum = word(0) + word(4) + word(8) + word(12) + word(16);
    for (std::size_t at = 20; at + 4 <= length; at += 4) sum += word(at);
    sum = (sum & 0xffff'ffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff ? Checksum::good : Checksum::bad;
}

void read_ip(const std::uint8_t* ip, std::size_t length, HeaderRecord& record) {
    const bool v6 = ip[0] >> 4 == 6;
    const std::size_t fixed = v6 ? 40 : 20;
    record.v6 = v6;
    if (v6) {
        record.tos = static_cast<std::uint8_t>(load_be16(ip) >> 4);
        record.flow_label = load_be32(ip) & 0xf'ffff;
        record.ip_length = load_be16(ip + 4);
        record.ip_protocol = ip[6];
        record.ttl = ip[7];
    } else {
        record.tos = ip[1];
        record.ip_length = load_be16(ip + 2);
        record.ip_id = load_be16(ip + 4);
        record.fragment = load_be16(ip + 6);
        record.ttl = ip[8];
        record.ip_protocol = ip[9];
        record.ip_checksum = record.ip_extra_cut ? Checksum::unchecked : ipv4_checksum(ip, length);
    }
    record.ip_extra_length = static_cast<std::uint8_t>(length - fixed);
    if (record.ip_extra_length != 0) std::memcpy(record.ip_extra.data(), ip + fixed, record.ip_extra_length);
}

void read_tcp(const std::uint8_t* tcp, std::size_t length, HeaderRecord& record) {
    record.seq = load_be32(tcp + 4);
    record.ack = load_be32(tcp + 8);
    record.tcp_offset = tcp[12];
    record.flags = tcp[13];
    record.window = load_be16(tcp + 14);
    record.urgent = load_be16(tcp + 18);
    record.options_length = static_cast<std::uint8_t>(length - 20);
    constexpr std::size_t usual = 12;  // NOP, NOP, time stamps
    if (record.options_length == usual)
        std::memcpy(record.options.data(), tcp + 20, usual);
    else if (record.options_length != 0)
        std::memcpy(record.options.data(), tcp + 20, record.options_length);
}

}  // namespace

void read_header(const RawHeader& raw, std::uint8_t protocol, HeaderRecord& record) {
    static constexpr HeaderRecord empty;
    record = empty;
    record.time_ns = raw.time_ns;
    record.wire_length = raw.wire_length;
    record.payload_length = raw.payload_length;
    record.ip_offset = raw.ip_offset;
    record.side = raw.marks & mark_side;
    record.to_server = (raw.marks & mark_to_server) != 0;
    record.has_payload_check = (raw.marks & mark_payload_check) != 0;
    record.payload_check = record.has_payload_check ? raw.payload_check : std::uint16_t{0};
    record.ip_extra_cut = (raw.marks & mark_ip_extra_cut) != 0;
    record.checksum = static_cast<Checksum>(raw.marks >> mark_checksum_shift & 3);
    read_ip(raw.ip.data(), raw.ip.size(), record);
    const std::uint8_t* transport = raw.transport.data();
    switch (protocol) {
        case static_cast<std::uint8_t>(Protocol::tcp): read_tcp(transport, raw.transport.size(), record); break;
        case static_cast<std::uint8_t>(Protocol::udp): record.udp_length = load_be16(transport + 4); break;
        default:
            record.icmp_type = transport[0];
            record.icmp_code = transport[1];
            record.seq = load_be16(transport + 6);
    }
}

}  // namespace clew::vault
