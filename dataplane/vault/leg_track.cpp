// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/leg_track.h"

#include <algorithm>

#include "dataplane/vault/tcp_options.h"

namespace clew::vault {
namespace {

constexpr std::uint8_t fin = 0x01, syn = 0x02, push = 0x08, ack = 0x10;
constexpr std::uint32_t frame_bytes_min = 60;

std::uint32_t ip_bytes(const HeaderRecord& record) { return record.v6 ? 40u + record.ip_length : record.ip_length; }

/// The shift of a SYN's window scale option; 0 when there is none.
std::uint8_t window_shift_of(const HeaderRecord& record) {
    constexpr std::uint8_t nop = 1, window_scale = 3, shift_max = 14;
    for (std::size_t at = 0; at + 2 < record.options_length;) {
        const std::uint8_t kind = record.options[at];
        if (kind == window_scale) return std::min(record.options[at + 2], shift_max);
        if (kind == 0 || (kind != nop && record.options[at + 1] < 2)) return 0;
        at += kind == nop ? 1 : record.options[at + 1];
    }
    return 0;
}

}  // namespace

void TickClock::learn(TimeNs now, std::uint32_t ticks) {
    const std::uint64_t ticks_at = std::uint64_t{ticks} << 24;
    if (!known_) {
        known_ = true;
        first_ = last_ = ticks;
        first_ns_ = last_ns_ = now;
        position_ = ticks_at;
        return;
    }
    const std::uint32_t passed = ticks - first_;
    if (passed >= learnt_ticks_ && passed < (1u << 31) && now > first_ns_) {
        const auto span = static_cast<std::uint64_t>(now - first_ns_);
        rate_ = static_cast<std::uint64_t>((static_cast<WideNumber>(passed) << 40) / span);
        learnt_ticks_ = passed * 2;
    }
    // Within the tick that was seen, as near as can be to what was expected.
    const std::uint64_t expected = position_at(now) & ((1ull << 56) - 1);
    const auto off = static_cast<std::int32_t>(ticks - static_cast<std::uint32_t>(expected >> 24));
    position_ = off == 0 ? expected : off > 0 ? ticks_at : ticks_at + 0xff'ffff;
    last_ = ticks;
    last_ns_ = now;
}

void LegTrack::restart() {
    static_cast<LegState&>(*this) = LegState{};
    for (SideTrack& own : side) static_cast<SideState&>(own) = SideState{};
}

void LegTrack::learn(const LegLabel& leg, const HeaderRecord& record) {
    SideTrack& own = side[record.side];
    if (leg.protocol == static_cast<std::uint8_t>(Protocol::tcp)) learn_tcp(record);
    const std::uint32_t natural = record.ip_offset + ip_bytes(record);
    if (natural < frame_bytes_min && record.wire_length == frame_bytes_min)
        own.pads = true;
    else {
        if (natural < frame_bytes_min) own.pads = false;
        own.trailer = static_cast<std::uint8_t>(std::min(record.wire_length - natural, 255u));
    }
    if (record.payload_length != 0) {
        if (record.payload_length != own.length_again) own.length_before = own.length_again;
        own.length_again = record.payload_length;
        own.length_largest = std::max(own.length_largest, record.payload_length);
        own.push = (record.flags & push) != 0;
    }
    own.seen = true;
    own.last = &record;
    last_ns = record.time_ns;
    last_empty = record.payload_length == 0;
    last_kind = last_empty ? 0 : own.push ? 2 : 1;
    sides = static_cast<std::uint8_t>(sides << 1 | record.side);
    client_side = record.to_server ? record.side : record.side ^ 1;
    started = true;
}

void LegTrack::learn_tcp(const HeaderRecord& record) {
    SideTrack& own = side[record.side];
    SideTrack& peer = side[record.side ^ 1];
    const std::uint32_t counted = record.payload_length + ((record.flags & syn) != 0) + ((record.flags & fin) != 0);
    own.after_last = record.seq + counted;
    const bool further = !own.seen || static_cast<std::int32_t>(own.after_last - own.next_seq) > 0;
    if (further) {
        own.next_seq = own.after_last;
        if (counted != 0) own.push_sent({own.after_last, own.tsval});
    }
    if ((record.flags & ack) != 0) {
        peer.acknowledge(record.ack);
        if (!peer.seen) peer.next_seq = peer.after_last = record.ack;
    }
    if ((record.flags & syn) != 0) own.window_shift = window_shift_of(record);
}

std::uint32_t expected_wire_length(const SideTrack& side, std::uint32_t ip_offset, bool v6, std::uint16_t ip_length) {
    const std::uint32_t natural = ip_offset + (v6 ? 40u : 0u) + ip_length;
    return natural < frame_bytes_min && side.pads ? frame_bytes_min : natural + side.trailer;
}

}  // namespace clew::vault
