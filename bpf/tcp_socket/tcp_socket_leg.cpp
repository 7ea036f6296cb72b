// SPDX-License-Identifier: Apache-2.0
#include "bpf/tcp_socket/tcp_socket_leg.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace clew::agent {
namespace {

static_assert(sizeof(tcp_socket_event) == 168 && std::has_unique_object_representations_v<tcp_socket_event>);

enum TcpState : std::uint8_t { established = 1, syn_sent = 2, syn_recv = 3, close_wait = 8, closing = 11 };
constexpr TcpFlags fin = 0x01, syn = 0x02, rst = 0x04, ack = 0x10;

constexpr std::uint64_t uptime_ns_max = 1ull << 61;  // 73 years

LegEnd end_of(const tcp_socket_event& event) {
    switch (event.error) {
        case 0: break;
        case ECONNREFUSED:
        case ECONNRESET:
        case EPIPE: return LegEnd::reset;
        default: return LegEnd::idle;  // timed out or unreachable: nothing more was heard
    }
    switch (event.old_state) {
        case syn_sent: return LegEnd::idle;  // the process gave up waiting
        case established:                    // closed without a FIN of its own: aborted
        case close_wait: return LegEnd::reset;
        default: return LegEnd::fin;
    }
}

void fill_options(Flow& flow, const tcp_socket_event& event, std::uint16_t mss, std::uint8_t window_scale) {
    flow.mss = mss;
    flow.window_scale = event.flags & TCP_SOCKET_WINDOW_SCALE ? window_scale : 0xff;
    flow.sack_permitted = event.flags & TCP_SOCKET_SACK;
    flow.has_timestamps = event.flags & TCP_SOCKET_TIMESTAMPS;
}

/// What this socket sends.
void fill_own(Flow& flow, const tcp_socket_event& event) {
    const bool server = event.role == TCP_SOCKET_SERVER;
    flow.packets = event.segments_sent + (server ? 1u : 0u);  // the SYN-ACK is sent before the socket is there
    flow.payload_bytes = event.bytes_sent;
    flow.isn_from = IsnFrom::socket;
    flow.isn = server ? event.own_first - 1 : event.own_first;
    flow.next_seq = event.snd_nxt;
    flow.retransmissions = event.retransmissions;
    flow.flags_seen = syn;
    if (!(event.flags & TCP_SOCKET_PEER_HEARD)) {
        flow.syn_count = event.segments_sent;
        return;
    }
    flow.flags_seen |= ack;
    flow.last_ack = event.rcv_nxt;
    // The kernel keeps what it announced less the room for timestamps, once they are agreed on.
    const auto for_timestamps = static_cast<std::uint16_t>(event.flags & TCP_SOCKET_TIMESTAMPS ? 12 : 0);
    fill_options(flow, event, static_cast<std::uint16_t>(event.own_mss + for_timestamps), event.own_window_scale);
}

/// What its peer sends, as far as it came here.
void fill_peer(Flow& flow, const tcp_socket_event& event) {
    flow.packets = event.segments_received;
    if (event.error == ECONNREFUSED || event.error == ECONNRESET || event.error == EPIPE) flow.flags_seen |= rst;
    if (!(event.flags & TCP_SOCKET_PEER_HEARD)) return;
    const bool fin_heard = (event.flags & TCP_SOCKET_FIN_HEARD) && event.bytes_received > 0;
    flow.payload_bytes = event.bytes_received - (fin_heard ? 1 : 0);
    flow.isn_from = IsnFrom::socket;
    flow.isn = event.peer_first - 1;
    flow.next_seq = event.rcv_nxt;
    flow.last_ack = event.snd_una;
    flow.flags_seen |= syn | ack | (fin_heard ? fin : 0);
    fill_options(flow, event, event.peer_mss, event.peer_window_scale);
}

void fill_handshake(Leg& leg, const tcp_socket_event& event, DurationNs offset_ns) {
    const auto real = [&](std::uint64_t monotonic) {
        return monotonic ? static_cast<TimeNs>(monotonic) + offset_ns : 0;
    };
    Flow& to_server = leg.flow(Direction::to_server);
    Flow& to_client = leg.flow(Direction::to_client);
    const bool attempted_only = !(event.flags & TCP_SOCKET_PEER_HEARD);
    if (event.established_ns == 0 && !attempted_only) return;  // began before the agent did
    to_server.first_ack_ns = real(event.established_ns);
    if (event.role == TCP_SOCKET_CLIENT) {
        to_server.first_ns = to_server.syn_ns = event.born_ns == event.established_ns ? 0 : real(event.born_ns);
        to_client.first_ns = to_client.syn_ns = real(event.established_ns);
    } else {
        to_server.first_ns = real(event.born_ns);
        to_client.first_ns = to_client.syn_ns = event.born_ns == event.established_ns ? 0 : real(event.born_ns);
    }
}

IpAddress address(const unsigned char (&bytes)[16]) { return IpAddress::from_v6_bytes(bytes); }

}  // namespace

std::uint64_t run_hash(std::string_view observer, TimeNs started_ns) {
    return XXH3_64bits_withSeed(observer.data(), observer.size(), static_cast<XXH64_hash_t>(started_ns));
}

std::optional<tcp_socket_event> decode_tcp_socket_event(std::span<const std::byte> bytes) {
    tcp_socket_event event;
    if (bytes.size() != sizeof event) return std::nullopt;
    std::memcpy(&event, bytes.data(), sizeof event);
    if (event.report > TCP_SOCKET_ENDED || event.old_state == 0 || event.old_state > closing) return std::nullopt;
    if (event.role != TCP_SOCKET_CLIENT && event.role != TCP_SOCKET_SERVER) return std::nullopt;
    if (std::max({event.born_ns, event.established_ns, event.now_ns}) > uptime_ns_max) return std::nullopt;
    event.comm[sizeof event.comm - 1] = '\0';
    return event;
}

Leg to_leg(const tcp_socket_event& event, const SocketLegContext& context) {
    Leg leg;
    const std::array<std::uint64_t, 3> identity{context.run, event.socket, event.born_ns};
    leg.id = std::max<LegId>(XXH3_64bits(identity.data(), sizeof identity), 1);
    leg.revision = event.revision;
    leg.phase = static_cast<LegPhase>(event.report);
    if (leg.phase == LegPhase::ended) leg.end = end_of(event);
    leg.observer = Observer::socket;
    leg.client_by = ClientBy::socket;
    leg.tap = context.tap;
    leg.protocol = Protocol::tcp;
    leg.time_source = TimeSource::kernel;
    leg.time_error_ns =
        static_cast<std::uint32_t>(std::clamp<DurationNs>(socket_time_error_ns + context.clock.error_ns, 0, ns_per_s));
    const Endpoint local{address(event.local_ip), event.local_port},
        remote{address(event.remote_ip), event.remote_port};
    const bool client = event.role == TCP_SOCKET_CLIENT;
    leg.socket_role = client ? SocketRole::client : SocketRole::server;
    leg.client = client ? local : remote;
    leg.server = client ? remote : local;
    leg.segment.netns = event.netns;
    leg.first_ns = static_cast<TimeNs>(event.born_ns) + context.clock.offset_ns;
    leg.last_ns = static_cast<TimeNs>(event.now_ns) + context.clock.offset_ns;
    const Direction own = client ? Direction::to_server : Direction::to_client;
    fill_own(leg.flow(own), event);
    fill_peer(leg.flow(opposite(own)), event);
    fill_handshake(leg, event, context.clock.offset_ns);
    leg.process.pid = event.pid;
    leg.process.uid = event.uid;
    std::copy(std::begin(event.comm), std::end(event.comm), leg.process.command.begin());
    return leg;
}

}  // namespace clew::agent
