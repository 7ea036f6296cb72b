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

/// What a proxy adds when it passes a stream on.
enum class Relay : std::uint8_t {
    bytes,
    proxy_v1,
    proxy_v2,
    http_plain,
    http_request_id,
    http_traceparent,
    http_forwarded_for
};

/// One transport connection: its ends and the way between.
struct Conversation {
    std::unique_ptr<Route> route;
    Host* client_host = nullptr;
    Host* server_host = nullptr;
    End client, server;  ///< as the client writes them
    std::uint32_t client_isn = 0, server_isn = 0;
    std::unique_ptr<Tcp> client_end, server_end;
    std::optional<Relay> relay;  ///< what stands behind it, towards the next conversation
};

struct Connection {
    std::uint64_t number = 0;
    std::string class_name;
    App app = App::http;
    HttpSignal signal = HttpSignal::none;
    std::vector<Conversation> conversations;
    std::vector<std::vector<std::string>> hops;  ///< by conversation: the kind of each of its middleboxes
    Talk talk;
    Datagrams datagrams;
    // of the ends, as the talk goes on
    std::size_t client_at = 0, server_at = 0;
    std::vector<MessageReader> readers;
    std::string proxy_held;
    bool proxy_expected = false;
    std::function<void()> ended;
};

/// Puts the connection's ends and proxies to work, now. `connection` must stay where it is.
void start(Connection& connection, Events& events, Rng rng);

}  // namespace clew::corpus
