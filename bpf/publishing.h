// SPDX-License-Identifier: Apache-2.0
// The agent's end of the wire: its configuration and counters in the wire's terms.
#pragma once

#include <vector>

#include "bpf/agent_config.h"
#include "bpf/tcp_socket/tcp_socket_probe.h"
#include "nat-trace/result.h"
#include "nat-trace/time.h"
#include "wire/publisher.h"

namespace clew::agent {

/// Reads the key file, where one is configured.
Result<wire::PublisherSettings> publisher_settings(const AgentConfig& config, TimeNs started_ns);

std::vector<v1::Counter> counter_messages(const std::vector<ProbeCount>& counts);

/// The answer to a request for packet headers: sockets have none.
v1::HeaderReply no_headers(const v1::HeaderRequest& request);

}  // namespace clew::agent
