// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_frame.h"

#include <algorithm>

#include "dataplane/vault/checksum.h"

namespace clew::vault {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint16_t ethertype_vlan = 0x8100, ethertype_ipv4 = 0x0800, ethertype_ipv6 = 0x86dd;

void put16(Bytes& to, std::uint32_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}

void put32(Bytes& to, std::uint32_t value) {
    put16(to, value >> 16);
    put16(to, value & 0xffff);
}

template <class Range>
void put(Bytes& to, const Range& bytes) {
    to.insert(to.end(), std::begin(bytes), std::end(bytes));
}

bool only_vlans(const Segment& segment) {
    return std::all_of(segment.layers.begin(), segment.layers.begin() + segment.layer_count,
                       [](const Layer& layer) { return layer.type == LayerType::vlan; });
}

void put_ethernet(const LegLabel& leg, const HeaderRecord& record, Bytes& to) {
    const Segment& segment = leg.segment;
    put(to, record.side == 0 ? segment.server_mac.bytes : segment.client_mac.bytes);
    put(to, record.side == 0 ? segment.client_mac.bytes : segment.server_mac.bytes);
    for (std::size_t i = 0; only_vlans(segment) && i < segment.layer_count; ++i) {
        put16(to, ethertype_vlan);
        put16(to, segment.layers[i].id & 0xfff);
    }
    put16(to, record.v6 ? ethertype_ipv6 : ethertype_ipv4);
}

void put_ipv4(const LegLabel& leg, const HeaderRecord& record, Bytes& to) {
    const std::size_t at = to.size();
    const IpAddress& source = record.side == 0 ? leg.low : leg.high;
    const IpAddress& destination = record.side == 0 ? leg.high : leg.low;
    to.push_back(static_cast<std::uint8_t>(0x40 | (20 + record.ip_extra_length) / 4));
    to.push_back(record.tos);
    put16(to, record.ip_length);
    put16(to, record.ip_id);
    put16(to, record.fragment);
    to.push_back(record.ttl);
    to.push_back(record.ip_protocol);
    put16(to, 0);
    put32(to, source.v4());
    put32(to, destination.v4());
    to.insert(to.end(), record.ip_extra.begin(), record.ip_extra.begin() + record.ip_extra_length);
    std::uint32_t sum = internet_sum(to.data() + at, to.size() - at) ^ 0xffff;
    if (record.ip_checksum == Checksum::bad) sum ^= 0xffff;  // bad it was, and is again
    to[at + 10] = static_cast<std::uint8_t>(sum >> 8);
    to[at + 11] = static_cast<std::uint8_t>(sum);
}

void put_ipv6(const LegLabel& leg, const HeaderRecord& record, Bytes& to) {
    put32(to, 6u << 28 | std::uint32_t{record.tos} << 20 | (record.flow_label & 0xf'ffff));
    put16(to, record.ip_length);
    to.push_back(record.ip_protocol);
    to.push_back(record.ttl);
    put(to, record.side == 0 ? leg.low.bytes : leg.high.bytes);
    put(to, record.side == 0 ? leg.high.bytes : leg.low.bytes);
    to.insert(to.end(), record.ip_extra.begin(), record.ip_extra.begin() + record.ip_extra_length);
}

void put_transport(const LegLabel& leg, const HeaderRecord& record, Bytes& to) {
    const std::uint16_t source = record.side == 0 ? leg.port_low : leg.port_high;
    const std::uint16_t destination = record.side == 0 ? leg.port_high : leg.port_low;
    if (leg.protocol == static_cast<std::uint8_t>(Protocol::tcp)) {
        put16(to, source);
        put16(to, destination);
        put32(to, record.seq);
        put32(to, record.ack);
        to.push_back(record.tcp_offset);
        to.push_back(record.flags);
        put16(to, record.window);
        put16(to, 0);
        put16(to, record.urgent);
        to.insert(to.end(), record.options.begin(), record.options.begin() + record.options_length);
    } else if (leg.protocol == static_cast<std::uint8_t>(Protocol::udp)) {
        put16(to, source);
        put16(to, destination);
        put16(to, record.udp_length);
        put16(to, 0);
    } else {
        to.push_back(record.icmp_type);
        to.push_back(record.icmp_code);
        put16(to, 0);
        put16(to, source);
        put16(to, record.seq);
    }
}

}  // namespace

void build_frame(const LegLabel& leg, const HeaderRecord& record, std::vector<std::uint8_t>& frame) {
    frame.clear();
    put_ethernet(leg, record, frame);
    record.v6 ? put_ipv6(leg, record, frame) : put_ipv4(leg, record, frame);
    put_transport(leg, record, frame);
}

std::size_t built_ip_offset(const LegLabel& leg) {
    return 14 + (only_vlans(leg.segment) ? std::size_t{4} * leg.segment.layer_count : 0);
}

void strip_tunnels(const LegLabel& leg, const HeaderRecord& record, std::span<const std::uint8_t> frame,
                   std::vector<std::uint8_t>& to) {
    to.clear();
    put_ethernet(leg, record, to);
    put(to, frame.subspan(std::min<std::size_t>(record.ip_offset, frame.size())));
}

bool has_tunnels(const LegLabel& leg) { return !only_vlans(leg.segment); }

std::uint32_t built_wire_length(const LegLabel& leg, const HeaderRecord& record) {
    const auto ethernet = static_cast<std::uint32_t>(built_ip_offset(leg));
    if (record.ip_offset < ethernet) return record.wire_length + ethernet - record.ip_offset;  // a capture of bare IP
    const std::uint32_t dropped = record.ip_offset - ethernet;
    return record.wire_length > dropped ? record.wire_length - dropped : record.wire_length;
}

}  // namespace clew::vault
