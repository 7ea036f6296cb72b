// SPDX-License-Identifier: Apache-2.0
#include "dataplane/leg_report.h"

#include <algorithm>

namespace clew::sensor {
namespace {

Flow make_flow(const HotLeg& leg, const ColdFlow& cold, const TcpFlowAnalysis& tcp, Side side) {
    const HotFlow& hot = leg.flows[side];
    Flow flow = cold.flow;
    flow.packets = std::uint64_t{cold.packets_wrapped} << 32 | hot.packets;
    flow.bytes += hot.bytes;
    flow.payload_bytes += hot.payload_bytes;
    flow.last_ns = leg.times[side];
    flow.last_ttl = hot.last_ttl;
    flow.flags_seen = hot.flags_seen;
    flow.next_seq = hot.next_seq;
    flow.last_ack = hot.last_ack;
    flow.retransmissions = tcp.retransmissions_fast + tcp.retransmissions_timeout + tcp.retransmissions_spurious;
    return flow;
}

DurationNs first_byte_of(const Flow& client, const Flow& server) {
    if (server.first_payload_ns == 0) return 0;
    const bool server_first = client.first_payload_ns == 0 || server.first_payload_ns < client.first_payload_ns;
    const TimeNs from = server_first ? client.first_ack_ns : client.first_payload_ns;
    return from == 0 ? 0 : std::max<DurationNs>(server.first_payload_ns - from, 0);
}

TcpAnalysis make_analysis(const Leg& leg, const TcpLeg& tcp, Side client) {
    TcpAnalysis analysis;
    analysis.flows = {tcp.sides[client].result, tcp.sides[client ^ 1].result};
    analysis.response = tcp.response;
    analysis.handshake_server = tcp.handshake_server;
    analysis.handshake_client = tcp.handshake_client;
    analysis.handshake = tcp.handshake;
    analysis.first_byte = first_byte_of(leg.flow(Direction::to_server), leg.flow(Direction::to_client));
    analysis.reset_origin = tcp.reset_origin;
    analysis.reset_by_server = tcp.reset_origin != ResetOrigin::none && tcp.reset_side != client;
    analysis.reset_ttl_ahead = tcp.reset_ttl_ahead;
    analysis.reset_ip_id_apart = tcp.reset_ip_id_apart;
    return analysis;
}

}  // namespace

Leg make_leg(const HotLeg& hot, const ColdLeg& cold, const TcpLeg& tcp, const SegmentTable& segments, LegPhase phase,
             LegEnd end) {
    const Side client = hot.client_side();
    Leg leg;
    leg.id = cold.id;
    leg.revision = cold.revision;
    leg.phase = phase;
    leg.end = end;
    leg.observer = Observer::mirror;
    leg.client_by = hot.client_by();
    leg.tap = segments.tap(hot.segment);
    leg.protocol = static_cast<Protocol>(hot.protocol);
    leg.time_source = cold.time_source;
    leg.time_error_ns = cold.time_error_ns;
    leg.duplicates = cold.duplicates;
    const LegKey key = hot.key();
    const Endpoint low{cold.addresses.low, key.port_low()}, high{cold.addresses.high, key.port_high()};
    leg.client = client == 0 ? low : high;
    leg.server = client == 0 ? high : low;
    const auto swapped = static_cast<std::uint16_t>(client == 0 ? cold.swapped : ~cold.swapped);
    leg.segment = segments.segment(hot.segment, swapped);
    leg.first_ns = cold.first_ns;
    leg.last_ns = hot.last_ns();
    const Side server = client ^ 1;
    leg.flow(Direction::to_server) = make_flow(hot, cold.flows[client], tcp.sides[client].result, client);
    leg.flow(Direction::to_client) = make_flow(hot, cold.flows[server], tcp.sides[server].result, server);
    if (hot.is_tcp()) leg.tcp = make_analysis(leg, tcp, client);
    leg.app = cold.app;
    leg.server_name = cold.server_name;
    leg.alpn = cold.alpn;
    leg.hint_count = cold.hint_count;
    for (std::size_t i = 0; i < cold.hint_count; ++i) {
        leg.hints[i] = cold.hints[i];
        const bool by_client = static_cast<Side>(cold.hints[i].direction) == client;
        leg.hints[i].direction = by_client ? Direction::to_server : Direction::to_client;
    }
    return leg;
}

}  // namespace clew::sensor
