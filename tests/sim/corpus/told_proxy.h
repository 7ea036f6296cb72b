// SPDX-License-Identifier: Apache-2.0
// Proxies that are told where to: HTTP CONNECT (RFC 9110), SOCKS5 (RFC 1928, with a password RFC 1929), SOCKS4a. What
// both sides say before the proxy passes bytes on.
#pragma once

#include <string>

#include "tests/sim/corpus/connection.h"

namespace clew::corpus {

/// The client's part. Feed it what comes; it tells what to send next.
class ToldClient {
  public:
    ToldClient(Relay relay, const Told& told, const End& target) : relay_(relay), told_(told), target_(target) {}

    std::string begin() const;
    /// Appends what is to be sent now; when is_done(), `bytes` keeps what came behind the proxy's last word.
    void receive(std::string& bytes, std::string& to_send);
    bool is_done() const { return done_; }

  private:
    std::string request() const;

    Relay relay_;
    const Told& told_;
    End target_;
    std::string held_;
    int step_ = 0;
    bool done_ = false;
};

/// The proxy's part.
class ToldProxy {
  public:
    explicit ToldProxy(Relay relay) : relay_(relay) {}

    /// Appends what is to be answered now; when is_asked(), `bytes` keeps what came behind the request.
    void receive(std::string& bytes, std::string& to_send);
    bool is_asked() const { return asked_; }
    /// What it says once the other connection stands.
    std::string success() const;

  private:
    Relay relay_;
    std::string held_;
    int step_ = 0;
    bool asked_ = false;
};

}  // namespace clew::corpus
