// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 for inside the house (Boost.Beast underneath, kept out of this header): a blocking client and a small
// server. Used by the API, by the CLI, by the store's client and by clew-store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/http/departure.h"
#include "nat-trace/result.h"

namespace clew::http {

struct Request {
    std::string method = "GET";
    std::string target = "/";  ///< path and query, percent-encoded
    std::string content_type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    /// Of a server: of who asked; a connection that the client has closed, or closed for sending, counts as left.
    /// Given to a client: the request is given up when it is left. May be null there.
    std::shared_ptr<Departure> departure = {};
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    /// Server: set, the body is what it returns, piece after piece, sent as it comes, with a pause of next_period_ms
    /// between; an empty piece ends it, as do the client that goes, the server that ends and an exception, which the
    /// client sees as broken off. Called on one of the server's threads, in an AnswerScope, never twice at a time for a
    /// response.
    std::function<std::string()> next = {};
    std::uint32_t next_period_ms = 1000;
};

/// Bytes of one request's or response's header block; more is refused (431).
constexpr std::uint32_t header_bytes_max = 64u << 10;
/// Bytes of one response's body that a client takes in.
constexpr std::uint64_t response_bytes_max = 1ull << 30;

/// One kept-alive connection; one thread at a time. Connects at the first request and again after a failure. A kept
/// connection that died is made anew once, when the request was not sent yet or is a GET or HEAD.
class Client {
  public:
    /// `url`: "http://HOST:PORT". Fails (usage) when it is not one.
    static Result<std::unique_ptr<Client>> create(const std::string& url, std::uint32_t timeout_ms);
    virtual ~Client() = default;
    /// Fails with ErrorKind::unreachable when nobody answers within timeout_ms, and with ErrorKind::failed when
    /// `request.departure` was left; any HTTP status is a success here.
    virtual Result<Response> send(const Request& request) = 0;
};

struct ServerSettings {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;                      ///< 0: the kernel picks one, see Server::port()
    std::uint32_t thread_count = 2;              ///< that run the handler; one more does all reading and writing
    std::uint32_t connection_count_max = 256;    ///< more get 503
    std::uint64_t body_bytes_max = 64ull << 20;  ///< more get 413
    std::uint32_t stream_count_max = 64;         ///< answers in pieces at once; more get 503
    std::uint32_t idle_timeout_ms = 60'000;  ///< for the next request to arrive whole, and for a response to be taken
};

/// Answers one request; runs on one of the server's threads, in an AnswerScope. What it throws is answered with 500.
/// It is not called for who has left already.
using Handler = std::function<Response(const Request&)>;

class Server {
  public:
    /// Fails with one sentence (address in use, not allowed) when it cannot listen.
    static Result<std::unique_ptr<Server>> start(const ServerSettings& settings, Handler handler);
    virtual ~Server() = default;  ///< stops accepting, lets running handlers end, joins the threads
    virtual std::uint16_t port() const = 0;
};

/// "/a/b?x=1&y=%20" → path "/a/b", as written, and decoded parameters ('+' is a space there); a fragment is left out.
/// Never fails: a '%' that starts no escape stands for itself.
struct Target {
    std::string path;
    std::vector<std::pair<std::string, std::string>> parameters;
    std::string parameter(std::string_view name, std::string fallback = {}) const;
};
Target parse_target(std::string_view target);
std::string percent_encode(std::string_view text);  ///< all but letters, digits and "-_.~"
std::string percent_decode(std::string_view text);  ///< for a piece of a path: '+' stays

}  // namespace clew::http
