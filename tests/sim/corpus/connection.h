// SPDX-License-Identifier: Apache-2.0
// A connection from client to server over everything between: one conversation, or more where proxies end the
// transport connection. Lives until the world ends; one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/corpus/route.h"
#include "tests/sim/corpus/talk.h"
#include "tests/sim/corpus/tcp.h"

namespace clew::corpus {

/// What a proxy adds when it passes a stream on; the ones in the middle are told where to by their client.
enum class Relay : std::uint8_t {
    bytes,
    proxy_v1,
    proxy_v2,
    connect,
    socks5,
    socks4,
    dns_forwarder,
    http_plain,
    http_request_id,
    http_traceparent,
    http_forwarded_for
};

constexpr bool is_told(Relay relay) { return relay >= Relay::connect && relay <= Relay::socks4; }

/// What the client tells besides its target's port.
struct Told {
    std::string name;  ///< empty: the address
    std::string user;  ///< empty: nobody asks
};

/// One transport connection: its ends and the way between.
struct Conversation {
    std::unique_ptr<Route> route;
    Host* client_host = nullptr;
    Host* server_host = nullptr;
    End client, server;  ///< as the client writes them
    std::uint32_t client_isn = 0, server_isn = 0;
    std::unique_ptr<Tcp> client_end, server_end;
    bool writes_http1 = false;   ///< of HTTP/2, what comes here was written anew
    std::optional<Relay> relay;  ///< what stands behind it, towards the next conversation
};

struct DnsMemory;

struct Connection {
    std::uint64_t number = 0;
    std::string class_name;
    App app = App::http;
    HttpSignal signal = HttpSignal::none;
    std::vector<Conversation> conversations;
    std::vector<std::vector<std::string>> hops;  ///< by conversation: the kind of each of its middleboxes
    Talk talk;
    std::vector<std::vector<Exchange>> written;  ///< by conversation, where they are not all `talk`
    Datagrams datagrams;

    /// What is said on a conversation, to the byte.
    const std::vector<Exchange>& said_on(std::size_t n) const { return written.empty() ? talk.exchanges : written[n]; }

    Told told;
    std::shared_ptr<DnsMemory> memory;  ///< of the forwarder in the way
    // of the ends, as the talk goes on
    std::size_t client_at = 0, server_at = 0;
    std::vector<MessageReader> readers;
    std::string proxy_held;
    bool proxy_expected = false;
    std::function<void()> ended;
};

/// A server that speaks first has no request before its first response.
std::vector<std::size_t> request_lengths(const std::vector<Exchange>& said);
std::vector<std::size_t> response_lengths(const std::vector<Exchange>& said);

/// Puts the connection's ends and proxies to work, now. `connection` must stay where it is.
void start(Connection& connection, Events& events, Rng rng);

}  // namespace clew::corpus
