// SPDX-License-Identifier: Apache-2.0
#include "wire/convert_gateway.h"

#include <algorithm>

#include "wire/convert.h"

namespace clew::wire {
namespace {

void encode_traits(const Gateway& gateway, v1::Gateway& message) {
    for (std::size_t n = 0; n < gateway_trait_count; ++n) {
        const TraitRecord& record = gateway.traits[n];
        if (record.total == 0) continue;
        const auto trait = static_cast<GatewayTrait>(n);
        v1::GatewayTrait& out = *message.add_traits();
        out.set_name(std::string(to_text(trait)));
        if (record.total >= trait_recent_min) out.set_value(trait_value_text(trait, record.settled));
        for (std::size_t v = 0; v < trait_value_count; ++v) {
            if (record.counts[v] == 0) continue;
            v1::GatewayTraitCount& count = *out.add_counts();
            count.set_value(trait_value_text(trait, static_cast<std::uint8_t>(v)));
            count.set_links(record.counts[v]);
        }
    }
}

void encode_delay(const DelayHistogram& delay, std::size_t d, v1::Gateway& message) {
    if (delay.count == 0) return;
    v1::GatewayDelay& out = *message.add_delays();
    out.set_direction(direction_name(static_cast<Direction>(d)));
    out.set_count(delay.count);
    out.set_min_ns(delay.min_ns);
    out.set_p50_ns(delay.quantile(0.5));
    out.set_p90_ns(delay.quantile(0.9));
    out.set_p99_ns(delay.quantile(0.99));
    out.set_max_ns(delay.max_ns);
    out.set_error_ns(delay.error_ns);
}

void encode(const Gateway& gateway, v1::Gateway& message) {
    message.set_gateway_id(id_text(gateway.id));
    message.set_known_by(gateway.known_by);
    message.set_from_tap(gateway.from_tap);
    message.set_to_tap(gateway.to_tap);
    message.set_first_ns(gateway.first_ns);
    message.set_last_ns(gateway.last_ns);
    message.set_links(gateway.links);
    encode_traits(gateway, message);
    for (const IpAddress& ip : gateway.pool.addresses) message.add_pool(to_text(ip));
    for (const IpAddress& ip : gateway.services.addresses) message.add_services(to_text(ip));
    for (const IpAddress& ip : gateway.backends.addresses) message.add_backends(to_text(ip));
    message.set_pool_more(gateway.pool.more);
    message.set_services_more(gateway.services.more);
    message.set_backends_more(gateway.backends.more);
    for (std::size_t d = 0; d < direction_count; ++d) {
        encode_delay(gateway.delay[d], d, message);
        v1::GatewayTraffic& traffic = *message.add_traffic();
        traffic.set_direction(direction_name(static_cast<Direction>(d)));
        traffic.set_packets(gateway.packets[d]);
        traffic.set_lost(gateway.lost[d]);
    }
    message.set_resets(gateway.resets);
    message.set_syns_eaten(gateway.syns_eaten);
    for (const GatewayEvent& event : gateway.events) encode_event(event, *message.add_events());
}

void encode(const Weighing& weighing, const char* way, v1::LinkExplanation& message) {
    const PairEvidence& evidence = weighing.evidence;
    if (evidence.line_count == 0) return;
    v1::LinkWeighing& out = *message.add_weighings();
    out.set_way(way);
    for (std::size_t n = 0; n < evidence.line_count; ++n) {
        v1::PathEvidence& line = *out.add_evidence();
        line.set_by(std::string(to_text(evidence.lines[n].by)));
        line.set_bits(evidence.lines[n].bits);
    }
    out.set_bits(evidence.bits);
    out.set_bits_needed(weighing.bits_needed);
    out.set_accepted(evidence.accepted);
    out.set_is_explicit(evidence.is_explicit);
}

}  // namespace

void encode_event(const GatewayEvent& event, v1::GatewayEvent& message) {
    message.set_time_ns(event.time_ns);
    message.set_what(event.what);
    message.set_before(event.before);
    message.set_after(event.after);
}

v1::GatewayList to_message(const GatewayBook& book) {
    std::vector<const Gateway*> sorted;
    for (const auto& [id, gateway] : book.all()) sorted.push_back(&gateway);
    std::sort(sorted.begin(), sorted.end(), [](const Gateway* a, const Gateway* b) {
        return a->links != b->links ? a->links > b->links : a->id < b->id;
    });
    v1::GatewayList list;
    for (const Gateway* gateway : sorted) encode(*gateway, *list.add_gateways());
    if (book.evicted() > 0)
        list.set_partial(std::to_string(book.evicted()) + " gateways were forgotten: there are more than " +
                         std::to_string(gateway_count_max));
    return list;
}

void name_gateways(const Path& path, const GatewayBook& book, v1::Path& message) {
    for (std::size_t n = 0; n < path.openings.size(); ++n) {
        const Opening& opening = path.openings[n];
        if (opening.fate != OpeningFate::unanswered || opening.from_leg == no_place || opening.to_leg != no_place)
            continue;
        const Gateway* gateway = book.behind(path.legs[static_cast<std::size_t>(opening.from_leg)]);
        if (gateway == nullptr) continue;
        v1::PathOpening& out = *message.mutable_openings(static_cast<int>(n));
        out.set_gateway_id(id_text(gateway->id));
        out.set_gateway(gateway->known_by);
        out.set_usual_tap(gateway->to_tap);
    }
}

v1::LinkExplanation to_message(const PairVerdict& verdict, const Engine& engine) {
    v1::LinkExplanation out;
    encode_leg(verdict.leg[0], engine.tap(verdict.leg[0].tap), *out.mutable_a());
    encode_leg(verdict.leg[1], engine.tap(verdict.leg[1].tap), *out.mutable_b());
    if (verdict.path[0] != 0) out.set_path_a(id_text(verdict.path[0]));
    if (verdict.path[1] != 0) out.set_path_b(id_text(verdict.path[1]));
    out.set_unlinked_a(std::string(to_text(verdict.reason[0])));
    out.set_unlinked_b(std::string(to_text(verdict.reason[1])));
    out.set_kind(std::string(to_text(verdict.kind)));
    out.set_changes(to_text_changes(verdict.changes));
    encode(verdict.same, "same-connection", out);
    encode(verdict.relayed[0], "relay", out);
    encode(verdict.relayed[1], "relay-reversed", out);
    return out;
}

}  // namespace clew::wire
