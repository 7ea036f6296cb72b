// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/journey.h"

#include <algorithm>
#include <cstring>

#include "nat-trace/check.h"
#include "nat-trace/window.h"

namespace clew::sim {
namespace {

constexpr DurationNs think_ns = 80 * ns_per_us;  ///< how long servers and proxies take
constexpr DurationNs request_wait_ns = 200 * ns_per_us;

Hint endpoint_hint(HintKind kind, const Endpoint& source, const Endpoint* destination) {
    Hint hint;
    hint.kind = kind;
    const auto put = [&hint](const Endpoint& e) {
        std::memcpy(hint.bytes.data() + hint.length, e.ip.bytes.data(), 16);
        hint.bytes[hint.length + 16u] = static_cast<std::uint8_t>(e.port >> 8);
        hint.bytes[hint.length + 17u] = static_cast<std::uint8_t>(e.port);
        hint.length = static_cast<std::uint8_t>(hint.length + 18);
    };
    put(source);
    if (destination != nullptr) put(*destination);
    return hint;
}

Hint text_hint(HintKind kind, std::string_view value) {
    Hint hint;
    hint.kind = kind;
    hint.length = static_cast<std::uint8_t>(std::min(value.size(), hint_bytes_max));
    std::memcpy(hint.bytes.data(), value.data(), hint.length);
    return hint;
}

Process process_of(std::uint32_t pid, std::string_view command) {
    Process process;
    process.pid = pid;
    std::memcpy(process.command.data(), command.data(), std::min(command.size(), process.command.size() - 1));
    return process;
}

}  // namespace

Endpoint at(std::string_view text) {
    const auto endpoint = parse_endpoint(text);
    CLEW_CHECK(endpoint.has_value());
    return *endpoint;
}

Journey Journey::tcp(World& world, std::string_view client, std::string_view server, TimeNs start) {
    Journey j(world, start);
    Stream& s = j.stream_;
    s.client = at(client);
    s.server = at(server);
    for (int d = 0; d < 2; ++d) {
        s.isn[d] = world.number();
        s.ip_id[d] = static_cast<std::uint16_t>(world.number());
        s.tsval[d] = world.number();
    }
    // All clients ask the same small thing.
    s.payload[0] = 0x1111;
    s.payload[1] = 0x2222;
    return j;
}

Journey Journey::dns(World& world, std::string_view client, std::string_view server, TimeNs start, std::uint16_t id,
                     std::uint64_t name_hash) {
    Journey j = tcp(world, client, server, start);
    j.stream_.protocol = Protocol::udp;
    Hint hint;
    hint.kind = HintKind::dns_query;
    hint.length = 12;
    hint.bytes[0] = static_cast<std::uint8_t>(id >> 8);
    hint.bytes[1] = static_cast<std::uint8_t>(id);
    std::memcpy(hint.bytes.data() + 2, &name_hash, 8);
    hint.bytes[11] = 1;
    j.stream_.hints.push_back(hint);
    j.stream_.payload[0] = mix_bits(name_hash ^ id) | 1;
    j.stream_.payload[1] = mix_bits(name_hash ^ id ^ 0xabcdef) | 1;
    j.stream_.payload_length[0] = 40;
    j.stream_.payload_length[1] = 56;
    return j;
}

Journey Journey::ping(World& world, std::string_view client, std::string_view server, TimeNs start, int count) {
    Journey j = tcp(world, client, server, start);
    j.stream_.protocol = Protocol::icmp;
    j.stream_.payload[0] = j.stream_.payload[1] = world.random() | 1;  // the time is in it, and the echo brings it back
    j.stream_.payload_length[0] = j.stream_.payload_length[1] = 56;
    j.stream_.exchanges = static_cast<std::uint32_t>(count);
    return j;
}

void Journey::route() {
    parts_.back().length += world_->hop();
    --stream_.ttl[0];
    ++stream_.ttl[1];  // corrected in done(): the server's TTL falls towards the client
}

void Journey::pass(LinkKind kind) {
    route();
    kind_ += (kind_.empty() ? "" : "+") + std::string(to_text(kind));
}

Journey& Journey::router() {
    pass(LinkKind::forward);
    return *this;
}
Journey& Journey::snat(std::string_view client) {
    stream_.client = at(client);
    pass(LinkKind::snat);
    return *this;
}
Journey& Journey::dnat(std::string_view server) {
    stream_.server = at(server);
    pass(LinkKind::dnat);
    return *this;
}
Journey& Journey::fullnat(std::string_view client, std::string_view server) {
    stream_.client = at(client);
    stream_.server = at(server);
    pass(LinkKind::fullnat);
    return *this;
}

Journey& Journey::delta_fullnat(std::string_view client, std::string_view server, bool toa) {
    if (toa) stream_.hints.push_back(endpoint_hint(HintKind::toa, stream_.client, nullptr));
    stream_.isn[0] = world_->number();
    stream_.timestamps = false;
    fullnat(client, server);
    kind_ += "(delta)";
    return *this;
}

Journey& Journey::syn_proxy(std::string_view client, std::string_view server, bool toa) {
    delta_fullnat(client, server, toa);
    stream_.isn[1] = world_->number();
    parts_.back().syn_proxy_at = parts_.back().length;
    behind_syn_proxy_ = true;
    kind_ += "(syn-proxy)";
    return *this;
}

void Journey::relay(std::string_view client, std::string_view server) {
    pass(LinkKind::relay);
    parts_.push_back(Part{});
    const Stream front = stream_;
    stream_ = tcp(*world_, client, server, 0).stream_;
    std::copy(std::begin(front.payload), std::end(front.payload), stream_.payload);
    relayed_since_ = true;
    behind_syn_proxy_ = false;
}

Journey& Journey::proxy(std::string_view client, std::string_view server) {
    const Hint header = endpoint_hint(HintKind::proxy_source, stream_.client, &stream_.server);
    relay(client, server);
    stream_.hints.push_back(header);
    return *this;
}

Journey& Journey::http_proxy(std::string_view client, std::string_view server, std::string_view request_id) {
    Hint id = text_hint(HintKind::request_id, request_id);
    Hint answer = id;
    answer.direction = Direction::to_client;
    // The client learns of the id in the answer.
    for (Sight& sight : sights_)
        if (sight.part + 1 == parts_.size() && sight.observer == Observer::mirror) sight.stream.hints.push_back(answer);
    const Endpoint client_seen = stream_.client;
    relay(client, server);
    stream_.payload[0] ^= 0x3333;
    stream_.hints.push_back(id);
    Hint forwarded;
    forwarded.kind = HintKind::forwarded_for;
    forwarded.length = 16;
    std::memcpy(forwarded.bytes.data(), client_seen.ip.bytes.data(), 16);
    stream_.hints.push_back(forwarded);
    return *this;
}

Journey& Journey::tap(TapId tap, std::uint32_t vni) {
    Sight sight;
    sight.stream = stream_;
    sight.tap = tap;
    sight.vni = vni;
    sight.part = parts_.size() - 1;
    sight.behind_syn_proxy = behind_syn_proxy_;
    if (!sights_.empty()) {
        const bool client = last_client_ != stream_.client;
        const bool echo = stream_.protocol == Protocol::icmp;  // its id stands as both ports, and is the client's
        const bool server = echo ? last_server_.ip != stream_.server.ip : last_server_ != stream_.server;
        hops_.push_back(relayed_since_     ? LinkKind::relay
                        : client && server ? LinkKind::fullnat
                        : client           ? LinkKind::snat
                        : server           ? LinkKind::dnat
                                           : LinkKind::forward);
    }
    // The wire itself takes some time.
    parts_.back().length += world_->hop() / 8 + 1;
    sight.way = parts_.back().length;
    last_client_ = stream_.client;
    last_server_ = stream_.server;
    relayed_since_ = false;
    sights_.push_back(sight);
    return *this;
}

Journey& Journey::socket(TapId on, std::uint32_t netns, std::uint32_t pid, std::string_view command) {
    tap(on);
    sights_.back().observer = Observer::socket;
    sights_.back().netns = netns;
    sights_.back().process = process_of(pid, command);
    return *this;
}

bool Journey::add_packet(Leg& leg, const Sight& sight, Direction d, TimeNs when, std::uint32_t seq, std::uint32_t ack,
                         std::uint16_t length, std::uint64_t hash, std::uint16_t ip_id) {
    if (world_->lost_per_thousand > 0 && sight.observer != Observer::socket &&
        world_->below(1000) < world_->lost_per_thousand)
        return false;
    const TimeNs time = world_->stamp(when);
    Flow& flow = leg.flow(d);
    const std::uint8_t ttl = sight.stream.ttl[static_cast<std::size_t>(d)];
    if (leg.first_ns == 0 || time < leg.first_ns) leg.first_ns = time;
    leg.last_ns = std::max(leg.last_ns, time);
    if (flow.packets == 0) flow.first_ns = time, flow.first_ip_id = ip_id, flow.first_ttl = ttl;
    ++flow.packets;
    flow.bytes += 40u + length;
    flow.payload_bytes += length;
    flow.last_ns = std::max(flow.last_ns, time);
    flow.last_ttl = ttl;
    flow.next_seq = seq + length;
    flow.last_ack = ack;
    if (length == 0 || sight.observer == Observer::socket) return true;
    if (flow.first_payload_ns == 0) flow.first_payload_ns = time;
    if (flow.sample_count < sample_count_max)
        flow.samples[flow.sample_count++] = {time, payload_hash_of(hash >> 32, hash, false), seq, ack, length, ip_id,
                                             ttl};
    return true;
}

void Journey::fill_tcp(Leg& leg, const Sight& sight, TimeNs start, DurationNs length, DurationNs proxy_at) {
    const Stream& s = sight.stream;
    const bool socket = sight.observer == Observer::socket;
    const DurationNs way = sight.way;
    // The handshake this leg sees runs between `near` and `far`, both as ways from the client.
    TimeNs begin = start;
    DurationNs near = 0;
    DurationNs far = length;
    if (proxy_at >= 0) {
        (sight.behind_syn_proxy ? near : far) = proxy_at;
        if (sight.behind_syn_proxy) begin = start + 3 * proxy_at;
    }
    const TimeNs syn = begin + way - near;
    const TimeNs syn_ack = begin + (far - near) + think_ns / 8 + (far - way);
    const TimeNs ack = begin + 2 * (far - near) + think_ns / 8 + (way - near);
    Flow& c = leg.flow(Direction::to_server);
    Flow& v = leg.flow(Direction::to_client);
    const auto options = [&](Flow& flow, std::size_t d) {
        flow.isn = s.isn[d];
        flow.isn_from = socket ? IsnFrom::socket : IsnFrom::syn;
        flow.syn_ns = flow.first_ns;
        flow.syn_count = 1;
        flow.mss = 1460;
        flow.window_scale = 7;
        flow.sack_permitted = true;
        flow.has_timestamps = s.timestamps;
        flow.first_tsval = s.timestamps ? s.tsval[d] : 0;
    };
    const auto by_ack = [&](Flow& flow, std::size_t d) {
        if (flow.isn_from != IsnFrom::none) return;
        flow.isn = s.isn[d];
        flow.isn_from = IsnFrom::peer_ack;
    };
    if (!s.from_middle) {
        if (add_packet(leg, sight, Direction::to_server, syn, s.isn[0], 0, 0, 0, s.ip_id[0])) options(c, 0);
        if (!s.answered) return;
        if (add_packet(leg, sight, Direction::to_client, syn_ack, s.isn[1], s.isn[0] + 1, 0, 0, 0)) {
            options(v, 1);
            by_ack(c, 0);
        }
        if (add_packet(leg, sight, Direction::to_server, ack, s.isn[0] + 1, s.isn[1] + 1, 0, 0,
                       static_cast<std::uint16_t>(s.ip_id[0] + 1))) {
            by_ack(v, 1);
            c.first_ack_ns = c.last_ns;
        }
    }
    const TimeNs ready = start + 3 * std::max<DurationNs>(proxy_at, 0) + 3 * length + request_wait_ns;
    for (std::uint32_t n = 0; n < s.exchanges; ++n) {
        const TimeNs ask = ready + static_cast<DurationNs>(n) * (2 * length + 4 * think_ns);
        const std::uint32_t seq_c = s.isn[0] + 1 + n * s.payload_length[0];
        const std::uint32_t seq_s = s.isn[1] + 1 + n * s.payload_length[1];
        add_packet(leg, sight, Direction::to_server, ask + way, seq_c, seq_s, s.payload_length[0], s.payload[0],
                   static_cast<std::uint16_t>(s.ip_id[0] + 2 + 2 * n));
        add_packet(leg, sight, Direction::to_client, ask + length + think_ns + (length - way), seq_s,
                   seq_c + s.payload_length[0], s.payload_length[1], s.payload[1],
                   static_cast<std::uint16_t>(s.ip_id[1] + 1 + n));
    }
}

void Journey::fill_datagrams(Leg& leg, const Sight& sight, TimeNs start, DurationNs length) {
    const Stream& s = sight.stream;
    for (std::uint32_t n = 0; n < s.exchanges; ++n) {
        const TimeNs ask = start + static_cast<DurationNs>(n) * 20 * ns_per_ms;
        add_packet(leg, sight, Direction::to_server, ask + sight.way, n + 1, 0, s.payload_length[0],
                   mix_bits(s.payload[0] + n), static_cast<std::uint16_t>(s.ip_id[0] + n));
        if (!s.answered) continue;
        add_packet(leg, sight, Direction::to_client, ask + length + think_ns + (length - sight.way), n + 1, 0,
                   s.payload_length[1], mix_bits(s.payload[1] + n), static_cast<std::uint16_t>(s.ip_id[1] + n));
    }
}

Leg Journey::leg_of(const Sight& sight, TimeNs start, DurationNs length, DurationNs proxy_at) {
    Leg leg;
    leg.id = mix_bits(world_->next_id++);
    leg.revision = 1;
    leg.phase = LegPhase::ended;
    leg.end = LegEnd::fin;
    leg.observer = sight.observer;
    leg.client_by = sight.observer == Observer::socket ? ClientBy::socket : ClientBy::syn;
    leg.tap = sight.tap;
    leg.protocol = sight.stream.protocol;
    leg.time_source = TimeSource::kernel;
    leg.time_error_ns = world_->time_error_ns;
    leg.client = sight.stream.client;
    leg.server = sight.stream.server;
    leg.segment.netns = sight.netns;
    if (sight.vni != 0) {
        leg.segment.layer_count = 1;
        leg.segment.layers[0] = {LayerType::vxlan, true, sight.vni, at("192.0.2.1:1").ip, at("192.0.2.2:1").ip};
    }
    leg.process = sight.process;
    const bool begins = std::none_of(sights_.begin(), sights_.end(),
                                     [&](const Sight& s) { return s.part == sight.part && s.way < sight.way; });
    if (sight.observer == Observer::socket) leg.socket_role = begins ? SocketRole::client : SocketRole::server;
    if (leg.protocol == Protocol::tcp)
        fill_tcp(leg, sight, start, length, proxy_at);
    else
        fill_datagrams(leg, sight, start, length);
    if (sight.observer == Observer::mirror)
        for (Hint hint : sight.stream.hints) {
            const Flow& flow = leg.flow(hint.direction);
            hint.time_ns = flow.first_payload_ns != 0 ? flow.first_payload_ns : flow.last_ns;
            leg.add_hint(hint);
        }
    return leg;
}

Truth Journey::done() {
    Truth truth;
    truth.kind = kind_.empty() ? "wire" : kind_;
    TimeNs start = start_;
    for (std::size_t p = 0; p < parts_.size(); ++p) {
        parts_[p].length += world_->hop() / 8 + 1;
        std::uint8_t highest = 0;
        for (const Sight& sight : sights_)
            if (sight.part == p) highest = std::max(highest, sight.stream.ttl[1]);
        for (Sight& sight : sights_) {
            if (sight.part != p) continue;
            sight.stream.ttl[1] = static_cast<std::uint8_t>(64 - (highest - sight.stream.ttl[1]));
            if (sight.observer == Observer::socket) sight.stream.ttl[0] = sight.stream.ttl[1] = 0;
            Leg leg = leg_of(sight, start, parts_[p].length, parts_[p].syn_proxy_at);
            if (leg.first_ns == 0) leg.id = 0;  // the tap missed all of it
            truth.legs.push_back(leg);
        }
        start += 3 * parts_[p].length + think_ns + (p + 1 < parts_.size() ? request_wait_ns : 0);
    }
    // What no tap saw is not in the truth: the legs on either side of it are neighbours then.
    truth.hops = hops_;
    const bool missed = std::any_of(truth.legs.begin(), truth.legs.end(), [](const Leg& leg) { return leg.id == 0; });
    if (missed) truth.legs.clear(), truth.hops.clear();
    return truth;
}

}  // namespace clew::sim
