// SPDX-License-Identifier: Apache-2.0
#include "wire/convert_fate.h"

#include <string>

#include "wire/convert.h"

namespace clew::wire {
namespace {

std::uint32_t index_of(std::int16_t place) { return static_cast<std::uint32_t>(place); }

void encode_flow(const PathLeg::Counters& flow, v1::PathFlow& message) {
    message.set_missed(flow.missed);
    message.set_missed_bytes(flow.missed_bytes);
    if (flow.loop.laps == 0) return;
    message.mutable_loop()->set_laps(flow.loop.laps);
    message.mutable_loop()->set_ttl_first(flow.loop.ttl_first);
    message.mutable_loop()->set_ttl_last(flow.loop.ttl_last);
}

void encode_loss(const SegmentLoss& loss, Direction d, v1::PathLink& message) {
    if (loss.lost == 0 && loss.unknown == 0) return;
    v1::PathLoss& out = *message.add_losses();
    out.set_direction(direction_name(d));
    out.set_lost(loss.lost);
    out.set_lost_bytes(loss.lost_bytes);
    out.set_unknown(loss.unknown);
    out.set_unknown_bytes(loss.unknown_bytes);
}

void encode_case(const LossCase& part, v1::PathLossCase& message) {
    message.set_fate(std::string(to_text(part.fate)));
    message.set_direction(direction_name(part.direction));
    if (part.from_leg != no_place) message.set_from_leg(index_of(part.from_leg));
    if (part.to_leg != no_place) message.set_to_leg(index_of(part.to_leg));
    message.set_handshake(part.handshake);
    message.set_offset(part.offset);
    message.set_bytes(part.bytes);
    message.set_times(part.times);
}

void encode_opening(const Opening& opening, v1::PathOpening& message) {
    message.set_first_leg(index_of(opening.first_leg));
    message.set_last_leg(index_of(opening.last_leg));
    message.set_fate(std::string(to_text(opening.fate)));
    if (opening.from_leg != no_place) message.set_from_leg(index_of(opening.from_leg));
    if (opening.to_leg != no_place) message.set_to_leg(index_of(opening.to_leg));
    message.set_syn_count(opening.syn_count);
}

void encode_reset(const ResetSender& reset, v1::PathReset& message) {
    message.set_direction(direction_name(reset.direction));
    message.set_by(std::string(to_text(reset.by)));
    if (reset.from_leg != no_place) message.set_from_leg(index_of(reset.from_leg));
    message.set_to_leg(index_of(reset.to_leg));
    message.set_certain(reset.certain);
    message.set_time_ns(reset.time_ns);
}

}  // namespace

void encode_fates(const Path& path, v1::Path& message) {
    for (std::size_t i = 0; i < path.legs.size(); ++i) {
        v1::PathLeg& leg = *message.mutable_legs(static_cast<int>(i));
        encode_flow(path.legs[i].flows[0], *leg.mutable_to_server());
        encode_flow(path.legs[i].flows[1], *leg.mutable_to_client());
    }
    for (std::size_t i = 0; i < path.links.size(); ++i)
        for (const Direction d : {Direction::to_server, Direction::to_client})
            encode_loss(path.links[i].loss[static_cast<std::size_t>(d)], d,
                        *message.mutable_links(static_cast<int>(i)));
    for (const LossCase& part : path.losses) encode_case(part, *message.add_losses());
    message.set_losses_untold(path.losses_untold);
    message.set_losses_partial(path.losses_partial);
    for (const Opening& opening : path.openings) encode_opening(opening, *message.add_openings());
    for (const IcmpReport& report : path.icmp_errors) {
        v1::PathIcmpError& out = *message.add_icmp_errors();
        out.set_direction(direction_name(report.direction));
        out.set_leg(index_of(report.leg));
        out.set_reporter(to_text(report.error.reporter));
        out.set_meaning(std::string(icmp_error_text(report.v6, report.error.type, report.error.code)));
        out.set_type(report.error.type);
        out.set_code(report.error.code);
        out.set_count(report.error.count);
        out.set_time_ns(report.error.time_ns);
    }
    for (const ResetSender& reset : path.resets) encode_reset(reset, *message.add_resets());
}

}  // namespace clew::wire
