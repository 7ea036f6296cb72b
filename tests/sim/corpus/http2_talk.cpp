// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/http2_talk.h"

#include <algorithm>

namespace clew::corpus {
namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";

std::string* value_of(Fields& fields, const std::string& name) {
    for (auto& [n, value] : fields)
        if (n == name) return &value;
    return nullptr;
}

std::string* request_id_of(Fields& fields) {
    for (const char* name : {"x-request-id", "x-correlation-id"})
        if (std::string* id = value_of(fields, name)) return id;
    return nullptr;
}

/// What the proxy that stands before `client`'s other end makes of a request and, with its id, of the response.
void rewrite(Relay relay, const End& client, Fields& request, std::string& id, Rng& rng) {
    if (relay == Relay::http_request_id) {
        if (request_id_of(request) == nullptr) request.emplace_back("x-request-id", rng.hex(32));
        id = *request_id_of(request);
    } else if (relay == Relay::http_traceparent) {
        if (std::string* trace = value_of(request, "traceparent"))
            *trace = trace->substr(0, 36) + rng.hex(16) + trace->substr(52);
    } else if (relay == Relay::http_forwarded_for) {
        if (std::string* before = value_of(request, "x-forwarded-for"))
            *before += ", " + to_text(client.ip);
        else
            request.emplace_back("x-forwarded-for", to_text(client.ip));
        request.emplace_back("x-forwarded-proto", "http");
    }
}

void rewrite_response(const std::string& id, Fields& response) {
    if (!id.empty()) response.emplace_back("x-request-id", id);
    if (std::string* server = value_of(response, "server")) *server = "gateway";
    response.emplace_back("via", "2.0 gateway");
}

std::string http1_lines(const Fields& fields, const std::string& body) {
    std::string out;
    for (const auto& [name, value] : fields)
        if (name[0] != ':' && name != "content-length") out += name + ": " + value + "\r\n";
    return out + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string http1_request(Fields fields, const std::string& body) {
    return *value_of(fields, ":method") + " " + *value_of(fields, ":path") +
           " HTTP/1.1\r\nHost: " + *value_of(fields, ":authority") + "\r\n" + http1_lines(fields, body);
}

std::string http1_response(const Fields& fields, const std::string& body) {
    return "HTTP/1.1 200 OK\r\n" + http1_lines(fields, body);
}

}  // namespace

Http2Exchange http2_exchange(bool is_call, HttpSignal signal, Rng& rng) {
    static const char* hosts[] = {"shop.example.com", "api.example.com", "www.example.net", "login.example.org"};
    static const char* paths[] = {"/", "/index.html", "/api/v1/items", "/static/app.js", "/cart", "/login"};
    static const char* calls[] = {"/shop.Cart/Add", "/shop.Cart/List", "/auth.Login/Check", "/media.Store/Get"};
    Http2Exchange out;
    std::string path = is_call ? calls[rng.below(4)] : paths[rng.below(6)];
    if (!is_call && rng.chance(0.6)) path += "?id=" + std::to_string(rng.below(1'000'000'000));
    const bool post = is_call || rng.chance(0.2);
    out.request = {
        {":method", post ? "POST" : "GET"}, {":scheme", "http"}, {":authority", hosts[rng.below(4)]}, {":path", path}};
    if (is_call)
        out.request.insert(out.request.end(), {{"content-type", "application/octet-stream"}, {"te", "trailers"}});
    out.request.emplace_back("user-agent", is_call ? "grpc-go/1.62.0" : "curl/7.88.1");
    if (signal == HttpSignal::request_id)
        out.request.emplace_back(
            rng.chance(0.2) ? "x-correlation-id" : "x-request-id",
            rng.hex(8) + "-" + rng.hex(4) + "-4" + rng.hex(3) + "-a" + rng.hex(3) + "-" + rng.hex(12));
    if (signal == HttpSignal::traceparent)
        out.request.emplace_back("traceparent", "00-" + rng.hex(32) + "-" + rng.hex(16) + "-01");
    if (!is_call && rng.chance(0.5)) out.request.emplace_back("cookie", "session=" + rng.text(26, letters));
    // Calls as gRPC frames them; not named so, since their bodies are no protobuf.
    const auto called = [&](std::size_t size) {
        return std::string("\0\0\0", 3) + static_cast<char>(size >> 8) + static_cast<char>(size) + rng.bytes(size);
    };
    if (post)
        out.body = is_call ? called(static_cast<std::size_t>(rng.between(10, 600)))
                           : "{\"item\":" + std::to_string(rng.below(100'000)) + "}";
    out.response = {{":status", "200"},
                    {"server", "app"},
                    {"content-type", is_call ? "application/octet-stream" : "text/plain"},
                    {"etag", rng.hex(16)}};
    out.answer = is_call ? called(static_cast<std::size_t>(rng.between(10, 1500)))
                         : rng.text(static_cast<std::size_t>(rng.between(20, 2500)), letters);
    if (is_call) out.trailers = {{"grpc-status", "0"}};
    return out;
}

std::vector<std::vector<Exchange>> http2_as_written(const Connection& c, Rng& rng) {
    const std::size_t conversations = c.conversations.size();
    const auto ends_stream = [&](std::size_t n) { return *c.conversations[n].relay >= Relay::http_plain; };
    std::vector<std::vector<Exchange>> out(conversations, c.talk.exchanges);
    for (std::size_t n = 0; n < conversations; ++n) {
        if (n > 0 && !ends_stream(n - 1)) {
            out[n] = out[n - 1];
            continue;
        }
        HpackWriter requests(rng.fork()), responses(rng.fork());
        Rng ids(rng.next());
        for (std::size_t i = 0; i < out[n].size(); ++i) {
            Http2Exchange said = c.talk.http2[i];
            Rng same(c.number * 1000 + i);  // what a proxy adds is the same wherever it is written
            std::vector<std::string> added(conversations);
            for (std::size_t m = 0; m < n; ++m)
                rewrite(*c.conversations[m].relay, c.conversations[m].client, said.request, added[m], same);
            // Proxies nearer to the server change the answer first.
            Fields request_there = said.request;
            for (std::size_t m = n; m + 1 < conversations; ++m)
                rewrite(*c.conversations[m].relay, c.conversations[m].client, request_there, added[m], same);
            for (std::size_t m = conversations - 1; m-- > n;)
                if (ends_stream(m)) rewrite_response(added[m], said.response);
            Exchange& e = out[n][i];
            if (c.conversations[n].writes_http1) {
                e.request = http1_request(said.request, said.body);
                e.response = http1_response(said.response, said.answer);
                continue;
            }
            const auto stream = static_cast<std::uint32_t>(2 * i + 1);
            e.request = (i == 0 ? client_preface(ids) : "") + message(requests, stream, said.request, said.body);
            e.response = (i == 0 ? server_preface(ids) : "") +
                         message(responses, stream, said.response, said.answer, said.trailers);
        }
    }
    return out;
}

}  // namespace clew::corpus
