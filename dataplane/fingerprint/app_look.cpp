// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/app_look.h"

#include <algorithm>

#include "dataplane/fingerprint/datagram.h"
#include "dataplane/fingerprint/http.h"
#include "dataplane/fingerprint/tls_hello.h"

namespace clew::sensor {
namespace {

/// The first name there is stays.
bool put_server(LegParts& parts, ColdLeg& cold, std::string_view text) {
    if (text.empty() || parts.names(cold).server[0] != '\0') return false;
    LegNames* names = parts.take_names(cold);
    if (!names) return false;
    put_name(names->server, text);
    return true;
}

bool put_alpn(LegParts& parts, ColdLeg& cold, std::string_view text) {
    LegNames* names = parts.take_names(cold);
    if (!names) return false;
    put_name(names->alpn, text);
    return true;
}

/// "name:port" without its port; an IPv6 address in brackets as it is.
std::string_view without_port(std::string_view host) {
    if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
    return host.substr(0, host.find(':'));
}

bool is_name(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

bool name_server(LegParts& parts, ColdLeg& cold, std::string_view host) {
    const std::string_view name = without_port(host);
    return is_name(name) && put_server(parts, cold, name);
}

namespace {

/// A ServerHello names the protocol that was chosen of those the client wished for.
bool take_tls_names(LegParts& parts, ColdLeg& cold, std::span<const std::uint8_t> payload) {
    const TlsHello hello = parse_tls_hello(payload);
    const bool found = put_server(parts, cold, hello.server_name);
    const std::string_view known = name_in(parts.names(cold).alpn);
    if (hello.alpn.empty() || (hello.client ? !known.empty() : known == hello.alpn)) return found;
    return put_alpn(parts, cold, hello.alpn) || found;
}

bool take_names(LegParts& parts, ColdLeg& cold, std::span<const std::uint8_t> payload) {
    switch (cold.app) {
        case App::tls: return take_tls_names(parts, cold, payload);
        case App::http: {
            if (parts.names(cold).server[0] != '\0') return false;
            return name_server(parts, cold, parse_http_head(payload, false).host);
        }
        case App::dns:
        case App::mdns:
        case App::llmnr: {
            if (parts.names(cold).server[0] != '\0') return false;
            const auto question = dns_question(payload);
            if (!question || !is_name(name_in(question->name))) return false;
            return put_server(parts, cold, name_in(question->name));
        }
        default: return false;
    }
}

}  // namespace

bool look_at_app(AppScanner& scanner, LegParts& parts, ColdLeg& cold, const SeenPacket& seen,
                 std::span<const std::uint8_t> payload) {
    if (payload.empty()) return false;
    ColdFlow& flow = cold.flows[seen.side];
    const auto protocol = static_cast<Protocol>(seen.decapped->protocol);
    bool found = false;
    if (cold.app == App::unknown && flow.scans < scanned_payload_count) {
        ++flow.scans;
        const auto skipped = static_cast<std::uint32_t>(seen.transport->payload_captured - payload.size());
        const PayloadLook look{payload, seen.transport->payload_length - skipped, seen.transport->source_port,
                               seen.transport->destination_port};
        cold.app = scanner.name(look, protocol == Protocol::udp);
        found = cold.app != App::unknown;
    }
    return take_names(parts, cold, payload) || found;
}

}  // namespace clew::sensor
