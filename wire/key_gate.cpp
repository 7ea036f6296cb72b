// SPDX-License-Identifier: Apache-2.0
#include "wire/key_gate.h"

#include "wire/curve_keys.h"

namespace clew::wire {

KeyGate::KeyGate(zmq::context_t& context, const std::vector<std::string>& allowed_public)
    : socket_(context, zmq::socket_type::rep) {
    for (const std::string& key : allowed_public) {
        std::string raw(32, '\0');
        if (is_curve_key(key) && zmq_z85_decode(reinterpret_cast<std::uint8_t*>(raw.data()), key.c_str()))
            allowed_.insert(raw);
    }
    socket_.set(zmq::sockopt::linger, 0);
    socket_.bind("inproc://zeromq.zap.01");
}

void KeyGate::answer() {
    for (;;) {
        // Frames: version, request id, domain, address, identity, mechanism, credentials (CURVE: the public key).
        std::vector<std::string> frames;
        zmq::message_t part;
        do {
            if (!socket_.recv(part, zmq::recv_flags::dontwait)) return;
            frames.push_back(part.to_string());
        } while (socket_.get(zmq::sockopt::rcvmore));
        const bool curve = frames.size() == 7 && frames[5] == "CURVE";
        const bool allowed = curve && allowed_.contains(frames[6]);
        if (!allowed) ++refused_count_;
        const std::string request_id = frames.size() > 1 ? frames[1] : std::string();
        const std::string replies[] = {
            "1.0", request_id, allowed ? "200" : "400", allowed ? "OK" : "this key is not among wire.keys.allowed",
            "",    ""};
        for (std::size_t i = 0; i < std::size(replies); ++i)
            socket_.send(zmq::buffer(replies[i]),
                         i + 1 < std::size(replies) ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
}

}  // namespace clew::wire
