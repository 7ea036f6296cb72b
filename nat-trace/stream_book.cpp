// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/stream_book.h"

#include <utility>

namespace clew {
namespace {

constexpr TcpFlags flag_ack = 0x10;

/// The other side acknowledged something, and not by a reset alone: those may come from a middlebox.
bool has_acked(const Flow& peer) { return (peer.flags_seen & flag_ack) != 0 && peer.last_ack != 0; }

/// Bytes were acknowledged that the tap never saw.
bool misses_end(const Flow& flow, const Flow& peer) {
    return flow.packets != 0 && has_acked(peer) && static_cast<std::int32_t>(peer.last_ack - flow.next_seq) > 0;
}

bool is_odd(const Flow& flow, const Flow& peer) {
    return !flow.marks.empty() || flow.reset.time_ns != 0 || flow.loop.laps != 0 || flow.icmp_error.count != 0 ||
           misses_end(flow, peer);
}

}  // namespace

void StreamBook::note(const Leg& report) {
    if (!is_odd(report.flows[0], report.flows[1]) && !is_odd(report.flows[1], report.flows[0]))
        return forget(report.id);
    const bool is_new = legs_.find(report.id) == legs_.end();
    if (is_new && legs_.size() >= odd_leg_count_max) {
        ++refused_;
        return;
    }
    OddLeg& leg = legs_[report.id];
    mark_bytes_ -= mark_bytes(leg);
    for (std::size_t d = 0; d < direction_count; ++d) {
        const Flow& from = report.flows[d];
        const Flow& peer = report.flows[1 - d];
        OddFlow& to = leg.flows[d];
        to.marks.assign(from.marks.begin(), from.marks.end());
        to.marks_forgotten = from.marks.forgotten();
        to.has_acked = has_acked(peer);
        to.acked = peer.last_ack;
        to.reset = from.reset;
        to.loop = from.loop;
        to.icmp_error = from.icmp_error;
    }
    mark_bytes_ += mark_bytes(leg);
}

void StreamBook::turn_round(LegId leg) {
    const auto at = legs_.find(leg);
    if (at != legs_.end()) std::swap(at->second.flows[0], at->second.flows[1]);
}

void StreamBook::forget(LegId leg) {
    if (legs_.empty()) return;
    const auto at = legs_.find(leg);
    if (at == legs_.end()) return;
    mark_bytes_ -= mark_bytes(at->second);
    legs_.erase(at);
}

}  // namespace clew
