// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tcp_flow.h"

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/study.h"
#include "dataplane/fingerprint/tcp_options.h"

namespace clew::sensor {
namespace {

/// Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4).
bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

/// A SYN that comes so soon behind the leg's last packet, with the leg's own sequence number, is a copy that a mirror
/// delayed or put out of order.
constexpr DurationNs late_copy_ns = 5 * ns_per_ms;
constexpr DurationNs half_dead_ns = ns_per_s;

/// A segment that lies wholly behind next_seq: it fills a hole, or it is a repetition.
bool fill_gap_or_count(HotLeg& hot, ColdFlow& cold, std::uint32_t seq, std::uint32_t end) {
    const bool in_gap =
        hot.is(leg_has_gap) && cold.gap_from != cold.gap_to && !before(seq, cold.gap_from) && !before(cold.gap_to, end);
    if (!in_gap) {
        ++cold.flow.retransmissions;
        return false;
    }
    if (seq == cold.gap_from)
        cold.gap_from = end;
    else
        cold.gap_to = seq;  // what lies behind in the gap is forgotten: a repetition of it counts as one
    return true;
}

}  // namespace

bool advance_sequence(HotLeg& hot, ColdLeg& cold, Side side, const Transport& tcp) {
    HotFlow& flow = hot.flows[side];
    if (tcp.flags & tcp_reset) return false;
    const std::uint32_t length = tcp.payload_length;
    const std::uint32_t end = tcp.seq + length + ((tcp.flags & tcp_syn) ? 1 : 0) + ((tcp.flags & tcp_fin) ? 1 : 0);
    const bool first = flow.packets == 0;
    if (first || before(flow.next_seq, end)) {
        if (!first && before(flow.next_seq, tcp.seq)) {
            hot.set(leg_has_gap);
            cold.flows[side].gap_from = flow.next_seq;
            cold.flows[side].gap_to = tcp.seq;
        }
        flow.next_seq = end;
        return true;
    }
    if (length == 0) return false;
    const bool keep_alive = length == 1 && tcp.seq + 1 == flow.next_seq && (tcp.flags & (tcp_syn | tcp_fin)) == 0;
    if (keep_alive) return false;
    return fill_gap_or_count(hot, cold.flows[side], tcp.seq, end);
}

void note_flags(HotLeg& hot, Side side, const Transport& tcp) {
    HotFlow& flow = hot.flows[side];
    flow.flags_seen |= tcp.flags;
    // A reset may be a middlebox's, and acknowledge what never arrived.
    if ((tcp.flags & (tcp_ack | tcp_reset)) == tcp_ack) flow.last_ack = tcp.ack;
    if ((tcp.flags & (tcp_fin | tcp_reset)) == 0) return;
    const HotFlow& peer = hot.flows[side ^ 1];
    const bool both_ended = (flow.flags_seen & tcp_fin) != 0 && (peer.packets == 0 || (peer.flags_seen & tcp_fin) != 0);
    if ((tcp.flags & tcp_reset) || both_ended) hot.set(leg_closed);
}

SynOnLeg judge_syn(const HotLeg& hot, const ColdLeg& cold, Side side, const Transport& tcp, DurationNs quiet) {
    const Flow& own = cold.flows[side].flow;
    const Flow& peer = cold.flows[side ^ 1].flow;
    const bool answers = (tcp.flags & tcp_ack) != 0;
    const bool ended = ((hot.flows[0].flags_seen | hot.flows[1].flags_seen) & (tcp_fin | tcp_reset)) != 0;
    const bool isn_known = own.isn_from != IsnFrom::none;
    const bool opening = own.first_ack_ns == 0;
    if (isn_known &&
        own.isn == tcp.seq) {  // a repetition, unless its handshake is long over: scanners' ISNs are constants
        const bool handshake_over = ended || !opening;
        return handshake_over && !answers && quiet > late_copy_ns ? SynOnLeg::starts_another : SynOnLeg::again;
    }
    const bool one_way = peer.first_ns == 0;  // how the other side ended it was not seen
    const bool peer_known = peer.isn_from != IsnFrom::none;
    if (answers && peer_known && tcp.ack == peer.isn + 1) {
        const bool of_another = isn_known && (ended || (one_way && !opening));
        return of_another ? SynOnLeg::starts_another : SynOnLeg::again;
    }
    const bool both_differ = answers && isn_known && peer_known;  // a server agreed to another connection
    const bool half_dead = ended || one_way || (isn_known && opening) || quiet > half_dead_ns;
    return half_dead || both_differ ? SynOnLeg::starts_another : SynOnLeg::astray;
}

bool find_timestamps(const std::uint8_t* options, std::uint32_t length, std::uint32_t& tsval, std::uint32_t& tsecr) {
    constexpr std::uint32_t nop_nop_timestamps = 0x0101080a;
    if (length >= 12 && load_be32(options) == nop_nop_timestamps) {  // how nearly every segment carries them
        tsval = load_be32(options + 4);
        tsecr = load_be32(options + 8);
        return true;
    }
    const TcpOptions found = parse_tcp_options({options, length});
    tsval = found.tsval;
    tsecr = found.tsecr;
    return found.has_timestamps;
}

}  // namespace clew::sensor
