// SPDX-License-Identifier: Apache-2.0
// Whether packets passed from one leg to the other, or a proxy sent its own: told where both sequence numbers differ.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "nat-trace/evidence_parts.h"

namespace clew {
namespace {

constexpr int far_hops_min = 3;                     // a proxy's own packets rarely come from so far
constexpr DurationNs pace_ns_max = 50 * ns_per_us;  // queues on the way

/// When a direction's handshake packet passed, and its first payload; false when one of them was not seen.
bool first_times(const WindowLeg& leg, Direction d, TimeNs& handshake, TimeNs& payload) {
    const WindowFlow& flow = leg.flow(d);
    handshake = leg.at(flow.syn);
    payload = flow.sample_count == 0 ? 0 : leg.at(flow.samples[0].time);
    return handshake != 0 && payload != 0 && flow.syn_count == 1;
}

/// Of what goes to the client alone: a proxy's front answers the handshake first and the question last.
bool answers_in_order(const WindowLeg& a, const WindowLeg& b, DurationNs shift_ns) {
    TimeNs a_syn, a_payload, b_syn, b_payload;
    if (!first_times(a, Direction::to_client, a_syn, a_payload) ||
        !first_times(b, Direction::to_client, b_syn, b_payload))
        return false;
    b_syn -= shift_ns;
    b_payload -= shift_ns;
    if ((a_syn < b_syn) == (a_payload < b_payload)) return true;
    // So does a SYN proxy's, but what follows passes it and loses TTL; a proxy's packets are its own.
    const WindowLeg& nearer = a_payload < b_payload ? a : b;
    const WindowLeg& farther = a_payload < b_payload ? b : a;
    const int fall = int{nearer.flow(Direction::to_client).data_ttl} - farther.flow(Direction::to_client).data_ttl;
    return fall > 0 && fall <= gateways_max;
}

/// Hops behind a sender: 64, 128 and 255 are what stacks begin with.
int hops_behind(std::uint8_t ttl) { return (ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255) - ttl; }

/// Each direction loses as much on the way between the legs: a proxy's packets begin anew. Nothing is lost only where
/// nothing routed the packets, and that keeps the server.
bool loses_ttl_evenly(const WindowLeg& a, const WindowLeg& b) {
    const WindowFlow& x = a.flow(Direction::to_server);
    const WindowFlow& y = b.flow(Direction::to_server);
    const WindowFlow& s = a.flow(Direction::to_client);
    const WindowFlow& t = b.flow(Direction::to_client);
    const bool there = x.data_ttl != 0 && y.data_ttl != 0;
    const bool back = s.data_ttl != 0 && t.data_ttl != 0;
    const int ahead = int{x.data_ttl} - int{y.data_ttl};
    const int behind = int{t.data_ttl} - int{s.data_ttl};
    if ((there && std::abs(ahead) > gateways_max) || (back && std::abs(behind) > gateways_max)) return false;
    if (there && back && ahead != behind) return false;
    const bool lost = (there && ahead != 0) || (back && behind != 0) || (!there && !back);
    return lost || a.server == b.server;
}

}  // namespace

bool keeps_pace(const WindowLeg& a, const WindowLeg& b) {
    TimeNs a_syn, a_payload, b_syn, b_payload;
    if (!first_times(a, Direction::to_server, a_syn, a_payload) ||
        !first_times(b, Direction::to_server, b_syn, b_payload))
        return false;
    return std::llabs((a_payload - a_syn) - (b_payload - b_syn)) <= pace_ns_max + time_error_of(a, b);
}

bool loses_odd_ttl(const WindowLeg& a, const WindowLeg& b) {
    const std::uint8_t x = a.flow(Direction::to_server).data_ttl;
    const std::uint8_t y = b.flow(Direction::to_server).data_ttl;
    const std::uint8_t s = a.flow(Direction::to_client).data_ttl;
    const std::uint8_t t = b.flow(Direction::to_client).data_ttl;
    if (x == 0 || y == 0 || std::min(hops_behind(x), hops_behind(y)) < far_hops_min) return false;
    const int ahead = int{x} - int{y};
    const int back = s == 0 || t == 0 ? ahead : int{t} - int{s};
    return ahead != 0 && std::abs(ahead) <= gateways_max && std::abs(back) <= gateways_max && ahead * back > 0;
}

bool passes_packets(const LegWindow& window, const WindowLeg& a, const WindowLeg& b) {
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const std::uint32_t tsval = a.flow(d).first_tsval;
        if (tsval != 0 && tsval == b.flow(d).first_tsval) return true;
        if (match_samples(a, b, d).same_ip_ids > 0) return true;
    }
    if (loses_odd_ttl(a, b)) return true;
    if (!loses_ttl_evenly(a, b)) return false;
    const CommonTime common = common_time(window, a, b);
    if (!common.known) return keeps_pace(a, b);
    // A proxy completes the front handshake before it opens the back one.
    const bool a_first = start_of(a) <= start_of(b) - common.likely_ns;
    const WindowLeg& front = a_first ? a : b;
    const WindowLeg& back = a_first ? b : a;
    const std::uint8_t sent = front.flow(Direction::to_server).data_ttl;
    if (sent != 0 && back.flow(Direction::to_server).data_ttl > sent) return false;
    if (a.clock != b.clock && keeps_pace(a, b)) return true;
    const TimeNs syn = front.at(front.flow(Direction::to_server).syn);
    TimeNs answer = front.at(front.flow(Direction::to_client).syn);
    if (answer == 0) answer = front.at(front.flow(Direction::to_server).first_ack);
    const TimeNs passed = back.at(back.flow(Direction::to_server).syn);
    if (syn != 0 && passed != 0) return answer != 0 && passed - (a_first ? common.shift_ns : -common.shift_ns) < answer;
    return answers_in_order(a, b, common.shift_ns);
}

}  // namespace clew
