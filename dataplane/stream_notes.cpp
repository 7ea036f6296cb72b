// SPDX-License-Identifier: Apache-2.0
#include "dataplane/stream_notes.h"

namespace clew::sensor {
namespace {

constexpr std::uint32_t jump_max = 1U << 30;  // the largest window (RFC 7323): farther is another connection's

bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

/// The packet remembered last, with a lower TTL. Remembers this one.
bool comes_round(ColdFlow& cold, LegParts& parts, const Decapped& ip, std::uint32_t seq) {
    RememberedPacket& last = cold.remembered;
    const bool same = last.ttl != 0 && last.seq == seq && last.ip_id == ip.ip_id && ip.ttl < last.ttl;
    if (FlowOddities* odd = same ? parts.take_oddities(cold) : nullptr) {
        LoopSeen& loop = odd->loop;
        if (loop.laps == 0) loop.ttl_first = last.ttl;
        loop.ttl_last = ip.ttl;
        if (loop.laps != 0xffff) ++loop.laps;
    }
    last = {seq, ip.ip_id, ip.ttl};
    return same;
}

void note_reset(ColdFlow& cold, LegParts& parts, const Decapped& ip, const Transport& tcp, TimeNs time_ns) {
    FlowOddities* odd = parts.take_oddities(cold);
    if (odd != nullptr && odd->reset.time_ns == 0) odd->reset = {time_ns, tcp.seq, tcp.ack, ip.ip_id, ip.ttl};
}

}  // namespace

void note_odd_segment(HotLeg& hot, ColdLeg& cold, LegParts& parts, Side side, const Decapped& ip, const Transport& tcp,
                      TimeNs time_ns) {
    HotFlow& flow = hot.flows[side];
    ColdFlow& own = cold.flows[side];
    if (tcp.flags & tcp_reset) return note_reset(own, parts, ip, tcp, time_ns);
    if (tcp.flags & tcp_syn) {
        comes_round(own, parts, ip, tcp.seq);
        return;
    }
    const std::uint32_t length = tcp.payload_length + ((tcp.flags & tcp_fin) ? 1 : 0);
    if (flow.packets == 0) {
        comes_round(own, parts, ip, tcp.seq);
        return;
    }
    if (before(flow.next_seq, tcp.seq)) {
        if (tcp.seq - flow.next_seq >= jump_max) return;
        if (FlowOddities* odd = parts.take_oddities(own))
            odd->marks.skip(flow.next_seq, tcp.seq - flow.next_seq, time_ns);
        return;
    }
    if (length == 0) return;
    const bool keep_alive = tcp.payload_length == 1 && length == 1 && tcp.seq + 1 == flow.next_seq;
    if (keep_alive || flow.next_seq - tcp.seq >= jump_max || comes_round(own, parts, ip, tcp.seq)) return;
    // What came before the first packet that was seen is no repetition of anything.
    std::uint32_t seq = tcp.seq;
    const Sample& first = cold.samples[side][0];
    if (own.isn_from != IsnFrom::syn && own.sample_count != 0 && before(seq, first.seq)) seq = first.seq;
    const std::uint32_t end = tcp.seq + length;
    const std::uint32_t known = before(flow.next_seq, end) ? flow.next_seq : end;
    if (!before(seq, known)) return;
    if (FlowOddities* odd = parts.take_oddities(own)) odd->marks.come_again(seq, known - seq, time_ns);
}

void note_datagram(HotLeg& hot, ColdLeg& cold, LegParts& parts, Side side, const Decapped& ip,
                   const Transport& transport) {
    if (hot.flows[side].packets_to_study == 0 || ip.ip_id == 0) return;
    comes_round(cold.flows[side], parts, ip, transport.seq ^ transport.payload_length);
}

}  // namespace clew::sensor
