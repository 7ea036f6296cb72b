// SPDX-License-Identifier: Apache-2.0
// One Ethernet frame with IPv4 and TCP, to be read and rewritten in place: what the delta-FULLNAT gateway needs of it.
// Addresses, ports and sequence numbers are in host byte order. A value; single thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace clew::region {

using Mac = std::array<std::uint8_t, 6>;

/// An IPv4 address and a port, both in host byte order.
struct Address {
    std::uint32_t ip = 0;
    std::uint16_t port = 0;

    auto operator<=>(const Address&) const = default;
};

constexpr std::size_t mtu_bytes = 1500;           ///< IP length that must not be passed
constexpr std::size_t tcp_header_bytes_max = 60;  ///< with options
constexpr std::uint8_t tcp_fin = 0x01, tcp_syn = 0x02, tcp_rst = 0x04, tcp_ack = 0x10;
constexpr std::uint8_t option_mss = 2, option_sack = 5, option_timestamps = 8, option_toa = 254;

class TcpFrame {
  public:
    /// Takes a copy. None when it is not an unfragmented IPv4 TCP frame whose lengths fit; trailing padding is cut off.
    static std::optional<TcpFrame> parse(std::span<const std::uint8_t> frame);

    /// A segment without payload: TTL 64, the given options (padded here), checksums not yet set.
    static TcpFrame make(Address from, Address to, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack,
                         std::uint16_t window, std::span<const std::uint8_t> options);

    Mac target_mac() const;
    Mac source_mac() const;
    void set_macs(const Mac& target, const Mac& source);

    Address source() const { return {get32(ip_at + 12), get16(tcp_at_)}; }
    Address target() const { return {get32(ip_at + 16), get16(tcp_at_ + 2)}; }
    void set_source(Address a);
    void set_target(Address a);
    std::uint8_t ttl() const { return bytes_[ip_at + 8]; }
    void set_ttl(std::uint8_t ttl) { bytes_[ip_at + 8] = ttl; }

    std::uint32_t seq() const { return get32(tcp_at_ + 4); }
    std::uint32_t ack() const { return get32(tcp_at_ + 8); }
    void set_seq(std::uint32_t value) { put32(tcp_at_ + 4, value); }
    void set_ack(std::uint32_t value) { put32(tcp_at_ + 8, value); }
    std::uint8_t flags() const { return bytes_[tcp_at_ + 13]; }
    bool has(std::uint8_t flag) const { return flags() & flag; }
    std::uint16_t window() const { return get16(tcp_at_ + 14); }
    std::size_t payload_bytes() const { return bytes_.size() - tcp_at_ - tcp_header_bytes(); }
    std::size_t ip_bytes() const { return bytes_.size() - ip_at; }

    /// The bytes of an option after kind and length; empty when it is absent or broken.
    std::span<std::uint8_t> option(std::uint8_t kind);
    /// Overwrites an option with NOPs. False when it is absent.
    bool strip_option(std::uint8_t kind);
    /// Puts an option of a multiple of 4 bytes in front of the others. False when the header or the MTU has no room.
    bool add_option(std::span<const std::uint8_t> option);
    /// Adds a constant to every edge in a SACK option.
    void shift_sack(std::uint32_t delta);

    /// Sets both checksums; to be called last.
    void seal();
    /// Whether both checksums are right.
    bool checksums_right() const;

    std::span<const std::uint8_t> bytes() const { return bytes_; }

  private:
    static constexpr std::size_t ip_at = 14;

    std::size_t tcp_header_bytes() const { return (bytes_[tcp_at_ + 12] >> 4) * std::size_t{4}; }
    std::uint16_t get16(std::size_t at) const { return static_cast<std::uint16_t>(bytes_[at] << 8 | bytes_[at + 1]); }
    std::uint32_t get32(std::size_t at) const { return std::uint32_t{get16(at)} << 16 | get16(at + 2); }
    void put16(std::size_t at, std::uint16_t value);
    void put32(std::size_t at, std::uint32_t value);
    std::uint16_t ip_checksum() const;
    std::uint16_t tcp_checksum() const;

    std::vector<std::uint8_t> bytes_;
    std::size_t tcp_at_ = 0;
};

}  // namespace clew::region
