// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/talk.h"

#include <algorithm>
#include <cstdlib>

#include "tests/sim/corpus/http2_talk.h"

namespace clew::corpus {
namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";

void put16(std::string& out, std::size_t v) {
    out.push_back(static_cast<char>(v >> 8)), out.push_back(static_cast<char>(v));
}

const char* host_name(Rng& rng) {
    static const char* names[] = {"shop.example.com", "api.example.com", "www.example.net", "login.example.org",
                                  "media.example.com"};
    return names[rng.below(5)];
}

std::string address(Rng& rng) { return "203.0.113." + std::to_string(1 + rng.below(250)); }

std::string http_request(App app, HttpSignal signal, Rng& rng) {
    static const char* paths[] = {"/",     "/index.html", "/api/v1/items",  "/static/app.js",
                                  "/cart", "/login",      "/search?q=shoes"};
    std::string path = paths[rng.below(7)];
    if (app == App::health_check)
        return "GET /healthz HTTP/1.1\r\nHost: health\r\nUser-Agent: checker/1.0\r\nConnection: close\r\n\r\n";
    if (app == App::http_same)
        return "GET / HTTP/1.1\r\nHost: www.example.net\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
    const bool post = rng.chance(0.2);
    if (rng.chance(0.5))
        path += (path.find('?') == std::string::npos ? "?id=" : "&id=") + std::to_string(rng.below(1'000'000'000));
    std::string out =
        std::string(post ? "POST " : "GET ") + path + " HTTP/1.1\r\nHost: " + host_name(rng) +
        "\r\nUser-Agent: " + (rng.chance(0.5) ? "curl/7.88.1" : "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36") +
        "\r\nAccept: */*\r\n";
    if (signal == HttpSignal::request_id)
        out += std::string(request_id_names[std::min<std::uint64_t>(rng.below(6), 2)]) + ": " + rng.hex(8) + "-" +
               rng.hex(4) + "-4" + rng.hex(3) + "-a" + rng.hex(3) + "-" + rng.hex(12) + "\r\n";
    if (signal == HttpSignal::traceparent) out += "traceparent: 00-" + rng.hex(32) + "-" + rng.hex(16) + "-01\r\n";
    if (signal == HttpSignal::forwarded) out += "X-Forwarded-For: " + address(rng) + "\r\n";
    if (rng.chance(0.9)) out += "Cookie: session=" + rng.text(26, letters) + "\r\n";
    if (!post) return out + "\r\n";
    const std::string body =
        "{\"item\":" + std::to_string(rng.below(100'000)) + ",\"note\":\"" + rng.text(rng.below(2000), letters) + "\"}";
    return out + "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string http_response(App app, Rng& rng) {
    if (app == App::health_check) return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
    std::string body;
    if (app == App::http_same)
        body = std::string(612, 'x');
    else if (rng.chance(0.8))
        body = rng.text(static_cast<std::size_t>(rng.between(20, 2500)), letters);
    else
        body = rng.bytes(static_cast<std::size_t>(rng.between(3000, 30'000)));
    std::string out = "HTTP/1.1 200 OK\r\nServer: app\r\nContent-Type: text/plain\r\n";
    if (app != App::http_same) out += "ETag: \"" + rng.hex(16) + "\"\r\n";
    return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string record(int type, int version, const std::string& body) {
    std::string out{static_cast<char>(type), 3, static_cast<char>(version)};
    put16(out, body.size());
    return out + body;
}

std::string handshake(int type, const std::string& body) {
    std::string out{static_cast<char>(type), 0};
    put16(out, body.size());
    return out + body;
}

std::string extension(int type, const std::string& body) {
    std::string out;
    put16(out, static_cast<std::size_t>(type)), put16(out, body.size());
    return out + body;
}

std::string client_hello(Rng& rng) {
    const std::string name = host_name(rng);
    std::string sni, list;
    list.push_back(0), put16(list, name.size());
    list += name;
    put16(sni, list.size());
    const std::string extensions = extension(0, sni + list) + extension(43, std::string("\x04\x03\x04\x03\x03", 5)) +
                                   extension(10, std::string("\0\x04\0\x1d\0\x17", 6)) +
                                   extension(13, std::string("\0\x06\x04\x03\x08\x04\x04\x01", 8)) +
                                   extension(51, std::string("\0\x24\0\x1d\0\x20", 6) + rng.bytes(32));
    std::string body = std::string("\x03\x03", 2) + rng.bytes(32);
    body += '\x20' + rng.bytes(32) + std::string("\0\x06\x13\x01\x13\x02\xc0\x2f\x01\0", 10);
    put16(body, extensions.size());
    return record(22, 1, handshake(1, body + extensions));
}

std::string server_hello(Rng& rng) {
    const std::string extensions =
        extension(43, std::string("\x03\x04", 2)) + extension(51, std::string("\0\x1d\0\x20", 4) + rng.bytes(32));
    std::string body =
        std::string("\x03\x03", 2) + rng.bytes(32) + '\x20' + rng.bytes(32) + std::string("\x13\x01\0", 3);
    put16(body, extensions.size());
    return record(22, 3, handshake(2, body + extensions)) + record(20, 3, "\x01") +
           record(23, 3, rng.bytes(static_cast<std::size_t>(rng.between(1500, 4000))));
}

Exchange tls_exchange(std::size_t number, Rng& rng) {
    if (number == 0) return {client_hello(rng), server_hello(rng), 0, 0};
    const std::string finished = number == 1 ? record(20, 3, "\x01") + record(23, 3, rng.bytes(53)) : "";
    return {finished + record(23, 3, rng.bytes(static_cast<std::size_t>(rng.between(80, 900)))),
            record(23, 3, rng.bytes(static_cast<std::size_t>(rng.between(100, 9000)))), 0, 0};
}

}  // namespace

Talk make_talk(App app, HttpSignal signal, Rng& rng) {
    Talk talk;
    talk.http = app == App::http || app == App::http_same || app == App::health_check;
    const double way_out = rng.unit();
    talk.closing = way_out < 0.6    ? Closing::client
                   : way_out < 0.9  ? Closing::server
                   : way_out < 0.95 ? Closing::client_reset
                                    : Closing::server_reset;
    if (app == App::http_same || app == App::health_check) talk.closing = Closing::server;
    const bool is_call = app == App::http2 && rng.chance(0.5);
    const bool server_first = app == App::bytes && rng.chance(0.4);
    const std::size_t count = app == App::health_check || app == App::http_same ? 1
                              : app == App::tls                                 ? 2 + rng.below(3)
                                                                                : 1 + rng.below(4);
    for (std::size_t i = 0; i < count; ++i) {
        Exchange e;
        if (talk.http) {
            e = {http_request(app, signal, rng), http_response(app, rng), 0, 0};
        } else if (app == App::tls) {
            e = tls_exchange(i, rng);
        } else if (app == App::http2) {
            talk.http2.push_back(http2_exchange(is_call, signal, rng));
            e = {"in HTTP/2", "", 0, 0};
        } else {
            e = {i == 0 && server_first ? "" : rng.bytes(static_cast<std::size_t>(rng.between(20, 3000))),
                 rng.bytes(static_cast<std::size_t>(rng.between(20, 6000))), 0, 0};
        }
        e.pause_ns = i == 0 ? rng.between(10, 300) * ns_us : static_cast<Nanoseconds>(rng.exponential(30e6));
        e.think_ns = 50 * ns_us + static_cast<Nanoseconds>(rng.exponential(3e6));
        talk.exchanges.push_back(std::move(e));
    }
    return talk;
}

namespace {

struct Dns {
    std::string query, answer;
};

Dns dns_of(const std::string& name, std::size_t type, Rng& rng) {
    std::string question;
    for (std::size_t at = 0; at < name.size();) {
        const std::size_t dot = std::min(name.find('.', at), name.size());
        question.push_back(static_cast<char>(dot - at));
        question += name.substr(at, dot - at);
        at = dot + 1;
    }
    question.push_back(0);
    put16(question, type), put16(question, 1);
    std::string id;
    put16(id, rng.below(65536));
    Dns out{id + std::string("\x01\0\0\x01\0\0\0\0\0\0", 10) + question,
            id + std::string("\x81\x80\0\x01\0\x01\0\0\0\0", 10) + question + std::string("\xc0\x0c", 2)};
    put16(out.answer, type);
    out.answer += std::string("\0\x01\0\0\x01\x2c", 6);
    put16(out.answer, type == 1 ? 4 : 16);
    out.answer += rng.bytes(type == 1 ? 4 : 16);
    return out;
}

/// Names are asked again and again, and many a resolver asks for A and AAAA from one port.
Datagrams dns(Rng& rng, bool same) {
    static const char* domains[] = {"example.com", "example.net", "svc.cluster.local", "example.org"};
    constexpr std::size_t type_a = 1, type_aaaa = 28;
    const std::string name =
        "h" + std::to_string(same ? rng.below(3) : rng.below(1 + rng.below(200))) + "." + domains[rng.below(4)];
    Datagrams out;
    const auto ask = [&](std::size_t type) {
        const Dns dns = dns_of(name, type, rng);
        out.requests.emplace_back(out.requests.empty() ? 0 : 40 * ns_us, dns.query);
        out.responses.push_back({dns.answer});
    };
    const bool both = rng.chance(0.3);
    ask(both || rng.chance(0.7) ? type_a : type_aaaa);
    if (both) ask(type_aaaa);
    return out;
}

std::string quic_long(int first, const std::string& destination, const std::string& source, bool token,
                      std::size_t size, Rng& rng) {
    std::string out{static_cast<char>(first), 0, 0, 0, 1, static_cast<char>(destination.size())};
    out += destination;
    out.push_back(static_cast<char>(source.size()));
    out += source;
    if (token) out.push_back(0);
    const std::size_t rest = size - out.size() - 2;
    put16(out, 0x4000 | rest);
    return out + rng.bytes(rest);
}

Datagrams quic(Rng& rng) {
    const std::string first = rng.bytes(static_cast<std::size_t>(rng.between(8, 20))),
                      client = rng.chance(0.5) ? rng.bytes(8) : "", server = rng.bytes(8);
    const auto short_header = [&rng](const std::string& to, std::int64_t size) {
        return '\x4b' + to + rng.bytes(static_cast<std::size_t>(size));
    };
    Datagrams out;
    out.requests.emplace_back(0, quic_long(0xc3, first, client, true, 1200, rng));
    out.responses.push_back(
        {quic_long(0xc1, client, server, true, 1200, rng), quic_long(0xe1, client, server, false, 900, rng)});
    out.requests.emplace_back(8 * ns_ms, quic_long(0xe2, server, client, false, 120, rng));
    out.responses.push_back({});
    for (std::uint64_t i = 0, n = 1 + rng.below(5); i < n; ++i) {
        out.requests.emplace_back(rng.between(1, 30) * ns_ms, short_header(server, rng.between(30, 400)));
        out.responses.emplace_back();
        for (std::uint64_t j = 0, m = 1 + rng.below(4); j < m; ++j)
            out.responses.back().push_back(short_header(client, rng.between(100, 1200)));
    }
    return out;
}

}  // namespace

Datagrams make_datagrams(App app, Rng& rng) {
    if (app == App::dns || app == App::dns_same) return dns(rng, app == App::dns_same);
    if (app == App::quic) return quic(rng);
    Datagrams out;
    if (app == App::ping) {
        const bool windows = rng.chance(0.25);
        for (std::uint64_t i = 0, n = 1 + rng.below(5); i < n; ++i) {
            std::string payload = windows ? "abcdefghijklmnopqrstuvwabcdefghi" : rng.bytes(8) + std::string(8, '\0');
            for (int c = 0x10; !windows && payload.size() < 56; ++c) payload.push_back(static_cast<char>(c));
            out.requests.emplace_back(i == 0 ? 0 : 200 * ns_ms, payload);
            out.responses.push_back({payload});
        }
        return out;
    }
    for (std::uint64_t i = 0, n = 1 + rng.below(8); i < n; ++i) {  // telemetry, voice, games
        out.requests.emplace_back(rng.between(1, 40) * ns_ms,
                                  rng.bytes(static_cast<std::size_t>(rng.between(12, 600))));
        out.responses.emplace_back();
        if (rng.chance(0.8)) out.responses.back().push_back(rng.bytes(static_cast<std::size_t>(rng.between(12, 900))));
    }
    return out;
}

std::size_t MessageReader::next_length() const {
    if (!http_) return at_ < lengths_.size() ? lengths_[at_] : 0;
    const std::size_t end = held_.find("\r\n\r\n");
    if (end == std::string::npos) return 0;
    const std::size_t field = held_.find("Content-Length: ");
    const std::size_t body = field < end ? static_cast<std::size_t>(std::atoll(held_.c_str() + field + 16)) : 0;
    return end + 4 + body;
}

void MessageReader::feed(const std::string& bytes, const std::function<void(const std::string&)>& on_message) {
    held_ += bytes;
    for (std::size_t length = next_length(); length != 0 && held_.size() >= length; length = next_length()) {
        const std::string message = held_.substr(0, length);
        held_.erase(0, length);
        ++at_;
        on_message(message);
    }
}

}  // namespace clew::corpus
