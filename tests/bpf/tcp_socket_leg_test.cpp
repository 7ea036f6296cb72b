// SPDX-License-Identifier: Apache-2.0
#include "bpf/tcp_socket/tcp_socket_leg.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace clew::agent {
namespace {

constexpr std::uint64_t born = 1'000'000, up = 1'500'000, now = 9'000'000;
const SocketLegContext context{run_hash("agent-1", 7), 3, {1'700'000'000 * ns_per_s, 100}};

void set_ip(__u8 (&bytes)[16], const char* text) { std::memcpy(bytes, parse_ip(text)->bytes.data(), 16); }

/// A client 10.0.0.7:40112 that sent 100 bytes to 10.0.0.9:443 and got 300 back.
tcp_socket_event client_event() {
    tcp_socket_event event{};
    event.socket = 0xffff888000001000;
    event.born_ns = born;
    event.established_ns = up;
    event.now_ns = now;
    event.bytes_sent = 100;
    event.bytes_received = 300;
    event.revision = 2;
    event.netns = 4026532000;
    event.pid = 4711;
    event.uid = 1000;
    event.own_first = 5000;
    event.peer_first = 9001;
    event.snd_nxt = event.snd_una = 5101;
    event.rcv_nxt = 9301;
    event.segments_sent = 4;
    event.segments_received = 3;
    event.local_port = 40112;
    event.remote_port = 443;
    event.own_mss = 1448;
    event.peer_mss = 1400;
    set_ip(event.local_ip, "10.0.0.7");
    set_ip(event.remote_ip, "10.0.0.9");
    std::strcpy(event.comm, "curl");
    event.report = TCP_SOCKET_UPDATED;
    event.role = TCP_SOCKET_CLIENT;
    event.old_state = 1;
    event.flags = TCP_SOCKET_PEER_HEARD | TCP_SOCKET_TIMESTAMPS | TCP_SOCKET_SACK | TCP_SOCKET_WINDOW_SCALE;
    event.own_window_scale = 7;
    event.peer_window_scale = 9;
    return event;
}

/// The same connection at its server.
tcp_socket_event server_event() {
    tcp_socket_event event = client_event();
    event.role = TCP_SOCKET_SERVER;
    event.own_first = 9001;
    event.peer_first = 5001;
    event.snd_nxt = event.snd_una = 9301;
    event.rcv_nxt = 5101;
    event.bytes_sent = 300;
    event.bytes_received = 100;
    std::swap(event.local_port, event.remote_port);
    std::swap(event.local_ip, event.remote_ip);
    return event;
}

tcp_socket_event ended(tcp_socket_event event, int old_state, int error) {
    event.report = TCP_SOCKET_ENDED;
    event.old_state = static_cast<__u8>(old_state);
    event.error = static_cast<__u32>(error);
    return event;
}

LegEnd end_of(int old_state, int error) { return to_leg(ended(client_event(), old_state, error), context).end; }

TEST(TcpSocketLeg, the_connecting_side_is_the_client_on_both_sockets) {
    for (const auto& event : {client_event(), server_event()}) {
        const Leg leg = to_leg(event, context);
        EXPECT_EQ(to_text(leg.client), "10.0.0.7:40112");
        EXPECT_EQ(to_text(leg.server), "10.0.0.9:443");
        EXPECT_EQ(leg.client_by, ClientBy::socket);
        EXPECT_EQ(leg.observer, Observer::socket);
    }
}

TEST(TcpSocketLeg, each_socket_says_which_end_it_is) {
    EXPECT_EQ(to_leg(client_event(), context).socket_role, SocketRole::client);
    EXPECT_EQ(to_leg(server_event(), context).socket_role, SocketRole::server);
}

TEST(TcpSocketLeg, both_sockets_of_a_connection_tell_the_same_sequence_numbers) {
    for (const auto& event : {client_event(), server_event()}) {
        const Leg leg = to_leg(event, context);
        const Flow& to_server = leg.flow(Direction::to_server);
        const Flow& to_client = leg.flow(Direction::to_client);
        EXPECT_EQ(to_server.isn, 5000u);
        EXPECT_EQ(to_client.isn, 9000u);
        EXPECT_EQ(to_server.isn_from, IsnFrom::socket);
        EXPECT_EQ(to_client.isn_from, IsnFrom::socket);
        EXPECT_EQ(to_server.next_seq, 5101u);
        EXPECT_EQ(to_client.next_seq, 9301u);
        EXPECT_EQ(to_server.last_ack, 9301u);
        EXPECT_EQ(to_client.last_ack, 5101u);
        EXPECT_EQ(to_server.payload_bytes, 100u);
        EXPECT_EQ(to_client.payload_bytes, 300u);
    }
}

TEST(TcpSocketLeg, sequence_numbers_wrap) {
    auto event = server_event();
    event.own_first = 0;
    event.peer_first = 0;
    const Leg leg = to_leg(event, context);
    EXPECT_EQ(leg.flow(Direction::to_client).isn, 0xffffffffu);
    EXPECT_EQ(leg.flow(Direction::to_server).isn, 0xffffffffu);
}

TEST(TcpSocketLeg, options_are_as_announced_and_absent_when_not_agreed_on) {
    Leg leg = to_leg(client_event(), context);
    EXPECT_EQ(leg.flow(Direction::to_server).mss, 1460);  // the kernel keeps 12 bytes less
    EXPECT_EQ(leg.flow(Direction::to_client).mss, 1400);
    EXPECT_EQ(leg.flow(Direction::to_server).window_scale, 7);
    EXPECT_EQ(leg.flow(Direction::to_client).window_scale, 9);
    EXPECT_TRUE(leg.flow(Direction::to_client).has_timestamps);
    auto plain = client_event();
    plain.flags = TCP_SOCKET_PEER_HEARD;
    leg = to_leg(plain, context);
    EXPECT_EQ(leg.flow(Direction::to_server).mss, 1448);
    EXPECT_EQ(leg.flow(Direction::to_server).window_scale, 0xff);
    EXPECT_FALSE(leg.flow(Direction::to_server).has_timestamps);
}

TEST(TcpSocketLeg, process_namespace_and_tap_are_kept) {
    const Leg leg = to_leg(client_event(), context);
    EXPECT_EQ(leg.process.name(), "curl");
    EXPECT_EQ(leg.process.pid, 4711u);
    EXPECT_EQ(leg.process.uid, 1000u);
    EXPECT_EQ(leg.segment.netns, 4026532000u);
    EXPECT_EQ(leg.tap, 3);
    EXPECT_EQ(leg.revision, 2u);
    EXPECT_EQ(leg.phase, LegPhase::updated);
}

TEST(TcpSocketLeg, times_are_real_and_those_of_the_handshake_only_where_seen) {
    const TimeNs zero = context.clock.offset_ns;
    Leg leg = to_leg(client_event(), context);
    EXPECT_EQ(leg.first_ns, zero + TimeNs{born});
    EXPECT_EQ(leg.last_ns, zero + TimeNs{now});
    EXPECT_EQ(leg.flow(Direction::to_server).syn_ns, zero + TimeNs{born});
    EXPECT_EQ(leg.flow(Direction::to_client).syn_ns, zero + TimeNs{up});
    EXPECT_EQ(leg.flow(Direction::to_server).first_ack_ns, zero + TimeNs{up});
    EXPECT_EQ(leg.time_error_ns, socket_time_error_ns + 100);
    leg = to_leg(server_event(), context);
    EXPECT_EQ(leg.flow(Direction::to_server).syn_ns, 0);  // the SYN came before the socket was there
    EXPECT_EQ(leg.flow(Direction::to_client).syn_ns, zero + TimeNs{born});
    EXPECT_EQ(leg.flow(Direction::to_server).first_ack_ns, zero + TimeNs{up});
    auto found = client_event();
    found.established_ns = 0;
    leg = to_leg(found, context);
    EXPECT_EQ(leg.flow(Direction::to_server).syn_ns, 0);
    EXPECT_EQ(leg.flow(Direction::to_server).first_ack_ns, 0);
    EXPECT_EQ(leg.first_ns, zero + TimeNs{born});
}

TEST(TcpSocketLeg, the_end_says_why) {
    EXPECT_EQ(end_of(9, 0), LegEnd::fin);             // LAST_ACK
    EXPECT_EQ(end_of(5, 0), LegEnd::fin);             // FIN_WAIT2
    EXPECT_EQ(end_of(1, 0), LegEnd::reset);           // aborted here
    EXPECT_EQ(end_of(8, 0), LegEnd::reset);           // closed with unread bytes
    EXPECT_EQ(end_of(1, ECONNRESET), LegEnd::reset);  // reset by the peer
    EXPECT_EQ(end_of(1, ETIMEDOUT), LegEnd::idle);
    EXPECT_EQ(end_of(2, ECONNREFUSED), LegEnd::reset);
    EXPECT_EQ(end_of(2, ETIMEDOUT), LegEnd::idle);
    EXPECT_EQ(end_of(2, EHOSTUNREACH), LegEnd::idle);
    EXPECT_EQ(end_of(2, 0), LegEnd::idle);  // given up
    EXPECT_EQ(to_leg(client_event(), context).end, LegEnd::none);
}

TEST(TcpSocketLeg, a_refused_attempt_has_the_clients_isn_and_nothing_of_the_server) {
    auto event = ended(client_event(), 2, ECONNREFUSED);
    event.flags = 0;
    event.established_ns = 0;
    event.segments_sent = 2;
    const Leg leg = to_leg(event, context);
    EXPECT_EQ(leg.phase, LegPhase::ended);
    EXPECT_EQ(leg.flow(Direction::to_server).isn, 5000u);
    EXPECT_EQ(leg.flow(Direction::to_server).syn_count, 2u);
    EXPECT_NE(leg.flow(Direction::to_server).syn_ns, 0);
    EXPECT_EQ(leg.flow(Direction::to_client).isn_from, IsnFrom::none);
    EXPECT_EQ(leg.flow(Direction::to_client).flags_seen, 0x04);
    EXPECT_EQ(leg.flow(Direction::to_client).syn_ns, 0);
}

TEST(TcpSocketLeg, the_peers_fin_is_no_payload) {
    auto event = client_event();
    event.flags |= TCP_SOCKET_FIN_HEARD;
    event.bytes_received = 301;
    EXPECT_EQ(to_leg(event, context).flow(Direction::to_client).payload_bytes, 300u);
}

TEST(TcpSocketLeg, ids_tell_sockets_and_runs_apart_and_hold_over_reports) {
    auto event = client_event();
    const LegId id = to_leg(event, context).id;
    event.now_ns += 5;
    event.revision = 9;
    EXPECT_EQ(to_leg(event, context).id, id);
    event.born_ns += 1;  // the kernel used the same memory again
    EXPECT_NE(to_leg(event, context).id, id);
    SocketLegContext other = context;
    other.run = run_hash("agent-1", 8);
    EXPECT_NE(to_leg(client_event(), other).id, id);
    EXPECT_NE(run_hash("agent-2", 7), run_hash("agent-1", 7));
}

TEST(TcpSocketLeg, ipv6_and_mapped_ipv4_addresses) {
    auto event = client_event();
    set_ip(event.local_ip, "2001:db8::7");
    set_ip(event.remote_ip, "2001:db8::9");
    EXPECT_EQ(to_text(to_leg(event, context).client), "[2001:db8::7]:40112");
    set_ip(event.remote_ip, "::ffff:10.0.0.9");
    EXPECT_EQ(to_text(to_leg(event, context).server), "10.0.0.9:443");
}

TEST(TcpSocketEvent, only_whole_and_sound_reports_are_taken) {
    const auto event = client_event();
    const auto* begin = reinterpret_cast<const std::byte*>(&event);
    EXPECT_TRUE(decode_tcp_socket_event({begin, sizeof event}));
    for (std::size_t size = 0; size < sizeof event; ++size) EXPECT_FALSE(decode_tcp_socket_event({begin, size}));
    std::vector<std::byte> longer(sizeof event + 1);
    EXPECT_FALSE(decode_tcp_socket_event(longer));
    const auto refused = [](auto change) {
        auto broken = client_event();
        change(broken);
        return !decode_tcp_socket_event({reinterpret_cast<const std::byte*>(&broken), sizeof broken});
    };
    EXPECT_TRUE(refused([](auto& e) { e.report = 3; }));
    EXPECT_TRUE(refused([](auto& e) { e.role = TCP_SOCKET_LISTENER; }));
    EXPECT_TRUE(refused([](auto& e) { e.old_state = 13; }));
    EXPECT_TRUE(refused([](auto& e) { e.now_ns = ~0ull; }));
}

TEST(TcpSocketEvent, a_name_without_an_end_is_cut) {
    auto event = client_event();
    std::memset(event.comm, 'x', sizeof event.comm);
    const auto decoded = decode_tcp_socket_event({reinterpret_cast<const std::byte*>(&event), sizeof event});
    ASSERT_TRUE(decoded);
    EXPECT_EQ(to_leg(*decoded, context).process.name(), std::string(15, 'x'));
}

}  // namespace
}  // namespace clew::agent
