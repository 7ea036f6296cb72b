// SPDX-License-Identifier: Apache-2.0
#include "dataplane/leg_report.h"

#include <algorithm>

namespace clew::sensor {
namespace {

// What is filled in is new: what a leg has not stays as it was made, and nothing is copied twice.

void fill_flow(Flow& flow, const HotLeg& leg, const ColdLeg& cold_leg, const TcpLeg& tcp, const LegParts& parts,
               Side side) {
    const HotFlow& hot = leg.flows[side];
    const ColdFlow& cold = cold_leg.flows[side];
    flow.packets = std::uint64_t{cold.packets_wrapped} << 32 | hot.packets;
    flow.bytes = std::uint64_t{cold.bytes_moved} * hot_bytes_moved + hot.bytes;
    flow.payload_bytes = std::uint64_t{cold.payload_bytes_moved} * hot_bytes_moved + hot.payload_bytes;
    flow.first_ns = cold.first_ns;
    flow.last_ns = leg.times[side];
    flow.first_payload_ns = cold.first_payload_ns;
    flow.first_ip_id = cold.first_ip_id;
    flow.first_ttl = cold.first_ttl;
    flow.last_ttl = hot.last_ttl;
    flow.flags_seen = hot.flags_seen;
    flow.isn_from = cold.isn_from;
    flow.isn = cold.isn;
    flow.next_seq = hot.next_seq;
    flow.last_ack = hot.last_ack;
    if (tcp.sides[side].oddities != 0) {
        const TcpOddities& odd = parts.oddities(tcp.sides[side]);
        flow.retransmissions = odd.retransmissions_fast + odd.retransmissions_timeout + odd.retransmissions_spurious;
    }
    flow.syn_ns = cold.syn_ns;
    flow.first_ack_ns = cold.first_ack_ns;
    flow.syn_count = cold.syn_count;
    flow.mss = cold.mss;
    flow.syn_window = cold.syn_window;
    flow.window_scale = static_cast<std::uint8_t>(cold.window_scale_told - 1);
    flow.sack_permitted = cold.sack_permitted;
    flow.has_timestamps = cold.has_timestamps;
    flow.first_tsval = cold.first_tsval;
    if (cold.oddities != 0) {
        const FlowOddities& odd = parts.oddities(cold);
        flow.marks = odd.marks;
        flow.reset = odd.reset;
        flow.loop = odd.loop;
        flow.icmp_error = odd.icmp_error;
    }
    flow.head = {cold.head_length, cold.head.hash_16, cold.head.hash_64, cold.head.hash_256, cold.head.hash_all};
    flow.sample_count = cold.sample_count;
    std::copy_n(cold_leg.samples[side].begin(), cold.sample_count, flow.samples.begin());
}

void fill_flow_analysis(TcpFlowAnalysis& result, const TcpSide& side, const LegParts& parts) {
    result.rtt = parts.statistics(side.rtt);
    result.resets = side.resets;
    if (side.oddities == 0) return;
    const TcpOddities& odd = parts.oddities(side);
    result.retransmissions_fast = odd.retransmissions_fast;
    result.retransmissions_timeout = odd.retransmissions_timeout;
    result.retransmissions_spurious = odd.retransmissions_spurious;
    result.losses_upstream = odd.losses_upstream;
    result.out_of_order = odd.out_of_order;
    result.duplicate_acks = odd.duplicate_acks;
    result.zero_windows = odd.zero_windows;
    result.windows_full = odd.windows_full;
    result.keep_alives = odd.keep_alives;
    result.capture_gaps = odd.capture_gaps;
    result.capture_gap_bytes = odd.capture_gap_bytes;
}

DurationNs first_byte_of(const Flow& client, const Flow& server) {
    if (server.first_payload_ns == 0) return 0;
    const bool server_first = client.first_payload_ns == 0 || server.first_payload_ns < client.first_payload_ns;
    const TimeNs from = server_first ? client.first_ack_ns : client.first_payload_ns;
    return from == 0 ? 0 : std::max<DurationNs>(server.first_payload_ns - from, 0);
}

void fill_analysis(Leg& leg, const ColdLeg& cold, const TcpLeg& tcp, const LegParts& parts, Side client) {
    TcpAnalysis& analysis = leg.tcp;
    fill_flow_analysis(analysis.flows[0], tcp.sides[client], parts);
    fill_flow_analysis(analysis.flows[1], tcp.sides[client ^ 1], parts);
    analysis.response = parts.statistics(tcp.response);
    analysis.handshake_server = cold.handshake.server;
    analysis.handshake_client = cold.handshake.client;
    analysis.handshake = cold.handshake.whole;
    analysis.first_byte = first_byte_of(leg.flow(Direction::to_server), leg.flow(Direction::to_client));
    analysis.reset_origin = tcp.reset_origin;
    analysis.reset_by_server = tcp.reset_origin != ResetOrigin::none && tcp.reset_side != client;
    analysis.reset_ttl_ahead = tcp.reset_ttl_ahead;
    analysis.reset_ip_id_apart = tcp.reset_ip_id_apart;
}

/// Kept the newest first, told in the order in which they came.
void put_hints(Leg& leg, const ColdLeg& cold, const LegParts& parts, Side client) {
    std::size_t at = leg.hint_count = cold.hint_count;
    for (const KeptHint* kept = parts.newest_hint(cold); kept; kept = parts.hint_before(*kept)) {
        const Direction direction = kept->side == client ? Direction::to_server : Direction::to_client;
        leg.hints[--at] = {kept->kind, direction, kept->length, kept->bytes, kept->time_ns};
    }
}

}  // namespace

Leg make_leg(const HotLeg& hot, const ColdLeg& cold, const TcpLeg& tcp, const LegParts& parts,
             const SegmentTable& segments, LegId id, LegPhase phase, LegEnd end) {
    const Side client = hot.client_side();
    Leg leg;
    leg.id = id;
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
    fill_flow(leg.flow(Direction::to_server), hot, cold, tcp, parts, client);
    fill_flow(leg.flow(Direction::to_client), hot, cold, tcp, parts, server);
    if (hot.is_tcp()) fill_analysis(leg, cold, tcp, parts, client);
    leg.app = cold.app;
    const LegNames& names = parts.names(cold);
    leg.server_name = names.server;
    leg.alpn = names.alpn;
    put_hints(leg, cold, parts, client);
    return leg;
}

}  // namespace clew::sensor
