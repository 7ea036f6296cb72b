// SPDX-License-Identifier: Apache-2.0
// Legs and packet headers to and from their messages.
#include "wire/convert.h"

#include <algorithm>
#include <cstring>

#include "wire/convert_tcp.h"

namespace clew::wire {
namespace {

constexpr TimeNs time_ns_max = TimeNs{1} << 62;  // the year 2116: sums and differences of two times never overflow
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
    if (value < 0 || value > time_ns_max) {
        mistake.note(field, "is " + std::to_string(value) + ", which is no time");
        return 0;
    }
    return value;
}

std::string ip_bytes(const IpAddress& ip) {
    if (ip.is_unspecified()) return {};
    const std::size_t skip = ip.is_v4() ? 12 : 0;
    return {reinterpret_cast<const char*>(ip.bytes.data()) + skip, ip.bytes.size() - skip};
}

IpAddress ip_of(const std::string& bytes, const char* field, Mistake& mistake) {
    const auto* raw = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (bytes.size() == 4) return IpAddress::from_v4_bytes(raw);
    if (bytes.size() == 16) return IpAddress::from_v6_bytes(raw);
    if (!bytes.empty()) mistake.note(field, "has " + std::to_string(bytes.size()) + " bytes, an address has 4 or 16");
    return {};
}

std::string mac_bytes(const MacAddress& mac) {
    if (mac.is_zero()) return {};
    return {reinterpret_cast<const char*>(mac.bytes.data()), mac.bytes.size()};
}

MacAddress mac_of(const std::string& bytes, const char* field, Mistake& mistake) {
    MacAddress mac;
    if (bytes.size() == mac.bytes.size())
        std::memcpy(mac.bytes.data(), bytes.data(), mac.bytes.size());
    else if (!bytes.empty())
        mistake.note(field, "has " + std::to_string(bytes.size()) + " bytes, a MAC address has 6");
    return mac;
}

void encode_endpoint(const Endpoint& endpoint, v1::Endpoint& message) {
    message.set_ip(ip_bytes(endpoint.ip));
    message.set_port(endpoint.port);
}

Endpoint endpoint_of(const v1::Endpoint& message, const char* field, Mistake& mistake) {
    return {ip_of(message.ip(), field, mistake), word(message.port(), field, mistake)};
}

void encode_segment(const Segment& segment, v1::Segment& message) {
    for (std::size_t i = 0; i < segment.layer_count; ++i) {
        const Layer& layer = segment.layers[i];
        v1::Layer& out = *message.add_layers();
        out.set_type(static_cast<std::uint32_t>(layer.type));
        if (layer.has_id) out.set_id(layer.id);
        out.set_client_end(ip_bytes(layer.client_end));
        out.set_server_end(ip_bytes(layer.server_end));
    }
    message.set_client_mac(mac_bytes(segment.client_mac));
    message.set_server_mac(mac_bytes(segment.server_mac));
    message.set_netns(segment.netns);
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

void encode_sample(const Sample& sample, v1::Sample& message) {
    message.set_time_ns(sample.time_ns);
    message.set_payload_hash(sample.payload_hash);
    message.set_seq(sample.seq);
    message.set_ack(sample.ack);
    message.set_length(sample.length);
    message.set_ip_id(sample.ip_id);
    message.set_ttl(sample.ttl);
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

void encode_tcp(const Flow& flow, v1::Flow& message) {
    message.set_flags_seen(flow.flags_seen);
    message.set_isn_from(static_cast<std::uint32_t>(flow.isn_from));
    message.set_isn(flow.isn);
    message.set_next_seq(flow.next_seq);
    message.set_last_ack(flow.last_ack);
    message.set_retransmissions(flow.retransmissions);
    message.set_syn_ns(flow.syn_ns);
    message.set_first_ack_ns(flow.first_ack_ns);
    message.set_syn_count(flow.syn_count);
    message.set_mss(flow.mss);
    message.set_syn_window(flow.syn_window);
    if (flow.window_scale != 0xff) message.set_window_scale(flow.window_scale);
    message.set_sack_permitted(flow.sack_permitted);
    message.set_has_timestamps(flow.has_timestamps);
    message.set_first_tsval(flow.first_tsval);
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

void encode_oddities(const Flow& flow, v1::Flow& message) {
    for (const StreamMark& mark : flow.marks) {
        v1::StreamMark& out = *message.add_marks();
        out.set_seq(mark.seq);
        out.set_length(mark.length);
        out.set_copies(mark.copies);
        out.set_late(mark.late);
        out.set_missing_ms(mark.missing_ms);
    }
    message.set_marks_forgotten(flow.marks.forgotten());
    if (flow.reset != ResetSeen{}) {
        v1::ResetSeen& reset = *message.mutable_reset();
        reset.set_time_ns(flow.reset.time_ns);
        reset.set_seq(flow.reset.seq);
        reset.set_ack(flow.reset.ack);
        reset.set_ip_id(flow.reset.ip_id);
        reset.set_ttl(flow.reset.ttl);
    }
    if (flow.icmp_error != IcmpErrorSeen{}) {
        v1::IcmpErrorSeen& error = *message.mutable_icmp_error();
        error.set_time_ns(flow.icmp_error.time_ns);
        error.set_reporter(ip_bytes(flow.icmp_error.reporter));
        error.set_type(flow.icmp_error.type);
        error.set_code(flow.icmp_error.code);
        error.set_count(flow.icmp_error.count);
    }
    if (flow.loop == LoopSeen{}) return;
    message.mutable_loop()->set_laps(flow.loop.laps);
    message.mutable_loop()->set_ttl_first(flow.loop.ttl_first);
    message.mutable_loop()->set_ttl_last(flow.loop.ttl_last);
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

void encode_flow(const Flow& flow, v1::Flow& message) {
    message.set_packets(flow.packets);
    message.set_bytes(flow.bytes);
    message.set_payload_bytes(flow.payload_bytes);
    message.set_first_ns(flow.first_ns);
    message.set_last_ns(flow.last_ns);
    message.set_first_payload_ns(flow.first_payload_ns);
    message.set_first_ip_id(flow.first_ip_id);
    message.set_first_ttl(flow.first_ttl);
    message.set_last_ttl(flow.last_ttl);
    encode_tcp(flow, message);
    if (flow.head != StreamHead{}) {
        v1::StreamHead& head = *message.mutable_head();
        head.set_length(flow.head.length);
        head.set_hash_16(flow.head.hash_16);
        head.set_hash_64(flow.head.hash_64);
        head.set_hash_256(flow.head.hash_256);
        head.set_hash_all(flow.head.hash_all);
    }
    for (std::size_t i = 0; i < flow.sample_count; ++i) encode_sample(flow.samples[i], *message.add_samples());
    encode_oddities(flow, message);
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

/// A command may be any bytes, a message's string must be UTF-8: what is not ASCII becomes '?'.
std::string ascii(std::string_view command) {
    std::string result(command);
    for (char& c : result)
        if (static_cast<unsigned char>(c) > 0x7e) c = '?';
    return result;
}

}  // namespace

void encode(const Leg& leg, v1::Leg& message) {
    message.Clear();
    message.set_id(leg.id);
    message.set_revision(leg.revision);
    message.set_phase(static_cast<std::uint32_t>(leg.phase));
    message.set_end(static_cast<std::uint32_t>(leg.end));
    message.set_observer(static_cast<std::uint32_t>(leg.observer));
    message.set_client_by(static_cast<std::uint32_t>(leg.client_by));
    message.set_tap(leg.tap);
    message.set_protocol(static_cast<std::uint32_t>(leg.protocol));
    message.set_time_source(static_cast<std::uint32_t>(leg.time_source));
    message.set_time_error_ns(leg.time_error_ns);
    message.set_duplicates(leg.duplicates);
    encode_endpoint(leg.client, *message.mutable_client());
    encode_endpoint(leg.server, *message.mutable_server());
    if (leg.segment != Segment{}) encode_segment(leg.segment, *message.mutable_segment());
    message.set_first_ns(leg.first_ns);
    message.set_last_ns(leg.last_ns);
    encode_flow(leg.flow(Direction::to_server), *message.mutable_to_server());
    encode_flow(leg.flow(Direction::to_client), *message.mutable_to_client());
    for (std::size_t i = 0; i < leg.hint_count; ++i) {
        const Hint& hint = leg.hints[i];
        v1::Hint& out = *message.add_hints();
        out.set_kind(static_cast<std::uint32_t>(hint.kind));
        out.set_direction(static_cast<std::uint32_t>(hint.direction));
        out.set_value(std::string(hint.value()));
        out.set_time_ns(hint.time_ns);
    }
    if (leg.process != Process{}) {
        message.mutable_process()->set_pid(leg.process.pid);
        message.mutable_process()->set_uid(leg.process.uid);
        message.mutable_process()->set_command(ascii(leg.process.name()));
    }
    message.set_socket_role(static_cast<std::uint32_t>(leg.socket_role));
    message.set_app(static_cast<std::uint32_t>(leg.app));
    message.set_server_name(std::string(name_in(leg.server_name)));
    message.set_alpn(std::string(name_in(leg.alpn)));
    if (leg.tcp != TcpAnalysis{}) encode(leg.tcp, *message.mutable_tcp());
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
