// SPDX-License-Identifier: Apache-2.0
// A machine at an end of connections: what its network stack writes into headers.
#pragma once

#include "tests/sim/corpus/packet.h"
#include "tests/sim/corpus/rng.h"

namespace clew::corpus {

enum class IpIdPolicy : std::uint8_t {
    zero,            ///< always 0 with DF
    socket_counter,  ///< a counter for each socket, random start (Linux)
    host_counter,    ///< one counter for all the host sends (Windows)
    random,          ///< BSD
};

struct Host {
    IpIdPolicy ip_id = IpIdPolicy::socket_counter;
    std::uint8_t ttl = 64;
    bool timestamps = true, sack = true;
    int window_scale = 7;
    std::uint16_t mss = 1460;
    std::uint16_t syn_window = 64240;
    std::uint16_t id_counter = 0;
    std::string extra_options;  ///< stand in every segment behind the handshake's SYNs

    static Host any(Rng& rng);
};

inline Host Host::any(Rng& rng) {
    Host host;
    host.id_counter = static_cast<std::uint16_t>(rng.word());
    const std::uint64_t kind = rng.below(10);
    if (kind < 6) return host;  // Linux
    if (kind < 8) {             // Windows
        host.ip_id = IpIdPolicy::host_counter;
        host.ttl = 128;
        host.timestamps = false;
        host.window_scale = 8;
    } else if (kind == 8) {  // BSD, macOS
        host.ip_id = rng.chance(0.5) ? IpIdPolicy::random : IpIdPolicy::zero;
        host.window_scale = 6;
        host.syn_window = 65535;
    } else {  // something small
        host.ip_id = IpIdPolicy::zero;
        host.ttl = rng.chance(0.5) ? 255 : 64;
        host.timestamps = host.sack = false;
        host.window_scale = -1;
        host.mss = rng.chance(0.5) ? 536 : 1400;
        host.syn_window = 16384;
    }
    return host;
}

/// What one socket adds to its host.
class IpIds {
  public:
    IpIds(Host& host, Rng& rng) : host_(host), counter_(static_cast<std::uint16_t>(rng.word())), rng_(rng.fork()) {}
    std::uint16_t next() {
        switch (host_.ip_id) {
            case IpIdPolicy::socket_counter: return counter_++;
            case IpIdPolicy::host_counter: return host_.id_counter++;
            case IpIdPolicy::random: return static_cast<std::uint16_t>(rng_.word());
            default: return 0;
        }
    }

  private:
    Host& host_;
    std::uint16_t counter_;
    Rng rng_;
};

}  // namespace clew::corpus
