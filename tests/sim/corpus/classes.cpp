// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/classes.h"

namespace clew::corpus {

const std::vector<ClassSpec>& class_specs() {
    using enum App;
    using enum HttpSignal;
    static const std::vector<ClassSpec> specs{
        // headers rewritten, all else kept
        {"forward", http, "router"},
        {"forward-v6", http, "v6 router"},
        {"snat", http, "snat"},
        {"dnat", tls, "dnat"},
        {"nat-both", http, "nat"},
        {"fullnat", http, "fullnat"},
        {"snat+dnat", http, "[vlan] snat dnat"},
        {"chain-3", tls, "[vxlan] snat router dnat"},
        {"chain-4", http, "[vxlan] snat dnat router fullnat"},
        {"chain-5", bytes, "[vxlan] snat dnat snat fullnat [vlan] dnat"},
        {"v6-snat+dnat", tls, "v6 [vxlan] snat dnat"},
        // tunnels in and out
        {"tunnel-vxlan", http, "[vxlan] snat [vxlan] router"},
        {"tunnel-geneve", tls, "[geneve] dnat [vlan] router [geneve] router"},
        {"tunnel-gre", http, "[grekey] snat [gre] dnat"},
        {"tunnel-ipip", bytes, "[ipip] router dnat [ipip] router"},
        {"tunnel-nested", http, "[vlan/vxlan] router [ipip/vxlan] snat [gre/ipip] dnat"},
        // sequence numbers shifted
        {"delta", http, "delta"},
        {"delta-toa-data", bytes, "delta:data"},
        {"delta-timestamps", tls, "delta:ts"},
        {"delta-no-toa", http, "delta:notoa"},
        {"delta-no-room", bytes, "delta:noroom"},
        {"v6-delta", http, "v6 delta"},
        {"snat+delta+dnat", http, "[vxlan] snat delta:notoa dnat"},
        {"synproxy", http, "synproxy"},
        {"synproxy-timestamps", tls, "synproxy:ts"},
        {"fullnat+synproxy", http, "synproxy:fullnat"},
        {"snat+synproxy+dnat", tls, "[vxlan] snat synproxy:fullnat dnat"},
        {"firewall", http, "fw"},
        {"firewall-pat", tls, "fw:pat:id"},
        {"firewall-no-timestamps", bytes, "fw:nots"},
        {"snat+firewall+delta", http, "[vxlan] snat fw delta"},
        {"nat64", http, "nat64"},
        {"nat64+dnat", tls, "nat64 dnat"},
        {"router+nat64+delta", http, "[vxlan] router nat64 delta:notoa"},
        // balancers whose servers answer directly
        {"dr-l2", http, "router dr:l2"},
        {"dr-ipip", tls, "router dr:ipip"},
        {"dr-gre", http, "snat dr:gre"},
        {"dr-vxlan", bytes, "[vxlan] snat dr:vxlan"},
        {"dr-geneve", http, "router dr:geneve"},
        // proxies
        {"relay-v1", http, "relay:v1", none, "signal"},
        {"relay-v2", bytes, "relay:v2", none, "signal"},
        {"v6-relay-v2", http, "v6 [vlan/vlan] relay:v2", none, "signal"},
        {"snat+relay-v2+dnat", tls, "[vxlan] snat relay:v2 dnat", none, "signal"},
        {"relay-tls", tls, "relay", none, "signal"},
        {"relay-bytes", bytes, "relay", none, "stream"},
        {"relay-http", http, "relay", none, "stream"},
        {"snat+relay-bytes+delta", bytes, "snat relay delta:notoa", none, "stream"},
        {"relay-same", http_same, "relay", none, "same"},
        {"http-request-id", http, "http:id", request_id, "signal"},
        {"http-request-id-added", http, "http:id", none, "signal"},
        {"http-traceparent", http, "http:trace", traceparent, "signal"},
        {"http-forwarded-for", http, "http:for", none, "signal"},
        {"http-forwarded-chain", http, "http:for", forwarded, "signal"},
        {"snat+http+dnat", http, "[vxlan] snat http:id dnat", request_id, "signal"},
        {"relay-v2+http", http, "relay:v2 http:id", request_id, "signal"},
        {"http-plain", http, "http", none, "stream"},
        {"connect-bytes", bytes, "connect", none, "stream"},
        {"connect-tls", tls, "[vxlan] snat connect:name:user", none, "signal"},
        {"socks5-bytes", bytes, "snat socks5", none, "stream"},
        {"socks5-name", http, "socks5:name:user", none, "stream"},
        {"socks4-bytes", bytes, "socks4:name", none, "stream"},
        {"http2-request-id", http2, "http:id", request_id, "signal"},
        {"http2-traceparent", http2, "[vxlan] snat http:trace", traceparent, "signal"},
        {"http2-forwarded-for", http2, "http:for", none, "signal"},
        {"http2-to-http", http2, "http:id:1", request_id, "signal"},
        // no transport connection
        {"dns", dns, "[vxlan] snat dnat", none, "datagram"},
        {"dns-router", dns, "router", none, "datagram"},
        {"dns-forwarder", dns, "snat forwarder router", none, "same"},
        {"dns-forwarder-same", dns_same, "forwarder", none, "same"},
        {"quic", quic, "snat dnat", none, "datagram"},
        {"udp", udp, "[vxlan] snat router fullnat", none, "datagram"},
        {"icmp", ping, "[vxlan] snat router", none, "datagram"},
        {"icmp-dnat", ping, "snat dnat", none, "datagram"},
        // never complete
        {"unanswered", silent, "[vxlan] snat dnat", none, "opening"},
        {"unanswered-delta", silent, "snat delta", none, "opening"},
        {"refused", refused, "[vxlan] snat router dnat", none, "opening"},
        {"refused-delta", refused, "snat delta", none, "opening"},
        {"rejected", rejected, "[vxlan] snat router dnat", none, "opening"},
        {"rejected-delta", rejected, "snat delta", none, "opening"},
        {"udp-rejected", udp_rejected, "[vxlan] snat dnat", none, "datagram"},
        {"loop", silent, "[vxlan] snat router loop", none, "opening"},
        {"syn-eaten", http, "[vxlan] snat eats dnat", none, "opening"},
        {"answer-eaten", http, "[vxlan] snat mutes dnat", none, "opening"},
        {"reset-middlebox", http, "[vxlan] snat resets dnat", none, "opening"},
        {"rejected-middlebox", http, "[vxlan] snat resets:syn dnat", none, "opening"},
        // low entropy by nature
        {"health-check", health_check, "snat", none, "hard"},
        {"scan", refused, "snat router", none, "hard"},
    };
    return specs;
}

const ClassSpec* find_class(std::string_view name) {
    for (const ClassSpec& spec : class_specs())
        if (spec.name == name) return &spec;
    return nullptr;
}

std::vector<std::string> words_of(std::string_view text, char divider) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t end = text.find(divider);
        if (end != 0) out.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return out;
}

}  // namespace clew::corpus
