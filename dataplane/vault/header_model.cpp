// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_model.h"

#include "dataplane/vault/header_model_ip.h"
#include "dataplane/vault/header_model_tcp.h"

namespace clew::vault {

void HeaderModel::start(const LegLabel& leg, LegTrack& track) {
    track.restart();
    track.v6 = leg.v6();
    for (std::size_t i = 0; i < 2; ++i) {
        SideTrack& side = track.side[i];
        const FirstSeen& before = first_seen_[i];
        side.last = &before.last;
        side.pads = before.pads;
        side.trailer = before.trailer;
        side.option_template = before.option_template;
    }
    link_ = &links_.start(leg, track);
    hosts_ = {&host_clocks_.of(leg.low), &host_clocks_.of(leg.high)};
}

template <class Coder>
void HeaderModel::code(Coder& coder, const LegLabel& leg, LegTrack& track, std::uint32_t time_unit_ns,
                       HeaderRecord& record) {
    const bool tcp = leg.protocol == static_cast<std::uint8_t>(Protocol::tcp);
    OptionPlaces places;
    const std::uint8_t odd = code_shape(coder, leg, track, record, places);
    SideTrack& side = track.side[record.side];
    SideTrack& peer = track.side[record.side ^ 1];
    code_time(coder, track, time_unit_ns, record);
    if (tcp) {
        code_progress(coder, side, peer, record);
        code_options(coder, side, (odd & odd_options) != 0, record, places);
    }
    code_ids(coder, track, record, places.timestamps);
    if (places.sack != 0) code_sack(coder, side, record.ack, record.options.data() + places.sack, places.sack_blocks);
    if (!tcp && leg.protocol != static_cast<std::uint8_t>(Protocol::udp)) code_echo(coder, side, peer, record);
    if ((odd & odd_fields) != 0)
        code_odd_fields(coder, leg, track, record);
    else if constexpr (!Coder::encodes)
        UsualFields(leg, track, record, *side.last).take(record, *side.last);
    code_payload_check(coder, peer, record);
    const bool first = !side.seen;
    track.learn(leg, record);
    if (first) first_seen_[record.side] = {record, side.pads, side.trailer, side.option_template};
    if (tcp && !link_->whole()) link_->note(record, side.after_last);
}

template void HeaderModel::code(RangeEncoder&, const LegLabel&, LegTrack&, std::uint32_t, HeaderRecord&);
template void HeaderModel::code(RangeDecoder&, const LegLabel&, LegTrack&, std::uint32_t, HeaderRecord&);

}  // namespace clew::vault
