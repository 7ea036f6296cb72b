// SPDX-License-Identifier: Apache-2.0
// What the two ends of a connection say to each other, and the reading of it: HTTP/1.1 messages, TLS records, plain
// bytes, DNS, QUIC, ping.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/corpus/hpack.h"
#include "tests/sim/corpus/packet.h"
#include "tests/sim/corpus/rng.h"

namespace clew::corpus {

struct Exchange {
    std::string request, response;  ///< an empty request: the server speaks first
    Nanoseconds pause_ns = 0;       ///< before the request
    Nanoseconds think_ns = 0;       ///< before the response
};

/// One request and its response in HTTP/2, whatever connection they are written on.
struct Http2Exchange {
    Fields request, response, trailers;
    std::string body, answer;
};

enum class Closing : std::uint8_t { client, server, client_reset, server_reset };

struct Talk {
    bool http = false;
    Closing closing = Closing::client;
    std::vector<Exchange> exchanges;
    std::vector<Http2Exchange> http2;  ///< of each exchange, in App::http2; those have only their pauses
};

enum class App : std::uint8_t {
    http,
    http_same,
    http2,
    tls,
    bytes,
    health_check,
    dns,
    dns_same,
    quic,
    udp,
    ping,
    silent,
    refused,
    rejected,
    udp_rejected
};

constexpr bool is_datagram(App app) {
    return app == App::dns || app == App::dns_same || app == App::quic || app == App::udp || app == App::ping ||
           app == App::udp_rejected;
}

/// The names that ids go by; an L7 relay takes any of them for its own.
constexpr const char* request_id_names[] = {"X-Correlation-ID", "x-request-id", "X-Request-ID"};

/// What an HTTP client adds to its requests.
enum class HttpSignal : std::uint8_t { none, request_id, traceparent, forwarded };

Talk make_talk(App app, HttpSignal signal, Rng& rng);

/// Datagrams of an exchange without a transport connection: the server answers the n-th it gets with responses[n].
struct Datagrams {
    std::vector<std::pair<Nanoseconds, std::string>> requests;  ///< pause before, payload
    std::vector<std::vector<std::string>> responses;
};
Datagrams make_datagrams(App app, Rng& rng);

/// Cuts a stream into messages: HTTP by its headers, else by the lengths it was told.
class MessageReader {
  public:
    MessageReader(bool http, std::vector<std::size_t> lengths) : http_(http), lengths_(std::move(lengths)) {}
    void feed(const std::string& bytes, const std::function<void(const std::string&)>& on_message);

  private:
    std::size_t next_length() const;  ///< 0: not known yet

    bool http_;
    std::vector<std::size_t> lengths_;
    std::size_t at_ = 0;
    std::string held_;
};

}  // namespace clew::corpus
