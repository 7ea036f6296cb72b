// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tunnel_ports.h"

namespace clew::sensor {
namespace {

struct Line {
    const char* name;
    std::uint16_t port;
};

constexpr std::array<Line, udp_tunnel_count> lines = {{
#define CLEW_BY_ETHERTYPE(value, step)
#define CLEW_BY_IP_PROTOCOL(value, step)
#define CLEW_BY_UDP_PORT(name, port, step) {#name, port},
#include "dataplane/decap/encapsulations.def"
#undef CLEW_BY_UDP_PORT
#undef CLEW_BY_IP_PROTOCOL
#undef CLEW_BY_ETHERTYPE
}};

}  // namespace

TunnelPorts::TunnelPorts() {
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (lines[i].port != 0) add(static_cast<UdpTunnel>(i), lines[i].port);
}

void TunnelPorts::add(UdpTunnel kind, std::uint16_t port) {
    ports_[count_] = port;
    kinds_[count_++] = kind;
    seen_[port >> 6 & 3] |= std::uint64_t{1} << (port & 63);
}

bool TunnelPorts::set(UdpTunnel kind, std::span<const std::uint16_t> ports) {
    if (ports.size() > tunnel_port_count_max) return false;
    TunnelPorts without;
    without.count_ = 0;
    without.seen_ = {};
    for (std::size_t i = 0; i < count_; ++i)
        if (kinds_[i] != kind) without.add(kinds_[i], ports_[i]);
    for (const std::uint16_t port : ports) {
        if (without.find(port) != UdpTunnel::none) return false;
        without.add(kind, port);
    }
    *this = without;
    return true;
}

const char* tunnel_name(UdpTunnel kind) { return lines[static_cast<std::size_t>(kind)].name; }

}  // namespace clew::sensor
