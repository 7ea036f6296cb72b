// SPDX-License-Identifier: Apache-2.0
// The columns that overviews are computed from: a path's totals and its links, side by side.
#include <algorithm>
#include <string>

#include "controlplane/store/native_block.h"
#include "controlplane/store/schema.h"
#include "nat-trace/address.h"

namespace clew::store {
namespace {

/// Who stands between two legs: the MAC that frames were sent to, else the far end of their tunnel, else the address
/// it wrote itself. Empty between a socket and its tap: there is no gateway.
std::string gateway_of(const v1::PathLeg& from, const v1::PathLeg& to) {
    if (from.observer() == "socket" || to.observer() == "socket") return {};
    if (!from.server_mac().empty()) return from.server_mac();
    if (from.layers_size() > 0 && !from.layers(from.layers_size() - 1).server_end().empty())
        return from.layers(from.layers_size() - 1).server_end();
    const auto source = parse_endpoint(to.client());
    return source && from.client() != to.client() ? to_text(source->ip) : std::string();
}

/// The source that was written, where it is another than before.
Endpoint source_of(const v1::PathLeg& from, const v1::PathLeg& to) {
    if (from.client() == to.client()) return {};
    return parse_endpoint(to.client()).value_or(Endpoint{});
}

struct LinkColumns {
    explicit LinkColumns(NativeBlock& block)
        : packets(block.add("packets", "UInt64")),
          bytes(block.add("bytes", "UInt64")),
          retransmissions(block.add("retransmissions", "UInt32")),
          kind(block.add("link_kind", "Array(String)")),
          from(block.add("link_from", "Array(String)")),
          to(block.add("link_to", "Array(String)")),
          gateway(block.add("link_gateway", "Array(String)")),
          source(block.add("link_source", "Array(String)")),
          source_port(block.add("link_source_port", "Array(UInt16)")),
          delay(block.add("link_delay_ns", "Array(Int64)")),
          delay_error(block.add("link_delay_error_ns", "Array(Int64)")),
          delay_samples(block.add("link_delay_samples", "Array(UInt32)")),
          before(block.add("link_before", "Array(UInt64)")),
          behind(block.add("link_behind", "Array(UInt64)")),
          from_clock(block.add("link_from_clock", "Array(String)")),
          to_clock(block.add("link_to_clock", "Array(String)")),
          offset(block.add("link_offset_ns", "Array(Int64)")),
          offset_error(block.add("link_offset_error_ns", "Array(Int64)")),
          lost(block.add("link_lost", "Array(UInt32)")),
          gaps(block.add("link_gaps", "Array(UInt32)")),
          unknown(block.add("link_unknown", "Array(UInt32)")) {}

    void put_totals(const v1::Path& path);
    void put_link(const v1::PathLink& link, const v1::PathLeg& before, const v1::PathLeg& behind);
    void put_delay(const v1::PathLink& link);
    void put_losses(const v1::PathLink& link, const v1::PathLeg& before, const v1::PathLeg& behind);
    void end_row();

    NativeColumn &packets, &bytes, &retransmissions, &kind, &from, &to, &gateway, &source, &source_port, &delay,
        &delay_error, &delay_samples, &before, &behind, &from_clock, &to_clock, &offset, &offset_error, &lost, &gaps,
        &unknown;
};

void LinkColumns::put_totals(const v1::Path& path) {
    std::uint64_t packet_count = 0, byte_count = 0;
    std::uint32_t again_count = 0;
    bool from_socket = true;  // a socket counts packets, not their bytes: a tap's counts go before it
    for (const v1::PathLeg& leg : path.legs()) {
        const bool socket = leg.observer() == "socket";
        if (packet_count == 0 || (from_socket && !socket && leg.to_server().packets() > 0)) {
            packet_count = leg.to_server().packets() + leg.to_client().packets();
            byte_count = leg.to_server().bytes() + leg.to_client().bytes();
            from_socket = socket;
        }
        again_count = std::max(again_count, leg.to_server().retransmissions() + leg.to_client().retransmissions());
    }
    packets.number(packet_count);
    bytes.number(byte_count);
    retransmissions.number(again_count);
}

void LinkColumns::put_delay(const v1::PathLink& link) {
    const auto found = std::find_if(link.delays().begin(), link.delays().end(),
                                    [](const v1::PathDelay& one) { return one.direction() == "to_server"; });
    const bool has = found != link.delays().end();
    delay.number(has ? static_cast<std::int64_t>(found->mean_ns()) : std::int64_t{0});
    delay_error.number(has ? static_cast<std::int64_t>(found->error_ns()) : std::int64_t{0});
    delay_samples.number(has ? found->samples() : std::uint32_t{0});
}

void LinkColumns::put_losses(const v1::PathLink& link, const v1::PathLeg& left, const v1::PathLeg& right) {
    std::uint32_t lost_count = 0, unknown_count = 0;
    for (const v1::PathLoss& loss : link.losses()) {
        lost_count += loss.lost();
        unknown_count += loss.unknown();
    }
    lost.number(lost_count);
    gaps.number(right.to_server().missed() + left.to_client().missed());  // of each direction, the tap behind
    unknown.number(unknown_count);
}

void LinkColumns::put_link(const v1::PathLink& link, const v1::PathLeg& left, const v1::PathLeg& right) {
    kind.text(link.kind());
    from.text(left.tap());
    to.text(right.tap());
    gateway.text(gateway_of(left, right));
    const Endpoint written = source_of(left, right);
    source.text(written == Endpoint{} ? std::string() : to_text(written.ip));
    source_port.number(written.port);
    put_delay(link);
    put_losses(link, left, right);
    // A relay speaks its own packets on either side, a socket shows none, and a tap may see the way back alone: there
    // is nothing to compare.
    const bool same_packets = link.kind() != "relay" && left.observer() != "socket" && right.observer() != "socket" &&
                              left.to_server().packets() > 0 && right.to_server().packets() > 0;
    before.number(same_packets ? static_cast<std::uint64_t>(left.to_server().packets()) : std::uint64_t{0});
    behind.number(same_packets ? static_cast<std::uint64_t>(right.to_server().packets()) : std::uint64_t{0});
    from_clock.text(left.clock());
    to_clock.text(right.clock());
    offset.number(static_cast<std::int64_t>(link.clock().offset_ns()));
    offset_error.number(link.has_clock() ? std::max<std::int64_t>(1, link.clock().error_ns()) : std::int64_t{0});
}

void LinkColumns::end_row() {
    for (NativeColumn* column :
         {&kind, &from, &to, &gateway, &source, &source_port, &delay, &delay_error, &delay_samples, &before, &behind,
          &from_clock, &to_clock, &offset, &offset_error, &lost, &gaps, &unknown})
        column->end_row();
}

}  // namespace

void add_link_columns(NativeBlock& block, const std::vector<v1::Path>& paths) {
    LinkColumns columns(block);
    for (const v1::Path& path : paths) {
        columns.put_totals(path);
        for (const v1::PathLink& link : path.links()) {
            const auto count = static_cast<std::uint32_t>(path.legs_size());
            if (link.from() >= count || link.to() >= count) continue;
            columns.put_link(link, path.legs(static_cast<int>(link.from())), path.legs(static_cast<int>(link.to())));
        }
        columns.end_row();
    }
}

}  // namespace clew::store
