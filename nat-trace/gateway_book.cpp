// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/gateway_book.h"

#include <algorithm>
#include <utility>

#include "nat-trace/window.h"

namespace clew {
namespace {

bool has(const Link& link, MiddleboxChange change) { return (link.changes & static_cast<std::uint16_t>(change)) != 0; }

/// The innermost tunnel that the leg runs in.
const Layer* tunnel_of(const Segment& segment) {
    for (std::size_t i = segment.layer_count; i-- > 0;)
        if (segment.layers[i].type != LayerType::vlan && !segment.layers[i].server_end.is_unspecified())
            return &segment.layers[i];
    return nullptr;
}

/// What the packets of the leg, on their way to the server, are sent to; empty where nothing tells.
std::string addressee_of(const PathLeg& leg) {
    if (const Layer* tunnel = tunnel_of(leg.segment)) return "tunnel end " + to_text(tunnel->server_end);
    if (!leg.segment.server_mac.is_zero()) return "MAC " + to_text(leg.segment.server_mac);
    return {};
}

/// As addressee_of; where no tunnel and no MAC is written, the address that the gateway itself has.
std::string addressee_of(const PathLeg& from, const PathLeg& to) {
    std::string out = addressee_of(from);
    if (!out.empty()) return out;
    return "address " + to_text(from.server.ip != to.server.ip ? from.server.ip : to.client.ip);
}

std::uint64_t hash_of_text(std::string_view text) {
    std::uint64_t h = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : text) h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    return mix_bits(h);
}

/// Where packets to the server enter what stands behind the tap.
std::uint64_t entrance_of(std::string_view tap, std::string_view addressee) {
    return mix_bits(hash_of_text(tap) ^ (hash_of_text(addressee) + 1));
}

std::uint64_t id_of(std::uint64_t entrance, std::string_view to_tap) {
    return mix_bits(entrance + (hash_of_text(to_tap) | 1));
}

/// Two taps on one wire: nothing stands between.
bool is_one_wire(const PathLeg& from, const PathLeg& to, const Link& link) {
    return link.kind == LinkKind::forward && from.segment.server_mac == to.segment.server_mac &&
           from.segment.client_mac == to.segment.client_mac && from.flows[0].ttl == to.flows[0].ttl &&
           !has(link, MiddleboxChange::entered_tunnel) && !has(link, MiddleboxChange::left_tunnel);
}

bool is_over(const PathLeg& leg) { return leg.phase == LegPhase::ended; }

}  // namespace

Gateway* GatewayBook::find(const PathLeg& from, const PathLeg& to) {
    const std::uint64_t entrance = entrance_of(engine_.tap(from.tap).name, addressee_of(from, to));
    const auto at = gateways_.find(id_of(entrance, engine_.tap(to.tap).name));
    return at == gateways_.end() ? nullptr : &at->second;
}

Gateway& GatewayBook::of(const PathLeg& from, const PathLeg& to) {
    std::string known_by = addressee_of(from, to);
    const std::string& from_tap = engine_.tap(from.tap).name;
    const std::string& to_tap = engine_.tap(to.tap).name;
    const std::uint64_t entrance = entrance_of(from_tap, known_by);
    const std::uint64_t id = id_of(entrance, to_tap);
    const auto at = gateways_.find(id);
    if (at != gateways_.end()) return at->second;
    if (gateways_.size() >= gateway_count_max) make_room();
    Gateway fresh;
    fresh.id = id;
    fresh.from_tap = from_tap;
    fresh.to_tap = to_tap;
    fresh.known_by = std::move(known_by);
    fresh.first_ns = from.first_ns;
    return keep(std::move(fresh), entrance);
}

Gateway& GatewayBook::keep(Gateway gateway, std::uint64_t entrance) {
    by_entrance_[entrance].push_back(gateway.id);
    const std::uint64_t id = gateway.id;
    return gateways_.emplace(id, std::move(gateway)).first->second;
}

PathId& GatewayBook::place_of(PathId path) { return counted_[mix_bits(path) % counted_path_count]; }

void GatewayBook::restore(std::vector<Gateway> gateways, std::span<const PathId> counted) {
    for (Gateway& gateway : gateways) {
        const std::uint64_t entrance = entrance_of(gateway.from_tap, gateway.known_by);
        gateway.id = id_of(entrance, gateway.to_tap);
        if (gateways_.size() < gateway_count_max && !gateways_.contains(gateway.id)) keep(std::move(gateway), entrance);
    }
    for (const PathId id : counted)
        if (id != 0) place_of(id) = id;
}

void GatewayBook::make_room() {
    const auto oldest = std::min_element(gateways_.begin(), gateways_.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.last_ns, a.first) < std::pair(b.second.last_ns, b.first);
    });
    const std::uint64_t id = oldest->first;
    for (auto at = by_entrance_.begin(); at != by_entrance_.end();) {
        std::erase(at->second, id);
        at = at->second.empty() ? by_entrance_.erase(at) : std::next(at);
    }
    batches_.erase(id);
    gateways_.erase(oldest);
    ++evicted_;
}

const Gateway* GatewayBook::behind(const PathLeg& leg) const {
    const std::string addressee = addressee_of(leg);
    if (addressee.empty()) return nullptr;
    const auto at = by_entrance_.find(entrance_of(engine_.tap(leg.tap).name, addressee));
    if (at == by_entrance_.end()) return nullptr;
    const Gateway* best = nullptr;
    for (const std::uint64_t id : at->second) {
        const Gateway& one = gateways_.at(id);
        if (best == nullptr || std::pair(one.links, one.id) > std::pair(best->links, best->id)) best = &one;
    }
    return best;
}

void GatewayBook::learn(const Path& path) {
    if (path.retracted || path.legs.empty()) return;
    const bool over = std::all_of(path.legs.begin(), path.legs.end(), is_over);
    if (!over && path.last_ns - path.first_ns < counted_after_ns) return;
    PathId& counted = place_of(path.id);
    if (counted == path.id) return;
    counted = path.id;
    for (std::size_t n = 0; n < path.links.size(); ++n) learn_link(path, n);
    learn_origins(path);
}

void GatewayBook::learn_link(const Path& path, std::size_t n) {
    const PathLeg& from = path.legs[n];
    const PathLeg& to = path.legs[n + 1];
    const Link& link = path.links[n];
    if (from.observer == Observer::socket || to.observer == Observer::socket || is_one_wire(from, to, link)) return;
    Gateway& gateway = of(from, to);
    ++gateway.links;
    gateway.first_ns = std::min(gateway.first_ns, from.first_ns);
    gateway.last_ns = std::max(gateway.last_ns, from.last_ns);
    const TimeNs now = from.first_ns;
    const auto add = [&](GatewayTrait trait, bool known, unsigned value) {
        if (known) add_trait(gateway, trait, static_cast<std::uint8_t>(value), now);
    };
    const bool relay = link.kind == LinkKind::relay;
    const bool tcp = path.protocol == Protocol::tcp && !relay;
    add(GatewayTrait::kind, true, static_cast<unsigned>(link.kind));
    add(GatewayTrait::client_sequence, tcp && link.has_delta[0], link.delta[0] != 0);
    add(GatewayTrait::server_sequence, tcp && link.has_delta[1], link.delta[1] != 0);
    const bool stripped = has(link, MiddleboxChange::stripped_timestamps);
    add(GatewayTrait::timestamps, tcp && (stripped || has(link, MiddleboxChange::kept_timestamps)), stripped);
    add(GatewayTrait::toa, tcp,
        has(link, MiddleboxChange::added_toa)      ? 1
        : has(link, MiddleboxChange::stripped_toa) ? 2
                                                   : 0);
    add(GatewayTrait::ip_id, tcp && (link.delay[0].samples > 0 || has(link, MiddleboxChange::changed_ip_id)),
        has(link, MiddleboxChange::changed_ip_id));
    add(GatewayTrait::client_port, !relay && from.client.ip != to.client.ip, from.client.port != to.client.port);
    add(GatewayTrait::mss, tcp && link.has_delta[0], has(link, MiddleboxChange::changed_mss));
    add(GatewayTrait::handshake, tcp && link.has_delta[0] && link.has_delta[1],
        has(link, MiddleboxChange::answered_handshake));
    const int fall = int{from.flows[0].ttl} - int{to.flows[0].ttl};
    add(GatewayTrait::ttl, !relay && from.flows[0].ttl != 0 && to.flows[0].ttl != 0 && fall >= 0,
        static_cast<unsigned>(std::min<int>(fall, trait_value_count - 1)));
    if (from.client.ip != to.client.ip) gateway.pool.add(to.client.ip);
    if (from.server.ip != to.server.ip) gateway.services.add(from.server.ip), gateway.backends.add(to.server.ip);
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const auto way = static_cast<std::size_t>(d);
        add_delay(gateway, d, link.delay[way], now);
        gateway.packets[way] += (d == Direction::to_server ? from : to).flows[way].packets;
        gateway.lost[way] += link.loss[way].lost;
    }
}

/// Resets that a middlebox sent, and openings that did not get through it.
void GatewayBook::learn_origins(const Path& path) {
    for (const ResetSender& reset : path.resets) {
        if (reset.by != ResetBy::middlebox || reset.from_leg == no_place) continue;
        const auto [client_side, server_side] = std::minmax(reset.from_leg, reset.to_leg);
        Gateway* gateway =
            find(path.legs[static_cast<std::size_t>(client_side)], path.legs[static_cast<std::size_t>(server_side)]);
        if (gateway != nullptr) ++gateway->resets;
    }
    for (const Opening& opening : path.openings) {
        if (opening.fate != OpeningFate::unanswered || opening.to_leg != no_place || opening.from_leg == no_place)
            continue;
        const Gateway* gateway = behind(path.legs[static_cast<std::size_t>(opening.from_leg)]);
        if (gateway != nullptr) ++gateways_.at(gateway->id).syns_eaten;
    }
}

void GatewayBook::add_trait(Gateway& gateway, GatewayTrait trait, std::uint8_t value, TimeNs now) {
    TraitRecord& record = gateway.traits[static_cast<std::size_t>(trait)];
    ++record.counts[value];
    record.recent[record.total++ % trait_recent_count] = value;
    const std::size_t count = std::min<std::size_t>(record.total, trait_recent_count);
    if (count < trait_recent_min) return;
    const auto agreeing = static_cast<std::size_t>(
        std::count(record.recent.begin(), record.recent.begin() + static_cast<std::ptrdiff_t>(count), value));
    if (value == record.settled || agreeing * 100 < count * trait_share_percent) return;
    if (record.settled != trait_unknown) {
        gateway.events.push_back({now, std::string(to_text(trait)), trait_value_text(trait, record.settled),
                                  trait_value_text(trait, value)});
        if (gateway.events.size() > gateway_event_count_max) gateway.events.pop_front();
    }
    record.settled = value;
}

void GatewayBook::add_delay(Gateway& gateway, Direction direction, const SegmentDelay& delay, TimeNs now) {
    if (delay.samples == 0) return;
    gateway.delay[static_cast<std::size_t>(direction)].add(delay.mean_ns, delay.error_ns);
    Batch& batch = batches_[gateway.id][static_cast<std::size_t>(direction)];
    DurationNs& usual_ns = gateway.usual_delay_ns[static_cast<std::size_t>(direction)];
    batch.delays[batch.count++] = delay.mean_ns;
    if (batch.count < delay_batch_count) return;
    batch.count = 0;
    std::nth_element(batch.delays.begin(), batch.delays.begin() + delay_batch_count / 2, batch.delays.end());
    const DurationNs median = std::max<DurationNs>(1, batch.delays[delay_batch_count / 2]);
    const DurationNs least = std::max(delay_change_ns_min, 2 * delay.error_ns);
    const bool slower = median > 2 * usual_ns && median - usual_ns > least;
    const bool faster = 2 * median < usual_ns && usual_ns - median > least;
    if (usual_ns != 0 && (slower || faster)) {
        const char* what = direction == Direction::to_server ? "delay to_server" : "delay to_client";
        gateway.events.push_back({now, what, std::to_string(usual_ns) + " ns", std::to_string(median) + " ns"});
        if (gateway.events.size() > gateway_event_count_max) gateway.events.pop_front();
    }
    if (usual_ns == 0 || slower || faster) usual_ns = median;
}

std::size_t GatewayBook::memory_bytes() const {
    std::size_t bytes = counted_.capacity() * sizeof(PathId) + batches_.size() * sizeof(Batches);
    for (const auto& [id, gateway] : gateways_)
        bytes += sizeof(Gateway) + (gateway.pool.addresses.capacity() + gateway.services.addresses.capacity() +
                                    gateway.backends.addresses.capacity()) *
                                       sizeof(IpAddress);
    return bytes;
}

}  // namespace clew
