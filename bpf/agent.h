// SPDX-License-Identifier: Apache-2.0
// The agent's run: probe → legs → sink, until it is told to stop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bpf/agent_config.h"
#include "bpf/tcp_socket/tcp_socket_leg.h"
#include "bpf/tcp_socket/tcp_socket_probe.h"
#include "nat-trace/leg.h"
#include "nat-trace/result.h"

namespace clew::agent {

/// How long a report may wait in the kernel's ring before it is read.
constexpr int poll_interval_ms = 20;

class Agent {
  public:
    /// Takes a leg; false when there was no room (counted). On the thread that calls the agent.
    using Sink = std::function<bool(const Leg&)>;

    static Result<std::unique_ptr<Agent>> start(const AgentConfig& config, TimeNs started_ns, Sink sink);

    /// Reports the connections that are there already, in the order found. Once, before run().
    Result<void> report_existing();

    /// Returns when `stop` is set: what lives then was reported as ended (flushed).
    Result<void> run(const std::atomic<bool>& stop);

    std::vector<ProbeCount> counters() const;  ///< from any thread

  private:
    Agent(const AgentConfig& config, TimeNs started_ns, Sink sink);
    void take(const tcp_socket_event& event);
    bool left_out(const Process& process) const;

    SocketLegContext context_;
    Sink sink_;
    std::vector<std::string> leave_out_;
    DurationNs update_interval_ns_;
    bool stopping_ = false;
    std::atomic<std::uint64_t> legs_reported_ = 0;
    std::atomic<std::uint64_t> legs_refused_ = 0;
    std::atomic<std::uint64_t> legs_left_out_ = 0;
    std::unique_ptr<TcpSocketProbe> probe_;
};

}  // namespace clew::agent
