// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_model.h"

#include "dataplane/vault/header_model_ip.h"
#include "dataplane/vault/header_model_tcp.h"

namespace clew::vault {

void HeaderModel::start(LegTrack& track) const {
    track = LegTrack{};
    for (std::size_t i = 0; i < 2; ++i) {
        SideTrack& side = track.side[i];
        const SideTrack& before = first_seen_[i];
        side.last = before.last;
        side.pads = before.pads;
        side.trailer = before.trailer;
        side.option_template = before.option_template;
    }
}

template <class Coder>
void HeaderModel::code(Coder& coder, const LegLabel& leg, LegTrack& track, std::uint32_t time_unit_ns,
                       HeaderRecord& record) {
    const bool tcp = leg.protocol == static_cast<std::uint8_t>(Protocol::tcp);
    code_side(coder, track, record);
    SideTrack& side = track.side[record.side];
    SideTrack& peer = track.side[record.side ^ 1];
    code_length(coder, track, record);
    if (tcp) code_flags(coder, track, record);
    code_time(coder, track, time_unit_ns, record);
    if (!leg.v6()) code_ip_id(coder, side, record);
    if (tcp) {
        code_sequence(coder, side, peer, record);
        code_ack(coder, side, peer, record);
        code_window(coder, side, record);
        code_options(coder, leg, track, record);
    } else if (leg.protocol != static_cast<std::uint8_t>(Protocol::udp)) {
        code_echo(coder, side, peer, record);
    }
    code_oddities(coder, leg, track, record);
    code_payload_check(coder, peer, record);
    const bool first = !side.seen;
    track.learn(leg, record);
    if (first) {
        SideTrack& kept = first_seen_[record.side];
        kept.last = record;
        kept.pads = side.pads;
        kept.trailer = side.trailer;
        kept.option_template = side.option_template;
    }
}

template void HeaderModel::code(RangeEncoder&, const LegLabel&, LegTrack&, std::uint32_t, HeaderRecord&);
template void HeaderModel::code(RangeDecoder&, const LegLabel&, LegTrack&, std::uint32_t, HeaderRecord&);

}  // namespace clew::vault
