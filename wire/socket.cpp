// SPDX-License-Identifier: Apache-2.0
#include "wire/socket.h"

#include <chrono>
#include <cstdio>

#include <sys/eventfd.h>
#include <unistd.h>

#include "nat-trace/check.h"

namespace clew::wire {

bool receive_message(zmq::socket_t& socket, bool from_router, Received& received) {
    received = Received{};
    zmq::message_t part;
    std::size_t expected = from_router ? 3 : 2;
    std::size_t count = 0;
    do {
        if (!socket.recv(part, zmq::recv_flags::dontwait)) return false;
        const std::size_t position = count + (from_router ? 0 : 1);
        if (position == 0) received.peer = part.to_string();
        if (position == 1) received.envelope = std::move(part);
        if (position == 2) received.body = std::move(part);
        ++count;
    } while (socket.get(zmq::sockopt::rcvmore));
    received.malformed = count != expected;
    return true;
}

bool send_message(zmq::socket_t& socket, const std::string& peer, MessageType type, std::string_view body) {
    const auto envelope = encode_envelope(type);
    const auto more = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
    if (!peer.empty() && !socket.send(zmq::buffer(peer), more)) return false;
    if (!socket.send(zmq::buffer(envelope), more)) return false;
    return socket.send(zmq::buffer(body), zmq::send_flags::dontwait).has_value();
}

bool send_message(zmq::socket_t& socket, const std::string& peer, MessageType type,
                  const google::protobuf::MessageLite& body) {
    return send_message(socket, peer, type, body.SerializeAsString());
}

bool parse_body(const zmq::message_t& body, google::protobuf::MessageLite& message) {
    if (body.size() > message_bytes_max) return false;
    return message.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

Result<void> check_endpoint(const char* key, const std::string& endpoint, bool encrypted) {
    const bool ipc = endpoint.starts_with("ipc://") && endpoint.size() > 6;
    const std::size_t colon = endpoint.rfind(':');
    const bool tcp = endpoint.starts_with("tcp://") && colon > 6 && colon + 1 < endpoint.size();
    if (!ipc && !tcp)
        return fail(ErrorKind::usage, std::string(key) + ": '" + endpoint +
                                          "' is not an endpoint; write tcp://ADDRESS:PORT or ipc://PATH");
    const std::string host = tcp ? endpoint.substr(6, colon - 6) : std::string();
    const bool loopback = ipc || host == "localhost" || host == "[::1]" || host.starts_with("127.");
    if (!encrypted && !loopback)
        return fail(ErrorKind::usage, std::string(key) + ": '" + endpoint +
                                          "' leaves this machine without encryption; set the CURVE keys, or use a "
                                          "loopback or ipc endpoint");
    return {};
}

void set_common_options(zmq::socket_t& socket, const std::string& endpoint, int message_count_max) {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
    socket.set(zmq::sockopt::heartbeat_ivl, ping_every_ms);
    socket.set(zmq::sockopt::heartbeat_timeout, silent_peer_lost_after_ms);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(message_bytes_max));
    socket.set(zmq::sockopt::sndhwm, message_count_max);
    socket.set(zmq::sockopt::rcvhwm, message_count_max);
}

Waker::Waker() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CLEW_CHECK(fd_ >= 0); }
Waker::~Waker() { ::close(fd_); }

void Waker::wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);  // full means: it is awake already
}

void Waker::clear() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
}

std::int64_t steady_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::int64_t wall_ns() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

void log_line(std::string_view who, std::string_view sentence) {
    const std::string line = std::string(who) + ": " + std::string(sentence) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace clew::wire
