// SPDX-License-Identifier: Apache-2.0
// The parts of HeaderModel that every protocol has; only for header_model.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "dataplane/vault/header_model.h"

namespace clew::vault {

constexpr std::uint8_t flag_fin = 0x01, flag_syn = 0x02, flag_push = 0x08, flag_ack = 0x10;

constexpr std::size_t steady_bytes = offsetof(HeaderRecord, ip_extra_length) + 1 - offsetof(HeaderRecord, flow_label);
static_assert(steady_bytes == 19);

inline bool are_steady(const HeaderRecord& a, const HeaderRecord& b) {
    const auto word = [](const HeaderRecord& r, std::size_t at) {
        std::uint64_t value;
        std::memcpy(&value, reinterpret_cast<const std::uint8_t*>(&r.flow_label) + at, sizeof value);
        return value;
    };
    constexpr std::size_t tail = steady_bytes - sizeof(std::uint64_t);
    return ((word(a, 0) ^ word(b, 0)) | (word(a, 8) ^ word(b, 8)) | (word(a, tail) ^ word(b, tail))) == 0;
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
        v6 = track.v6 || (side.seen && last.v6);
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
        // In one go: nearly always all of them do.
        const auto differ = [](auto a, auto b) {
            return static_cast<std::uint32_t>(a) ^ static_cast<std::uint32_t>(b);
        };
        const std::uint32_t differing = differ(r.ip_length, ip_length) | differ(r.wire_length, wire_length) |
                                        differ(r.to_server, to_server) | differ(r.v6, v6) |
                                        differ(r.ip_protocol, ip_protocol) | differ(r.tcp_offset, tcp_offset) |
                                        differ(r.udp_length, udp_length);
        return differing == 0 && are_steady(r, last) && (r.ip_extra_length == 0 || r.ip_extra == last.ip_extra);
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

/// How a packet's payload length and PSH come: half of its first symbol.
enum LengthClass : unsigned {
    length_none,
    length_again,  ///< as this side's payload before
    length_again_push,
    length_largest,  ///< as its largest one so far
    length_other,
    length_other_push,
    length_none_push,
    length_odd,  ///< said behind what is odd
};

inline unsigned length_class_of(const SideTrack& side, const HeaderRecord& record) {
    const bool push = (record.flags & flag_push) != 0;
    if (record.payload_length == 0) return push ? length_none_push : length_none;
    if (record.payload_length == side.length_again) return push ? length_again_push : length_again;
    if (push) return length_other_push;
    return record.payload_length == side.length_largest ? length_largest : length_other;
}

/// ACK, but SYN where a connection starts; PSH apart. 0 where there are no flags.
inline std::uint8_t expected_flags(const LegLabel& leg, const LegTrack& track, unsigned of_side) {
    if (leg.protocol != static_cast<std::uint8_t>(Protocol::tcp)) return 0;
    const SideTrack& peer = track.side[of_side ^ 1];
    const bool answers_syn = peer.seen && !track.side[of_side].seen && (peer.last->flags & flag_syn) != 0;
    return !track.started ? flag_syn : answers_syn ? flag_syn | flag_ack : flag_ack;
}

inline unsigned shape_context(const LegTrack& track) {
    if (!track.started) return 0;
    const auto waiting = [](const SideTrack& side) { return std::min(side.sent_count(), 2u); };
    const SideTrack& last = track.side[track.sides & 1];
    return 1 + (track.sides & 7) + 8 * track.last_kind + 24 * (waiting(track.side[0]) + 3 * waiting(track.side[1])) +
           216 * (last.length_outcome == 3);
}

/// Side, length, PSH, and whether anything is odd: one symbol; of what is odd, two more.
template <class Coder>
std::uint8_t HeaderModel::code_shape(Coder& coder, const LegLabel& leg, LegTrack& track, HeaderRecord& record,
                                     OptionPlaces& places) {
    const bool tcp = leg.protocol == static_cast<std::uint8_t>(Protocol::tcp);
    unsigned odd = 0, length_class = 0;
    if constexpr (Coder::encodes) {
        const SideTrack& side = track.side[record.side];
        length_class = length_class_of(side, record);
        if ((record.flags & ~flag_push) != expected_flags(leg, track, record.side)) odd |= odd_flags;
        if (tcp) {
            if (!fits_template(likely_template(side, (record.flags & flag_syn) != 0), record, places))
                odd |= odd_options;
        }
        if (!UsualFields(leg, track, record, *side.last).hold(record, *side.last)) odd |= odd_fields;
    }
    const unsigned coarse = !track.started ? 0 : 1 + (track.sides & 3) + 4 * track.last_kind;
    const unsigned shape = shapes_.code(coder, shape_context(track) + 433 * !tcp, coarse + 13 * !tcp,
                                        record.side << 3 | (odd != 0 ? unsigned{length_odd} : length_class));
    fill_in(coder, record.side, static_cast<std::uint8_t>(shape >> 3));
    SideTrack& side = track.side[record.side];
    if ((shape & 7) == length_odd) {
        const unsigned context = side.seen + 2u * tcp;
        odd = oddities_.code(coder, context, odd) & 7;
        length_class = odd_lengths_.code(coder, context, length_class) & 7;
    } else {
        length_class = shape & 7;
    }
    const bool push =
        length_class == length_again_push || length_class == length_other_push || length_class == length_none_push;
    code_length(coder, side, track.side[record.side ^ 1], length_class, record);
    if constexpr (!Coder::encodes)
        record.flags = static_cast<std::uint8_t>(expected_flags(leg, track, record.side) | (push ? flag_push : 0));
    if ((odd & odd_flags) != 0) {
        const unsigned context = (record.payload_length == 0) + 2u * side.seen;
        const auto bare = static_cast<std::uint8_t>(record.flags & ~flag_push);
        record.flags = static_cast<std::uint8_t>(flags_[context].code(coder, bare) | (push ? flag_push : 0));
    }
    return static_cast<std::uint8_t>(odd);
}

/// By the last lengths of both sides.
inline std::size_t length_place(const SideTrack& side, const SideTrack& peer) {
    return (side.length_again * 0x9e37'79b9u + peer.length_again * 0x85eb'ca6bu) >> 22;
}

template <class Coder>
void HeaderModel::code_length(Coder& coder, SideTrack& side, const SideTrack& peer, unsigned length_class,
                              HeaderRecord& record) {
    enum { before, largest, likely, number };
    std::uint16_t& likely_length = likely_lengths_[length_place(side, peer)];
    if (length_class == length_none || length_class == length_none_push || length_class == length_odd) {
        fill_in(coder, record.payload_length, 0);
        return;
    }
    if (length_class == length_again || length_class == length_again_push) {
        fill_in(coder, record.payload_length, side.length_again);
        side.length_outcome = 0;
        return;
    }
    if (length_class == length_largest) {
        fill_in(coder, record.payload_length, side.length_largest);
        side.length_outcome = 2;
        return;
    }
    const unsigned context = side.length_outcome + 4u * (length_class == length_other_push);
    unsigned choice = number;
    if (record.payload_length == side.length_before)
        choice = before;
    else if (record.payload_length == side.length_largest)
        choice = largest;
    else if (record.payload_length == likely_length)
        choice = likely;
    choice = other_lengths_.code(coder, context, choice);
    if (choice < likely)
        fill_in(coder, record.payload_length, choice == before ? side.length_before : side.length_largest);
    else if (choice == likely)
        fill_in(coder, record.payload_length, likely_length);
    else
        fill_in(coder, record.payload_length,
                static_cast<std::uint32_t>(length_.code(coder, context & 3, record.payload_length)));
    likely_length = static_cast<std::uint16_t>(record.payload_length);
    side.length_outcome = choice < number ? static_cast<std::uint8_t>(choice == largest ? 2 : 1) : std::uint8_t{3};
}

template <class Coder>
void HeaderModel::code_time(Coder& coder, LegTrack& track, std::uint32_t time_unit_ns, HeaderRecord& record) {
    const TimeNs since = track.started ? track.last_ns : first_ns_ - first_ns_ % time_unit_ns;
    Gap gap;
    if constexpr (Coder::encodes) {
        gap.backwards = record.time_ns < since;
        gap.size = static_cast<std::uint64_t>(gap.backwards ? since - record.time_ns : record.time_ns - since);
        gap.size = time_unit_ns == 1000 ? gap.size / 1000 : gap.size;  // by a constant: no division
    }
    // What is like this packet: who sends behind whom, and what; and how long it took when that came last.
    const bool turned = (track.sides & 1) != record.side;
    const unsigned kind = turned + 2u * (record.payload_length == 0) + 4u * track.last_empty;
    std::uint64_t& alike = track.side[record.side].gaps[turned];
    gap = gap_.code(coder, track.started ? kind : 8, alike, gap);
    alike = gap.size;
    const std::uint64_t passed = gap.size * time_unit_ns;
    fill_in(coder, record.time_ns,
            static_cast<TimeNs>(static_cast<std::uint64_t>(since) + (gap.backwards ? 0 - passed : passed)));
    if (!track.started) first_ns_ = record.time_ns;
}

/// One more than the side's last, the same, or a number ahead: mostly what it was before.
inline unsigned ip_id_outcome(const SideTrack& side, std::uint16_t id) {
    const std::uint16_t last = side.seen ? side.last->ip_id : 0;
    if (side.seen && id == static_cast<std::uint16_t>(last + 1)) return 0;
    return id == last ? 1 : 2;
}
inline unsigned expected_ip_id_outcome(const SideTrack& side) { return side.seen ? side.ip_id_outcome : 2u; }

template <class Coder>
void HeaderModel::code_ip_id(Coder& coder, SideTrack& side, bool as_before, HeaderRecord& record) {
    const unsigned context = side.seen ? side.ip_id_outcome : 3;
    const std::uint16_t last = side.seen ? side.last->ip_id : 0;
    const auto next = static_cast<std::uint16_t>(last + 1);
    unsigned outcome = expected_ip_id_outcome(side);
    if (!as_before) {
        const unsigned lower = outcome == 0 ? 1 : 0, higher = outcome == 2 ? 1 : 2;
        outcome = coder.bit(ip_id_choice_[outcome], ip_id_outcome(side, record.ip_id) == lower) ? lower : higher;
    }
    if (outcome == 0) {
        fill_in(coder, record.ip_id, next);
    } else if (outcome == 1) {
        fill_in(coder, record.ip_id, last);
    } else {
        const auto ahead = static_cast<std::uint16_t>(record.ip_id - next);
        fill_in(coder, record.ip_id, static_cast<std::uint16_t>(next + ip_id_.code(coder, context, ahead)));
    }
    side.ip_id_outcome = static_cast<std::uint8_t>(outcome);
}

/// The odd fields' bits, in the order in which they are written: four to a symbol.
enum OddField : std::uint32_t {
    odd_ip_offset = 1,
    odd_extra = 2,  ///< IPv4 options, IPv6 extension headers
    odd_ip_length = 4,
    odd_wire_length = 8,
    odd_v6 = 0x10,
    odd_to_server = 0x20,
    odd_tcp_offset = 0x40,
    odd_ttl = 0x80,
    odd_tos = 0x100,
    odd_fragment = 0x200,
    odd_ip_protocol = 0x400,
    odd_flow_label = 0x800,
    odd_icmp = 0x1000,
    odd_udp_length = 0x2000,
    odd_urgent = 0x4000,
    odd_checks = 0x8000,
};

inline std::uint16_t icmp_of(const HeaderRecord& r) {
    return static_cast<std::uint16_t>(r.icmp_type << 8 | r.icmp_code);
}
inline std::uint8_t checks_of(const HeaderRecord& r) {
    return static_cast<std::uint8_t>(r.has_payload_check | static_cast<unsigned>(r.ip_checksum) << 1 |
                                     static_cast<unsigned>(r.checksum) << 3);
}

/// Of a whole record; `usual` has its lengths as they follow from the other fields.
inline std::uint32_t odd_fields_of(const UsualFields& usual, const HeaderRecord& r, const HeaderRecord& last) {
    std::uint32_t odd = 0;
    const auto note = [&](bool differs, OddField bit) { odd |= differs ? bit : 0u; };
    note(r.ip_offset != last.ip_offset, odd_ip_offset);
    note(
        r.ip_extra_cut != last.ip_extra_cut || r.ip_extra_length != last.ip_extra_length || r.ip_extra != last.ip_extra,
        odd_extra);
    note(r.ip_length != usual.ip_length, odd_ip_length);
    note(r.wire_length != usual.wire_length, odd_wire_length);
    note(r.v6 != usual.v6, odd_v6);
    note(r.to_server != usual.to_server, odd_to_server);
    note(r.tcp_offset != usual.tcp_offset, odd_tcp_offset);
    note(r.ttl != last.ttl, odd_ttl);
    note(r.tos != last.tos, odd_tos);
    note(r.fragment != last.fragment, odd_fragment);
    note(r.ip_protocol != usual.ip_protocol, odd_ip_protocol);
    note(r.flow_label != last.flow_label, odd_flow_label);
    note(icmp_of(r) != icmp_of(last), odd_icmp);
    note(r.udp_length != usual.udp_length, odd_udp_length);
    note(r.urgent != last.urgent, odd_urgent);
    note(checks_of(r) != checks_of(last), odd_checks);
    return odd;
}

template <class Coder>
std::uint32_t HeaderModel::code_odd_mask(Coder& coder, unsigned context, std::uint32_t odd) {
    unsigned fours = 0;
    for (unsigned i = 0; i < 4; ++i) fours |= (odd >> 4 * i & 15) != 0 ? 1u << i : 0u;
    fours = odd_fours_[context].code(coder, 0, fours);
    std::uint32_t result = 0;
    for (unsigned i = 0; i < 4; ++i)
        if ((fours >> i & 1) != 0) result |= odd_masks_[context].code(coder, i, odd >> 4 * i & 15) << 4 * i;
    return result;
}

/// Which of the fields differ, then those.
template <class Coder>
void HeaderModel::code_odd_fields(Coder& coder, const LegLabel& leg, LegTrack& track, HeaderRecord& record) {
    SideTrack& side = track.side[record.side];
    const HeaderRecord& last = *side.last;
    const unsigned transport = leg.protocol == static_cast<std::uint8_t>(Protocol::tcp) ? 0 : 8;
    UsualFields usual(leg, track, record, last);
    const bool usual_v6 = usual.v6;
    std::uint32_t odd = 0;
    const auto follow = [&] {
        usual.v6 = record.v6;
        usual.set_lengths(side, record.ip_offset, record.ip_extra_length,
                          transport != 0 ? transport : (record.tcp_offset >> 4) * 4u, record);
    };
    const auto follow_wire = [&] {
        usual.wire_length = expected_wire_length(side, record.ip_offset, record.v6, record.ip_length);
    };
    if constexpr (Coder::encodes) {
        follow();
        follow_wire();
        usual.v6 = usual_v6;
        odd = odd_fields_of(usual, record, last);
    } else {
        usual.take(record, last);
    }
    odd = code_odd_mask(coder, side.seen, odd);
    const auto field = [&](OddField bit, auto& model, auto& value) {
        if ((odd & bit) != 0) model.write(coder, value);
    };
    if ((odd & odd_extra) != 0) code_extra(coder, record);
    field(odd_ip_offset, ip_offset_, record.ip_offset);
    field(odd_tcp_offset, tcp_offset_, record.tcp_offset);
    if constexpr (!Coder::encodes) {
        if ((odd & odd_v6) != 0) record.v6 = !usual_v6;
        if ((odd & odd_to_server) != 0) record.to_server = !usual.to_server;
        follow();
        record.ip_length = usual.ip_length;
    }
    field(odd_ip_length, ip_length_, record.ip_length);
    follow_wire();
    if constexpr (!Coder::encodes) record.wire_length = usual.wire_length;
    field(odd_wire_length, wire_length_, record.wire_length);
    field(odd_ttl, ttl_, record.ttl);
    field(odd_tos, tos_, record.tos);
    field(odd_fragment, fragment_, record.fragment);
    field(odd_ip_protocol, ip_protocol_, record.ip_protocol);
    field(odd_flow_label, flow_label_, record.flow_label);
    field(odd_udp_length, udp_length_, record.udp_length);
    field(odd_urgent, urgent_, record.urgent);
    code_odd_pairs(coder, odd, record);
}

/// What is written together.
template <class Coder>
void HeaderModel::code_odd_pairs(Coder& coder, std::uint32_t odd, HeaderRecord& record) {
    if ((odd & odd_icmp) != 0) {
        std::uint16_t icmp = icmp_of(record);
        icmp_.write(coder, icmp);
        record.icmp_type = static_cast<std::uint8_t>(icmp >> 8);
        record.icmp_code = static_cast<std::uint8_t>(icmp);
    }
    if ((odd & odd_checks) != 0) {
        std::uint8_t checks = checks_of(record);
        checks_.write(coder, checks);
        record.has_payload_check = (checks & 1) != 0;
        record.ip_checksum = static_cast<Checksum>(checks >> 1 & 3);
        record.checksum = static_cast<Checksum>(checks >> 3 & 3);
    }
}

template <class Coder>
void HeaderModel::code_extra(Coder& coder, HeaderRecord& record) {
    record.ip_extra_cut = coder.bit(extra_cut_, record.ip_extra_cut);
    extra_length_.write(coder, record.ip_extra_length);
    record.ip_extra_length = std::min(record.ip_extra_length, static_cast<std::uint8_t>(ip_extra_bytes_max));
    if constexpr (!Coder::encodes) record.ip_extra = {};
    for (unsigned i = 0; i < record.ip_extra_length; ++i) extra_byte_.write(coder, record.ip_extra[i]);
}

template <class Coder>
void HeaderModel::code_payload_check(Coder& coder, SideTrack& peer, HeaderRecord& record) {
    if (!record.has_payload_check) {
        fill_in(coder, record.payload_check, 0);
        return;
    }
    const std::uint16_t candidate = peer.seen ? peer.last->payload_check : std::uint16_t{0};
    if (coder.bit(check_of_peer_[record.payload_length == 0], record.payload_check == candidate))
        fill_in(coder, record.payload_check, candidate);
    else
        fill_in(coder, record.payload_check, static_cast<std::uint16_t>(coder.raw(record.payload_check, 16)));
}

/// ICMP echo: a request counts on, a reply has its request's number.
template <class Coder>
void HeaderModel::code_echo(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record) {
    const std::uint32_t next = side.seen ? (side.last->seq + 1) & 0xffff : 1;
    if (coder.bit(echo_answer_[side.seen], peer.seen && record.seq == peer.last->seq))
        record.seq = peer.last->seq & 0xffff;
    else if (coder.bit(echo_next_[side.seen], record.seq == next))
        record.seq = next;
    else
        record.seq = coder.raw(record.seq, 16);
}

}  // namespace clew::vault
