// SPDX-License-Identifier: Apache-2.0
// The agent's configuration file, read and checked; configs/agent.yaml is the commented example.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nat-trace/result.h"

namespace clew::agent {

constexpr std::uint32_t ring_kb_min = 64;
constexpr std::uint32_t ring_kb_max = 1u << 20;

struct AgentConfig {
    std::string observer;  ///< this agent's name, unique in the installation
    std::string clock;     ///< taps with the same clock are stamped by one; on one host the sensor's and the agent's
    std::string tap;       ///< name of the tap that all sockets are seen at

    std::string control_endpoint = "tcp://127.0.0.1:7411";
    std::string own_key_file;       ///< empty: no encryption
    std::string server_public_key;  ///< Z85, 40 characters

    std::string spool_directory;
    std::uint64_t spool_bytes_max = 1ull << 30;

    /// Commands whose sockets are not reported (counted): Clew's own, so that watching makes nothing to be watched.
    std::vector<std::string> leave_out = {"clew", "clew-agent", "clew-control", "clew-sensor", "clew-store"};

    std::uint32_t ring_kb = 4096;          ///< between kernel and agent; a report takes 176 bytes; a power of two
    std::uint32_t update_interval_s = 10;  ///< how often living connections report what changed; 0 = never
};

Result<AgentConfig> load_agent_config(const std::string& path);

}  // namespace clew::agent
