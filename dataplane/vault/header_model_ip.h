// SPDX-License-Identifier: Apache-2.0
// The parts of HeaderModel that every protocol has; only for header_model.cpp.
#pragma once

#include <algorithm>

#include "dataplane/vault/header_model.h"

namespace clew::vault {

constexpr std::uint8_t flag_fin = 0x01, flag_syn = 0x02, flag_push = 0x08, flag_ack = 0x10;

template <class Coder>
void HeaderModel::code_side(Coder& coder, LegTrack& track, HeaderRecord& record) {
    const auto waiting = [](const SideTrack& side) { return std::min(side.sent_count(), 2u); };
    const unsigned context = track.started ? 1 + (track.sides & 7) + 8 * track.last_empty +
                                                 16 * waiting(track.side[0]) + 48 * waiting(track.side[1])
                                           : 0;
    record.side = coder.bit(side_[context], record.side != 0);
}

template <class Coder>
void HeaderModel::code_length(Coder& coder, LegTrack& track, HeaderRecord& record) {
    SideTrack& side = track.side[record.side];
    const SideTrack& peer = track.side[record.side ^ 1];
    const bool turned = track.started && (track.sides & 1) != record.side;
    const unsigned context = (side.seen && side.last.payload_length == 0) + 2 * track.last_empty + 4 * turned +
                             8 * std::min(peer.sent_count(), 3u) + 32 * !side.seen;
    if (coder.bit(empty_[context], record.payload_length == 0)) {
        record.payload_length = 0;
        return;
    }
    const unsigned outcome = side.length_outcome + 4 * track.last_empty;
    std::uint32_t* candidates[] = {&side.length_again, &side.length_before, &side.length_largest};
    std::array<Probability, 16>* choices[] = {&length_again_, &length_before_, &length_largest_};
    for (std::uint8_t i = 0; i < 3; ++i) {
        const std::uint32_t candidate = *candidates[i];
        if (candidate == 0 || (i > 0 && candidate == side.length_again)) continue;
        if (!coder.bit((*choices[i])[outcome], record.payload_length == candidate)) continue;
        record.payload_length = candidate;
        side.length_outcome = i;
        return;
    }
    record.payload_length = static_cast<std::uint32_t>(length_.code(coder, outcome & 3, record.payload_length));
    side.length_outcome = 3;
}

/// ACK, but SYN where a connection starts; then whether PSH is set.
template <class Coder>
void HeaderModel::code_flags(Coder& coder, LegTrack& track, HeaderRecord& record) {
    SideTrack& side = track.side[record.side];
    const SideTrack& peer = track.side[record.side ^ 1];
    const bool answers_syn = peer.seen && !side.seen && (peer.last.flags & flag_syn) != 0;
    const std::uint8_t expected = !track.started ? flag_syn : answers_syn ? flag_syn | flag_ack : flag_ack;
    const bool empty = record.payload_length == 0;
    const bool peer_ended = peer.seen && (peer.last.flags & flag_fin) != 0;
    const unsigned context = empty + 2 * !side.seen + 4 * peer_ended;
    const auto without_push = static_cast<std::uint8_t>(record.flags & ~flag_push);
    if (coder.bit(flags_expected_[context], without_push == expected))
        record.flags = static_cast<std::uint8_t>(expected | (record.flags & flag_push));
    else
        record.flags =
            static_cast<std::uint8_t>(flags_[context & 3].code(coder, without_push) | (record.flags & flag_push));
    const unsigned push_context =
        empty ? 0 : 1 + side.push + 2 * (side.length_outcome == 0) + 2 * (record.payload_length < side.length_largest);
    const bool push = coder.bit(push_[push_context], (record.flags & flag_push) != 0);
    record.flags = static_cast<std::uint8_t>((record.flags & ~flag_push) | (push ? flag_push : 0));
}

template <class Coder>
void HeaderModel::code_time(Coder& coder, LegTrack& track, std::uint32_t time_unit_ns, HeaderRecord& record) {
    const TimeNs since = track.started ? track.last_ns : first_ns_ - first_ns_ % time_unit_ns;
    const bool backwards = coder.bit(backwards_[track.started], record.time_ns < since);
    std::uint64_t gap = static_cast<std::uint64_t>(backwards ? since - record.time_ns : record.time_ns - since);
    if constexpr (Coder::encodes) gap /= time_unit_ns;
    unsigned context = 64;
    if (track.started) {
        const bool turned = (track.sides & 1) != record.side;
        const unsigned before = std::min(static_cast<unsigned>(std::bit_width(track.last_gap)) / 3, 7u);
        context = turned + 2 * (record.payload_length == 0) + 4 * track.last_empty + 8 * before;
    }
    gap = gap_.code(coder, context, gap);
    track.last_gap = track.started ? gap : 0;
    const auto passed = static_cast<TimeNs>(gap * time_unit_ns);
    record.time_ns = static_cast<TimeNs>(static_cast<std::uint64_t>(since) +
                                         static_cast<std::uint64_t>(backwards ? -passed : passed));
    if (!track.started) first_ns_ = record.time_ns;
}

template <class Coder>
void HeaderModel::code_ip_id(Coder& coder, SideTrack& side, HeaderRecord& record) {
    const unsigned context = side.seen ? side.ip_id_outcome : 3;
    const std::uint16_t last = side.seen ? side.last.ip_id : 0;
    const auto next = static_cast<std::uint16_t>(last + 1);
    if (side.seen && coder.bit(ip_id_next_[context], record.ip_id == next)) {
        record.ip_id = next;
        side.ip_id_outcome = 0;
    } else if (coder.bit(ip_id_same_[context], record.ip_id == last)) {
        record.ip_id = last;
        side.ip_id_outcome = 1;
    } else {
        const auto ahead = static_cast<std::uint16_t>(record.ip_id - next);
        record.ip_id = static_cast<std::uint16_t>(next + ip_id_.code(coder, context, ahead));
        side.ip_id_outcome = 2;
    }
}

/// The fields that mostly are as in the packet before, or follow from the rest.
struct UsualFields {
    std::uint16_t ip_length, udp_length;
    std::uint32_t wire_length;
    std::uint8_t ip_protocol, tcp_offset;
    bool v6, to_server;

    /// `record` has its payload's and its options' length, side and flags; the rest is as in `last`.
    UsualFields(const LegLabel& leg, const LegTrack& track, const HeaderRecord& record, const HeaderRecord& last) {
        const SideTrack& side = track.side[record.side];
        const bool tcp = leg.protocol == static_cast<std::uint8_t>(Protocol::tcp);
        const bool udp = leg.protocol == static_cast<std::uint8_t>(Protocol::udp);
        v6 = leg.v6() || (side.seen && last.v6);
        const bool answers = (record.flags & (flag_syn | flag_ack)) == (flag_syn | flag_ack);
        to_server = track.started ? record.side == track.client_side : !answers;
        ip_protocol = side.seen ? last.ip_protocol : leg.protocol;
        tcp_offset = tcp ? static_cast<std::uint8_t>((20 + record.options_length) / 4 << 4) : std::uint8_t{0};
        set_lengths(side, last.ip_offset, last.ip_extra_length, tcp ? (tcp_offset >> 4) * 4u : 8u, record);
        udp_length = udp ? static_cast<std::uint16_t>(8 + record.payload_length) : std::uint16_t{0};
    }
    void set_lengths(const SideTrack& side, std::uint32_t ip_offset, std::uint32_t extra, std::uint32_t transport,
                     const HeaderRecord& record) {
        ip_length = static_cast<std::uint16_t>((v6 ? 0u : 20u) + extra + transport + record.payload_length);
        wire_length = expected_wire_length(side, ip_offset, v6, ip_length);
    }
    bool hold(const HeaderRecord& r, const HeaderRecord& last) const {
        return r.ip_length == ip_length && r.wire_length == wire_length && r.ttl == last.ttl && r.tos == last.tos &&
               r.fragment == last.fragment && r.ip_offset == last.ip_offset && r.to_server == to_server && r.v6 == v6 &&
               r.ip_protocol == ip_protocol && r.tcp_offset == tcp_offset && r.udp_length == udp_length &&
               r.urgent == last.urgent && r.flow_label == last.flow_label && r.icmp_type == last.icmp_type &&
               r.icmp_code == last.icmp_code && r.checksum == last.checksum && r.ip_checksum == last.ip_checksum &&
               r.has_payload_check == last.has_payload_check && r.ip_extra_cut == last.ip_extra_cut &&
               r.ip_extra_length == last.ip_extra_length && (r.ip_extra_length == 0 || r.ip_extra == last.ip_extra);
    }
    void take(HeaderRecord& r, const HeaderRecord& last) const {
        r.ip_length = ip_length, r.wire_length = wire_length, r.ttl = last.ttl, r.tos = last.tos;
        r.fragment = last.fragment, r.ip_offset = last.ip_offset, r.to_server = to_server, r.v6 = v6;
        r.ip_protocol = ip_protocol, r.tcp_offset = tcp_offset, r.udp_length = udp_length, r.urgent = last.urgent;
        r.flow_label = last.flow_label, r.icmp_type = last.icmp_type, r.icmp_code = last.icmp_code;
        r.checksum = last.checksum, r.ip_checksum = last.ip_checksum;
        r.has_payload_check = last.has_payload_check, r.ip_extra_cut = last.ip_extra_cut;
        r.ip_extra_length = last.ip_extra_length, r.ip_extra = last.ip_extra;
    }
};

template <class Coder>
void code_flag(Coder& coder, FieldModel<std::uint8_t>& model, unsigned context, bool& flag, bool expected) {
    auto byte = static_cast<std::uint8_t>(flag);
    model.code(coder, context, byte, static_cast<std::uint8_t>(expected));
    flag = (byte & 1) != 0;
}

/// One decision when all of them are as usual.
template <class Coder>
void HeaderModel::code_oddities(Coder& coder, const LegLabel& leg, LegTrack& track, HeaderRecord& record) {
    SideTrack& side = track.side[record.side];
    const unsigned context = side.seen;
    UsualFields usual(leg, track, record, side.last);
    if (coder.bit(usual_[context], Coder::encodes && usual.hold(record, side.last))) {
        if constexpr (!Coder::encodes) usual.take(record, side.last);
        return;
    }
    HeaderRecord expected = side.last;
    usual.take(expected, side.last);
    code_extra(coder, record, expected);
    ip_offset_.code(coder, context, record.ip_offset, expected.ip_offset);
    tcp_offset_.code(coder, context, record.tcp_offset, expected.tcp_offset);
    code_flag(coder, v6_, context, record.v6, expected.v6);
    code_flag(coder, to_server_, context, record.to_server, expected.to_server);
    const bool tcp = leg.protocol == static_cast<std::uint8_t>(Protocol::tcp);
    usual.v6 = record.v6;
    usual.set_lengths(side, record.ip_offset, record.ip_extra_length, tcp ? (record.tcp_offset >> 4) * 4u : 8u, record);
    ip_length_.code(coder, context, record.ip_length, usual.ip_length);
    wire_length_.code(coder, context, record.wire_length,
                      expected_wire_length(side, record.ip_offset, record.v6, record.ip_length));
    code_odd_fields(coder, context, record, expected);
}

template <class Coder>
void HeaderModel::code_odd_fields(Coder& coder, unsigned context, HeaderRecord& record, const HeaderRecord& expected) {
    ttl_.code(coder, context, record.ttl, expected.ttl);
    tos_.code(coder, context, record.tos, expected.tos);
    ip_protocol_.code(coder, context, record.ip_protocol, expected.ip_protocol);
    icmp_type_.code(coder, context, record.icmp_type, expected.icmp_type);
    icmp_code_.code(coder, context, record.icmp_code, expected.icmp_code);
    fragment_.code(coder, context, record.fragment, expected.fragment);
    udp_length_.code(coder, context, record.udp_length, expected.udp_length);
    urgent_.code(coder, context, record.urgent, expected.urgent);
    flow_label_.code(coder, context, record.flow_label, expected.flow_label);
    const auto code_small = [&](FieldModel<std::uint8_t>& model, auto& field, auto before, std::uint8_t mask) {
        auto byte = static_cast<std::uint8_t>(field);
        model.code(coder, context, byte, static_cast<std::uint8_t>(before));
        field = static_cast<std::remove_reference_t<decltype(field)>>(byte & mask);
    };
    code_small(check_kept_, record.has_payload_check, expected.has_payload_check, 1);
    code_small(ip_checksum_, record.ip_checksum, expected.ip_checksum, 3);
    code_small(checksum_, record.checksum, expected.checksum, 3);
}

template <class Coder>
void HeaderModel::code_extra(Coder& coder, HeaderRecord& record, const HeaderRecord& expected) {
    auto cut = static_cast<std::uint8_t>(record.ip_extra_cut);
    extra_cut_.code(coder, 0, cut, static_cast<std::uint8_t>(expected.ip_extra_cut));
    record.ip_extra_cut = (cut & 1) != 0;
    extra_length_.code(coder, 0, record.ip_extra_length, expected.ip_extra_length);
    record.ip_extra_length = std::min(record.ip_extra_length, static_cast<std::uint8_t>(ip_extra_bytes_max));
    for (unsigned i = 0; i < record.ip_extra_length; ++i)
        record.ip_extra[i] = static_cast<std::uint8_t>(extra_byte_.code(coder, record.ip_extra[i]));
}

template <class Coder>
void HeaderModel::code_payload_check(Coder& coder, SideTrack& peer, HeaderRecord& record) {
    if (!record.has_payload_check) {
        record.payload_check = 0;
        return;
    }
    const std::uint16_t candidate = peer.seen ? peer.last.payload_check : std::uint16_t{0};
    if (coder.bit(check_of_peer_[record.payload_length == 0], record.payload_check == candidate))
        record.payload_check = candidate;
    else
        record.payload_check = static_cast<std::uint16_t>(coder.raw(record.payload_check, 16));
}

/// ICMP echo: a request counts on, a reply has its request's number.
template <class Coder>
void HeaderModel::code_echo(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record) {
    const std::uint32_t next = side.seen ? (side.last.seq + 1) & 0xffff : 1;
    if (coder.bit(echo_answer_[side.seen], peer.seen && record.seq == peer.last.seq))
        record.seq = peer.last.seq & 0xffff;
    else if (coder.bit(echo_next_[side.seen], record.seq == next))
        record.seq = next;
    else
        record.seq = coder.raw(record.seq, 16);
}

}  // namespace clew::vault
