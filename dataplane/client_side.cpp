// SPDX-License-Identifier: Apache-2.0
#include "dataplane/client_side.h"

#include <algorithm>

#include "dataplane/fingerprint/study.h"

namespace clew::sensor {
namespace {

constexpr std::uint16_t traceroute_port = 33434;
constexpr std::uint16_t traceroute_port_count = 100;

/// How likely a port is the server's. A NAT gateway takes its ports from nearly the whole range, so that of a
/// datagram's two unknown ports neither is likelier.
int service_rank(std::uint16_t port, bool datagram) {
    constexpr std::uint16_t known[] = {1433, 1521, 1883, 2049, 2379, 3000, 3306,  3389,  4789,  5000,  5044,
                                       5060, 5432, 5672, 6379, 6443, 7000, 8000,  8080,  8081,  8443,  8888,
                                       9000, 9090, 9092, 9200, 9300, 9999, 10250, 11211, 15672, 25565, 27017};
    if (port < 1024) return 3;
    if (std::find(std::begin(known), std::end(known), port) != std::end(known)) return 2;
    if (datagram) return port >= traceroute_port && port < traceroute_port + traceroute_port_count ? 1 : 0;
    return port < 32768 ? 1 : 0;  // outside the usual range of ephemeral ports
}

}  // namespace

void guess_client(HotLeg& hot, const Transport& transport, Side side) {
    const auto protocol = static_cast<Protocol>(hot.protocol);
    const Side other = side ^ 1;
    if (protocol == Protocol::icmp || protocol == Protocol::icmpv6)
        return hot.set_client(transport.echo_request ? side : other, ClientBy::first_packet);
    const bool datagram = protocol == Protocol::udp;
    const int source = service_rank(transport.source_port, datagram);
    const int destination = service_rank(transport.destination_port, datagram);
    if (source == destination) return hot.set_client(side, ClientBy::first_packet);
    hot.set_client(source > destination ? other : side, ClientBy::known_port);
}

void learn_client(HotLeg& hot, const Transport& transport, Side side) {
    const bool answer = (transport.flags & tcp_ack) != 0;
    if (answer && hot.client_by() == ClientBy::syn) return;
    const Side other = side ^ 1;
    hot.set_client(answer ? other : side, answer ? ClientBy::syn_ack : ClientBy::syn);
}

}  // namespace clew::sensor
