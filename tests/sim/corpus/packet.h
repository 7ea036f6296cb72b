// SPDX-License-Identifier: Apache-2.0
// A packet as hosts and middleboxes see it: fields in host order, payload by value. Turned into bytes only at a tap.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace clew::corpus {

using Nanoseconds = std::int64_t;
constexpr Nanoseconds ns_us = 1'000, ns_ms = 1'000'000, ns_s = 1'000'000'000;

struct Ip {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{};  ///< IPv4: the first four

    static Ip v4(std::uint32_t address);
    static Ip parse(const char* text);  ///< for literals in scenarios; aborts on a bad one
    /// The address `n` further on in its subnet (in the last 32 bits).
    Ip plus(std::uint32_t n) const;
    auto operator<=>(const Ip&) const = default;
};

/// Address and port; ICMP: the echo id as the port.
struct End {
    Ip ip;
    std::uint16_t port = 0;
    auto operator<=>(const End&) const = default;
};

std::string to_text(const Ip& ip);
std::string to_text(const End& end);  ///< "10.0.0.1:80", "[2001:db8::1]:80"

enum class Way : std::uint8_t { to_server = 0, to_client = 1 };
constexpr Way other(Way way) { return way == Way::to_server ? Way::to_client : Way::to_server; }
constexpr std::size_t index(Way way) { return static_cast<std::size_t>(way); }

constexpr std::uint8_t proto_icmp = 1, proto_tcp = 6, proto_udp = 17;
constexpr std::uint8_t tcp_fin = 1, tcp_syn = 2, tcp_rst = 4, tcp_psh = 8, tcp_ack = 16;

struct TcpOptions {
    std::uint16_t mss = 0;  ///< 0 = absent
    int window_scale = -1;  ///< -1 = absent
    bool sack_permitted = false;
    bool has_timestamps = false;
    std::uint32_t tsval = 0, tsecr = 0;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> sack;
    std::optional<End> toa;
    std::uint8_t toa_kind = 254;
    std::string other;  ///< further options as they stand

    std::size_t length() const;  ///< with the padding, in bytes
};
constexpr std::size_t tcp_options_bytes_max = 40;

struct Packet {
    Ip source, destination;
    std::uint8_t protocol = proto_tcp;
    std::uint8_t ttl = 64;
    std::uint16_t ip_id = 0;
    bool dont_fragment = true;
    std::uint16_t source_port = 0, destination_port = 0;
    std::uint32_t seq = 0, ack = 0;
    std::uint8_t flags = 0;
    std::uint16_t window = 0;
    TcpOptions options;
    bool echo_request = false;  ///< ICMP; the id stands in both ports
    std::uint16_t echo_seq = 0;
    /// ICMP destination unreachable (port): the packet that it answers, as its sender's side of the link would see it.
    std::shared_ptr<Packet> quoted;
    std::string payload;

    End from() const { return {source, source_port}; }
    End to() const { return {destination, destination_port}; }
    void set_from(const End& end) { source = end.ip, source_port = end.port; }
    void set_to(const End& end) { destination = end.ip, destination_port = end.port; }
    bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
    std::size_t ip_length() const;  ///< of a TCP, UDP or echo packet
};

/// The ICMP error with which a host says that nobody listens there.
Packet port_unreachable(const Packet& refused, std::uint8_t ttl, std::uint16_t ip_id);

/// Ethernet address.
using Mac = std::array<std::uint8_t, 6>;

enum class Wrap : std::uint8_t { vlan, vxlan, geneve, gre, gre_key, ipip };

/// One encapsulation; tunnels have outer ends.
struct Layer {
    Wrap type = Wrap::vlan;
    std::uint32_t id = 0;
    Ip client_end, server_end;
    auto operator<=>(const Layer&) const = default;
};

/// How packets are wrapped on one link, outermost layer first, VLAN tags before tunnels.
struct Wrapping {
    std::vector<Layer> layers;
    Mac client_mac{}, server_mac{};  ///< of the innermost Ethernet header
    auto operator<=>(const Wrapping&) const = default;

    std::optional<std::uint32_t> overlay_id() const;  ///< of the innermost VXLAN, Geneve or keyed GRE
};

/// The frame that a mirror port would send: Ethernet, all layers, right checksums. `salt` numbers outer IP headers.
std::string to_frame(const Packet& packet, Way way, const Wrapping& wrapping, std::uint32_t salt);

}  // namespace clew::corpus
