// SPDX-License-Identifier: Apache-2.0
// Decides which CURVE keys may connect: ZeroMQ's authentication protocol (ZAP, RFC 27), answered from the owner's
// thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <zmq.hpp>

namespace clew::wire {

class KeyGate {
  public:
    /// `allowed_public`: Z85. Bind it before the sockets it guards.
    KeyGate(zmq::context_t& context, const std::vector<std::string>& allowed_public);

    zmq::socket_t& socket() { return socket_; }
    /// Answers all requests that wait.
    void answer();
    std::uint64_t refused_count() const { return refused_count_; }

  private:
    zmq::socket_t socket_;
    std::set<std::string> allowed_;  ///< the 32 bytes of each key
    std::uint64_t refused_count_ = 0;
};

}  // namespace clew::wire
