// SPDX-License-Identifier: Apache-2.0
// The probe tcp_socket, user side: loads and attaches the programs of tcp_socket.bpf.c, and hands their reports on.
// One thread; reports are given to `take` on the caller's thread, from within the call that found them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "bpf/tcp_socket/tcp_socket_event.h"
#include "nat-trace/result.h"

namespace clew::agent {

/// A counter's value since the start.
struct ProbeCount {
    std::string_view name;
    std::string_view text;
    std::uint64_t value = 0;
};

class TcpSocketProbe {
  public:
    using Take = std::function<void(const tcp_socket_event&)>;

    /// From here on the kernel follows every socket; destroying the probe detaches it. `ring_bytes` is a power of two.
    static Result<std::unique_ptr<TcpSocketProbe>> start(std::uint32_t ring_bytes, Take take);
    virtual ~TcpSocketProbe() = default;

    /// Reports the connections that were there before start(). Walks all files of all processes: once, after start().
    virtual Result<void> find_existing() = 0;

    /// Waits at most `timeout_ms`, less when the ring fills up or a signal comes, then hands on what is waiting.
    virtual void poll(int timeout_ms) = 0;

    /// Reports living connections that a process holds as updated: those that went on since their last report, or all.
    /// Walks all files of all processes, like find_existing(): the kernel's walk over the map of sockets is forbidden
    /// by some kernels' policy.
    virtual Result<void> take_census(bool all) = 0;

    virtual std::vector<ProbeCount> counters() const = 0;  ///< from any thread
};

}  // namespace clew::agent
