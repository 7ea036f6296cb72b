// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault_config.h"

#include <algorithm>
#include <ctime>

namespace clew::sensor {
namespace {

using configs::YamlMap;

/// RFC 3339 in UTC, whole seconds.
void take_time(YamlMap& map, const char* key, TimeNs& time) {
    std::string text;
    map.take(key, text);
    if (text.empty()) return;
    std::tm parts{};
    const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end && *end == '\0')
        time = static_cast<TimeNs>(timegm(&parts)) * ns_per_s;
    else
        map.mistake(key, "'" + text + "' is no time; write it as 2026-11-25T22:00:00Z");
}

void take_rule_taps(YamlMap& map, const SensorConfig& config, vault::PacketRule& rule) {
    std::vector<std::string> names;
    map.take("taps", names);
    for (const std::string& name : names) {
        const auto tap = std::find_if(config.taps.begin(), config.taps.end(),
                                      [&name](const TapConfig& one) { return one.name == name; });
        if (tap == config.taps.end())
            map.mistake("taps", "'" + name + "' is none of this sensor's taps");
        else
            rule.taps.push_back(static_cast<TapId>(tap - config.taps.begin()));
    }
}

void take_filter(YamlMap& map, const char* key, wire::BpfOn on, std::string& expression) {
    map.take(key, expression);
    if (expression.empty()) return;
    if (const auto program = wire::BpfProgram::compile(expression, on); !program)
        map.mistake(key, program.error().sentence);
}

vault::PacketRule take_rule(YamlMap& map, const SensorConfig& config) {
    vault::PacketRule rule;
    take_rule_taps(map, config, rule);
    take_filter(map, "bpf", wire::BpfOn::ethernet, rule.bpf);
    take_filter(map, "inner_bpf", wire::BpfOn::ip, rule.inner_bpf);
    take_time(map, "from", rule.from);
    take_time(map, "until", rule.until);
    if (rule.until != 0 && rule.until <= rule.from) map.mistake("until", "is not after from");
    map.take("payload_bytes", rule.payload_bytes_max, 0, 1u << 16);
    map.take("leg_packets", rule.leg_packets_max, 1, 1'000'000'000);
    map.take("leg_kb", rule.leg_kb_max, 1, 1'000'000'000);
    return rule;
}

}  // namespace

void take_packet_log(YamlMap& vault, SensorConfig& config) {
    if (!vault.has("packets")) return;
    config.vault_packets = true;
    auto packets = vault.map("packets");
    packets.take("bytes_max", config.vault_packets_bytes_max, 32u << 20, 1ull << 50);
    packets.take("blocks", config.vault_packets_blocks, 2, 256);
    packets.take("block_mb", config.vault_packets_block_mb, 1, 256);
    for (YamlMap& rule : packets.list("rules")) config.vault_packets_rules.push_back(take_rule(rule, config));
    packets.take("on_demand", config.vault_packets_on_demand);
    if (config.vault_packets_on_demand && !config.vault_packets_rules.empty())
        packets.mistake("on_demand", "keeps what 'clew vault record' asks for alone; leave it or the rules out");
}

}  // namespace clew::sensor
