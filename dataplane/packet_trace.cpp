// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_trace.h"

#include <cstdio>

#include "dataplane/bytes.h"
#include "dataplane/decap.h"
#include "dataplane/erspan_header.h"
#include "dataplane/transport.h"

namespace clew::sensor {
namespace {

std::string line(const char* step, const std::string& words) {
    std::string text = "  ";
    text += step;
    text.resize(std::max<std::size_t>(text.size(), 14), ' ');
    return text + words + "\n";
}

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string ends_text(const std::uint8_t* at, bool v6) {
    const auto address = [&](const std::uint8_t* from) {
        return to_text(v6 ? IpAddress::from_v6_bytes(from) : IpAddress::from_v4_bytes(from));
    };
    return address(at) + " > " + address(at + (v6 ? 16 : 4));
}

const char* link_text(LinkType link) {
    switch (link) {
        case LinkType::ethernet: return "Ethernet";
        case LinkType::raw_ip: return "IP";
        case LinkType::linux_cooked: return "Linux cooked";
        case LinkType::linux_cooked_2: return "Linux cooked v2";
        case LinkType::loopback: return "loopback";
        case LinkType::cisco_hdlc: return "Cisco HDLC";
        case LinkType::ppp: return "PPP";
    }
    return "unknown";
}

std::string source_text(const Packet& packet) {
    return number(packet.captured_length) + " of " + number(packet.wire_length) + " bytes, link " +
           link_text(packet.link) + ", time " + number(static_cast<std::uint64_t>(packet.time_ns)) + " ns by " +
           std::string(to_text(packet.time_source)) + ", at most " + number(packet.time_error_ns) + " ns late";
}

std::string layer_text(const std::uint8_t* frame, const FoundLayer& layer) {
    std::string text(to_text(layer.type));
    if (layer.has_id) text += " " + number(layer.id);
    if (layer.ends_offset != 0) text += " (" + ends_text(frame + layer.ends_offset, layer.ends_v6) + ")";
    return text;
}

std::string layers_text(const Packet& packet, const Decapped& found) {
    std::string text;
    for (unsigned i = 0; i < found.layer_count; ++i)
        text += line("decap", "took off " + layer_text(packet.bytes, found.layers[i]));
    if (found.erspan_offset != 0) {
        const ErspanHeader header = read_erspan_header(packet.bytes + found.erspan_offset);
        const char* const directions[] = {"not told", "ingress", "egress"};
        text += line("decap", "ERSPAN type " + number(header.type) + ", direction " +
                                  directions[static_cast<std::size_t>(header.direction)]);
    }
    if (found.geneve_options_length != 0)
        text += line("decap", number(found.geneve_options_length) + " bytes of Geneve options");
    return text;
}

std::string inner_text(const Packet& packet, const Decapped& found) {
    std::string text = std::string(found.v6 ? "IPv6 " : "IPv4 ") +
                       ends_text(packet.bytes + found.addresses_offset, found.v6) + ", protocol " +
                       number(found.protocol) + ", ttl " + number(found.ttl) + ", " + number(found.ip_length) +
                       " bytes";
    if (!found.v6) text += ", id " + number(found.ip_id);
    text += ", header at byte " + number(found.transport_offset);
    if (found.fragment.cut) text += ", a fragment of packet " + number(found.fragment.id);
    if (!found.has_mac) return text;
    MacAddress source, destination;
    const std::uint8_t* mac = packet.bytes + found.mac_offset;
    std::copy(mac, mac + 6, destination.bytes.begin());
    std::copy(mac + 6, mac + 12, source.bytes.begin());
    return text + ", from " + to_text(source) + " to " + to_text(destination);
}

std::string transport_text(const Decapped& found, const Transport& transport) {
    if (transport.reason != Reason::none) return "refused: " + std::string(reason_text(transport.reason));
    std::string text = "ports " + number(transport.source_port) + " > " + number(transport.destination_port);
    if (found.protocol == static_cast<std::uint8_t>(Protocol::tcp)) {
        constexpr const char* names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
        for (unsigned bit = 0; bit < 8; ++bit)
            if (transport.flags >> bit & 1) text += std::string(" ") + names[bit];
        text += ", seq " + number(transport.seq) + ", ack " + number(transport.ack) + ", window " +
                number(transport.window) + ", " + number(transport.options_length) + " bytes of options";
    }
    return text + ", payload " + number(transport.payload_length) + " bytes, " + number(transport.payload_captured) +
           " of them captured";
}

/// What the pipeline counted between two readings of its counters.
std::string counted_text(const std::vector<NamedCount>& before, const std::vector<NamedCount>& after) {
    std::string text;
    for (std::size_t i = 0; i < after.size(); ++i) {
        if (after[i].value == before[i].value || after[i].name == "packets_received" ||
            after[i].name == "bytes_received")
            continue;
        text += line("counted", std::string(after[i].name) + " +" + number(after[i].value - before[i].value) + "  (" +
                                    std::string(after[i].text) + ")");
    }
    return text;
}

}  // namespace

std::string trace_parsing(const Packet& packet, const DecapSettings& settings) {
    std::string text = line("source", source_text(packet));
    const Decapped found = decap(packet, settings);
    text += layers_text(packet, found);
    const bool later = found.reason == Reason::ip_fragments_later;
    if (found.reason != Reason::none && !later)
        return text + line("decap", "refused: " + std::string(reason_text(found.reason)));
    text += line("inner", inner_text(packet, found));
    if (later) return text + line("fragment", "a later one: looked up by its packet's first");
    return text + line("transport", transport_text(found, parse_transport(packet.bytes, found)));
}

PacketTrace::PacketTrace(std::uint32_t packet_count, DecapSettings settings, std::vector<std::string> tap_names,
                         void (*write)(const std::string& words))
    : packet_count_(packet_count),
      left_(packet_count),
      settings_(settings),
      tap_names_(std::move(tap_names)),
      write_(write) {}

bool PacketTrace::take(std::uint32_t& number_of_packet) {
    std::uint32_t left = left_.load(std::memory_order_relaxed);
    while (left != 0 && !left_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) continue;
    number_of_packet = packet_count_ - left + 1;
    return left != 0;
}

void PacketTrace::pass(Pipeline& pipeline, std::span<const Packet> burst) {
    std::uint32_t number_of_packet = 0;
    while (!burst.empty() && take(number_of_packet)) {
        const Packet& packet = burst.front();
        const std::string tap = packet.tap < tap_names_.size() ? tap_names_[packet.tap] : number(packet.tap);
        std::string text = "packet " + number(number_of_packet) + " at tap " + tap + "\n";
        text += trace_parsing(packet, settings_);
        const auto before = pipeline.counters();
        pipeline.receive(burst.first(1));
        text += counted_text(before, pipeline.counters());
        while (writing_.test_and_set(std::memory_order_acquire)) continue;
        write_(text);
        writing_.clear(std::memory_order_release);
        burst = burst.subspan(1);
    }
    if (!burst.empty()) pipeline.receive(burst);
}

}  // namespace clew::sensor
