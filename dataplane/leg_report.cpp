// SPDX-License-Identifier: Apache-2.0
#include "dataplane/leg_report.h"

namespace clew::sensor {
namespace {

Flow make_flow(const HotFlow& hot, const ColdFlow& cold) {
    Flow flow = cold.flow;
    flow.packets = std::uint64_t{cold.packets_wrapped} << 32 | hot.packets;
    flow.bytes = hot.bytes;
    flow.payload_bytes = hot.payload_bytes;
    flow.last_ns = hot.last_ns;
    flow.last_ttl = hot.last_ttl;
    flow.flags_seen = hot.flags_seen;
    flow.next_seq = hot.next_seq;
    flow.last_ack = hot.last_ack;
    return flow;
}

}  // namespace

Leg make_leg(const HotLeg& hot, const ColdLeg& cold, const SegmentTable& segments, LegPhase phase, LegEnd end) {
    const Side client = hot.client_side();
    Leg leg;
    leg.id = cold.id;
    leg.revision = cold.revision;
    leg.phase = phase;
    leg.end = end;
    leg.observer = Observer::mirror;
    leg.client_by = hot.client_by();
    leg.tap = hot.key.tap;
    leg.protocol = static_cast<Protocol>(hot.key.protocol);
    leg.time_source = cold.time_source;
    leg.time_error_ns = cold.time_error_ns;
    leg.duplicates = cold.duplicates;
    const Endpoint low{hot.key.low, hot.key.port_low}, high{hot.key.high, hot.key.port_high};
    leg.client = client == 0 ? low : high;
    leg.server = client == 0 ? high : low;
    const auto swapped = static_cast<std::uint16_t>(client == 0 ? cold.swapped : ~cold.swapped);
    leg.segment = segments.segment(hot.key.segment, swapped);
    leg.first_ns = cold.first_ns;
    leg.last_ns = hot.last_ns();
    leg.flow(Direction::to_server) = make_flow(hot.flows[client], cold.flows[client]);
    leg.flow(Direction::to_client) = make_flow(hot.flows[client ^ 1], cold.flows[client ^ 1]);
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
