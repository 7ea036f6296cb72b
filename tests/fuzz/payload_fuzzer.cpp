// SPDX-License-Identifier: Apache-2.0
// Everything that reads payloads: the application scanner with its checks, TLS hellos, HTTP heads, HTTP/2 in three
// pieces, DNS questions, QUIC ids, PROXY headers, what a proxy is told, TCP options. The first byte says whether it is
// a datagram, the second which ports it has, the third how much longer it was on the wire.
#include <cstdint>
#include <cstring>
#include <memory>

#include "dataplane/fingerprint/app_scanner.h"
#include "dataplane/fingerprint/asked_target.h"
#include "dataplane/fingerprint/datagram.h"
#include "dataplane/fingerprint/http.h"
#include "dataplane/fingerprint/http2.h"
#include "dataplane/fingerprint/proxy_header.h"
#include "dataplane/fingerprint/tcp_options.h"
#include "dataplane/fingerprint/tls_hello.h"
#include "nat-trace/check.h"

namespace {

bool inside(std::string_view part, std::span<const std::uint8_t> whole) {
    if (part.empty()) return true;
    const auto* at = reinterpret_cast<const std::uint8_t*>(part.data());
    return at >= whole.data() && at + part.size() <= whole.data() + whole.size();
}

/// In three pieces, of which the second may be cut short.
void read_http2(std::span<const std::uint8_t> payload, std::uint8_t where) {
    using namespace clew::sensor;
    static Http2Talk talk;
    talk = {};
    Http2Reader& reader = talk.sides[0];
    const std::size_t first = payload.size() * (where & 15u) / 16, second = payload.size() * (where >> 4) / 16;
    const std::size_t cuts[] = {0, std::min(first, second), std::max(first, second), payload.size()};
    HpackText text;
    HttpHead head;
    for (std::size_t n = 0; n < 3; ++n) {
        const auto sent = static_cast<std::uint32_t>(cuts[n + 1] - cuts[n]);
        std::span<const std::uint8_t> bytes = payload.subspan(cuts[n], n == 1 && (where & 1) ? sent / 2 : sent);
        const auto missing = static_cast<std::uint32_t>(sent - bytes.size());
        reader.arrive(static_cast<std::uint32_t>(cuts[n]), bytes, sent);
        const std::span<const std::uint8_t> kept(reinterpret_cast<const std::uint8_t*>(text.bytes.data()),
                                                 text.bytes.size());
        while (reader.next(bytes, text, head))
            for (const std::string_view part :
                 {head.request_id, head.traceparent, head.forwarded_for, head.forwarded, head.host})
                CLEW_CHECK(inside(part, kept));
        reader.miss(missing);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    using namespace clew::sensor;
    static AppScanner scanner;
    if (size < 3) return 0;
    const std::size_t length = size - 3;
    const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[length]);
    std::memcpy(exact.get(), input + 3, length);
    const std::span<const std::uint8_t> payload(exact.get(), length);
    constexpr std::uint16_t ports[] = {53, 123, 137, 443, 5353, 5355, 51820, 23};
    const PayloadLook look{payload, static_cast<std::uint32_t>(length + input[2]), 40000, ports[input[1] % 8]};
    const clew::App app = scanner.name(look, (input[0] & 1) != 0);
    CLEW_CHECK(static_cast<std::size_t>(app) < clew::app_count);
    const TlsHello hello = parse_tls_hello(payload);
    CLEW_CHECK(inside(hello.server_name, payload) && inside(hello.alpn, payload));
    const HttpHead head = parse_http_head(payload, (input[0] & 2) != 0);
    for (const std::string_view part :
         {head.method, head.uri, head.host, head.request_id, head.traceparent, head.forwarded_for, head.forwarded})
        CLEW_CHECK(inside(part, payload));
    const std::string_view whole(reinterpret_cast<const char*>(payload.data()), payload.size());
    clew::IpAddress client;
    parse_forwarded_for(whole, client);
    parse_forwarded(whole, client);
    read_http2(payload, input[2]);
    const auto asking = static_cast<Asking>(input[2] % 6);
    std::size_t byte_count = 0;
    AskedTarget target;
    read_ask(asking, payload, byte_count, target);
    CLEW_CHECK(byte_count <= length && inside(target.name, payload));
    read_reply(asking, payload, byte_count);
    CLEW_CHECK(byte_count <= length);
    tls_client_random(payload);
    dns_question(payload);
    quic_initial_id(payload);
    parse_proxy_header(payload);
    parse_tcp_options(payload);
    return 0;
}
