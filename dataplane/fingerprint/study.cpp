// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/study.h"

#include <algorithm>
#include <array>

#include "dataplane/bytes.h"
#include "dataplane/fingerprint/app_look.h"
#include "dataplane/fingerprint/asked_target.h"
#include "dataplane/fingerprint/datagram.h"
#include "dataplane/fingerprint/http.h"
#include "dataplane/fingerprint/http2.h"
#include "dataplane/fingerprint/tcp_options.h"
#include "dataplane/fingerprint/text.h"
#include "dataplane/hash.h"

namespace clew::sensor {
namespace {

void put_endpoint(const Endpoint& endpoint, std::uint8_t* to) {
    std::copy(endpoint.ip.bytes.begin(), endpoint.ip.bytes.end(), to);
    to[16] = static_cast<std::uint8_t>(endpoint.port >> 8);
    to[17] = static_cast<std::uint8_t>(endpoint.port);
}

void note_syn(ColdFlow& flow, const SeenPacket& seen) {
    const Transport& tcp = *seen.transport;
    if (flow.syn_count++ != 0) return;
    flow.isn_from = IsnFrom::syn;
    flow.isn = tcp.seq;
    flow.syn_ns = seen.packet->time_ns;
    flow.syn_window = tcp.window;
    const TcpOptions options = parse_tcp_options({seen.packet->bytes + tcp.options_offset, tcp.options_length});
    flow.mss = options.mss;
    flow.window_scale_told = static_cast<std::uint8_t>(options.window_scale + 1);
    flow.sack_permitted = options.sack_permitted;
    flow.has_timestamps = options.has_timestamps;
    flow.first_tsval = options.tsval;
}

void reveal_isn(ColdFlow& flow, std::uint32_t isn) {
    if (flow.isn_from != IsnFrom::none) return;
    flow.isn_from = IsnFrom::peer_ack;
    flow.isn = isn;
}

/// 0 where too little was captured to tell payloads apart.
std::uint64_t hash_of_payload(std::span<const std::uint8_t> payload, std::uint32_t sent) {
    const bool cut = payload.size() < sent;
    if (cut && payload.size() < payload_prefix_bytes) return 0;
    const std::uint64_t all = hash_bytes(payload.data(), payload.size());
    const std::uint64_t prefix =
        payload.size() <= payload_prefix_bytes ? all : hash_bytes(payload.data(), payload_prefix_bytes);
    return payload_hash_of(prefix, all, cut);
}

void add_sample(ColdLeg& cold, const SeenPacket& seen, std::uint32_t seq, std::uint32_t ack) {
    ColdFlow& flow = cold.flows[seen.side];
    if (flow.sample_count == sample_count_max) return;
    const auto payload = seen.payload();
    Sample& sample = cold.samples[seen.side][flow.sample_count++];
    sample.time_ns = seen.packet->time_ns;
    sample.payload_hash = hash_of_payload(payload, seen.transport->payload_length);
    sample.seq = seq;
    sample.ack = ack;
    sample.length = static_cast<std::uint16_t>(std::min<std::uint32_t>(seen.transport->payload_length, 0xffff));
    sample.ip_id = seen.decapped->ip_id;
    sample.ttl = seen.decapped->ttl;
}

}  // namespace

Study::Study(ReasonCounters& counters, LegParts& parts)
    : counters_(counters), parts_(parts), scanner_(std::make_unique<AppScanner>()) {}
Study::~Study() = default;

StudyFindings Study::look(HotLeg& hot, ColdLeg& cold, const SeenPacket& seen, bool advances) {
    StudyFindings findings;
    HotFlow& hot_flow = hot.flows[seen.side];
    ColdFlow& flow = cold.flows[seen.side];
    if (flow.first_ns == 0) {
        flow.first_ns = seen.packet->time_ns;
        flow.first_ttl = seen.decapped->ttl;
        flow.first_ip_id = seen.decapped->ip_id;
        if (const std::uint16_t length = seen.decapped->geneve_options_length; length != 0)
            add_hint(cold, HintKind::geneve_options, seen,
                     {seen.packet->bytes + seen.decapped->geneve_options_offset, length}, findings);
    }
    const bool tcp = seen.decapped->protocol == static_cast<std::uint8_t>(Protocol::tcp);
    if (seen.decapped->uoa_offset != 0) look_at_uoa(cold, seen, findings);
    if (tcp) {
        look_at_handshake(hot, cold, seen, findings);
        if ((seen.transport->flags & tcp_syn) == 0) look_at_options(cold, seen, findings);
    }
    if (seen.transport->payload_length == 0) return findings;
    if (flow.first_payload_ns == 0) {
        flow.first_payload_ns = seen.packet->time_ns;
        findings.first_payload = true;
    }
    if (hot_flow.payloads_to_study == 0) return findings;
    --hot_flow.payloads_to_study;
    if (tcp)
        look_at_stream(cold, seen, seen.side == hot.client_side(), advances, findings);
    else
        look_at_datagram(cold, seen, findings);
    if (hot_flow.payloads_to_study == 0 && flow.head_buffer != 0) {
        settle_head(flow, parts_);
        parts_.give_back_stream_buffer(flow.head_buffer);
    }
    if (cold.http2 != 0) end_http2(hot, cold);
    return findings;
}

void Study::look_at_handshake(HotLeg& hot, ColdLeg& cold, const SeenPacket& seen, StudyFindings& findings) {
    const Transport& tcp = *seen.transport;
    ColdFlow& own = cold.flows[seen.side];
    ColdFlow& peer = cold.flows[seen.side ^ 1];
    if (tcp.flags & tcp_reset) {
        // RFC 9293, 3.10.7.1: what refuses a SYN has no sequence number of its own, and acknowledges the SYN.
        if ((tcp.flags & tcp_ack) != 0 && tcp.seq == 0 && tcp.ack != 0) reveal_isn(peer, tcp.ack - 1);
        return;
    }
    if (tcp.flags & tcp_syn) {
        note_syn(own, seen);
        if ((tcp.flags & tcp_ack) == 0) return;
        reveal_isn(peer, tcp.ack - 1);
        findings.handshake_over = own.syn_count == 1;
        return;
    }
    if ((tcp.flags & tcp_ack) == 0 || own.first_ack_ns != 0) return;
    own.first_ack_ns = seen.packet->time_ns;
    // The client's first segment behind its SYN acknowledges the server's SYN and nothing else yet.
    const bool by_client = seen.side == hot.client_side();
    if (by_client && own.isn_from == IsnFrom::syn && tcp.seq == own.isn + 1) reveal_isn(peer, tcp.ack - 1);
    if (by_client && own.isn_from != IsnFrom::none) findings.handshake_over = true;
}

void Study::look_at_options(ColdLeg& cold, const SeenPacket& seen, StudyFindings& findings) {
    const Transport& tcp = *seen.transport;
    if (tcp.options_length == 0 || tcp.options_offset == 0) return;
    const TcpOptions options = parse_tcp_options({seen.packet->bytes + tcp.options_offset, tcp.options_length});
    if (!options.has_toa) return;
    std::array<std::uint8_t, 18> value;
    put_endpoint(options.toa, value.data());
    add_hint(cold, HintKind::toa, seen, value, findings);
}

void Study::look_at_uoa(ColdLeg& cold, const SeenPacket& seen, StudyFindings& findings) {
    if (seen.decapped->protocol != static_cast<std::uint8_t>(Protocol::udp)) return;
    const std::uint8_t* option = seen.packet->bytes + seen.decapped->uoa_offset;
    Endpoint client;
    client.port = load_be16(option + 2);
    client.ip = option[1] == 8 ? IpAddress::from_v4_bytes(option + 4) : IpAddress::from_v6_bytes(option + 4);
    std::array<std::uint8_t, 18> value;
    put_endpoint(client, value.data());
    add_hint(cold, HintKind::toa, seen, value, findings);
}

void Study::look_at_stream(ColdLeg& cold, const SeenPacket& seen, bool by_client, bool advances,
                           StudyFindings& findings) {
    const Transport& tcp = *seen.transport;
    ColdFlow& flow = cold.flows[seen.side];
    std::span<const std::uint8_t> payload = seen.payload();
    if (advances) add_sample(cold, seen, tcp.seq, tcp.ack);
    std::uint32_t offset = 0;  // of the payload in the stream
    if (flow.isn_from != IsnFrom::none) {
        offset = tcp.seq + ((tcp.flags & tcp_syn) ? 1 : 0) - (flow.isn + 1);
        const ProxyHeader proxy = add_to_head(flow, parts_, offset, payload);
        if (proxy.state == ProxyHeader::State::found && proxy.has_ends) {
            std::array<std::uint8_t, 36> value;
            put_endpoint(proxy.source, value.data());
            put_endpoint(proxy.destination, value.data() + 18);
            add_hint(cold, HintKind::proxy_source, seen, value, findings);
        }
        if (offset < flow.head_start) {
            const std::size_t header = std::min<std::size_t>(payload.size(), flow.head_start - offset);
            payload = payload.subspan(header);
            offset += static_cast<std::uint32_t>(header);
        }
    }
    if (!advances || payload.empty()) return;
    if (cold.asking != Asking::over && flow.isn_from != IsnFrom::none) {
        const std::size_t said = look_at_asking(cold, seen, by_client, offset, payload, findings);
        payload = payload.subspan(said);
        offset += static_cast<std::uint32_t>(said);
        if (payload.empty()) return;
    }
    if (const auto random = tls_client_random(payload)) add_hint(cold, HintKind::tls_random, seen, *random, findings);
    if (!look_at_http2(cold, seen, offset - flow.head_start, payload, findings))
        look_at_http(cold, seen, payload, findings);
    findings.hint |= look_at_app(*scanner_, parts_, cold, seen, payload);
}

/// Gives how many bytes of the payload were said to a proxy or by it: what both sides carry begins behind them, and so
/// do the stream's head and its samples, as on the connection that the proxy opens.
std::size_t Study::look_at_asking(ColdLeg& cold, const SeenPacket& seen, bool by_client, std::uint32_t offset,
                                  std::span<const std::uint8_t> payload, StudyFindings& findings) {
    ColdFlow& flow = cold.flows[seen.side];
    std::size_t said = 0;
    if (!by_client) {
        if (!has_asked(cold.asking)) return 0;
        read_reply(cold.asking, payload, said);
        const bool asks_again = said == 0 && cold.asking == Asking::connect_asked;  // with a password, perhaps
        cold.asking = asks_again ? Asking::nothing : Asking::over;
    } else {
        if (cold.asking == Asking::nothing && offset != flow.head_start) return 0;
        std::size_t message = 0;
        AskedTarget target;
        do {
            cold.asking = read_ask(cold.asking, payload.subspan(said), message, target);
            said += message;
        } while (message != 0 && said < payload.size() && cold.asking == Asking::socks5_greeted);
        if (cold.asking == Asking::connect_asked && said != 0)
            findings.hint |= look_at_app(*scanner_, parts_, cold, seen, payload);
        if (!has_asked(cold.asking) || said == 0) return said;
        std::array<std::uint8_t, 18> value;
        put_endpoint(target.address, value.data());
        std::size_t length = value.size();
        if (!target.name.empty()) {
            std::array<char, 256> name;
            const std::size_t count = std::min(target.name.size(), name.size());
            for (std::size_t i = 0; i < count; ++i) name[i] = lower(target.name[i]);
            const std::uint64_t hash = hash_bytes(name.data(), count);
            for (std::size_t i = 0; i < 8; ++i) value[i] = static_cast<std::uint8_t>(hash >> (56 - 8 * i));
            std::copy_n(value.begin() + 16, 2, value.begin() + 8);
            length = 10;
        }
        add_hint(cold, HintKind::asked_target, seen, std::span<const std::uint8_t>(value).first(length), findings);
    }
    if (said == 0) return 0;
    restart_head(flow, parts_, offset + static_cast<std::uint32_t>(said));
    flow.sample_count = 0;
    if (said < payload.size())
        add_to_head(flow, parts_, offset + static_cast<std::uint32_t>(said), payload.subspan(said));
    return said;
}

void Study::look_at_http(ColdLeg& cold, const SeenPacket& seen, std::span<const std::uint8_t> payload,
                         StudyFindings& findings) {
    ColdFlow& flow = cold.flows[seen.side];
    const bool continued = flow.in_http_head;
    if (!continued && !may_begin_http(payload[0])) return;
    const HttpHead head = parse_http_head(payload, continued);
    if (!head.request && !head.response && !continued) return;
    flow.in_http_head = !head.complete;
    add_http_hints(cold, seen, head, findings);
}

/// `offset` is the payload's, behind a PROXY header. Says whether this is a connection of HTTP/2.
bool Study::look_at_http2(ColdLeg& cold, const SeenPacket& seen, std::uint32_t offset,
                          std::span<const std::uint8_t> payload, StudyFindings& findings) {
    const bool begins =
        offset == 0 && cold.http2 == 0 && cold.flows[seen.side].isn_from != IsnFrom::none && begins_http2(payload);
    if (cold.http2 == 0 && !begins) return false;
    Http2Talk* talk = parts_.take_http2(cold);
    if (talk == nullptr) return true;
    Http2Reader& reader = talk->sides[seen.side];
    if (begins) reader.pass_by(http2_preface.size());
    const std::size_t skipped = seen.payload().size() - payload.size();
    const auto sent = static_cast<std::uint32_t>(seen.transport->payload_length - skipped);
    const auto missing = static_cast<std::uint32_t>(sent - payload.size());
    reader.arrive(offset, payload, sent);
    HpackText text;
    HttpHead head;
    while (reader.next(payload, text, head)) {
        add_http_hints(cold, seen, head, findings);
        if (head.request) findings.hint |= name_server(parts_, cold, head.host);
    }
    reader.miss(missing);
    return true;
}

/// The readers are given back when neither side's payloads are looked at any more.
void Study::end_http2(const HotLeg& hot, ColdLeg& cold) {
    const Http2Talk& talk = *parts_.take_http2(cold);
    bool goes_on = false;
    for (std::size_t side = 0; side < 2; ++side)
        goes_on |= hot.flows[side].payloads_to_study != 0 && !talk.sides[side].has_stopped();
    if (!goes_on) parts_.give_back_http2(cold);
}

void Study::add_http_hints(ColdLeg& cold, const SeenPacket& seen, const HttpHead& head, StudyFindings& findings) {
    const auto bytes_of = [](std::string_view text) {
        return std::span<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    };
    if (!head.request_id.empty()) {
        const std::string_view id = head.request_id.substr(0, hint_bytes_max);
        const KeptHint* known = parts_.newest_hint(cold);  // a response repeats its request's
        while (known && !(known->kind == HintKind::request_id && known->value() == id))
            known = parts_.hint_before(*known);
        if (!known) add_hint(cold, HintKind::request_id, seen, bytes_of(id), findings);
    }
    if (head.request && head.method != "CONNECT") {
        const std::uint64_t hash = hash_http_request(head);
        std::array<std::uint8_t, 8> value;
        for (std::size_t i = 0; i < 8; ++i) value[i] = static_cast<std::uint8_t>(hash >> (56 - 8 * i));
        add_hint(cold, HintKind::http_request, seen, value, findings);
    }
    std::array<std::uint8_t, 24> trace;
    if (!head.traceparent.empty() && parse_traceparent(head.traceparent, trace))
        add_hint(cold, HintKind::traceparent, seen, trace, findings);
    IpAddress client;
    if (!head.forwarded_for.empty() && parse_forwarded_for(head.forwarded_for, client))
        add_hint(cold, HintKind::forwarded_for, seen, client.bytes, findings);
    if (!head.forwarded.empty() && parse_forwarded(head.forwarded, client))
        add_hint(cold, HintKind::forwarded_for, seen, client.bytes, findings);
}

void Study::look_at_datagram(ColdLeg& cold, const SeenPacket& seen, StudyFindings& findings) {
    ColdFlow& flow = cold.flows[seen.side];
    const auto payload = seen.payload();
    const bool udp = seen.decapped->protocol == static_cast<std::uint8_t>(Protocol::udp);
    if (flow.head_length == 0) set_datagram_head(flow, payload);
    add_sample(cold, seen, udp ? flow.sample_count : seen.transport->seq, 0);
    if (!udp) return;
    findings.hint |= look_at_app(*scanner_, parts_, cold, seen, payload);
    if (seen.transport->source_port == port_dns || seen.transport->destination_port == port_dns) {
        const auto question = dns_question(payload);
        const bool asked = cold.flows[seen.side ^ 1].first_ns != 0;
        if (question && !(question->response && asked))
            add_hint(cold, HintKind::dns_query, seen, question->value, findings);
    } else if (const auto id = quic_initial_id(payload)) {
        add_hint(cold, HintKind::quic_cid, seen, {id->bytes.data(), id->length}, findings);
    }
}

void Study::add_hint(ColdLeg& cold, HintKind kind, const SeenPacket& seen, std::span<const std::uint8_t> value,
                     StudyFindings& findings) {
    value = value.first(std::min(value.size(), hint_bytes_max));
    const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
    for (const KeptHint* known = parts_.newest_hint(cold); known; known = parts_.hint_before(*known))
        if (known->kind == kind && known->side == seen.side && known->value() == text) return;
    if (cold.hint_count == hint_count_max) {
        counters_.add(Reason::hints_without_room);
        return;
    }
    KeptHint* hint = parts_.add_hint(cold);
    if (!hint) return;
    hint->kind = kind;
    hint->side = seen.side;
    hint->length = static_cast<std::uint8_t>(value.size());
    std::copy(value.begin(), value.end(), hint->bytes.begin());
    hint->time_ns = seen.packet->time_ns;
    findings.hint = true;
}

}  // namespace clew::sensor
