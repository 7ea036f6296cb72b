// SPDX-License-Identifier: Apache-2.0
// Small captures made from nothing: frames built byte by byte, written with libpcap.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include "nat-trace/address.h"
#include "nat-trace/time.h"

namespace clew::cli {

using Bytes = std::vector<std::uint8_t>;

inline void put16(Bytes& out, std::uint32_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Bytes& out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}
inline void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

inline Bytes ethernet(const Bytes& ip) {
    Bytes out = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    append(out, ip);
    return out;
}

inline Bytes ipv4(const Endpoint& from, const Endpoint& to, std::uint8_t protocol, std::uint8_t ttl,
                  const Bytes& payload) {
    Bytes out = {0x45, 0};
    put16(out, static_cast<std::uint32_t>(20 + payload.size()));
    put32(out, 0x12344000);  // id, don't fragment
    out.push_back(ttl);
    out.push_back(protocol);
    put16(out, 0);
    put32(out, from.ip.v4());
    put32(out, to.ip.v4());
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < 20; i += 2) sum += static_cast<std::uint32_t>(out[i] << 8 | out[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    out[10] = static_cast<std::uint8_t>(sum >> 8);
    out[11] = static_cast<std::uint8_t>(sum);
    append(out, payload);
    return out;
}

inline Bytes udp(const Endpoint& from, const Endpoint& to, std::uint8_t ttl, const Bytes& payload) {
    Bytes out;
    put16(out, from.port);
    put16(out, to.port);
    put16(out, static_cast<std::uint32_t>(8 + payload.size()));
    put16(out, 0);
    append(out, payload);
    return ipv4(from, to, 17, ttl, out);
}

inline Bytes tcp(const Endpoint& from, const Endpoint& to, std::uint8_t ttl, std::uint32_t seq, std::uint32_t ack,
                 std::uint8_t flags, const std::string& payload) {
    Bytes out;
    put16(out, from.port);
    put16(out, to.port);
    put32(out, seq);
    put32(out, ack);
    out.push_back(0x50);
    out.push_back(flags);
    put16(out, 64'000);
    put32(out, 0);
    out.insert(out.end(), payload.begin(), payload.end());
    return ipv4(from, to, 6, ttl, out);
}

inline Bytes in_vxlan(std::uint32_t vni, const Bytes& frame) {
    Bytes payload = {8, 0, 0, 0};
    put32(payload, vni << 8);
    append(payload, frame);
    return ethernet(udp({IpAddress::from_v4(0xc0000201), 50'000}, {IpAddress::from_v4(0xc0000202), 4789}, 64, payload));
}

inline Endpoint endpoint(const char* text) { return parse_endpoint(text).value(); }

struct Frame {
    TimeNs time_ns;
    Bytes bytes;
};

/// Handshake, a request, an answer and the FINs, from both sides. `vni` 0: no tunnel.
inline std::vector<Frame> connection(const Endpoint& client, const Endpoint& server, std::uint8_t ttl,
                                     std::uint32_t vni, TimeNs start, std::uint32_t isn = 1'000'000) {
    std::vector<Frame> frames;
    const std::uint32_t server_isn = isn + 77'777'777;
    TimeNs time = start;
    const auto add = [&](bool to_server, std::uint32_t seq, std::uint32_t ack, std::uint8_t flags,
                         const std::string& payload) {
        const auto hops = static_cast<std::uint8_t>(to_server ? ttl : 124 - ttl);
        const Bytes inner = ethernet(to_server ? tcp(client, server, hops, seq, ack, flags, payload)
                                               : tcp(server, client, hops, seq, ack, flags, payload));
        frames.push_back({time, vni ? in_vxlan(vni, inner) : inner});
        time += ns_per_ms;
    };
    const std::string request = "GET /" + std::to_string(isn) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string reply = "HTTP/1.1 200 OK\r\nX: " + std::to_string(isn) + "\r\nContent-Length: 0\r\n\r\n";
    const auto sent = static_cast<std::uint32_t>(isn + 1 + request.size());
    const auto answered = static_cast<std::uint32_t>(server_isn + 1 + reply.size());
    add(true, isn, 0, 0x02, "");
    add(false, server_isn, isn + 1, 0x12, "");
    add(true, isn + 1, server_isn + 1, 0x10, "");
    add(true, isn + 1, server_isn + 1, 0x18, request);
    add(false, server_isn + 1, sent, 0x18, reply);
    add(true, sent, answered, 0x11, "");
    add(false, answered, sent + 1, 0x11, "");
    add(true, sent + 1, answered + 1, 0x10, "");
    return frames;
}

inline void write_capture(const std::string& path, const std::vector<Frame>& frames, int linktype = DLT_EN10MB) {
    pcap_t* capture = pcap_open_dead_with_tstamp_precision(linktype, 65'535, PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t* file = pcap_dump_open(capture, path.c_str());
    ASSERT_NE(file, nullptr) << pcap_geterr(capture);
    for (const Frame& frame : frames) {
        pcap_pkthdr header{};
        header.ts.tv_sec = frame.time_ns / ns_per_s;
        header.ts.tv_usec = frame.time_ns % ns_per_s;
        header.caplen = header.len = static_cast<bpf_u_int32>(frame.bytes.size());
        pcap_dump(reinterpret_cast<u_char*>(file), &header, frame.bytes.data());
    }
    pcap_dump_close(file);
    pcap_close(capture);
}

}  // namespace clew::cli
