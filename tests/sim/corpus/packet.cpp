// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/packet.h"

#include <arpa/inet.h>

#include <cstdio>
#include <cstdlib>

namespace clew::corpus {

Ip Ip::v4(std::uint32_t address) {
    Ip ip;
    for (int i = 0; i < 4; ++i)
        ip.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
    return ip;
}

Ip Ip::parse(const char* text) {
    Ip ip;
    if (inet_pton(AF_INET, text, ip.bytes.data()) == 1) return ip;
    ip.v6 = true;
    if (inet_pton(AF_INET6, text, ip.bytes.data()) == 1) return ip;
    std::fprintf(stderr, "clew-sim: %s is no address\n", text);
    std::abort();
}

Ip Ip::plus(std::uint32_t n) const {
    Ip ip = *this;
    const std::size_t last = v6 ? 15 : 3;
    for (std::size_t i = 0; i < 4; ++i) {
        n += ip.bytes[last - i];
        ip.bytes[last - i] = static_cast<std::uint8_t>(n);
        n >>= 8;
    }
    return ip;
}

std::string to_text(const Ip& ip) {
    char text[INET6_ADDRSTRLEN];
    return inet_ntop(ip.v6 ? AF_INET6 : AF_INET, ip.bytes.data(), text, sizeof text);
}

std::string to_text(const End& end) {
    return (end.ip.v6 ? "[" + to_text(end.ip) + "]" : to_text(end.ip)) + ":" + std::to_string(end.port);
}

std::size_t TcpOptions::length() const {
    std::size_t n = other.size();
    if (mss != 0) n += 4;
    if (window_scale >= 0) n += 3;
    if (sack_permitted) n += 2;
    if (has_timestamps) n += 10;
    if (!sack.empty()) n += 2 + 8 * sack.size();
    if (toa) n += toa->ip.v6 ? 20 : 8;
    return (n + 3) / 4 * 4;
}

std::size_t Packet::ip_length() const {
    const std::size_t transport = protocol == proto_tcp ? 20 + options.length() : 8;
    return (source.v6 ? 40u : 20u) + transport + payload.size();
}

Packet port_unreachable(const Packet& refused, std::uint8_t ttl, std::uint16_t ip_id) {
    Packet error;
    error.protocol = proto_icmp;
    error.source = refused.destination, error.destination = refused.source;
    error.ttl = ttl, error.ip_id = ip_id;
    error.dont_fragment = false;
    error.quoted = std::make_shared<Packet>(refused);
    return error;
}

std::optional<std::uint32_t> Wrapping::overlay_id() const {
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
        if (layer->type == Wrap::vxlan || layer->type == Wrap::geneve || layer->type == Wrap::gre_key) return layer->id;
    return std::nullopt;
}

}  // namespace clew::corpus
