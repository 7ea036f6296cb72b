// SPDX-License-Identifier: Apache-2.0
// Paths to and from their message.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "wire/convert.h"
#include "wire/convert_fate.h"

namespace clew::wire {
namespace {

constexpr int leg_count_max_of_path = 1024;  // a message with more is not a path of ours

std::string text(std::string_view view) { return std::string(view); }

void encode_flow(const PathLeg::Counters& flow, v1::PathFlow& message) {
    message.set_packets(flow.packets);
    message.set_bytes(flow.bytes);
    message.set_retransmissions(flow.retransmissions);
    message.set_ttl(flow.ttl);
    if (flow.has_isn) message.set_isn(flow.isn);
}

void encode_layer(const Layer& layer, v1::PathLayer& message) {
    message.set_type(text(to_text(layer.type)));
    if (layer.has_id) message.set_id(layer.id);
    if (!layer.client_end.is_unspecified()) message.set_client_end(to_text(layer.client_end));
    if (!layer.server_end.is_unspecified()) message.set_server_end(to_text(layer.server_end));
}

/// Printable ASCII alone: commands come from outside, and a message's strings must be valid UTF-8.
std::string printable(std::string_view name) {
    std::string result(name);
    for (char& c : result)
        if (c < 0x20 || c > 0x7e) c = '?';
    return result;
}

void encode_delay(const SegmentDelay& delay, Direction direction, v1::PathDelay& message) {
    message.set_direction(direction_name(direction));
    message.set_min_ns(delay.min_ns);
    message.set_mean_ns(delay.mean_ns);
    message.set_max_ns(delay.max_ns);
    message.set_error_ns(delay.error_ns);
    message.set_samples(delay.samples);
}

void encode_link(const Link& link, std::uint32_t from, std::uint32_t to, v1::PathLink& message) {
    message.set_from(from);
    message.set_to(to);
    message.set_kind(text(to_text(link.kind)));
    message.set_grade(text(to_text(link.grade)));
    message.set_bits(link.bits);
    message.set_margin_bits(link.margin_bits);
    message.set_rivals(link.rivals);
    for (const Evidence& evidence : link.evidence) {
        v1::PathEvidence& out = *message.add_evidence();
        out.set_by(text(to_text(evidence.by)));
        out.set_bits(evidence.bits);
    }
    if (link.has_delta[0]) message.set_delta_to_server(static_cast<std::uint32_t>(link.delta[0]));
    if (link.has_delta[1]) message.set_delta_to_client(static_cast<std::uint32_t>(link.delta[1]));
    for (const Direction d : {Direction::to_server, Direction::to_client})
        if (const SegmentDelay& delay = link.delay[static_cast<std::size_t>(d)]; delay.samples != 0)
            encode_delay(delay, d, *message.add_delays());
    message.set_changes(to_text_changes(link.changes));
    if (!link.clock.known) return;
    message.mutable_clock()->set_offset_ns(link.clock.offset_ns);
    message.mutable_clock()->set_error_ns(link.clock.error_ns);
    message.mutable_clock()->set_drift_ppb(link.clock_drift_ppb);
}

void encode_span(const WaySpan& span, v1::PathSpan& message) {
    message.set_direction(direction_name(span.direction));
    message.set_from(span.from);
    message.set_to(span.to);
    if (span.delay.samples != 0) encode_delay(span.delay, span.direction, *message.mutable_delay());
}

/// The enumerator whose text it is, of those up to `last`.
template <typename Enum>
std::optional<Enum> enumerator_of(std::string_view word, Enum last) {
    for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i)
        if (to_text(static_cast<Enum>(i)) == word) return static_cast<Enum>(i);
    return std::nullopt;
}

std::optional<Protocol> protocol_of(std::string_view word) {
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::icmp, Protocol::icmpv6})
        if (to_text(protocol) == word) return protocol;
    return std::nullopt;
}

PathLeg::Counters flow_of(const v1::PathFlow& message) {
    PathLeg::Counters flow;
    flow.packets = message.packets();
    flow.bytes = message.bytes();
    flow.retransmissions = message.retransmissions();
    flow.ttl = static_cast<std::uint8_t>(std::min<std::uint32_t>(message.ttl(), 0xff));
    flow.has_isn = message.has_isn();
    flow.isn = message.isn();
    return flow;
}

Result<PathLeg> leg_of(const v1::PathLeg& message) {
    PathLeg leg;
    const auto id = parse_id(message.leg_id());
    if (!id) return tl::make_unexpected(id.error());
    const auto client = parse_endpoint(message.client());
    const auto server = parse_endpoint(message.server());
    const auto observer = enumerator_of(message.observer(), Observer::socket);
    if (!client || !server || !observer)
        return fail(ErrorKind::failed,
                    "leg " + message.leg_id() + " of the path has a client, server or observer that cannot be read");
    leg.leg = *id;
    leg.client = *client;
    leg.server = *server;
    leg.observer = *observer;
    leg.end = enumerator_of(message.end(), LegEnd::flushed).value_or(LegEnd::none);
    leg.phase = leg.end == LegEnd::none ? LegPhase::updated : LegPhase::ended;
    leg.app = app_of(message.app());
    put_name(leg.server_name, message.server_name());
    leg.segment.netns = message.netns();
    leg.first_ns = message.first_ns();
    leg.last_ns = message.last_ns();
    leg.process.pid = message.pid();
    std::memcpy(leg.process.command.data(), message.process().data(),
                std::min(message.process().size(), leg.process.command.size()));
    leg.flows = {flow_of(message.to_server()), flow_of(message.to_client())};
    return leg;
}

Result<Link> link_of(const v1::PathLink& message, const std::vector<PathLeg>& legs) {
    Link link;
    const auto kind = enumerator_of(message.kind(), LinkKind::relay);
    if (message.from() >= legs.size() || message.to() >= legs.size() || !kind)
        return fail(ErrorKind::failed, "a link of the path names a leg or a kind that is not there");
    link.from = legs[message.from()].leg;
    link.to = legs[message.to()].leg;
    link.kind = *kind;
    link.grade = enumerator_of(message.grade(), Grade::d).value_or(Grade::d);
    link.bits = message.bits();
    link.margin_bits = message.margin_bits();
    link.rivals = message.rivals();
    link.has_delta = {message.has_delta_to_server(), message.has_delta_to_client()};
    link.delta = {message.delta_to_server(), message.delta_to_client()};
    link.clock.known = message.has_clock();
    link.clock.offset_ns = link.clock.likely_ns = message.clock().offset_ns();
    link.clock.error_ns = message.clock().error_ns();
    link.clock_drift_ppb = message.clock().drift_ppb();
    return link;
}

}  // namespace

void encode_leg(const PathLeg& leg, const Tap& tap, v1::PathLeg& message) {
    message.set_leg_id(id_text(leg.leg));
    message.set_tap(tap.name);
    message.set_clock(tap.clock);
    message.set_observer(text(to_text(leg.observer)));
    message.set_client(to_text(leg.client));
    message.set_server(to_text(leg.server));
    if (const auto vni = overlay_id(leg.segment)) message.set_vni(*vni);
    for (std::size_t i = 0; i < leg.segment.layer_count; ++i)
        encode_layer(leg.segment.layers[i], *message.add_layers());
    if (!leg.segment.client_mac.is_zero()) message.set_client_mac(to_text(leg.segment.client_mac));
    if (!leg.segment.server_mac.is_zero()) message.set_server_mac(to_text(leg.segment.server_mac));
    message.set_netns(leg.segment.netns);
    message.set_first_ns(leg.first_ns);
    message.set_last_ns(leg.last_ns);
    message.set_end(text(to_text(leg.end)));
    encode_flow(leg.flows[0], *message.mutable_to_server());
    encode_flow(leg.flows[1], *message.mutable_to_client());
    message.set_process(printable(leg.process.name()));
    message.set_pid(leg.process.pid);
    message.set_app(text(to_text(leg.app)));
    message.set_server_name(printable(name_in(leg.server_name)));
}

v1::Path to_message(const Path& path, const Engine& engine) {
    v1::Path message;
    message.set_path_id(id_text(path.id));
    message.set_revision(path.revision);
    message.set_retracted(path.retracted);
    if (path.merged_into != 0) message.set_merged_into(id_text(path.merged_into));
    message.set_proto(text(to_text(path.protocol)));
    message.set_unlinked(text(to_text(path.unlinked)));
    message.set_first_ns(path.first_ns);
    message.set_last_ns(path.last_ns);
    for (const PathLeg& leg : path.legs) encode_leg(leg, engine.tap(leg.tap), *message.add_legs());
    for (std::size_t i = 0; i < path.links.size(); ++i)
        encode_link(path.links[i], static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i + 1),
                    *message.add_links());
    for (const WaySpan& span : path.spans) encode_span(span, *message.add_spans());
    encode_fates(path, message);
    return message;
}

Result<Path> path_from_message(const v1::Path& message) {
    Path path;
    const auto id = parse_id(message.path_id());
    if (!id) return tl::make_unexpected(id.error());
    const auto protocol = protocol_of(message.proto());
    if (!protocol || message.legs_size() > leg_count_max_of_path)
        return fail(ErrorKind::failed,
                    "path " + message.path_id() + " has a protocol or a number of legs that cannot be read");
    path.id = *id;
    path.revision = message.revision();
    path.retracted = message.retracted();
    path.protocol = *protocol;
    path.unlinked = enumerator_of(message.unlinked(), Unlinked::folded).value_or(Unlinked::linked);
    path.first_ns = message.first_ns();
    path.last_ns = message.last_ns();
    std::vector<std::string> taps, clocks;
    const auto number_of = [](std::vector<std::string>& names, const std::string& name) {
        const auto known = std::find(names.begin(), names.end(), name);
        const auto number = known - names.begin();
        if (known == names.end()) names.push_back(name);
        return static_cast<std::uint16_t>(number);
    };
    for (const v1::PathLeg& one : message.legs()) {
        auto leg = leg_of(one);
        if (!leg) return tl::make_unexpected(leg.error());
        leg->tap = number_of(taps, one.tap());
        leg->clock = number_of(clocks, one.clock());
        path.legs.push_back(*leg);
    }
    for (const v1::PathLink& one : message.links()) {
        auto link = link_of(one, path.legs);
        if (!link) return tl::make_unexpected(link.error());
        path.links.push_back(std::move(*link));
    }
    return path;
}

std::string id_text(std::uint64_t id) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(id));
    return digits;
}

Result<std::uint64_t> parse_id(std::string_view text_of_id) {
    std::uint64_t id = 0;
    const char* end = text_of_id.data() + text_of_id.size();
    const auto [stop, error] = std::from_chars(text_of_id.data(), end, id, 16);
    if (text_of_id.size() != 16 || error != std::errc{} || stop != end)
        return fail(ErrorKind::usage,
                    "'" + std::string(text_of_id.substr(0, 40)) + "' is not an id: 16 hexadecimal digits are expected");
    return id;
}

}  // namespace clew::wire
