// SPDX-License-Identifier: Apache-2.0
#include "cli/gateway_view.h"

#include <vector>

#include "cli/text_table.h"
#include "cli/time_text.h"

namespace clew::cli {
namespace {

constexpr std::size_t label_width = 18;

const v1::GatewayTrait* trait_of(const v1::Gateway& gateway, const std::string& name) {
    for (const v1::GatewayTrait& trait : gateway.traits())
        if (trait.name() == name) return &trait;
    return nullptr;
}

std::string counts_text(const v1::GatewayTrait& trait) {
    std::string text;
    for (const v1::GatewayTraitCount& count : trait.counts())
        text += (text.empty() ? "" : ", ") + printable(count.value()) + " " + with_thousands(count.links());
    return text;
}

std::string value_of(const v1::Gateway& gateway, const std::string& name) {
    const v1::GatewayTrait* trait = trait_of(gateway, name);
    return trait == nullptr || trait->value().empty() ? "-" : printable(trait->value());
}

std::string kind_text(const v1::Gateway& gateway) {
    const v1::GatewayTrait* trait = trait_of(gateway, "kind");
    if (trait == nullptr) return "-";
    if (!trait->value().empty() && trait->value() != "mixed") return printable(trait->value());
    std::string text;
    for (const v1::GatewayTraitCount& count : trait->counts())
        text += (text.empty() ? "" : "/") + printable(count.value());
    return text;
}

/// What it does besides rewriting addresses, in a few words.
std::string habits_text(const v1::Gateway& gateway) {
    std::string text;
    const auto add = [&](const char* trait, const char* value, const char* words) {
        if (value_of(gateway, trait) == value) text += (text.empty() ? "" : ", ") + std::string(words);
    };
    add("handshake", "answered", "SYN proxy");
    add("client-sequence", "shifted", "shifts client seq");
    add("server-sequence", "shifted", "shifts server seq");
    add("timestamps", "stripped", "strips timestamps");
    add("toa", "added", "adds TOA");
    add("toa", "stripped", "strips TOA");
    add("mss", "changed", "changes MSS");
    add("ip-id", "changed", "new IP id");
    add("client-port", "kept", "keeps ports");
    return text.empty() ? "-" : text;
}

const v1::GatewayDelay* delay_of(const v1::Gateway& gateway, const std::string& direction) {
    for (const v1::GatewayDelay& delay : gateway.delays())
        if (delay.direction() == direction) return &delay;
    return nullptr;
}

std::string median_text(const v1::Gateway& gateway) {
    const v1::GatewayDelay* delay = delay_of(gateway, "to_server");
    return delay == nullptr ? "-" : measured_text(delay->p50_ns(), delay->error_ns());
}

std::string lost_text(const v1::Gateway& gateway) {
    std::uint64_t packets = 0, lost = 0;
    for (const v1::GatewayTraffic& traffic : gateway.traffic()) packets += traffic.packets(), lost += traffic.lost();
    return share_text(lost, packets);
}

std::string name_of(const v1::Gateway& gateway) {
    return gateway.name().empty() ? printable(gateway.known_by()) : printable(gateway.name());
}

std::string list_text(const google::protobuf::RepeatedPtrField<std::string>& addresses, std::uint64_t more) {
    std::string text;
    for (const std::string& one : addresses) text += (text.empty() ? "" : ", ") + printable(one);
    return more == 0 ? text : text + " and others";
}

void add_line(std::string& text, const std::string& label, const std::string& words, const Paint& paint,
              std::size_t columns) {
    if (words.empty()) return;
    const std::string wrapped = wrap(words, columns > label_width + 24 ? columns - label_width : 24, "");
    bool first = true;
    for (std::size_t begin = 0; begin < wrapped.size();) {
        const std::size_t end = std::min(wrapped.find('\n', begin), wrapped.size());
        text +=
            paint(Style::faint, pad_right(first ? label : "", label_width)) + wrapped.substr(begin, end - begin) + "\n";
        first = false;
        begin = end + 1;
    }
}

}  // namespace

std::string gateways_table(const v1::GatewayList& list, const Paint& paint, std::size_t columns) {
    TextTable table({"ID", "GATEWAY", "FROM", "TO", "KIND", "LINKS", "ADDED", "LOST", "EVENTS", "DOES"});
    for (const v1::Gateway& gateway : list.gateways()) {
        const bool changed = gateway.events_size() > 0;
        table.add(
            {{gateway.gateway_id().substr(0, 8)},
             {name_of(gateway)},
             {printable(gateway.from_tap())},
             {printable(gateway.to_tap())},
             {kind_text(gateway)},
             {with_thousands(gateway.links()), Style::plain, true},
             {median_text(gateway), Style::plain, true},
             {lost_text(gateway), Style::plain, true},
             {changed ? std::to_string(gateway.events_size()) : "-", changed ? Style::warning : Style::plain, true},
             {habits_text(gateway)}});
    }
    return table.text(paint, columns);
}

std::string gateway_view(const v1::Gateway& gateway, const Paint& paint, std::size_t columns) {
    std::string text =
        paint(Style::strong, "gateway " + printable(gateway.gateway_id())) + "  " + name_of(gateway) + "\n";
    add_line(text, "between", printable(gateway.from_tap()) + " and " + printable(gateway.to_tap()), paint, columns);
    add_line(text, "known by", printable(gateway.known_by()), paint, columns);
    add_line(text, "seen",
             time_text(gateway.first_ns(), 0) + " to " + time_text(gateway.last_ns(), 0) + ", " +
                 with_thousands(gateway.links()) + " connections",
             paint, columns);
    for (const v1::GatewayTrait& trait : gateway.traits()) {
        const std::string value = trait.value().empty() ? "too few to tell" : printable(trait.value());
        add_line(text, printable(trait.name()), value + "  (" + counts_text(trait) + ")", paint, columns);
    }
    add_line(text, "writes clients", list_text(gateway.pool(), gateway.pool_more()), paint, columns);
    add_line(text, "services", list_text(gateway.services(), gateway.services_more()), paint, columns);
    add_line(text, "backends", list_text(gateway.backends(), gateway.backends_more()), paint, columns);
    for (const v1::GatewayDelay& delay : gateway.delays())
        add_line(text, "adds " + printable(delay.direction()),
                 measured_text(delay.p50_ns(), delay.error_ns()) + " median, p90 " + duration_text(delay.p90_ns()) +
                     ", p99 " + duration_text(delay.p99_ns()) + ", " + duration_text(delay.min_ns()) + " … " +
                     duration_text(delay.max_ns()) + ", " + with_thousands(delay.count()) + " connections",
                 paint, columns);
    for (const v1::GatewayTraffic& traffic : gateway.traffic())
        add_line(text, "lost " + printable(traffic.direction()),
                 with_thousands(traffic.lost()) + " of " + with_thousands(traffic.packets()) + " packets", paint,
                 columns);
    if (gateway.resets() > 0) add_line(text, "resets sent", with_thousands(gateway.resets()), paint, columns);
    if (gateway.syns_eaten() > 0)
        add_line(text, "SYNs eaten", with_thousands(gateway.syns_eaten()) + " openings went in and did not come out",
                 paint, columns);
    for (const v1::GatewayEvent& event : gateway.events())
        add_line(text, "changed",
                 time_text(event.time_ns(), 3) + "  " + printable(event.what()) + ": " + printable(event.before()) +
                     " → " + printable(event.after()),
                 paint, columns);
    return text;
}

}  // namespace clew::cli
