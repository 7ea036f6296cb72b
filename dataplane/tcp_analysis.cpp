// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tcp_analysis.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/tcp_options.h"

namespace clew::sensor {
namespace {

constexpr DurationNs fast_retransmission_ns_max = 20 * ns_per_ms;  ///< behind the duplicate ACK that asked for it
constexpr DurationNs reorder_ns_default = 3 * ns_per_ms;           ///< while the handshake's RTT is not known
constexpr std::uint8_t duplicate_acks_min = 2;                     ///< one of the three may not have been captured
constexpr std::uint16_t ip_id_run_max = 1024;                      ///< IDs this near are of one counter

bool within(std::uint32_t from, std::uint32_t to, const SeqRange& range) {
    return !seq_before(from, range.from) && !seq_before(range.to, to);
}

/// One segment in its place.
class CloseLook {
  public:
    CloseLook(HotLeg& hot, const TcpKept& kept, const SeenSegment& seen)
        : hot_(hot),
          handshake_(kept.handshake),
          leg_(kept.leg),
          parts_(kept.parts),
          seen_(seen),
          tcp_(*seen.tcp),
          own_(hot.flows[seen.side]),
          peer_(hot.flows[seen.side ^ 1]),
          side_(oddities_of(seen.side)),
          peer_side_(oddities_of(seen.side ^ 1)),
          length_(tcp_.payload_length),
          end_(tcp_.seq + length_ + ((tcp_.flags & tcp_syn) ? 1 : 0) + ((tcp_.flags & tcp_fin) ? 1 : 0)),
          first_(own_.packets == 0),
          acks_((tcp_.flags & tcp_ack) != 0),
          bare_((tcp_.flags & (tcp_syn | tcp_fin | tcp_reset)) == 0) {}

    SegmentFindings look() {
        if (tcp_.flags & tcp_reset) note_reset();
        note_handshake();
        note_window();
        const bool repeats_ack = note_repeated_ack();
        if (acks_ && tcp_.ack != own_.last_ack) own_.duplicate_acks = 0;
        if (acks_) read_sacks();
        const bool carries = length_ != 0 || (tcp_.flags & (tcp_syn | tcp_fin)) != 0;
        if (carries && !first_ && (tcp_.flags & tcp_reset) == 0) judge_order();
        if (acks_) note_gap();
        take_rtt_now(repeats_ack);
        advance(carries);
        count();
        keep_oddities();
        remember();
        return found_;
    }

  private:
    bool is(std::uint32_t note) const { return (found_.notes & note) != 0; }
    void add(std::uint32_t note) { found_.notes |= note; }
    bool peer_acked() const { return (peer_.flags_seen & tcp_ack) != 0; }

    void note_reset();
    void note_handshake();
    void note_window();
    bool note_repeated_ack();
    void read_sacks();
    void judge_order();
    void note_gap();
    void take_rtt_now(bool repeats_ack);
    void advance(bool carries);
    void remember();
    void count();
    void keep_oddities();

    TcpOddities& oddities_of(Side side) {
        TcpOddities* kept = parts_.known_oddities(leg_.sides[side]);
        return kept ? *kept : fresh_[side];
    }

    bool asked_for_again() const;
    bool fill_hole(std::uint32_t from, std::uint32_t to);
    void skip(std::uint32_t from, std::uint32_t to);
    void note_gap_range(std::uint32_t from, std::uint32_t to) {
        peer_side_.gap = {from, to};
        peer_side_.gap_known = true;
    }
    bool came_after_its_ack();

    HotLeg& hot_;
    TcpHandshake& handshake_;
    TcpLeg& leg_;
    LegParts& parts_;
    const SeenSegment& seen_;
    const Transport& tcp_;
    HotFlow& own_;
    HotFlow& peer_;
    std::array<TcpOddities, 2> fresh_{};  ///< of sides that have none yet
    TcpOddities& side_;
    TcpOddities& peer_side_;
    const std::uint32_t length_;
    const std::uint32_t end_;
    const bool first_;
    const bool acks_;
    const bool bare_;
    SegmentFindings found_;
};

void CloseLook::note_reset() {
    if (leg_.reset_origin != ResetOrigin::none) return;
    leg_.reset_side = seen_.side;
    leg_.reset_origin = ResetOrigin::unknown;
    if (first_) return;
    leg_.reset_ttl_ahead = static_cast<std::int16_t>(seen_.ttl - own_.last_ttl);
    leg_.reset_origin = leg_.reset_ttl_ahead == 0 ? ResetOrigin::endpoint : ResetOrigin::between;
    const auto ahead = static_cast<std::uint16_t>(seen_.ip_id - own_.last_ip_id);
    leg_.reset_ip_id_apart = ahead > ip_id_run_max;
}

void CloseLook::note_handshake() {
    if ((tcp_.flags & tcp_reset) != 0) return;
    if ((tcp_.flags & tcp_syn) == 0) {
        const bool ends = acks_ && handshake_.whole == 0 && handshake_.syn_ns != 0 && hot_.client_side() == seen_.side;
        if (ends) handshake_.whole = std::max<DurationNs>(seen_.time_ns - handshake_.syn_ns, 1);
        if (ends && handshake_.syn_ack_ns != 0)
            handshake_.client = std::max<DurationNs>(seen_.time_ns - handshake_.syn_ack_ns, 1);
        return;
    }
    const TcpOptions options = tcp_.options_length == 0
                                   ? TcpOptions{}
                                   : parse_tcp_options({seen_.frame + tcp_.options_offset, tcp_.options_length});
    const unsigned scale = options.window_scale == 0xff ? 0u : std::min<unsigned>(options.window_scale, 14);
    own_.clear_bits(tcp_scale_mask);
    own_.set_bits(scale);
    if (!acks_) {
        handshake_.syn_ns = seen_.time_ns;
        return;
    }
    // RFC 7323, 2.2: both scale or none does. Of a SYN that was not seen, the answer tells what it had.
    if (options.window_scale == 0xff) peer_.clear_bits(tcp_scale_mask);
    handshake_.syn_ack_ns = seen_.time_ns;
    if (handshake_.server == 0 && handshake_.syn_ns != 0)
        handshake_.server = std::max<DurationNs>(seen_.time_ns - handshake_.syn_ns, 1);
}

void CloseLook::note_window() {
    if (!bare_) return;
    if (tcp_.window == 0) add(tcp_zero_window);
    const bool probe = length_ == 1 && !first_ && tcp_.seq == own_.next_seq && peer_.packets != 0 && peer_.window == 0;
    if (probe) {
        found_.notes = tcp_zero_window_probe;
        return;
    }
    if (length_ <= 1 && !first_ && tcp_.seq == own_.next_seq - 1) add(tcp_keep_alive);
    if (length_ != 0 && fills_window(own_, peer_, end_)) add(tcp_window_full);
}

/// An ACK that says nothing new; true when it is a duplicate ACK.
bool CloseLook::note_repeated_ack() {
    const bool repeats = length_ == 0 && bare_ && acks_ && !first_ && tcp_.seq == own_.next_seq &&
                         tcp_.window == own_.window && (own_.flags_seen & tcp_ack) != 0 && tcp_.ack == own_.last_ack;
    if (!repeats) return false;
    if (tcp_.window != 0 && (peer_.tcp_bits & tcp_sent_keep_alive)) {
        add(tcp_keep_alive_ack);
    } else if (tcp_.window == 0) {
        if (peer_.tcp_bits & tcp_sent_probe) add(tcp_zero_window_probe_ack);
    } else {
        if (own_.duplicate_acks != 0xff) ++own_.duplicate_acks;
        add(tcp_duplicate_ack);
        return true;
    }
    return false;
}

void CloseLook::read_sacks() {
    constexpr std::uint8_t kind_end = 0, kind_nop = 1, kind_sack = 5;
    constexpr std::uint16_t length_min = 12;  // two NOPs and one block
    side_.sack_count = 0;
    if (tcp_.options_length < length_min) return;
    const std::uint8_t* option = seen_.frame + tcp_.options_offset;
    const std::uint8_t* stop = option + tcp_.options_length;
    while (stop - option >= 2 && *option != kind_end) {
        if (*option == kind_nop) {
            ++option;
            continue;
        }
        const std::uint8_t size = option[1];
        if (size < 2 || size > stop - option) return;
        if (*option == kind_sack)
            for (unsigned at = 2; at + 8 <= size && side_.sack_count < sack_count_max; at += 8)
                side_.sacks[side_.sack_count++] = {load_be32(option + at), load_be32(option + at + 4)};
        option += size;
    }
}

/// Duplicate ACKs asked for just this, a moment ago.
bool CloseLook::asked_for_again() const {
    if (!peer_acked() || peer_.duplicate_acks < duplicate_acks_min) return false;
    if (seen_.time_ns - hot_.times[seen_.side ^ 1] >= fast_retransmission_ns_max) return false;
    if (peer_.last_ack == tcp_.seq) return true;
    const auto sacked = [&](const SeqRange& block) { return within(tcp_.seq, tcp_.seq + length_, block); };
    const auto* begin = peer_side_.sacks.data();
    return peer_side_.sack_count != 0 && std::none_of(begin, begin + peer_side_.sack_count, sacked);
}

/// A segment that begins behind what was seen: repeated, or late.
void CloseLook::judge_order() {
    const bool behind = seq_before(tcp_.seq, own_.next_seq);
    if (is(tcp_zero_window_probe) || !behind) return;
    if (is(tcp_keep_alive)) return void(found_.advances = false);
    const bool extends_probe = length_ > 1 && tcp_.seq == own_.next_seq - 1;
    if (extends_probe) return;
    const bool fills = fill_hole(tcp_.seq, end_) || came_after_its_ack();
    const bool may_fill = fills || side_.hole_forgotten;
    found_.advances = fills || seq_before(own_.next_seq, end_);
    const bool acknowledged = length_ != 0 && peer_acked() && !seq_before(peer_.last_ack, tcp_.seq + length_);
    const DurationNs reorder_ns = handshake_.whole != 0 ? handshake_.whole : reorder_ns_default;
    const bool soon = since(own_.advance_low, own_.advance_high, seen_.time_ns) < reorder_ns;
    if (acknowledged)
        add(may_fill ? tcp_out_of_order : tcp_spurious_retransmission);  // seen after its own ACK: the tap's disorder
    else if (asked_for_again())
        add(tcp_fast_retransmission);
    else if (soon && may_fill)
        add(tcp_out_of_order);
    else
        add(tcp_retransmission);
    const bool lost_upstream = fills && is(tcp_fast_retransmission | tcp_retransmission);
    if (lost_upstream) ++side_.losses_upstream;
    own_.clear_bits(tcp_rtt_pending);  // Karn: an ACK would not tell which of the two it is for
}

/// Takes [from, to) out of the holes; true when any of it lay in one.
bool CloseLook::fill_hole(std::uint32_t from, std::uint32_t to) {
    bool any = false;
    for (std::uint8_t i = 0; i < side_.hole_count; ++i) {
        SeqRange& hole = side_.holes[i];
        if (!seq_before(from, hole.to) || !seq_before(hole.from, to)) continue;
        any = true;
        const bool left = seq_before(hole.from, from), right = seq_before(to, hole.to);
        if (left && right) {
            const std::uint32_t rest = hole.to;
            hole.to = from;
            skip(to, rest);
        } else if (left) {
            hole.to = from;
        } else if (right) {
            hole.from = to;
        } else {
            std::copy(side_.holes.begin() + i + 1, side_.holes.begin() + side_.hole_count, side_.holes.begin() + i);
            --side_.hole_count;
            --i;
        }
    }
    return any;
}

void CloseLook::skip(std::uint32_t from, std::uint32_t to) {
    if (side_.hole_count == hole_count_max) {
        std::copy(side_.holes.begin() + 1, side_.holes.end(), side_.holes.begin());
        --side_.hole_count;
        side_.hole_forgotten = true;
    }
    side_.holes[side_.hole_count++] = {from, to};
    hot_.set(leg_has_holes);
}

/// Bytes of the other side that are acknowledged and were never seen.
void CloseLook::note_gap() {
    std::uint64_t missed = 0;
    for (std::uint8_t i = 0; i < peer_side_.hole_count;) {
        SeqRange& hole = peer_side_.holes[i];
        if (!seq_before(hole.from, tcp_.ack)) {
            ++i;
            continue;
        }
        const std::uint32_t to = seq_before(tcp_.ack, hole.to) ? tcp_.ack : hole.to;
        missed += to - hole.from;
        note_gap_range(hole.from, to);
        hole.from = to;
        if (hole.from != hole.to) {
            ++i;
            continue;
        }
        std::copy(peer_side_.holes.begin() + i + 1, peer_side_.holes.begin() + peer_side_.hole_count,
                  peer_side_.holes.begin() + i);
        --peer_side_.hole_count;
    }
    if (peer_.packets != 0 && seq_before(peer_.next_seq, tcp_.ack) && (tcp_.flags & tcp_reset) == 0) {
        const bool counted = peer_side_.gap_known && !seq_before(peer_side_.gap.to, peer_.next_seq);
        const std::uint32_t from = counted ? peer_side_.gap.to : peer_.next_seq;
        if (seq_before(from, tcp_.ack)) {
            missed += tcp_.ack - from;
            note_gap_range(from, tcp_.ack);
        }
    }
    if (missed == 0) return;
    add(tcp_capture_gap);
    ++peer_side_.capture_gaps;
    peer_side_.capture_gap_bytes += missed;
}

/// What was taken for never seen comes after all: the tap put the directions out of order.
bool CloseLook::came_after_its_ack() {
    if (!side_.gap_known || length_ == 0 || !within(tcp_.seq, tcp_.seq + length_, side_.gap)) return false;
    side_.capture_gap_bytes -= std::min<std::uint64_t>(side_.capture_gap_bytes, length_);
    side_.gap_known = false;
    return true;
}

/// A duplicate ACK says nothing of the timed segment, unless its blocks do.
void CloseLook::take_rtt_now(bool repeats_ack) {
    if (!acks_) return;
    if (!repeats_ack) take_rtt(peer_, tcp_.ack, seen_.time_ns, found_);
    if ((peer_.tcp_bits & tcp_rtt_pending) == 0) return;
    for (std::uint8_t i = 0; i < side_.sack_count; ++i)
        if (within(peer_.rtt_seq - 1, peer_.rtt_seq, side_.sacks[i])) {
            found_.rtt_ns = since(peer_.rtt_low, peer_.rtt_high, seen_.time_ns);
            peer_.clear_bits(tcp_rtt_pending);
            return;
        }
}

void CloseLook::advance(bool carries) {
    if (tcp_.flags & tcp_reset) return void(found_.advances = false);
    if (is(tcp_zero_window_probe)) return void(found_.advances = false);
    if (!first_ && !seq_before(own_.next_seq, end_)) {
        if (!carries || tcp_.seq == own_.next_seq) found_.advances = false;
        return;
    }
    if (!first_ && seq_before(own_.next_seq, tcp_.seq)) {
        skip(own_.next_seq, tcp_.seq);
        own_.clear_bits(tcp_rtt_pending);  // its ACK will wait for what fills the hole
    }
    const bool timed = length_ != 0 && !is(tcp_repeats | tcp_out_of_order) && !hot_.is(leg_has_holes);
    const unsigned pending = own_.tcp_bits & tcp_rtt_pending;
    note_sent(own_, end_, seen_.time_ns);
    if (!timed && pending == 0) own_.clear_bits(tcp_rtt_pending);
    if (length_ != 0 && found_.advances) take_response(hot_, seen_.side, seen_.time_ns, found_);
}

void CloseLook::remember() {
    own_.window = tcp_.window;
    own_.clear_bits(tcp_window_unscaled | tcp_sent_keep_alive | tcp_sent_probe);
    if (tcp_.flags & tcp_syn) own_.set_bits(tcp_window_unscaled);
    if (is(tcp_keep_alive)) own_.set_bits(tcp_sent_keep_alive);
    if (is(tcp_zero_window_probe)) own_.set_bits(tcp_sent_probe);
    // A reset may be a middlebox's, and acknowledge what never arrived.
    if (acks_ && (tcp_.flags & tcp_reset) == 0) own_.last_ack = tcp_.ack;
    if (side_.hole_count == 0 && peer_side_.hole_count == 0) hot_.clear(leg_has_holes);
}

void CloseLook::count() {
    TcpOddities& to = side_;
    to.retransmissions_timeout += is(tcp_retransmission);
    to.retransmissions_fast += is(tcp_fast_retransmission);
    to.retransmissions_spurious += is(tcp_spurious_retransmission);
    to.out_of_order += is(tcp_out_of_order);
    to.duplicate_acks += is(tcp_duplicate_ack);
    to.zero_windows += is(tcp_zero_window);
    to.windows_full += is(tcp_window_full);
    to.keep_alives += is(tcp_keep_alive);
    leg_.sides[seen_.side].resets += (tcp_.flags & tcp_reset) != 0;
}

bool is_zero(const TcpOddities& oddities) {
    std::array<std::uint64_t, sizeof(TcpOddities) / 8> words;
    std::memcpy(words.data(), &oddities, sizeof oddities);
    std::uint64_t any = 0;
    for (const std::uint64_t word : words) any |= word;
    return any == 0;
}

/// Without a place for it, what was odd is forgotten, and counted there.
void CloseLook::keep_oddities() {
    for (const Side side : {Side{0}, Side{1}}) {
        if (leg_.sides[side].oddities != 0 || is_zero(fresh_[side])) continue;
        TcpOddities* kept = parts_.take_oddities(leg_.sides[side]);
        if (kept)
            *kept = fresh_[side];
        else
            fresh_[side].hole_count = 0;
    }
}

}  // namespace

SegmentFindings look_closely(HotLeg& hot, const TcpKept& kept, const SeenSegment& seen) {
    return CloseLook(hot, kept, seen).look();
}

}  // namespace clew::sensor
