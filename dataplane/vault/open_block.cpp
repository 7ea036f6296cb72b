// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/open_block.h"

#include <numeric>

#include "dataplane/bytes.h"

namespace clew::vault {
namespace {

using sensor::load_be16;
using sensor::load_be32;

/// The IPv4 header's own check sum: over all its bytes it comes to all ones.
Checksum ipv4_checksum(const std::uint8_t* ip, std::size_t length) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < length; i += 2) sum += load_be16(ip + i);
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
    std::memcpy(record.ip_extra.data(), ip + fixed, record.ip_extra_length);
}

void read_tcp(const std::uint8_t* tcp, std::size_t length, HeaderRecord& record) {
    record.seq = load_be32(tcp + 4);
    record.ack = load_be32(tcp + 8);
    record.tcp_offset = tcp[12];
    record.flags = tcp[13];
    record.window = load_be16(tcp + 14);
    record.urgent = load_be16(tcp + 18);
    record.options_length = static_cast<std::uint8_t>(length - 20);
    std::memcpy(record.options.data(), tcp + 20, record.options_length);
}

}  // namespace

bool OpenBlock::allocate(const OpenBlockLimits& limits, std::uint64_t id_base, bool populate) {
    limits_ = limits;
    id_base_ = id_base;
    return bytes_.allocate(std::size_t{limits.packet_count_max} * limits.bytes_per_packet + 2 * entry_bytes_max,
                           populate) &&
           labels_.allocate(limits.leg_count_max, populate);
}

std::size_t OpenBlock::memory_bytes(const OpenBlockLimits& limits) {
    return std::size_t{limits.packet_count_max} * limits.bytes_per_packet + 2 * entry_bytes_max +
           limits.leg_count_max * sizeof(LegLabel);
}

void OpenBlock::read(std::uint32_t at, HeaderRecord& record) const {
    const HeaderEntry& entry = this->entry(at);
    record = HeaderRecord{};
    record.time_ns = entry.time_ns;
    record.wire_length = entry.wire_length;
    record.payload_length = entry.payload_length;
    record.ip_offset = entry.ip_offset;
    record.side = entry.marks & mark_side;
    record.to_server = (entry.marks & mark_to_server) != 0;
    record.has_payload_check = (entry.marks & mark_payload_check) != 0;
    record.payload_check = record.has_payload_check ? entry.payload_check : std::uint16_t{0};
    record.ip_extra_cut = (entry.marks & mark_ip_extra_cut) != 0;
    record.checksum = static_cast<Checksum>(entry.marks >> mark_checksum_shift & 3);
    const std::uint8_t* ip = reinterpret_cast<const std::uint8_t*>(&entry) + sizeof entry;
    read_ip(ip, entry.ip_bytes, record);
    const std::uint8_t* transport = ip + entry.ip_bytes;
    switch (labels_[entry.leg].protocol) {
        case static_cast<std::uint8_t>(Protocol::tcp): read_tcp(transport, entry.transport_bytes, record); break;
        case static_cast<std::uint8_t>(Protocol::udp): record.udp_length = load_be16(transport + 4); break;
        default:
            record.icmp_type = transport[0];
            record.icmp_code = transport[1];
            record.seq = load_be16(transport + 6);
    }
}

void SortedBlock::sort(const OpenBlock& block) {
    block_ = &block;
    leg_count_ = block.leg_count();
    const std::uint32_t end = block.bytes_used();
    begins_.assign(leg_count_ + 2, 0);
    std::uint32_t count = 0;
    for (std::uint32_t at = 0; at < end; at += OpenBlock::size_of(block.entry(at)), ++count)
        ++begins_[block.entry(at).leg + 2];
    std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
    order_.resize(count);
    for (std::uint32_t at = 0; at < end; at += OpenBlock::size_of(block.entry(at)))
        order_[begins_[block.entry(at).leg + 1]++] = at;
}

}  // namespace clew::vault
