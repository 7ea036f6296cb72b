// SPDX-License-Identifier: Apache-2.0
// Which UDP destination ports carry which tunnel. A value; every kind has a few ports, the usual one at first.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace clew::sensor {

/// The kinds of tunnels on UDP, from decap/encapsulations.def.
enum class UdpTunnel : std::uint8_t {
#define CLEW_BY_ETHERTYPE(value, step)
#define CLEW_BY_IP_PROTOCOL(value, step)
#define CLEW_BY_UDP_PORT(name, port, step) name,
#include "dataplane/decap/encapsulations.def"
#undef CLEW_BY_UDP_PORT
#undef CLEW_BY_IP_PROTOCOL
#undef CLEW_BY_ETHERTYPE
    none  ///< also the number of kinds
};
constexpr std::size_t udp_tunnel_count = static_cast<std::size_t>(UdpTunnel::none);
constexpr std::size_t tunnel_port_count_max = 4;  ///< of one kind

class TunnelPorts {
  public:
    TunnelPorts();  ///< the usual ports

    /// Replaces a kind's ports; none: that kind is not looked for. False when one of them is another kind's already,
    /// or there are too many: then nothing changes.
    bool set(UdpTunnel kind, std::span<const std::uint16_t> ports);

    UdpTunnel find(std::uint16_t port) const {
        if ((seen_[port >> 6 & 3] >> (port & 63) & 1) == 0) return UdpTunnel::none;
        for (std::size_t i = 0; i < count_; ++i)
            if (ports_[i] == port) return kinds_[i];
        return UdpTunnel::none;
    }

  private:
    void add(UdpTunnel kind, std::uint16_t port);

    std::array<std::uint64_t, 4> seen_{};  ///< by the port's low byte: most ports stop here
    std::size_t count_ = 0;
    std::array<std::uint16_t, udp_tunnel_count * tunnel_port_count_max> ports_{};
    std::array<UdpTunnel, udp_tunnel_count * tunnel_port_count_max> kinds_{};
};

const char* tunnel_name(UdpTunnel kind);  ///< as in the configuration: "vxlan"

}  // namespace clew::sensor
