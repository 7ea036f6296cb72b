// SPDX-License-Identifier: Apache-2.0
// The parts of HeaderModel for TCP; only for header_model.cpp.
#pragma once

#include <algorithm>

#include "dataplane/vault/header_model_ip.h"

namespace clew::vault {

template <class Coder>
void HeaderModel::code_sequence(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record) {
    const bool known = side.seen || peer.seen;
    const unsigned context = side.seen + 2 * (record.payload_length == 0) + 4 * side.seq_outcome;
    if (known && coder.bit(seq_next_[context], record.seq == side.next_seq)) {
        record.seq = side.next_seq;
        side.seq_outcome = 0;
        return;
    }
    if (known && side.after_last != side.next_seq &&
        coder.bit(seq_after_last_[context], record.seq == side.after_last)) {
        record.seq = side.after_last;
        side.seq_outcome = 1;
        return;
    }
    if (!known) {
        record.seq = coder.raw(record.seq, 32);
        return;
    }
    record.seq = side.next_seq + seq_.code(coder, context & 3, record.seq - side.next_seq);
    side.seq_outcome = 2;
}

/// How many segments further than the next one: mostly few.
template <class Coder>
std::uint32_t HeaderModel::code_segment_count(Coder& coder, unsigned context, std::uint32_t number) {
    std::uint32_t count = 0;
    for (Probability& further : ack_further_[context]) {
        if (!coder.bit(further, number > count)) return count;
        ++count;
    }
    return count + static_cast<std::uint32_t>(ack_segments_.code(coder, context, number - count));
}

template <class Coder>
void HeaderModel::code_ack(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record) {
    const std::uint32_t last = side.seen ? side.last.ack : 0;
    const bool empty = record.payload_length == 0;
    const unsigned context = empty + 2 * std::min(peer.sent_count(), 3u) + 8 * side.ack_outcome + 32 * !side.seen;
    if (coder.bit(ack_same_[context], record.ack == last)) {
        record.ack = last;
        side.ack_outcome = 0;
        return;
    }
    if (peer.seen && peer.next_seq != last && coder.bit(ack_all_[context], record.ack == peer.next_seq)) {
        record.ack = peer.next_seq;
        side.ack_outcome = 1;
        return;
    }
    std::uint32_t number = 0;
    const std::uint32_t count = peer.sent_count();
    if constexpr (Coder::encodes)
        while (number < count && peer.sent_at(peer.sent_begin + number).end != record.ack) ++number;
    if (count > 0 && coder.bit(ack_sent_[context], number < count)) {
        number = std::min(code_segment_count(coder, side.ack_outcome, number), count - 1);
        record.ack = peer.sent_at(peer.sent_begin + number).end;
        side.ack_outcome = 2;
        return;
    }
    const std::uint32_t from = side.seen ? last : peer.next_seq;
    record.ack = from + ack_.code(coder, side.ack_outcome, record.ack - from);
    side.ack_outcome = 3;
}

template <class Coder>
void HeaderModel::code_window(Coder& coder, SideTrack& side, HeaderRecord& record) {
    if (!side.seen) return first_window_.code(coder, (record.flags & flag_syn) != 0, record.window, side.last.window);
    const bool empty = record.payload_length == 0;
    const std::uint32_t moved = record.ack - side.last.ack;
    const unsigned context =
        empty + 2 * (moved != 0) + 4 * side.window_outcome + 16 * ((side.last.flags & flag_syn) != 0);
    if (coder.bit(window_same_[context], record.window == side.last.window)) {
        record.window = side.last.window;
        side.window_outcome = 0;
        return;
    }
    // What was acknowledged still waits in the receiver's buffer: the right edge stands.
    const auto at_edge = static_cast<std::uint16_t>(side.last.window - (moved >> side.window_shift));
    if (moved != 0 && at_edge != side.last.window && coder.bit(window_edge_[context], record.window == at_edge)) {
        record.window = at_edge;
        side.window_outcome = 1;
        return;
    }
    const auto difference = static_cast<std::uint16_t>(record.window - side.last.window);
    record.window = static_cast<std::uint16_t>(side.last.window + code16(coder, window_, context & 7, difference));
    side.window_outcome = 2;
}

template <class Coder>
void HeaderModel::code_options(Coder& coder, const LegLabel& leg, LegTrack& track, HeaderRecord& record) {
    SideTrack& side = track.side[record.side];
    OptionTemplate shape;
    OptionPlaces places;
    if constexpr (Coder::encodes) places = take_apart(record.options.data(), record.options_length, shape);
    code_template(coder, side, record, shape);
    if constexpr (!Coder::encodes) {
        record.options_length = shape.length;
        record.options = shape.bytes;
        places = find_places(shape.bytes.data(), shape.length);
    }
    if (places.timestamps != 0) code_timestamps(coder, leg, track, record, record.options.data() + places.timestamps);
    if (places.sack != 0) code_sack(coder, side, record.ack, record.options.data() + places.sack, places.sack_blocks);
}

template <class Coder>
void HeaderModel::code_template(Coder& coder, SideTrack& side, const HeaderRecord& record, OptionTemplate& shape) {
    const bool syn = (record.flags & flag_syn) != 0;
    const bool after_syn = !syn && side.seen && (side.last.flags & flag_syn) != 0;
    const std::uint8_t likely = after_syn || (!syn && !side.seen) ? template_after_syn_ : side.option_template;
    const unsigned context = syn + 2 * after_syn + 4 * !side.seen;
    std::uint32_t number = likely;
    const bool known = likely < templates_.size();
    const bool same = known && coder.bit(template_same_[context], Coder::encodes && templates_[likely] == shape);
    if (!same) {
        if constexpr (Coder::encodes)
            for (number = 0; number < templates_.size() && !(templates_[number] == shape);) ++number;
        if (number == templates_.size()) number = template_count_max;
        number = template_number_[context & 3].code(coder, number);
        if (number >= templates_.size()) {
            code_new_template(coder, shape);
            number = static_cast<std::uint32_t>(templates_.size());
            if (number < template_count_max)
                templates_.push_back(shape);
            else
                return;  // no room: it is written out every time
        }
    }
    if constexpr (!Coder::encodes) shape = templates_[number];
    side.option_template = static_cast<std::uint8_t>(number);
    if (after_syn || (!syn && !side.seen)) template_after_syn_ = side.option_template;
}

template <class Coder>
void HeaderModel::code_new_template(Coder& coder, OptionTemplate& shape) {
    shape.length = static_cast<std::uint8_t>(
        std::min<std::uint32_t>(template_length_.code(coder, shape.length), options_bytes_max));
    for (unsigned i = 0; i < shape.length; ++i)
        shape.bytes[i] = static_cast<std::uint8_t>(template_byte_[i & 7].code(coder, shape.bytes[i]));
}

template <class Coder>
void HeaderModel::code_timestamps(Coder& coder, const LegLabel& leg, LegTrack& track, const HeaderRecord& record,
                                  std::uint8_t* at) {
    SideTrack& side = track.side[record.side];
    std::uint32_t tsval = sensor::load_be32(at);
    const bool known = side.clock.known();
    HostClock& host = host_clocks_.of(record.side == 0 ? leg.low : leg.high);
    const std::uint32_t expected = known ? side.clock.predict(record.time_ns) : host.predict(record.time_ns);
    if (known && coder.bit(tsval_expected_[side.tsval_outcome], tsval == expected)) {
        tsval = expected;
        side.tsval_outcome = static_cast<std::uint8_t>(side.tsval_outcome << 1 & 15);
    } else {
        const unsigned context = known ? 1 + 2 * (side.tsval_outcome & 1) : 2 * host.known();
        tsval = expected + tsval_.code(coder, context, tsval - expected);
        side.tsval_outcome = static_cast<std::uint8_t>((side.tsval_outcome << 1 | 1) & 15);
    }
    side.clock.learn(record.time_ns, tsval);
    host.learn(record.time_ns, tsval);
    const HostClock& peers_host = host_clocks_.of(record.side == 0 ? leg.high : leg.low);
    side.tsecr = code_echoed(coder, peers_host, track, record, sensor::load_be32(at + 4));
    side.tsval = tsval;
    store_be32(at, tsval);
    store_be32(at + 4, side.tsecr);
}

template <class Coder>
std::uint32_t HeaderModel::code_echoed(Coder& coder, const HostClock& host, LegTrack& track, const HeaderRecord& record,
                                       std::uint32_t tsecr) {
    const SideTrack& side = track.side[record.side];
    SideTrack& peer = track.side[record.side ^ 1];
    const unsigned context = side.ack_outcome + 4 * (record.payload_length == 0) + 8 * (peer.sent_count() > 1);
    const std::uint32_t earliest = peer.sent_count() > 0 ? peer.sent_at(peer.sent_begin).tsval : peer.tsval;
    if (coder.bit(tsecr_last_[context], tsecr == peer.tsval)) return peer.tsval;
    if (side.tsecr != peer.tsval && coder.bit(tsecr_same_[context], tsecr == side.tsecr)) return side.tsecr;
    if (earliest != peer.tsval && coder.bit(tsecr_sent_[context], tsecr == earliest)) return earliest;
    if (!peer.clock.known() && host.known()) {
        const std::uint32_t now = host.predict(record.time_ns);
        return now + tsecr_.code(coder, 4, tsecr - now);
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
