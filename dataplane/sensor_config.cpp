// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_config.h"

#include <algorithm>

#include "configs/yaml_reader.h"
#include "dataplane/vault_config.h"

namespace clew::sensor {
namespace {

using configs::YamlMap;

void take_taps(YamlMap& file, SensorConfig& config) {
    file.require("taps");
    for (YamlMap& item : file.list("taps")) {
        TapConfig tap;
        std::string source;
        item.require("name");
        item.take("name", tap.name);
        item.require("source");
        item.take("source", source);
        item.take("queues", tap.queues, 1, queue_count_max);
        if (item.has("name") && tap.name.empty())
            item.mistake("name", "is empty; name the capture point, for example edge");
        const bool taken = std::any_of(config.taps.begin(), config.taps.end(),
                                       [&](const TapConfig& other) { return other.name == tap.name; });
        if (taken) item.mistake("name", "'" + tap.name + "' is there twice; every tap needs a name of its own");
        if (item.has("source")) {
            auto spec = parse_source(source);
            if (spec)
                tap.source = *spec;
            else
                item.mistake("source", spec.error().sentence);
        }
        config.taps.push_back(std::move(tap));
    }
    if (file.has("taps") && config.taps.empty())
        file.mistake("taps", "is empty; give at least one: [{name: edge, source: \"af_xdp:eth1\"}]");
}

/// A time-out in seconds.
void take_seconds(YamlMap& file, const char* key, DurationNs& value) {
    auto seconds = static_cast<std::uint32_t>(value / ns_per_s);
    file.take(key, seconds, 1, 86'400);
    value = seconds * ns_per_s;
}

void take_port(YamlMap& file, const char* key, UdpTunnel kind, TunnelPorts& ports) {
    if (!file.has(key)) return;
    std::uint16_t port = 0;
    file.take(key, port, 1, 65535);
    if (!ports.set(kind, {&port, 1}))
        file.mistake(key, std::to_string(port) + " is the port of another tunnel; give each a port of its own");
}

void take_tunnels(YamlMap& file, DecapSettings& decap) {
    take_port(file, "vxlan_port", UdpTunnel::vxlan, decap.ports);
    take_port(file, "geneve_port", UdpTunnel::geneve, decap.ports);
    auto tunnels = file.map("tunnel_ports");
    for (std::size_t i = 0; i < udp_tunnel_count; ++i) {
        const auto kind = static_cast<UdpTunnel>(i);
        if (!tunnels.has(tunnel_name(kind))) continue;
        std::vector<std::uint32_t> given;
        tunnels.take(tunnel_name(kind), given, 1, 65535);
        const std::vector<std::uint16_t> ports(given.begin(), given.end());
        if (!decap.ports.set(kind, ports))
            tunnels.mistake(tunnel_name(kind), "give at most " + std::to_string(tunnel_port_count_max) +
                                                   " ports, none of them twice or another tunnel's");
    }
    file.take("nvgre", decap.nvgre);
    std::uint16_t cookie = 0;
    const bool given = file.has("l2tp_cookie_bytes");
    file.take("l2tp_cookie_bytes", cookie, 0, 8);
    if (cookie % 4 != 0) file.mistake("l2tp_cookie_bytes", "is 0, 4 or 8 (RFC 3931); leave it out to have it told");
    if (given) decap.l2tp_cookie_bytes = static_cast<std::uint8_t>(cookie);
}

void take_leg_parts(YamlMap& file, LegPartShares& shares) {
    auto parts = file.map("leg_parts");
    parts.take("hints", shares.hints, 0, 100 * hint_count_max);
    parts.take("names", shares.names, 0, 100);
    parts.take("marks", shares.marks, 0, 200);
    parts.take("tcp_oddities", shares.tcp_oddities, 0, 200);
    parts.take("delay_tables", shares.delay_tables, 0, 300);
    parts.take("stream_heads", shares.stream_heads, 0, 200);
    parts.take("http2", shares.http2, 0, 100);
}

void take_limits(YamlMap& file, SensorConfig& config) {
    PipelineSettings& pipeline = config.pipeline;
    file.take("workers", config.workers, 1, worker_count_max);
    file.take("leg_count_max", pipeline.leg_count_max, 1024, 64'000'000);
    take_leg_parts(file, pipeline.leg_parts);
    file.take("segment_count_max", pipeline.segment_count_max, 16, 16'000'000);
    file.take("header_count_max", pipeline.header_count_max, 0, 1'000'000'000);
    file.take("fragment_count_max", pipeline.fragment_count_max, 64, 16'000'000);
    take_seconds(file, "tcp_idle_s", pipeline.tcp_idle_ns);
    take_seconds(file, "tcp_closed_s", pipeline.tcp_closed_ns);
    take_seconds(file, "udp_idle_s", pipeline.udp_idle_ns);
    take_seconds(file, "icmp_idle_s", pipeline.icmp_idle_ns);
    file.take("kernel_stamp_error_us", config.kernel_stamp_error_us, 0, 1'000'000);
    auto memory = file.map("memory");
    std::string huge_pages = "auto";
    memory.take("huge_pages", huge_pages);
    if (huge_pages != "auto" && huge_pages != "never")
        memory.mistake("huge_pages", "'" + huge_pages + "' is neither; write auto or never");
    config.huge_pages_auto = huge_pages == "auto";
    memory.take("mb", config.memory_mb, 64, 1u << 20);
}

void take_vault(YamlMap& file, SensorConfig& config) {
    if (!file.has("vault")) return;
    auto vault = file.map("vault");
    config.vault_directory = "vault/" + config.observer;
    vault.take("directory", config.vault_directory);
    if (config.vault_directory.empty()) vault.mistake("directory", "is empty; name a folder, or leave vault out");
    vault.take("bytes_max", config.vault_bytes_max, 8u << 20, 1ull << 50);
    vault.take("blocks", config.vault_blocks, 2, 256);
    vault.take("block_packets", config.vault_block_packets, 1024, 1u << 20);
    vault.take("block_age_s", config.vault_block_age_s, 1, 3600);
    vault.take("payload_checks", config.vault_payload_checks);
    vault.take("sync", config.vault_sync);
    take_packet_log(vault, config);
}

void take_control(YamlMap& file, SensorConfig& config) {
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
    auto spool = file.map("spool");
    spool.take("directory", config.spool_directory);
    spool.take("bytes_max", config.spool_bytes_max, 1u << 20, 1ull << 44);
}

}  // namespace

Result<SensorConfig> load_sensor_config(const std::string& path) {
    auto parsed = YamlMap::parse_file(path);
    if (!parsed) return tl::make_unexpected(parsed.error());
    YamlMap& file = *parsed;
    SensorConfig config;
    std::string program;
    file.require("program");
    file.take("program", program);
    if (file.has("program") && program != "sensor")
        file.mistake("program", "'" + program + "' is not for clew-sensor; its file starts with program: sensor");
    file.require("observer");
    file.take("observer", config.observer);
    if (file.has("observer") && config.observer.empty())
        file.mistake("observer", "is empty; name this sensor, for example sensor-1");
    config.clock = config.observer;
    file.take("clock", config.clock);
    config.spool_directory = "spool/" + config.observer;
    take_taps(file, config);
    take_limits(file, config);
    take_tunnels(file, config.pipeline.decap);
    file.take("erspan_stamps", config.pipeline.erspan_stamps);
    take_vault(file, config);
    take_control(file, config);
    if (auto finished = file.finish(); !finished) return tl::make_unexpected(finished.error());
    return config;
}

}  // namespace clew::sensor
