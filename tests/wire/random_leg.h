// SPDX-License-Identifier: Apache-2.0
// Random but valid legs for tests: every field used, everything beyond a count left zero. The seed is printed.
#pragma once

#include <cstring>
#include <iostream>
#include <random>

#include "nat-trace/leg.h"

namespace clew {

class LegMaker {
  public:
    explicit LegMaker(std::uint64_t seed = std::random_device{}()) : random_(seed) {
        std::cout << "seed " << seed << '\n';
    }

    std::uint64_t up_to(std::uint64_t max) { return std::uniform_int_distribution<std::uint64_t>(0, max)(random_); }
    template <typename T>
    T any() {
        return static_cast<T>(up_to(std::numeric_limits<T>::max()));
    }
    bool coin() { return up_to(1) == 1; }
    TimeNs time() { return static_cast<TimeNs>(up_to(std::uint64_t{1} << 62)); }

    IpAddress ip() {
        std::uint8_t raw[16];
        for (auto& byte : raw) byte = any<std::uint8_t>();
        return coin() ? IpAddress::from_v4_bytes(raw) : IpAddress::from_v6_bytes(raw);
    }
    MacAddress mac() {
        MacAddress result;
        for (auto& byte : result.bytes) byte = any<std::uint8_t>();
        return result;
    }
    Layer layer() {
        Layer result;
        result.type = static_cast<LayerType>(up_to(layer_type_count - 1));
        result.has_id = coin();
        if (result.has_id) result.id = static_cast<std::uint32_t>(up_to(layer_id_max(result.type)));
        if (coin()) result.client_end = ip();
        if (coin()) result.server_end = ip();
        return result;
    }
    Segment segment() {
        Segment result;
        result.layer_count = static_cast<std::uint8_t>(up_to(layer_count_max));
        for (std::size_t i = 0; i < result.layer_count; ++i) result.layers[i] = layer();
        if (coin()) result.client_mac = mac();
        if (coin()) result.server_mac = mac();
        result.netns = any<std::uint32_t>();
        return result;
    }
    Flow flow() {
        Flow f;
        f.packets = any<std::uint64_t>(), f.bytes = any<std::uint64_t>(), f.payload_bytes = any<std::uint64_t>();
        f.first_ns = time(), f.last_ns = time(), f.first_payload_ns = time();
        f.first_ip_id = any<std::uint16_t>(), f.first_ttl = any<std::uint8_t>(), f.last_ttl = any<std::uint8_t>();
        f.flags_seen = any<std::uint8_t>(), f.isn_from = static_cast<IsnFrom>(up_to(3)), f.isn = any<std::uint32_t>();
        f.next_seq = any<std::uint32_t>(), f.last_ack = any<std::uint32_t>(), f.retransmissions = any<std::uint32_t>();
        f.syn_ns = time(), f.first_ack_ns = time(), f.syn_count = any<std::uint32_t>();
        f.mss = any<std::uint16_t>(), f.syn_window = any<std::uint16_t>(), f.window_scale = any<std::uint8_t>();
        f.sack_permitted = coin(), f.has_timestamps = coin(), f.first_tsval = any<std::uint32_t>();
        f.head = {static_cast<std::uint16_t>(up_to(256)), any<std::uint64_t>(), any<std::uint64_t>(),
                  any<std::uint64_t>(), any<std::uint64_t>()};
        f.sample_count = static_cast<std::uint8_t>(up_to(sample_count_max));
        for (std::size_t i = 0; i < f.sample_count; ++i)
            f.samples[i] = {time(),
                            any<std::uint64_t>(),
                            any<std::uint32_t>(),
                            any<std::uint32_t>(),
                            any<std::uint16_t>(),
                            any<std::uint16_t>(),
                            any<std::uint8_t>()};
        for (std::uint64_t n = up_to(stream_mark_count_max); n-- > 0;)
            f.marks.take(
                {any<std::uint32_t>(), 1U + any<std::uint16_t>(), any<std::uint8_t>(), coin(), any<std::uint16_t>()});
        f.marks.set_forgotten(any<std::uint16_t>());
        f.reset = {time(), any<std::uint32_t>(), any<std::uint32_t>(), any<std::uint16_t>(), any<std::uint8_t>()};
        f.icmp_error = {time(), ip(), any<std::uint8_t>(), any<std::uint8_t>(), any<std::uint16_t>()};
        f.loop = {any<std::uint16_t>(), any<std::uint8_t>(), any<std::uint8_t>()};
        return f;
    }
    Hint hint() {
        Hint h;
        h.kind = static_cast<HintKind>(up_to(static_cast<std::uint64_t>(hint_kind_last)));
        h.direction = static_cast<Direction>(up_to(1));
        h.length = static_cast<std::uint8_t>(up_to(hint_bytes_max));
        for (std::size_t i = 0; i < h.length; ++i) h.bytes[i] = any<std::uint8_t>();
        h.time_ns = time();
        return h;
    }
    DelayStatistics delays() {
        DelayStatistics d;
        if (coin()) return d;
        d.count = any<std::uint32_t>() | 1, d.sum_ns = time(), d.max_ns = time();
        for (std::uint16_t& bin : d.bins) bin = coin() ? any<std::uint16_t>() : std::uint16_t{0};
        return d;
    }
    TcpAnalysis analysis() {
        TcpAnalysis a;
        for (TcpFlowAnalysis& f : a.flows) {
            f.rtt = delays();
            for (std::uint32_t* count :
                 {&f.retransmissions_fast, &f.retransmissions_timeout, &f.retransmissions_spurious, &f.losses_upstream,
                  &f.out_of_order, &f.duplicate_acks, &f.zero_windows, &f.windows_full, &f.keep_alives, &f.resets,
                  &f.capture_gaps})
                *count = any<std::uint32_t>();
            f.capture_gap_bytes = any<std::uint64_t>();
        }
        a.response = delays();
        a.handshake_server = time(), a.handshake_client = time(), a.handshake = time(), a.first_byte = time();
        a.reset_origin = static_cast<ResetOrigin>(up_to(3)), a.reset_by_server = coin();
        a.reset_ttl_ahead = static_cast<std::int16_t>(static_cast<int>(up_to(510)) - 255), a.reset_ip_id_apart = coin();
        return a;
    }
    Leg leg() {
        constexpr Protocol protocols[] = {Protocol::icmp, Protocol::tcp, Protocol::udp, Protocol::icmpv6};
        Leg l;
        l.id = any<std::uint64_t>() | 1, l.revision = any<std::uint32_t>();
        l.phase = static_cast<LegPhase>(up_to(2)), l.end = static_cast<LegEnd>(up_to(5));
        l.observer = static_cast<Observer>(up_to(2)), l.client_by = static_cast<ClientBy>(up_to(4));
        l.tap = any<std::uint16_t>(), l.protocol = protocols[up_to(3)];
        l.time_source = static_cast<TimeSource>(up_to(4)), l.time_error_ns = any<std::uint32_t>();
        l.duplicates = any<std::uint32_t>();
        l.client = {ip(), any<std::uint16_t>()}, l.server = {ip(), any<std::uint16_t>()};
        l.segment = segment();
        l.first_ns = time(), l.last_ns = time();
        l.flows = {flow(), flow()};
        l.app = static_cast<App>(up_to(app_count - 1));
        put_name(l.server_name, std::string(up_to(server_name_bytes_max), 's'));
        put_name(l.alpn, std::string(up_to(alpn_bytes_max), 'a'));
        l.hint_count = static_cast<std::uint8_t>(up_to(hint_count_max));
        for (std::size_t i = 0; i < l.hint_count; ++i) l.hints[i] = hint();
        if (coin()) {
            l.socket_role = static_cast<SocketRole>(up_to(2));
            l.process.pid = any<std::uint32_t>(), l.process.uid = any<std::uint32_t>();
            const std::size_t length = up_to(l.process.command.size());
            for (std::size_t i = 0; i < length; ++i) l.process.command[i] = static_cast<char>('!' + up_to(90));
        }
        if (coin()) l.tcp = analysis();
        return l;
    }

  private:
    std::mt19937_64 random_;
};

}  // namespace clew
