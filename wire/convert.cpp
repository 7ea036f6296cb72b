// SPDX-License-Identifier: Apache-2.0
// Legs and packet headers to and from their messages.
#include "wire/convert.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "nat-trace/check.h"
#include "wire/convert_tcp.h"
#include "wire/leg_writer.h"

namespace clew::wire {
namespace {

constexpr std::uint32_t head_length_max = 256;

/// The first mistake found while decoding one message; the later ones do not matter.
struct Mistake {
    std::string sentence;
    bool none() const { return sentence.empty(); }
    void note(const char* field, const std::string& problem) {
        if (none()) sentence = std::string(field) + " " + problem;
    }
};

template <typename To>
To in_range(std::uint64_t value, std::uint64_t max, const char* field, Mistake& mistake) {
    if (value > max) {
        mistake.note(field, "is " + std::to_string(value) + ", the highest value is " + std::to_string(max));
        value = 0;
    }
    return static_cast<To>(value);
}

std::uint8_t octet(std::uint64_t v, const char* field, Mistake& m) { return in_range<std::uint8_t>(v, 0xff, field, m); }
std::uint16_t word(std::uint64_t v, const char* field, Mistake& m) {
    return in_range<std::uint16_t>(v, 0xffff, field, m);
}

TimeNs time_of(std::int64_t value, const char* field, Mistake& mistake) {
    if (!is_time(value)) {
        mistake.note(field, "is " + std::to_string(value) + ", which is no time");
        return 0;
    }
    return value;
}

IpAddress ip_of(const std::string& bytes, const char* field, Mistake& mistake) {
    const auto* raw = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (bytes.size() == 4) return IpAddress::from_v4_bytes(raw);
    if (bytes.size() == 16) return IpAddress::from_v6_bytes(raw);
    if (!bytes.empty()) mistake.note(field, "has " + std::to_string(bytes.size()) + " bytes, an address has 4 or 16");
    return {};
}

MacAddress mac_of(const std::string& bytes, const char* field, Mistake& mistake) {
    MacAddress mac;
    if (bytes.size() == mac.bytes.size())
        std::memcpy(mac.bytes.data(), bytes.data(), mac.bytes.size());
    else if (!bytes.empty())
        mistake.note(field, "has " + std::to_string(bytes.size()) + " bytes, a MAC address has 6");
    return mac;
}

Endpoint endpoint_of(const v1::Endpoint& message, const char* field, Mistake& mistake) {
    return {ip_of(message.ip(), field, mistake), word(message.port(), field, mistake)};
}

Layer layer_of(const v1::Layer& message, Mistake& mistake) {
    Layer layer;
    layer.type = in_range<LayerType>(message.type(), layer_type_count - 1, "layer.type", mistake);
    layer.has_id = message.has_id();
    layer.id = in_range<std::uint32_t>(message.id(), layer_id_max(layer.type), "layer.id", mistake);
    layer.client_end = ip_of(message.client_end(), "layer.client_end", mistake);
    layer.server_end = ip_of(message.server_end(), "layer.server_end", mistake);
    return layer;
}

Segment segment_of(const v1::Segment& message, Mistake& mistake) {
    Segment segment;
    segment.layer_count = in_range<std::uint8_t>(static_cast<std::uint64_t>(message.layers_size()), layer_count_max,
                                                 "the number of layers", mistake);
    for (std::size_t i = 0; i < segment.layer_count; ++i)
        segment.layers[i] = layer_of(message.layers(static_cast<int>(i)), mistake);
    segment.client_mac = mac_of(message.client_mac(), "client_mac", mistake);
    segment.server_mac = mac_of(message.server_mac(), "server_mac", mistake);
    segment.netns = message.netns();
    return segment;
}

Sample sample_of(const v1::Sample& message, Mistake& mistake) {
    Sample sample;
    sample.time_ns = time_of(message.time_ns(), "sample.time_ns", mistake);
    sample.payload_hash = message.payload_hash();
    sample.seq = message.seq();
    sample.ack = message.ack();
    sample.length = word(message.length(), "sample.length", mistake);
    sample.ip_id = word(message.ip_id(), "sample.ip_id", mistake);
    sample.ttl = octet(message.ttl(), "sample.ttl", mistake);
    return sample;
}

void tcp_of(const v1::Flow& message, Flow& flow, Mistake& mistake) {
    flow.flags_seen = octet(message.flags_seen(), "flags_seen", mistake);
    flow.isn_from =
        in_range<IsnFrom>(message.isn_from(), static_cast<std::uint64_t>(IsnFrom::socket), "isn_from", mistake);
    flow.isn = message.isn();
    flow.next_seq = message.next_seq();
    flow.last_ack = message.last_ack();
    flow.retransmissions = message.retransmissions();
    flow.syn_ns = time_of(message.syn_ns(), "syn_ns", mistake);
    flow.first_ack_ns = time_of(message.first_ack_ns(), "first_ack_ns", mistake);
    flow.syn_count = message.syn_count();
    flow.mss = word(message.mss(), "mss", mistake);
    flow.syn_window = word(message.syn_window(), "syn_window", mistake);
    if (message.has_window_scale())
        flow.window_scale = in_range<std::uint8_t>(message.window_scale(), 0xfe, "window_scale", mistake);
    flow.sack_permitted = message.sack_permitted();
    flow.has_timestamps = message.has_timestamps();
    flow.first_tsval = message.first_tsval();
}

void oddities_of(const v1::Flow& message, Flow& flow, Mistake& mistake) {
    const auto count = in_range<std::size_t>(static_cast<std::uint64_t>(message.marks_size()), stream_mark_count_max,
                                             "the number of stream marks", mistake);
    for (std::size_t i = 0; i < count; ++i) {
        const v1::StreamMark& mark = message.marks(static_cast<int>(i));
        flow.marks.take({mark.seq(), mark.length(), octet(mark.copies(), "mark.copies", mistake), mark.late(),
                         word(mark.missing_ms(), "mark.missing_ms", mistake)});
    }
    flow.marks.set_forgotten(word(message.marks_forgotten(), "marks_forgotten", mistake));
    flow.reset.time_ns = time_of(message.reset().time_ns(), "reset.time_ns", mistake);
    flow.reset.seq = message.reset().seq();
    flow.reset.ack = message.reset().ack();
    flow.reset.ip_id = word(message.reset().ip_id(), "reset.ip_id", mistake);
    flow.reset.ttl = octet(message.reset().ttl(), "reset.ttl", mistake);
    flow.icmp_error.time_ns = time_of(message.icmp_error().time_ns(), "icmp_error.time_ns", mistake);
    flow.icmp_error.reporter = ip_of(message.icmp_error().reporter(), "icmp_error.reporter", mistake);
    flow.icmp_error.type = octet(message.icmp_error().type(), "icmp_error.type", mistake);
    flow.icmp_error.code = octet(message.icmp_error().code(), "icmp_error.code", mistake);
    flow.icmp_error.count = word(message.icmp_error().count(), "icmp_error.count", mistake);
    flow.loop.laps = word(message.loop().laps(), "loop.laps", mistake);
    flow.loop.ttl_first = octet(message.loop().ttl_first(), "loop.ttl_first", mistake);
    flow.loop.ttl_last = octet(message.loop().ttl_last(), "loop.ttl_last", mistake);
}

Flow flow_of(const v1::Flow& message, Mistake& mistake) {
    Flow flow;
    flow.packets = message.packets();
    flow.bytes = message.bytes();
    flow.payload_bytes = message.payload_bytes();
    flow.first_ns = time_of(message.first_ns(), "flow.first_ns", mistake);
    flow.last_ns = time_of(message.last_ns(), "flow.last_ns", mistake);
    flow.first_payload_ns = time_of(message.first_payload_ns(), "first_payload_ns", mistake);
    flow.first_ip_id = word(message.first_ip_id(), "first_ip_id", mistake);
    flow.first_ttl = octet(message.first_ttl(), "first_ttl", mistake);
    flow.last_ttl = octet(message.last_ttl(), "last_ttl", mistake);
    tcp_of(message, flow, mistake);
    flow.head.length = in_range<std::uint16_t>(message.head().length(), head_length_max, "head.length", mistake);
    flow.head.hash_16 = message.head().hash_16();
    flow.head.hash_64 = message.head().hash_64();
    flow.head.hash_256 = message.head().hash_256();
    flow.head.hash_all = message.head().hash_all();
    flow.sample_count = in_range<std::uint8_t>(static_cast<std::uint64_t>(message.samples_size()), sample_count_max,
                                               "the number of samples", mistake);
    for (std::size_t i = 0; i < flow.sample_count; ++i)
        flow.samples[i] = sample_of(message.samples(static_cast<int>(i)), mistake);
    oddities_of(message, flow, mistake);
    return flow;
}

Hint hint_of(const v1::Hint& message, Mistake& mistake) {
    Hint hint;
    hint.kind = in_range<HintKind>(message.kind(), static_cast<std::uint64_t>(hint_kind_last), "hint.kind", mistake);
    hint.direction = in_range<Direction>(message.direction(), 1, "hint.direction", mistake);
    hint.length = in_range<std::uint8_t>(message.value().size(), hint_bytes_max, "the length of hint.value", mistake);
    std::memcpy(hint.bytes.data(), message.value().data(), hint.length);
    hint.time_ns = time_of(message.time_ns(), "hint.time_ns", mistake);
    return hint;
}

Process process_of(const v1::Process& message, Mistake& mistake) {
    Process process;
    process.pid = message.pid();
    process.uid = message.uid();
    const auto length =
        in_range<std::size_t>(message.command().size(), process.command.size(), "the length of command", mistake);
    std::memcpy(process.command.data(), message.command().data(), length);
    if (message.command().find('\0') != std::string::npos) mistake.note("command", "has a NUL in it");
    return process;
}

Protocol protocol_of(std::uint32_t value, Mistake& mistake) {
    switch (value) {
        case 1:
        case 6:
        case 17:
        case 58: return static_cast<Protocol>(value);
        default: mistake.note("protocol", "is " + std::to_string(value) + ", known are 1, 6, 17 and 58");
    }
    return Protocol::tcp;
}

template <std::size_t size>
void take_name(const std::string& text, std::array<char, size>& to, const char* field, Mistake& mistake) {
    in_range<std::size_t>(text.size(), size, field, mistake);
    if (text.find('\0') != std::string::npos) mistake.note(field, "has a NUL in it");
    if (mistake.none()) put_name(to, text);
}

}  // namespace

void encode(const Leg& leg, v1::Leg& message) {
    std::array<std::uint8_t, leg_message_bytes_max> bytes;
    FieldWriter to(bytes.data());
    write_leg(leg, to);
    CLEW_CHECK(message.ParseFromArray(bytes.data(), static_cast<int>(to.at() - bytes.data())));
}

Result<Leg> decode(const v1::Leg& message) {
    Mistake mistake;
    Leg leg;
    leg.id = message.id();
    if (leg.id == 0) mistake.note("id", "is 0, a leg's id never is");
    leg.revision = message.revision();
    leg.phase = in_range<LegPhase>(message.phase(), static_cast<std::uint64_t>(LegPhase::ended), "phase", mistake);
    leg.end = in_range<LegEnd>(message.end(), static_cast<std::uint64_t>(LegEnd::flushed), "end", mistake);
    leg.observer =
        in_range<Observer>(message.observer(), static_cast<std::uint64_t>(Observer::socket), "observer", mistake);
    leg.client_by =
        in_range<ClientBy>(message.client_by(), static_cast<std::uint64_t>(ClientBy::socket), "client_by", mistake);
    leg.tap = word(message.tap(), "tap", mistake);
    leg.protocol = protocol_of(message.protocol(), mistake);
    leg.time_source = in_range<TimeSource>(message.time_source(), static_cast<std::uint64_t>(TimeSource::file),
                                           "time_source", mistake);
    leg.time_error_ns = message.time_error_ns();
    leg.duplicates = message.duplicates();
    leg.client = endpoint_of(message.client(), "client", mistake);
    leg.server = endpoint_of(message.server(), "server", mistake);
    leg.segment = segment_of(message.segment(), mistake);
    leg.first_ns = time_of(message.first_ns(), "first_ns", mistake);
    leg.last_ns = time_of(message.last_ns(), "last_ns", mistake);
    leg.flow(Direction::to_server) = flow_of(message.to_server(), mistake);
    leg.flow(Direction::to_client) = flow_of(message.to_client(), mistake);
    leg.app = in_range<App>(message.app(), app_count - 1, "app", mistake);
    take_name(message.server_name(), leg.server_name, "server_name", mistake);
    take_name(message.alpn(), leg.alpn, "alpn", mistake);
    leg.hint_count = in_range<std::uint8_t>(static_cast<std::uint64_t>(message.hints_size()), hint_count_max,
                                            "the number of hints", mistake);
    for (std::size_t i = 0; i < leg.hint_count; ++i)
        leg.hints[i] = hint_of(message.hints(static_cast<int>(i)), mistake);
    leg.process = process_of(message.process(), mistake);
    leg.socket_role = in_range<SocketRole>(message.socket_role(), static_cast<std::uint64_t>(SocketRole::server),
                                           "socket_role", mistake);
    auto tcp = decode(message.tcp());
    if (!tcp) return fail(ErrorKind::failed, "bad leg: " + tcp.error().sentence);
    leg.tcp = *tcp;
    if (!mistake.none()) return fail(ErrorKind::failed, "bad leg: " + mistake.sentence);
    return leg;
}

void encode(const PacketHeader& header, v1::PacketHeader& message) {
    message.Clear();
    message.set_leg(header.leg);
    message.set_time_ns(header.time_ns);
    message.set_seq(header.seq);
    message.set_ack(header.ack);
    if (header.has_timestamps) {
        message.set_tsval(header.tsval);
        message.set_tsecr(header.tsecr);
    }
    message.set_length(header.length);
    message.set_ip_id(header.ip_id);
    message.set_window(header.window);
    message.set_payload_check(header.payload_check);
    message.set_flags(header.flags);
    message.set_ttl(header.ttl);
    message.set_direction(static_cast<std::uint32_t>(header.direction));
}

Result<PacketHeader> decode(const v1::PacketHeader& message) {
    Mistake mistake;
    PacketHeader header;
    header.leg = message.leg();
    header.time_ns = time_of(message.time_ns(), "time_ns", mistake);
    header.seq = message.seq();
    header.ack = message.ack();
    header.has_timestamps = message.has_tsval();
    header.tsval = message.tsval();
    header.tsecr = message.tsecr();
    header.length = word(message.length(), "length", mistake);
    header.ip_id = word(message.ip_id(), "ip_id", mistake);
    header.window = word(message.window(), "window", mistake);
    header.payload_check = word(message.payload_check(), "payload_check", mistake);
    header.flags = octet(message.flags(), "flags", mistake);
    header.ttl = octet(message.ttl(), "ttl", mistake);
    header.direction = in_range<Direction>(message.direction(), 1, "direction", mistake);
    if (!mistake.none()) return fail(ErrorKind::failed, "bad packet header: " + mistake.sentence);
    return header;
}

}  // namespace clew::wire
