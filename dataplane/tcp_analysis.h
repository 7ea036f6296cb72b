// SPDX-License-Identifier: Apache-2.0
// What one TCP segment means in its connection, by Wireshark's names (docs/TCP_ANALYSIS.md says where we differ and
// why). follow_plain() takes the many that are what was expected, out of the hot part alone; look_closely() takes any.
// One thread; call before the packet is counted in the hot part.
#pragma once

#include <cstdint>

#include "dataplane/fingerprint/study.h"
#include "dataplane/leg_parts.h"
#include "dataplane/leg_state.h"
#include "dataplane/tcp_leg.h"
#include "dataplane/transport.h"

namespace clew::sensor {

/// A bit set; at most one of the first four.
enum TcpNote : std::uint32_t {
    tcp_retransmission = 1u << 0,  ///< neither fast nor spurious: a timer ran out
    tcp_fast_retransmission = 1u << 1,
    tcp_spurious_retransmission = 1u << 2,
    tcp_out_of_order = 1u << 3,
    tcp_duplicate_ack = 1u << 4,
    tcp_zero_window = 1u << 5,
    tcp_window_full = 1u << 6,
    tcp_keep_alive = 1u << 7,
    tcp_keep_alive_ack = 1u << 8,
    tcp_zero_window_probe = 1u << 9,
    tcp_zero_window_probe_ack = 1u << 10,
    tcp_capture_gap = 1u << 11,
    tcp_repeats = tcp_retransmission | tcp_fast_retransmission | tcp_spurious_retransmission,
};

struct SegmentFindings {
    std::uint32_t notes = 0;      ///< TcpNote
    bool advances = true;         ///< brings bytes, or a SYN or FIN, that were not seen before
    DurationNs rtt_ns = -1;       ///< of a segment of the other side, acknowledged by this one; -1: none
    DurationNs response_ns = -1;  ///< this begins the answer to a request
};

/// One TCP segment with what of its packet the analysis needs.
struct SeenSegment {
    const Transport* tcp = nullptr;
    const std::uint8_t* frame = nullptr;
    TimeNs time_ns = 0;
    std::uint16_t ip_id = 0;
    std::uint8_t ttl = 0;
    Side side = 0;
};

/// False when it is not plain; then nothing was changed. (Below.)
inline bool follow_plain(HotLeg& hot, const Transport& tcp, Side side, TimeNs now, SegmentFindings& found);

/// The cold parts of the analysis.
struct TcpKept {
    TcpHandshake& handshake;
    TcpLeg& leg;
    LegParts& parts;
};

SegmentFindings look_closely(HotLeg& hot, const TcpKept& kept, const SeenSegment& seen);

// ------------------------------------------------------------------------------------------------ the plain path

/// From a moment kept in pieces until `now`; never negative (an older packet that came late).
inline DurationNs since(std::uint32_t low, std::uint8_t high, TimeNs now) {
    constexpr unsigned unused_bits = 24;
    const std::uint64_t then = std::uint64_t{high} << 32 | low;
    const std::uint64_t steps = static_cast<std::uint64_t>(now) / ShortTime::step_ns - then;
    const auto apart = static_cast<std::int64_t>(steps << unused_bits) >> unused_bits;
    return apart < 0 ? 0 : apart * ShortTime::step_ns;
}

inline void note_sent(HotFlow& own, std::uint32_t end, TimeNs now) {
    const std::uint64_t steps = static_cast<std::uint64_t>(now) / ShortTime::step_ns;
    own.next_seq = end;
    own.advance_low = static_cast<std::uint32_t>(steps);
    own.advance_high = static_cast<std::uint8_t>(steps >> 32);
    if (own.tcp_bits & tcp_rtt_pending) return;
    own.rtt_seq = end;
    own.rtt_low = own.advance_low;
    own.rtt_high = own.advance_high;
    own.set_bits(tcp_rtt_pending);
}

inline void take_rtt(HotFlow& peer, std::uint32_t ack, TimeNs now, SegmentFindings& found) {
    if ((peer.tcp_bits & tcp_rtt_pending) == 0 || seq_before(ack, peer.rtt_seq)) return;
    found.rtt_ns = since(peer.rtt_low, peer.rtt_high, now);
    peer.clear_bits(tcp_rtt_pending);
}

/// Payload that was not seen before: a request goes on, or an answer begins.
inline void take_response(HotLeg& hot, Side side, TimeNs now, SegmentFindings& found) {
    if (side == hot.client_side()) return hot.set(leg_awaits_response);
    if (!hot.is(leg_awaits_response)) return;
    const HotFlow& client = hot.flows[side ^ 1];
    found.response_ns = since(client.advance_low, client.advance_high, now);
    hot.clear(leg_awaits_response);
}

/// Fills the window that `peer` advertised last, exactly; false when its scale is not known.
inline bool fills_window(const HotFlow& own, const HotFlow& peer, std::uint32_t end) {
    const unsigned scale = peer.tcp_bits & tcp_scale_mask;
    if (scale == tcp_scale_unknown || (peer.flags_seen & tcp_ack) == 0 || own.packets == 0) return false;
    const unsigned shift = (peer.tcp_bits & tcp_window_unscaled) ? 0 : scale;
    return end - peer.last_ack == std::uint32_t{peer.window} << shift;
}

[[gnu::always_inline]] inline bool follow_plain(HotLeg& hot, const Transport& tcp, Side side, TimeNs now,
                                                SegmentFindings& found) {
    HotFlow& own = hot.flows[side];
    HotFlow& peer = hot.flows[side ^ 1];
    const std::uint32_t length = tcp.payload_length, end = tcp.seq + length;
    const bool ordinary = (tcp.flags & (tcp_ack | tcp_syn | tcp_fin | tcp_reset)) == tcp_ack && tcp.window != 0 &&
                          own.next_seq == tcp.seq && own.packets != 0 && !hot.is(leg_has_holes) &&
                          (own.tcp_bits & tcp_window_unscaled) == 0;
    if (!ordinary) return false;
    if (peer.packets != 0 && seq_before(peer.next_seq, tcp.ack)) return false;
    const bool same_ack = tcp.ack == own.last_ack;
    if (length == 0 ? same_ack && tcp.window == own.window : length == 1 && peer.window == 0) return false;
    if (length != 0 && fills_window(own, peer, end)) return false;
    if (!same_ack) own.duplicate_acks = 0;
    own.last_ack = tcp.ack;
    own.window = tcp.window;
    own.clear_bits(tcp_sent_keep_alive | tcp_sent_probe);
    take_rtt(peer, tcp.ack, now, found);
    found.advances = length != 0;
    if (length == 0) return true;
    note_sent(own, end, now);
    take_response(hot, side, now, found);
    return true;
}

}  // namespace clew::sensor
