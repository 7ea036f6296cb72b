// SPDX-License-Identifier: Apache-2.0
// One observer's connection to the control plane: connect, greet, keep alive, notice death, start over. Owns the
// socket. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <zmq.hpp>

#include "wire/publisher.h"
#include "wire/socket.h"

namespace clew::wire {

class PublisherSession {
  public:
    /// What came in that the session does not answer itself.
    struct Events {
        std::function<void(std::uint64_t last_sequence)> live;  ///< the handshake is done
        std::function<void()> lost;                             ///< everything unacknowledged must be sent again
        std::function<void(const v1::BatchAck&)> acknowledged;
        std::function<void(const v1::HeaderRequest&)> headers_asked;
    };

    PublisherSession(zmq::context_t& context, const PublisherSettings& settings, Events events);

    bool is_live() const { return state_ == State::live; }
    zmq::socket_t* socket() { return socket_ ? &*socket_ : nullptr; }
    bool wants_writable() const { return state_ == State::connecting; }

    /// Does what is due at `now_ms`: opens, greets, pings, gives up.
    void step(std::int64_t now_ms);
    /// Takes all messages that are there.
    void receive(std::int64_t now_ms);
    /// False when nobody is connected or the queue is full.
    bool send(MessageType type, std::string_view body);
    /// Gives the connection up and makes a new one.
    void reconnect(std::int64_t now_ms) { start_over(now_ms); }

  private:
    enum class State { closed, connecting, greeted, live };
    void open(std::int64_t now_ms);
    void start_over(std::int64_t retry_at_ms);
    void take(const Received& received, std::int64_t now_ms);
    void take_hello_reply(const Received& received, std::int64_t now_ms);
    void log_once(const std::string& sentence);

    zmq::context_t& context_;
    const PublisherSettings& settings_;
    Events events_;
    std::optional<zmq::socket_t> socket_;
    State state_ = State::closed;
    std::int64_t retry_at_ms_ = 0;
    std::int64_t opened_ms_ = 0;
    std::int64_t greeted_ms_ = 0;
    std::int64_t heard_ms_ = 0;
    std::int64_t pinged_ms_ = 0;
    std::string logged_;  ///< the last sentence logged: the same one is not said twice in a row
};

}  // namespace clew::wire
