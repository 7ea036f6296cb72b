// SPDX-License-Identifier: Apache-2.0
#include "tests/region/tcp_frame.h"

#include <algorithm>

#include "nat-trace/check.h"

namespace clew::region {

namespace {

std::uint64_t sum16(std::span<const std::uint8_t> bytes) {
    std::uint64_t sum = 0;
    std::size_t i = 0;
    for (; i + 1 < bytes.size(); i += 2) sum += static_cast<std::uint64_t>(bytes[i]) << 8 | bytes[i + 1];
    if (i < bytes.size()) sum += static_cast<std::uint64_t>(bytes[i]) << 8;
    return sum;
}

std::uint16_t fold(std::uint64_t sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

}  // namespace

std::optional<TcpFrame> TcpFrame::parse(std::span<const std::uint8_t> frame) {
    if (frame.size() < ip_at + 40 || frame[12] != 0x08 || frame[13] != 0x00 || frame[ip_at] >> 4 != 4) return {};
    const std::size_t ip_header = (frame[ip_at] & 15) * std::size_t{4};
    const std::size_t ip_total = static_cast<std::size_t>(frame[ip_at + 2] << 8 | frame[ip_at + 3]);
    const bool fragment = (frame[ip_at + 6] & 0x3f) || frame[ip_at + 7];
    if (ip_header < 20 || fragment || frame[ip_at + 9] != 6) return {};
    if (ip_total < ip_header + 20 || ip_at + ip_total > frame.size()) return {};
    const std::size_t tcp_header = (frame[ip_at + ip_header + 12] >> 4) * std::size_t{4};
    if (tcp_header < 20 || ip_header + tcp_header > ip_total) return {};
    TcpFrame parsed;
    parsed.bytes_.assign(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(ip_at + ip_total));
    parsed.tcp_at_ = ip_at + ip_header;
    return parsed;
}

TcpFrame TcpFrame::make(Address from, Address to, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack,
                        std::uint16_t window, std::span<const std::uint8_t> options) {
    CLEW_CHECK(options.size() <= tcp_header_bytes_max - 20);
    const std::size_t header = 20 + (options.size() + 3) / 4 * 4;
    TcpFrame made;
    made.tcp_at_ = ip_at + 20;
    made.bytes_.assign(made.tcp_at_ + header, 0);
    made.bytes_[12] = 0x08;
    made.bytes_[ip_at] = 0x45;
    made.put16(ip_at + 2, static_cast<std::uint16_t>(20 + header));
    made.put16(ip_at + 6, 0x4000);  // do not fragment
    made.bytes_[ip_at + 8] = 64;
    made.bytes_[ip_at + 9] = 6;
    made.set_source(from);
    made.set_target(to);
    made.set_seq(seq);
    made.set_ack(ack);
    made.bytes_[made.tcp_at_ + 12] = static_cast<std::uint8_t>(header / 4 << 4);
    made.bytes_[made.tcp_at_ + 13] = flags;
    made.put16(made.tcp_at_ + 14, window);
    std::copy(options.begin(), options.end(), made.bytes_.begin() + static_cast<std::ptrdiff_t>(made.tcp_at_ + 20));
    return made;
}

Mac TcpFrame::target_mac() const {
    Mac mac;
    std::copy_n(bytes_.begin(), mac.size(), mac.begin());
    return mac;
}

Mac TcpFrame::source_mac() const {
    Mac mac;
    std::copy_n(bytes_.begin() + 6, mac.size(), mac.begin());
    return mac;
}

void TcpFrame::set_macs(const Mac& target, const Mac& source) {
    std::copy(target.begin(), target.end(), bytes_.begin());
    std::copy(source.begin(), source.end(), bytes_.begin() + 6);
}

void TcpFrame::set_source(Address a) {
    put32(ip_at + 12, a.ip);
    put16(tcp_at_, a.port);
}

void TcpFrame::set_target(Address a) {
    put32(ip_at + 16, a.ip);
    put16(tcp_at_ + 2, a.port);
}

std::span<std::uint8_t> TcpFrame::option(std::uint8_t kind) {
    std::size_t at = tcp_at_ + 20;
    const std::size_t end = tcp_at_ + tcp_header_bytes();
    while (at < end && bytes_[at] != 0) {
        if (bytes_[at] == 1) {
            at += 1;
            continue;
        }
        if (at + 1 >= end || bytes_[at + 1] < 2 || at + bytes_[at + 1] > end) return {};
        if (bytes_[at] == kind) return {bytes_.data() + at + 2, bytes_[at + 1] - std::size_t{2}};
        at += bytes_[at + 1];
    }
    return {};
}

bool TcpFrame::strip_option(std::uint8_t kind) {
    const std::span<std::uint8_t> found = option(kind);
    if (found.empty()) return false;
    std::fill_n(found.data() - 2, found.size() + 2, std::uint8_t{1});
    return true;
}

bool TcpFrame::add_option(std::span<const std::uint8_t> option_bytes) {
    CLEW_CHECK(option_bytes.size() % 4 == 0);
    const std::size_t header = tcp_header_bytes() + option_bytes.size();
    if (header > tcp_header_bytes_max || ip_bytes() + option_bytes.size() > mtu_bytes) return false;
    bytes_.insert(bytes_.begin() + static_cast<std::ptrdiff_t>(tcp_at_ + 20), option_bytes.begin(), option_bytes.end());
    bytes_[tcp_at_ + 12] = static_cast<std::uint8_t>((header / 4 << 4) | (bytes_[tcp_at_ + 12] & 15));
    put16(ip_at + 2, static_cast<std::uint16_t>(ip_bytes()));
    return true;
}

void TcpFrame::shift_sack(std::uint32_t delta) {
    const std::span<std::uint8_t> edges = option(option_sack);
    for (std::size_t i = 0; i + 4 <= edges.size(); i += 4) {
        const std::size_t at = static_cast<std::size_t>(edges.data() - bytes_.data()) + i;
        put32(at, get32(at) + delta);
    }
}

void TcpFrame::seal() {
    put16(ip_at + 10, 0);
    put16(ip_at + 10, ip_checksum());
    put16(tcp_at_ + 16, 0);
    put16(tcp_at_ + 16, tcp_checksum());
}

bool TcpFrame::checksums_right() const { return ip_checksum() == 0 && tcp_checksum() == 0; }

void TcpFrame::put16(std::size_t at, std::uint16_t value) {
    bytes_[at] = static_cast<std::uint8_t>(value >> 8);
    bytes_[at + 1] = static_cast<std::uint8_t>(value);
}

void TcpFrame::put32(std::size_t at, std::uint32_t value) {
    put16(at, static_cast<std::uint16_t>(value >> 16));
    put16(at + 2, static_cast<std::uint16_t>(value));
}

std::uint16_t TcpFrame::ip_checksum() const { return fold(sum16(bytes().subspan(ip_at, tcp_at_ - ip_at))); }

std::uint16_t TcpFrame::tcp_checksum() const {
    const std::span<const std::uint8_t> segment = bytes().subspan(tcp_at_);
    return fold(sum16(bytes().subspan(ip_at + 12, 8)) + 6 + segment.size() + sum16(segment));
}

}  // namespace clew::region
