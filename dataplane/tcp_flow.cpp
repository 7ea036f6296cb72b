// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tcp_flow.h"

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/study.h"
#include "dataplane/fingerprint/tcp_options.h"

namespace clew::sensor {
namespace {

/// A SYN that comes so soon behind the leg's last packet, with the leg's own sequence number, is a copy that a mirror
/// delayed or put out of order.
constexpr DurationNs late_copy_ns = 5 * ns_per_ms;
constexpr DurationNs half_dead_ns = ns_per_s;

}  // namespace

SynOnLeg judge_syn(const HotLeg& hot, const ColdLeg& cold, Side side, const Transport& tcp, DurationNs quiet) {
    const ColdFlow& own = cold.flows[side];
    const ColdFlow& peer = cold.flows[side ^ 1];
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

Timestamps find_timestamps(const std::uint8_t* options, std::uint32_t length) {
    constexpr std::uint32_t nop_nop_timestamps = 0x0101080a;
    const auto both = [](std::uint64_t value, std::uint64_t echo) { return value | echo << 32; };
    if (length >= 12 && load_be32(options) == nop_nop_timestamps)  // how nearly every segment carries them
        return {both(load_be32(options + 4), load_be32(options + 8)), true};
    const TcpOptions found = parse_tcp_options({options, length});
    return {both(found.tsval, found.tsecr), found.has_timestamps};
}

}  // namespace clew::sensor
