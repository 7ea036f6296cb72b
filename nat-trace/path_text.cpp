// SPDX-License-Identifier: Apache-2.0
// The words that links and paths are printed with.
#include "nat-trace/link.h"
#include "nat-trace/path.h"

namespace clew {

std::string_view to_text(LinkKind kind) {
    switch (kind) {
        case LinkKind::forward: return "forward";
        case LinkKind::snat: return "snat";
        case LinkKind::dnat: return "dnat";
        case LinkKind::fullnat: return "fullnat";
        case LinkKind::nat64: return "nat64";
        case LinkKind::relay: return "relay";
    }
    return "unknown";
}

std::string_view to_text(Grade grade) {
    switch (grade) {
        case Grade::a: return "A";
        case Grade::b: return "B";
        case Grade::c: return "C";
        case Grade::d: return "D";
    }
    return "?";
}

std::string_view to_text(EvidenceBy by) {
    switch (by) {
        case EvidenceBy::isn_forward: return "isn_forward";
        case EvidenceBy::isn_reverse: return "isn_reverse";
        case EvidenceBy::seq_ack_pair: return "seq_ack_pair";
        case EvidenceBy::constant_delta: return "constant_delta";
        case EvidenceBy::payload_head: return "payload_head";
        case EvidenceBy::payload_sample: return "payload_sample";
        case EvidenceBy::toa: return "toa";
        case EvidenceBy::proxy_header: return "proxy_header";
        case EvidenceBy::request_id: return "request_id";
        case EvidenceBy::traceparent: return "traceparent";
        case EvidenceBy::forwarded_for: return "forwarded_for";
        case EvidenceBy::tls_random: return "tls_random";
        case EvidenceBy::dns_query: return "dns_query";
        case EvidenceBy::quic_cid: return "quic_cid";
        case EvidenceBy::http_request: return "http_request";
        case EvidenceBy::icmp_echo: return "icmp_echo";
        case EvidenceBy::same_client: return "same_client";
        case EvidenceBy::same_server: return "same_server";
        case EvidenceBy::tcp_options: return "tcp_options";
        case EvidenceBy::ip_id: return "ip_id";
        case EvidenceBy::same_process: return "same_process";
        case EvidenceBy::timing: return "timing";
        case EvidenceBy::ttl: return "ttl";
        case EvidenceBy::tunnel: return "tunnel";
        case EvidenceBy::contradiction: return "contradiction";
        case EvidenceBy::known_proxy: return "known_proxy";
        case EvidenceBy::asked_target: return "asked_target";
        case EvidenceBy::dns_question: return "dns_question";
    }
    return "unknown";
}

std::string to_text_changes(std::uint16_t changes) {
    struct Word {
        MiddleboxChange bit;
        const char* text;
    };
    constexpr Word words[] = {
        {MiddleboxChange::stripped_timestamps, "stripped timestamps"},
        {MiddleboxChange::added_toa, "added TOA"},
        {MiddleboxChange::stripped_toa, "stripped TOA"},
        {MiddleboxChange::changed_mss, "changed MSS"},
        {MiddleboxChange::added_proxy_header, "added PROXY header"},
        {MiddleboxChange::entered_tunnel, "entered tunnel"},
        {MiddleboxChange::left_tunnel, "left tunnel"},
        {MiddleboxChange::changed_ip_id, "changed IP-ID"},
        {MiddleboxChange::answered_handshake, "answered the handshake itself"},
    };
    std::string text;
    for (const Word& word : words) {
        if (!(changes & static_cast<std::uint16_t>(word.bit))) continue;
        if (!text.empty()) text += ", ";
        text += word.text;
    }
    return text;
}

std::string_view to_text(Unlinked reason) {
    switch (reason) {
        case Unlinked::linked: return "linked";
        case Unlinked::no_candidate: return "no-candidate";
        case Unlinked::ambiguous: return "ambiguous";
        case Unlinked::one_way: return "one-way";
        case Unlinked::capture_gap: return "capture-gap";
        case Unlinked::evicted: return "evicted";
        case Unlinked::unsupported: return "unsupported";
        case Unlinked::clock: return "clock";
        case Unlinked::folded: return "folded";
    }
    return "unknown";
}

}  // namespace clew
