// SPDX-License-Identifier: Apache-2.0
// The header log's model of a packet: what is expected of it and what it costs when it comes otherwise. One template
// for encoder and decoder: at the encoder the record is read, at the decoder it is filled in, field after field in the
// same order. docs/HEADER_LOG.md describes it; a change of it is a change of the format's version.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/vault/host_clocks.h"
#include "dataplane/vault/leg_track.h"
#include "dataplane/vault/number_model.h"
#include "dataplane/vault/tcp_options.h"

namespace clew::vault {

/// A field that mostly is what it was, as a choice and, where it fails, a number.
template <class T>
struct FieldModel {
    std::array<Probability, 4> same;
    std::array<BitTree<8>, sizeof(T)> bytes;

    template <class Coder>
    void code(Coder& coder, unsigned context, T& field, T expected) {
        if (coder.bit(same[context], field == expected)) {
            field = expected;
            return;
        }
        std::uint32_t value = 0;
        for (unsigned i = sizeof(T); i-- > 0;)
            value = value << 8 | bytes[i].code(coder, (static_cast<std::uint32_t>(field) >> (8 * i)) & 0xff);
        field = static_cast<T>(value);
    }
};

class HeaderModel {
  public:
    /// Codes one packet of the leg and lets the track learn from it. All times of the leg are multiples of
    /// `time_unit_ns`.
    template <class Coder>
    void code(Coder& coder, const LegLabel& leg, LegTrack& track, std::uint32_t time_unit_ns, HeaderRecord& record);

    /// What the first packets of a leg are expected to be like: as those of the leg before.
    void start(LegTrack& track) const;
    /// The time that the first leg of a chunk counts from.
    void set_first_time(TimeNs time) { first_ns_ = time; }

  private:
    template <class Coder>
    void code_side(Coder& coder, LegTrack& track, HeaderRecord& record);
    template <class Coder>
    void code_length(Coder& coder, LegTrack& track, HeaderRecord& record);
    template <class Coder>
    void code_flags(Coder& coder, LegTrack& track, HeaderRecord& record);
    template <class Coder>
    void code_time(Coder& coder, LegTrack& track, std::uint32_t time_unit_ns, HeaderRecord& record);
    template <class Coder>
    void code_ip_id(Coder& coder, SideTrack& side, HeaderRecord& record);
    template <class Coder>
    void code_oddities(Coder& coder, const LegLabel& leg, LegTrack& track, HeaderRecord& record);
    template <class Coder>
    void code_odd_fields(Coder& coder, unsigned context, HeaderRecord& record, const HeaderRecord& expected);
    template <class Coder>
    void code_extra(Coder& coder, HeaderRecord& record, const HeaderRecord& expected);
    template <class Coder>
    void code_payload_check(Coder& coder, SideTrack& peer, HeaderRecord& record);
    template <class Coder>
    void code_sequence(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record);
    template <class Coder>
    std::uint32_t code_segment_count(Coder& coder, unsigned context, std::uint32_t number);
    template <class Coder>
    void code_ack(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record);
    template <class Coder>
    void code_window(Coder& coder, SideTrack& side, HeaderRecord& record);
    template <class Coder>
    void code_options(Coder& coder, const LegLabel& leg, LegTrack& track, HeaderRecord& record);
    template <class Coder>
    void code_template(Coder& coder, SideTrack& side, const HeaderRecord& record, OptionTemplate& shape);
    template <class Coder>
    void code_new_template(Coder& coder, OptionTemplate& shape);
    template <class Coder>
    void code_timestamps(Coder& coder, const LegLabel& leg, LegTrack& track, const HeaderRecord& record,
                         std::uint8_t* at);
    template <class Coder>
    std::uint32_t code_echoed(Coder& coder, const HostClock& host, LegTrack& track, const HeaderRecord& record,
                              std::uint32_t tsecr);
    template <class Coder>
    void code_sack(Coder& coder, SideTrack& side, std::uint32_t ack, std::uint8_t* at, unsigned blocks);
    template <class Coder>
    void code_echo(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record);

    static constexpr std::uint32_t template_count_max = 255;

    TimeNs first_ns_ = 0;                  ///< of the latest leg
    std::array<SideTrack, 2> first_seen_;  ///< each side's first packet in the latest leg that had one
    std::uint8_t template_after_syn_ = 0;
    std::vector<OptionTemplate> templates_;

    std::array<Probability, 256> side_;
    std::array<Probability, 64> empty_;
    std::array<Probability, 16> length_again_, length_before_, length_largest_;
    NumberModel<4> length_;
    std::array<Probability, 8> flags_expected_, push_;
    std::array<BitTree<8>, 4> flags_;
    std::array<Probability, 2> backwards_;
    NumberModel<65, 4> gap_;
    std::array<Probability, 8> ip_id_next_, ip_id_same_;
    NumberModel<4> ip_id_;
    std::array<Probability, 2> usual_;
    FieldModel<std::uint8_t> ttl_, tos_, ip_protocol_, tcp_offset_, icmp_type_, icmp_code_, check_kept_, extra_cut_,
        to_server_, v6_;
    FieldModel<std::uint8_t> ip_checksum_, checksum_, extra_length_;
    FieldModel<std::uint16_t> fragment_, ip_offset_, ip_length_, udp_length_, urgent_;
    FieldModel<std::uint32_t> flow_label_, wire_length_;
    BitTree<8> extra_byte_;
    std::array<Probability, 2> check_of_peer_;
    std::array<Probability, 16> seq_next_, seq_after_last_;
    DifferenceModel<4> seq_;
    std::array<Probability, 64> ack_same_, ack_all_, ack_sent_;
    std::array<std::array<Probability, 8>, 4> ack_further_;
    NumberModel<4> ack_segments_;
    DifferenceModel<4> ack_;
    std::array<Probability, 32> window_same_, window_edge_;
    DifferenceModel<8> window_;
    FieldModel<std::uint16_t> first_window_;
    std::array<Probability, 8> template_same_;
    std::array<BitTree<8>, 4> template_number_;
    BitTree<8> template_length_;
    std::array<BitTree<8>, 8> template_byte_;
    std::array<Probability, 16> tsval_expected_;
    DifferenceModel<4> tsval_;
    std::array<Probability, 16> tsecr_last_, tsecr_same_, tsecr_sent_;
    DifferenceModel<5> tsecr_;
    HostClocks host_clocks_;
    std::array<Probability, 4> sack_same_;
    DifferenceModel<4> sack_;
    std::array<Probability, 4> echo_next_, echo_answer_;
};

extern template void HeaderModel::code(RangeEncoder&, const LegLabel&, LegTrack&, std::uint32_t, HeaderRecord&);
extern template void HeaderModel::code(RangeDecoder&, const LegLabel&, LegTrack&, std::uint32_t, HeaderRecord&);

}  // namespace clew::vault
