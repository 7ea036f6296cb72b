// SPDX-License-Identifier: Apache-2.0
// The header log's model of a packet: what is expected of it and what it costs when it comes otherwise. One template
// for encoder and decoder: at the encoder the record is read, at the decoder it is filled in, field after field in the
// same order. docs/HEADER_LOG.md describes it; a change of it is a change of the format's version.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "dataplane/vault/gap_model.h"
#include "dataplane/vault/host_clocks.h"
#include "dataplane/vault/leg_links.h"
#include "dataplane/vault/leg_track.h"
#include "dataplane/vault/number_model.h"
#include "dataplane/vault/tcp_options.h"

namespace clew::vault {

/// A field that mostly is what it was, as a choice and, where it fails, its bytes.
template <class T>
struct FieldModel {
    Probability same;
    struct Byte {
        SymbolModel high;
        std::array<SymbolModel, SymbolModel::count> low;
    };
    std::array<Byte, sizeof(T)> bytes;

    template <class Coder>
    void code(Coder& coder, T& field, T expected) {
        if (coder.bit(same, field == expected))
            field = expected;
        else
            write(coder, field);
    }
    template <class Coder>
    void write(Coder& coder, T& field) {
        std::uint32_t value = 0;
        for (unsigned i = sizeof(T); i-- > 0;) {
            const unsigned byte = static_cast<std::uint32_t>(field) >> (8 * i) & 0xff;
            const unsigned high = coder.symbol(bytes[i].high, byte >> 4);
            value = value << 8 | high << 4 | coder.symbol(bytes[i].low[high], byte & 15);
        }
        field = static_cast<T>(value);
    }
};

/// The decoder fills a field in. The encoder has it, and leaves it: what was just written would wait for its reader.
template <class Coder, class T>
void fill_in(const Coder&, T& field, std::type_identity_t<T> value) {
    if constexpr (!Coder::encodes) field = value;
}

/// What makes a packet odd: more is written of it.
enum Oddity : std::uint8_t { odd_flags = 1, odd_options = 2, odd_fields = 4 };

/// A side's first packet in the latest leg that had one.
struct FirstSeen {
    HeaderRecord last;
    bool pads = true;
    std::uint8_t trailer = 0;
    std::uint8_t option_template = 0;
};

class HeaderModel {
  public:
    /// Codes one packet of the leg that was started last, and lets the track learn from it. All times of the leg are
    /// multiples of `time_unit_ns`.
    template <class Coder>
    void code(Coder& coder, const LegLabel& leg, LegTrack& track, std::uint32_t time_unit_ns, HeaderRecord& record);

    /// What the first packets of a leg are expected to be like: as those of the leg before.
    void start(const LegLabel& leg, LegTrack& track);
    /// The time that the first leg of a chunk counts from.
    void set_first_time(TimeNs time) { first_ns_ = time; }

  private:
    template <class Coder>
    std::uint8_t code_shape(Coder& coder, const LegLabel& leg, LegTrack& track, HeaderRecord& record,
                            OptionPlaces& places);
    bool fits_template(std::uint8_t number, const HeaderRecord& record, OptionPlaces& places) const;
    template <class Coder>
    void code_length(Coder& coder, SideTrack& side, const SideTrack& peer, unsigned length_class, HeaderRecord& record);
    template <class Coder>
    void code_time(Coder& coder, LegTrack& track, std::uint32_t time_unit_ns, HeaderRecord& record);
    template <class Coder>
    void code_ip_id(Coder& coder, SideTrack& side, bool as_before, HeaderRecord& record);
    template <class Coder>
    void code_odd_fields(Coder& coder, const LegLabel& leg, LegTrack& track, HeaderRecord& record);
    template <class Coder>
    std::uint32_t code_odd_mask(Coder& coder, unsigned context, std::uint32_t odd);
    template <class Coder>
    void code_odd_pairs(Coder& coder, std::uint32_t odd, HeaderRecord& record);
    template <class Coder>
    void code_extra(Coder& coder, HeaderRecord& record);
    template <class Coder>
    void code_payload_check(Coder& coder, SideTrack& peer, HeaderRecord& record);
    template <class Coder>
    void code_progress(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record);
    template <class Coder>
    void code_sequence(Coder& coder, SideTrack& side, unsigned outcome, HeaderRecord& record);
    template <class Coder>
    void code_ack(Coder& coder, SideTrack& side, SideTrack& peer, unsigned outcome, HeaderRecord& record);
    template <class Coder>
    void code_window(Coder& coder, SideTrack& side, unsigned outcome, HeaderRecord& record);
    std::uint8_t likely_template(const SideTrack& side, bool syn) const;
    template <class Coder>
    void code_options(Coder& coder, SideTrack& side, bool odd, HeaderRecord& record, OptionPlaces& places);
    template <class Coder>
    std::uint32_t code_odd_template(Coder& coder, OptionTemplate& shape);
    const HostClock& likely_clock(unsigned side) const;
    template <class Coder>
    void code_ids(Coder& coder, LegTrack& track, HeaderRecord& record, unsigned timestamps);
    template <class Coder>
    std::uint32_t code_tsecr(Coder& coder, LegTrack& track, unsigned outcome, const HeaderRecord& record,
                             std::uint32_t tsecr);
    template <class Coder>
    void code_sack(Coder& coder, SideTrack& side, std::uint32_t ack, std::uint8_t* at, unsigned blocks);
    template <class Coder>
    void code_echo(Coder& coder, SideTrack& side, SideTrack& peer, HeaderRecord& record);

    static constexpr std::uint32_t template_count_max = 255;

    TimeNs first_ns_ = 0;  ///< of the latest leg
    std::array<FirstSeen, 2> first_seen_;
    std::uint8_t template_after_syn_ = 0;
    std::vector<OptionTemplate> templates_;

    MixedModels<2 * 433, 26> shapes_;
    SymbolModels<4> oddities_, odd_lengths_;
    SymbolModels<8> other_lengths_;
    NumberModel<4> length_;
    std::array<std::uint16_t, 1024> likely_lengths_{};  ///< what came where both sides' last lengths were such
    std::array<BitTree<8>, 4> flags_;
    std::array<Probability, 4> odd_push_;
    GapModel gap_;
    std::array<Probability, 3> ip_id_choice_;
    NumberModel<4> ip_id_;
    std::array<SymbolModels<1>, 2> odd_fours_;
    std::array<SymbolModels<4>, 2> odd_masks_;
    FieldModel<std::uint8_t> ttl_, tos_, ip_protocol_, tcp_offset_, checks_, extra_length_, extra_byte_;
    FieldModel<std::uint16_t> fragment_, ip_offset_, ip_length_, udp_length_, urgent_, icmp_;
    FieldModel<std::uint32_t> flow_label_, wire_length_;
    Probability extra_cut_;
    std::array<Probability, 2> check_of_peer_;
    MixedModels<128, 8> progress_;
    SymbolModels<4> odd_progress_;
    DifferenceModel<4> seq_;
    SymbolModels<4> ack_segments_;
    NumberModel<1> ack_more_segments_;
    DifferenceModel<4> ack_;
    DifferenceModel<8> window_;
    WordModel first_window_;
    std::array<BitTree<8>, 2> template_number_;
    BitTree<8> template_length_;
    std::array<BitTree<8>, 8> template_byte_;
    MixedModels<776, 8> ids_;
    DifferenceModel<5> tsval_;
    DifferenceModel<7> tsecr_;
    HostClocks host_clocks_;
    std::array<HostClock*, 2> hosts_{};  ///< of the leg's ends
    LegLinks links_;
    LegLink* link_ = nullptr;  ///< of the leg's connection
    std::array<Probability, 4> sack_same_;
    DifferenceModel<4> sack_;
    std::array<Probability, 2> echo_answer_, echo_next_;
};

}  // namespace clew::vault
