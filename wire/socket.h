// SPDX-License-Identifier: Apache-2.0
// What publisher and collector share of ZeroMQ: two-part messages, endpoints, heartbeats, wake-ups, and the log line.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message_lite.h>
#include <zmq.hpp>

#include "nat-trace/result.h"
#include "wire/envelope.h"

namespace clew::wire {

constexpr int ping_every_ms = 500;
constexpr int silent_peer_lost_after_ms = 2000;

/// One message as it came in: at most the parts that a message of ours has; more make it malformed.
struct Received {
    std::string peer;  ///< routing id; empty at a DEALER
    zmq::message_t envelope;
    zmq::message_t body;
    bool malformed = false;

    std::span<const std::uint8_t> envelope_bytes_of() const {
        return {static_cast<const std::uint8_t*>(envelope.data()), envelope.size()};
    }
};

/// Takes one message without waiting; false when there is none.
bool receive_message(zmq::socket_t& socket, bool from_router, Received& received);

/// Sends without waiting; false when the peer's queue is full or nobody is connected. `peer` empty: a DEALER sends.
bool send_message(zmq::socket_t& socket, const std::string& peer, MessageType type, std::string_view body = {});
bool send_message(zmq::socket_t& socket, const std::string& peer, MessageType type,
                  const google::protobuf::MessageLite& body);

bool parse_body(const zmq::message_t& body, google::protobuf::MessageLite& message);

/// "tcp://HOST:PORT" or "ipc://PATH"; one sentence naming `key` otherwise. Without encryption the host must be
/// loopback.
Result<void> check_endpoint(const char* key, const std::string& endpoint, bool encrypted);

/// What both ends set: no linger, heartbeats, the limit on a message's size.
void set_common_options(zmq::socket_t& socket, const std::string& endpoint, int message_count_max);

/// Wakes a thread that polls `fd()`; from any thread.
class Waker {
  public:
    Waker();
    ~Waker();
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;
    int fd() const { return fd_; }
    void wake() const;
    void clear() const;

  private:
    int fd_;
};

std::int64_t steady_ms();
std::int64_t wall_ns();

/// One line on standard error: a change of state, never per message.
void log_line(std::string_view who, std::string_view sentence);

}  // namespace clew::wire
