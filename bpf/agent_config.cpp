// SPDX-License-Identifier: Apache-2.0
#include "bpf/agent_config.h"

#include <bit>

#include "configs/yaml_reader.h"

namespace clew::agent {
namespace {

void take_control(configs::YamlMap& file, AgentConfig& config) {
    auto control = file.map("control");
    control.take("endpoint", config.control_endpoint);
    auto keys = control.map("keys");
    keys.take("own", config.own_key_file);
    keys.take("server_public", config.server_public_key);
    if (config.own_key_file.empty() != config.server_public_key.empty())
        control.mistake("keys", "give both own (a key file) and server_public, or neither");
    constexpr std::size_t key_characters = 40;
    if (const std::string& key = config.server_public_key; !key.empty() && key.size() != key_characters)
        keys.mistake("server_public", "'" + key.substr(0, 60) + "' is no public key; it has 40 characters of Z85");
}

void take_spool(configs::YamlMap& file, AgentConfig& config) {
    auto spool = file.map("spool");
    spool.take("directory", config.spool_directory);
    spool.take("bytes_max", config.spool_bytes_max, 1u << 20, 1ull << 44);
}

}  // namespace

Result<AgentConfig> load_agent_config(const std::string& path) {
    auto parsed = configs::YamlMap::parse_file(path);
    if (!parsed) return tl::make_unexpected(parsed.error());
    auto& file = *parsed;
    AgentConfig config;
    std::string program;
    file.require("program");
    file.take("program", program);
    if (file.has("program") && program != "agent")
        file.mistake("program", "'" + program + "' is not for clew-agent; its file starts with program: agent");
    file.require("observer");
    file.take("observer", config.observer);
    if (file.has("observer") && config.observer.empty())
        file.mistake("observer", "is empty; name this agent, for example agent-1");
    config.clock = config.observer;
    file.take("clock", config.clock);
    config.tap = config.observer + "/sockets";
    file.take("tap", config.tap);
    if (config.tap.empty()) file.mistake("tap", "is empty; leave the key out for '<observer>/sockets'");
    config.spool_directory = "spool/" + config.observer;
    take_control(file, config);
    take_spool(file, config);
    file.take("ring_kb", config.ring_kb, ring_kb_min, ring_kb_max);
    if (!std::has_single_bit(config.ring_kb))
        file.mistake("ring_kb", "'" + std::to_string(config.ring_kb) + "' is no power of two; use " +
                                    std::to_string(std::bit_ceil(config.ring_kb)));
    file.take("leave_out", config.leave_out);
    file.take("update_interval_s", config.update_interval_s, 0, 86'400);
    if (auto finished = file.finish(); !finished) return tl::make_unexpected(finished.error());
    return config;
}

}  // namespace clew::agent
