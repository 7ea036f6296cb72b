// SPDX-License-Identifier: Apache-2.0
#include "bpf/agent.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace clew::agent {

using Clock = std::chrono::steady_clock;

Agent::Agent(const AgentConfig& config, TimeNs started_ns, Sink sink)
    : sink_(std::move(sink)), leave_out_(config.leave_out), update_interval_ns_(config.update_interval_s * ns_per_s) {
    context_.run = run_hash(config.observer, started_ns);
    context_.clock = measure_clock_offset();
}

Result<std::unique_ptr<Agent>> Agent::start(const AgentConfig& config, TimeNs started_ns, Sink sink) {
    std::unique_ptr<Agent> agent(new Agent(config, started_ns, std::move(sink)));
    auto probe =
        TcpSocketProbe::start(config.ring_kb * 1024, [self = agent.get()](const auto& event) { self->take(event); });
    if (!probe) return tl::make_unexpected(probe.error());
    agent->probe_ = std::move(*probe);
    return agent;
}

bool Agent::left_out(const Process& process) const {
    return std::find(leave_out_.begin(), leave_out_.end(), process.name()) != leave_out_.end();
}

void Agent::take(const tcp_socket_event& event) {
    Leg leg = to_leg(event, context_);
    if (left_out(leg.process)) {
        legs_left_out_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    if (stopping_ && leg.phase != LegPhase::ended) {
        leg.phase = LegPhase::ended;
        leg.end = LegEnd::flushed;
    }
    (sink_(leg) ? legs_reported_ : legs_refused_).fetch_add(1, std::memory_order_relaxed);
}

Result<void> Agent::report_existing() { return probe_->find_existing(); }

Result<void> Agent::run(const std::atomic<bool>& stop) {
    const auto update_interval = std::chrono::nanoseconds(update_interval_ns_);
    auto next_update = Clock::now() + update_interval, next_clock = Clock::now();
    while (!stop.load(std::memory_order_relaxed)) {
        probe_->poll(poll_interval_ms);
        const auto now = Clock::now();
        if (now >= next_clock) {
            context_.clock = measure_clock_offset();
            next_clock = now + std::chrono::seconds(1);
        }
        if (update_interval_ns_ > 0 && now >= next_update) {
            if (auto census = probe_->take_census(false); !census) return census;
            next_update = now + update_interval;
        }
    }
    probe_->poll(0);
    stopping_ = true;
    return probe_->take_census(true);
}

std::vector<ProbeCount> Agent::counters() const {
    auto counts = probe_->counters();
    counts.push_back({"legs_reported", "reports of sockets handed on", legs_reported_.load(std::memory_order_relaxed)});
    counts.push_back({"legs_refused", "reports of sockets dropped because the way to the control plane was full",
                      legs_refused_.load(std::memory_order_relaxed)});
    counts.push_back({"legs_left_out", "reports of sockets of commands that the configuration leaves out",
                      legs_left_out_.load(std::memory_order_relaxed)});
    return counts;
}

}  // namespace clew::agent
