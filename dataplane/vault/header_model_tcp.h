// SPDX-License-Identifier: Apache-2.0
// The parts of HeaderModel for TCP; only for header_model.cpp.
#pragma once

#include <algorithm>

#include "dataplane/vault/header_model_ip.h"

namespace clew::vault {

/// How a sequence number, an acknowledgement, a window, a TSecr come, in the order in which they are tried.
enum SequenceOutcome : unsigned { seq_next, seq_after_last, seq_other };
enum AckOutcome : unsigned { ack_same, ack_all, ack_sent, ack_other };
enum WindowOutcome : unsigned { window_same, window_edge, window_other };
enum TsecrOutcome : unsigned { tsecr_last, tsecr_same, tsecr_earliest, tsecr_other };

constexpr unsigned window_outcome_count = 3;
/// The symbol of progress: acknowledgement and window where the sequence number goes on, or one of these.
enum Progress : unsigned { progress_repeated = 12, progress_after_last, progress_elsewhere_alone, progress_elsewhere };

inline unsigned sequence_outcome(const SideTrack& side, std::uint32_t seq) {
    return seq == side.next_seq ? seq_next : seq == side.after_last ? seq_after_last : seq_other;
}

/// All that the peer has sent, as far as is known.
inline std::uint32_t end_of(const SideTrack& peer) { return peer.seen ? peer.next_seq : peer.after_last; }

inline unsigned ack_outcome(SideTrack& side, SideTrack& peer, std::uint32_t ack) {
    if (ack == (side.seen ? side.last->ack : 0)) return ack_same;
    if (ack == end_of(peer)) return ack_all;
    for (std::uint32_t at = peer.sent_begin; at != peer.sent_end; ++at)
        if (peer.sent_at(at).end == ack) return ack_sent;
    return ack_other;
}

/// What was acknowledged still waits in the receiver's buffer: the right edge stands.
inline std::uint16_t window_at_edge(const SideTrack& side, std::uint32_t ack) {
    return static_cast<std::uint16_t>(side.last->window - ((ack - side.last->ack) >> side.window_shift));
}

inline unsigned window_outcome(const SideTrack& side, const HeaderRecord& record) {
    if (record.window == side.last->window) return window_same;
    return side.seen && record.window == window_at_edge(side, record.ack) ? window_edge : window_other;
}

/// Sequence number, acknowledgement and window: one symbol where the first goes on.
template <class Coder>
void HeaderModel::code_progress(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record) {
    if (!side.seen && !peer.seen && !side.linked) side.next_seq = side.after_last = coder.raw(record.seq, 32);
    const unsigned waiting = (record.payload_length == 0) + 2 * std::min(peer.sent_count(), 3u);
    const bool after_syn = (side.last->flags & flag_syn) != 0;
    const unsigned context = !side.seen  ? waiting + (side.linked ? 112u : 0u)
                             : after_syn ? 8 + waiting
                                         : 16 + waiting + 8 * (side.ack_outcome + 4u * side.window_outcome);
    unsigned seq = 0, both = 0, progress = 0;
    if constexpr (Coder::encodes) {
        seq = sequence_outcome(side, record.seq);
        both = window_outcome_count * ack_outcome(side, peer, record.ack) + window_outcome(side, record);
        progress = seq == seq_next         ? both
                   : seq == seq_after_last ? (both == 0 ? progress_repeated : progress_after_last)
                                           : (both == 0 ? progress_elsewhere_alone : progress_elsewhere);
    }
    progress = progress_.code(coder, context, waiting, progress);
    seq = progress < progress_repeated ? seq_next : progress <= progress_after_last ? seq_after_last : seq_other;
    if (progress < progress_repeated)
        both = progress;
    else if (progress == progress_after_last || progress == progress_elsewhere)
        both =
            std::min(odd_progress_.code(coder, (waiting & 1) + 2 * (seq == seq_other), both), progress_repeated - 1u);
    else
        both = 0;
    code_sequence(coder, side, seq, record);
    code_ack(coder, side, peer, both / window_outcome_count, record);
    code_window(coder, side, both % window_outcome_count, record);
}

template <class Coder>
void HeaderModel::code_sequence(Coder& coder, SideTrack& side, unsigned outcome, HeaderRecord& record) {
    const unsigned context = side.seen + 2 * (record.payload_length == 0);
    switch (outcome) {
        case seq_next: fill_in(coder, record.seq, side.next_seq); break;
        case seq_after_last: fill_in(coder, record.seq, side.after_last); break;
        default: fill_in(coder, record.seq, side.next_seq + seq_.code(coder, context, record.seq - side.next_seq));
    }
}

template <class Coder>
void HeaderModel::code_ack(Coder& coder, SideTrack& side, SideTrack& peer, unsigned outcome, HeaderRecord& record) {
    constexpr unsigned many = SymbolModel::count - 1;
    const std::uint32_t last = side.seen ? side.last->ack : 0;
    const unsigned context = side.ack_outcome;
    side.ack_outcome = static_cast<std::uint8_t>(outcome);
    if (outcome == ack_same) {
        fill_in(coder, record.ack, last);
    } else if (outcome == ack_all) {
        fill_in(coder, record.ack, end_of(peer));
    } else if (outcome == ack_sent) {
        unsigned number = 0;
        if constexpr (Coder::encodes)
            while (peer.sent_at(peer.sent_begin + number).end != record.ack) ++number;
        unsigned known = ack_segments_.code(coder, context, std::min(number, many));
        if (known == many) known += static_cast<unsigned>(ack_more_segments_.code(coder, 0, number - known));
        fill_in(coder, record.ack, peer.sent_at(peer.sent_begin + known).end);
    } else {
        const std::uint32_t from = side.seen ? last : peer.next_seq;
        fill_in(coder, record.ack, from + ack_.code(coder, context, record.ack - from));
    }
}

template <class Coder>
void HeaderModel::code_window(Coder& coder, SideTrack& side, unsigned outcome, HeaderRecord& record) {
    const std::uint16_t last = side.last->window;
    const unsigned context =
        (record.payload_length == 0) + 2 * (record.ack != side.last->ack) + 4 * (side.window_outcome == window_other);
    side.window_outcome = static_cast<std::uint8_t>(outcome);
    if (outcome == window_same)
        fill_in(coder, record.window, last);
    else if (outcome == window_edge)
        fill_in(coder, record.window, window_at_edge(side, record.ack));
    else if (!side.seen)
        fill_in(coder, record.window, first_window_.code(coder, record.window));
    else
        fill_in(coder, record.window,
                static_cast<std::uint16_t>(
                    last + code16(coder, window_, context, static_cast<std::uint16_t>(record.window - last))));
}

inline std::uint8_t HeaderModel::likely_template(const SideTrack& side, bool syn) const {
    const bool after_syn = !syn && side.seen && (side.last->flags & flag_syn) != 0;
    return after_syn || (!syn && !side.seen) ? template_after_syn_ : side.option_template;
}

/// Whether the options are those of this template; where their values stand.
inline bool HeaderModel::fits_template(std::uint8_t number, const HeaderRecord& record, OptionPlaces& places) const {
    const OptionTemplate* likely = number < templates_.size() ? &templates_[number] : nullptr;
    if (likely != nullptr && likely->length == record.options_length) {
        if (record.options_length == 0) return true;
        if (are_timestamps_alone(record.options.data(), record.options_length)) {
            places.timestamps = 4;
            return are_timestamps_alone(likely->bytes.data(), likely->length);
        }
    }
    OptionTemplate shape;
    places = take_apart(record.options.data(), record.options_length, shape);
    return likely != nullptr && *likely == shape;
}

template <class Coder>
void HeaderModel::code_options(Coder& coder, SideTrack& side, bool odd, HeaderRecord& record, OptionPlaces& places) {
    const bool syn = (record.flags & flag_syn) != 0;
    std::uint32_t number = likely_template(side, syn);
    const bool after_syn = !syn && (!side.seen || (side.last->flags & flag_syn) != 0);
    OptionTemplate odd_shape;
    if (odd) {
        if constexpr (Coder::encodes) take_apart(record.options.data(), record.options_length, odd_shape);
        number = code_odd_template(coder, odd_shape);
    }
    if constexpr (!Coder::encodes) {
        if (!odd && number < templates_.size()) odd_shape = templates_[number];
        record.options_length = odd_shape.length;
        record.options = odd_shape.bytes;
        places = find_places(odd_shape.bytes.data(), odd_shape.length);
    }
    if (number >= template_count_max) return;  // there was no room: it is written out every time
    side.option_template = static_cast<std::uint8_t>(number);
    if (after_syn) template_after_syn_ = side.option_template;
}

/// Gives its number, which template_count_max means that it got none.
template <class Coder>
std::uint32_t HeaderModel::code_odd_template(Coder& coder, OptionTemplate& shape) {
    std::uint32_t number = 0;
    if constexpr (Coder::encodes)
        while (number < templates_.size() && !(templates_[number] == shape)) ++number;
    if (number == templates_.size()) number = template_count_max;
    number = template_number_[0].code(coder, number);
    if (number < templates_.size()) {
        if constexpr (!Coder::encodes) shape = templates_[number];
        return number;
    }
    shape.length = static_cast<std::uint8_t>(
        std::min<std::uint32_t>(template_length_.code(coder, shape.length), options_bytes_max));
    for (unsigned i = 0; i < shape.length; ++i)
        shape.bytes[i] = static_cast<std::uint8_t>(template_byte_[i & 7].code(coder, shape.bytes[i]));
    number = static_cast<std::uint32_t>(templates_.size());
    if (number < template_count_max) templates_.push_back(shape);
    return number;
}

inline unsigned tsecr_outcome(const SideTrack& side, const SideTrack& peer, std::uint32_t earliest,
                              std::uint32_t tsecr) {
    return tsecr == peer.tsval   ? tsecr_last
           : tsecr == side.tsecr ? tsecr_same
           : tsecr == earliest   ? tsecr_earliest
                                 : tsecr_other;
}

/// Of a side whose own packets have not told it yet.
inline const HostClock& HeaderModel::likely_clock(unsigned side) const {
    return link_->clocks[side].known() ? link_->clocks[side] : *hosts_[side];
}

/// IPv4 id, TSval and TSecr: one symbol says which are as expected. `timestamps`: where they stand, 0 for nowhere.
template <class Coder>
void HeaderModel::code_ids(Coder& coder, LegTrack& track, HeaderRecord& record, unsigned timestamps) {
    SideTrack& side = track.side[record.side];
    SideTrack& peer = track.side[record.side ^ 1];
    HostClock& host = *hosts_[record.side];
    const bool known = side.clock.known();
    std::uint8_t* const at = record.options.data() + timestamps;
    std::uint32_t tsval = 0, tsecr = 0, expected = 0;
    unsigned context = 768 + side.ip_id_outcome + 4 * !side.seen, symbol = 0;
    if (timestamps != 0) {
        tsval = sensor::load_be32(at), tsecr = sensor::load_be32(at + 4);
        expected = known ? side.clock.predict(record.time_ns) : likely_clock(record.side).predict(record.time_ns);
        context = side.ip_id_outcome + 3 * (side.ack_outcome + 4 * (record.payload_length == 0) +
                                            8 * (peer.sent_count() > 1) + 16 * side.tsval_outcome);
        if (!side.seen) context = 720 + side.ack_outcome + 4 * (record.payload_length == 0) + 8 * peer.seen;
    }
    const std::uint32_t earliest = peer.sent_count() > 0 ? peer.sent_at(peer.sent_begin).tsval : peer.tsval;
    if constexpr (Coder::encodes) {
        symbol = !track.v6 && ip_id_outcome(side, record.ip_id) != expected_ip_id_outcome(side);
        if (timestamps != 0) symbol |= 2u * (tsval != expected) | tsecr_outcome(side, peer, earliest, tsecr) << 2;
    }
    symbol = ids_.code(coder, context, side.ip_id_outcome + 4u * (timestamps != 0), symbol);
    if (!track.v6) code_ip_id(coder, side, (symbol & 1) == 0, record);
    if (timestamps == 0) return;
    if ((symbol & 2) == 0)
        tsval = expected;
    else
        tsval = expected + tsval_.code(coder,
                                       known ? 1 + 2u * (side.tsval_outcome & 1)
                                             : 2u * (link_->clocks[record.side].known() ? 2 : host.known()),
                                       tsval - expected);
    side.tsval_outcome = static_cast<std::uint8_t>((side.tsval_outcome << 1 | (symbol >> 1 & 1)) & 15);
    tsecr = symbol >> 2 == tsecr_earliest ? earliest : code_tsecr(coder, track, symbol >> 2, record, tsecr);
    side.clock.learn(record.time_ns, tsval);
    host.learn(record.time_ns, tsval);
    if (!known) link_->clocks[record.side].learn(record.time_ns, tsval);
    if (!peer.clock.known() && tsecr != 0) link_->clocks[record.side ^ 1].learn(record.time_ns, tsecr);
    side.tsval = tsval, side.tsecr = tsecr;
    if constexpr (!Coder::encodes) store_be32(at, tsval), store_be32(at + 4, tsecr);
}

template <class Coder>
std::uint32_t HeaderModel::code_tsecr(Coder& coder, LegTrack& track, unsigned outcome, const HeaderRecord& record,
                                      std::uint32_t tsecr) {
    const SideTrack& side = track.side[record.side];
    const SideTrack& peer = track.side[record.side ^ 1];
    if (outcome == tsecr_last) return peer.tsval;
    if (outcome == tsecr_same) return side.tsecr;
    if (!peer.clock.known()) {
        const HostClock& clock = likely_clock(record.side ^ 1);
        const std::uint32_t now = clock.predict(record.time_ns);
        return now +
               tsecr_.code(coder, 4u + (link_->clocks[record.side ^ 1].known() ? 2u : clock.known()), tsecr - now);
    }
    return peer.tsval + tsecr_.code(coder, side.ack_outcome, tsecr - peer.tsval);
}

/// Left edges count from the ack or the edge before, right edges from their left one.
template <class Coder>
void HeaderModel::code_sack(Coder& coder, SideTrack& side, std::uint32_t ack, std::uint8_t* at, unsigned blocks) {
    std::uint32_t from = ack;
    for (unsigned i = 0; i < 2 * blocks && i < side.sack.size(); ++i, at += 4) {
        std::uint32_t edge = sensor::load_be32(at);
        if (coder.bit(sack_same_[i < 3 ? i : 3], edge == side.sack[i]))
            edge = side.sack[i];
        else
            edge = from + sack_.code(coder, i < 3 ? i : 3, edge - from);
        store_be32(at, edge);
        side.sack[i] = from = edge;
    }
}

}  // namespace clew::vault
