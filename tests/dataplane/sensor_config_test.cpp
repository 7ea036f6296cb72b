// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_config.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace clew::sensor {
namespace {

std::string written(const std::string& text) {
    const std::string path = ::testing::TempDir() + "sensor_config_test.yaml";
    std::ofstream(path) << text;
    return path;
}

std::string mistake(const std::string& text) {
    const auto config = load_sensor_config(written(text));
    if (config) return "no mistake";
    return config.error().sentence;
}

const std::string good = "program: sensor\nobserver: s\ntaps:\n  - {name: a, source: \"af_xdp:eth1\"}\n";

TEST(SensorConfig, TheExampleLoads) {
    const auto config = load_sensor_config("configs/sensor.yaml");
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->observer, "sensor-1");
    EXPECT_EQ(config->clock, "host-1");
    ASSERT_EQ(config->taps.size(), 1u);
    EXPECT_EQ(to_text(config->taps[0].source), "af_xdp:eth1");
    EXPECT_EQ(config->spool_bytes_max, 1073741824u);
}

TEST(SensorConfig, SharesOfRarePartsAreTaken) {
    const auto config = load_sensor_config(written(good + "leg_parts: {hints: 800, stream_heads: 0}\n"));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->pipeline.leg_parts.hints, 800u);
    EXPECT_EQ(config->pipeline.leg_parts.stream_heads, 0u);
    EXPECT_EQ(config->pipeline.leg_parts.names, LegPartShares{}.names);
    EXPECT_NE(mistake(good + "leg_parts: {hints: 801}\n").find("hints"), std::string::npos);
    EXPECT_NE(mistake(good + "leg_parts: {hint: 1}\n").find("hint"), std::string::npos);
}

TEST(SensorConfig, AVaultIsKeptWhereOneIsNamed) {
    EXPECT_EQ(load_sensor_config(written(good))->vault_directory, "");
    const auto plain = load_sensor_config(written(good + "vault: {}\n"));
    ASSERT_TRUE(plain) << plain.error().sentence;
    EXPECT_EQ(plain->vault_directory, "vault/s");
    EXPECT_EQ(plain->vault_bytes_max, 10ull << 30);
    const auto config = load_sensor_config(written(
        good + "vault: {directory: /v, bytes_max: 100000000, block_age_s: 3, payload_checks: false, sync: false}\n"));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->vault_directory, "/v");
    EXPECT_EQ(config->vault_block_age_s, 3u);
    EXPECT_FALSE(config->vault_payload_checks);
    EXPECT_FALSE(config->vault_sync);
    EXPECT_NE(mistake(good + "vault: {bytes_max: 5}\n").find("bytes_max"), std::string::npos);
    EXPECT_NE(mistake(good + "vault: {size: 5}\n").find("size"), std::string::npos);
}

TEST(SensorConfig, WholePacketsAreKeptByRules) {
    EXPECT_FALSE(load_sensor_config(written(good + "vault: {}\n"))->vault_packets);
    const auto config =
        load_sensor_config(written(good + "vault:\n  packets:\n    bytes_max: 100000000\n    block_mb: 8\n    rules:\n"
                                          "      - {taps: [a], inner_bpf: tcp port 443, payload_bytes: 64}\n"
                                          "      - {bpf: vlan 7, leg_packets: 20, from: 2026-11-25T22:00:00Z}\n"));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_TRUE(config->vault_packets);
    EXPECT_EQ(config->vault_packets_block_mb, 8u);
    ASSERT_EQ(config->vault_packets_rules.size(), 2u);
    EXPECT_EQ(config->vault_packets_rules[0].taps, std::vector<TapId>{0});
    EXPECT_EQ(config->vault_packets_rules[0].payload_bytes_max, 64u);
    EXPECT_EQ(config->vault_packets_rules[1].from, 1'795'644'000 * ns_per_s);
    const auto rule = [](const std::string& text) {
        return mistake(good + "vault: {packets: {rules: [{" + text + "}]}}\n");
    };
    EXPECT_NE(rule("bpf: hots 1.2.3.4").find("capture filter"), std::string::npos);
    EXPECT_NE(rule("taps: [nowhere]").find("none of this sensor's taps"), std::string::npos);
    EXPECT_NE(rule("from: yesterday").find("is no time"), std::string::npos);
    EXPECT_NE(rule("payload: 5").find("payload"), std::string::npos);
}

TEST(SensorConfig, DefaultsNeedOnlyATap) {
    const auto config = load_sensor_config(written(good));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->clock, "s");
    EXPECT_EQ(config->spool_directory, "spool/s");
    EXPECT_EQ(config->control_endpoint, "tcp://127.0.0.1:7411");
    EXPECT_TRUE(config->huge_pages_auto);
}

TEST(SensorConfig, EveryKeyIsTaken) {
    const auto config = load_sensor_config(
        written(good +
                "clock: c\nworkers: 2\nleg_count_max: 5000\nheader_count_max: 0\n"
                "segment_count_max: 99\nvxlan_port: 8472\ngeneve_port: 7000\nnvgre: true\nerspan_stamps: "
                "true\nl2tp_cookie_bytes: 8\ntunnel_ports: {fou: [5555, 5556], gue: []}\ntcp_idle_s: 5\n"
                "tcp_closed_s: 6\nudp_idle_s: 7\nicmp_idle_s: 8\nmemory: {huge_pages: never, mb: 100}\n"
                "control: {endpoint: \"tcp://h:1\", keys: {own: f, server_public: \"" +
                std::string(40, 'p') +
                "\"}}\n"
                "spool: {directory: d, bytes_max: 2000000}\n"));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->workers, 2u);
    EXPECT_TRUE(config->pipeline.erspan_stamps);
    EXPECT_TRUE(config->pipeline.decap.nvgre);
    EXPECT_EQ(config->pipeline.decap.l2tp_cookie_bytes, 8);
    EXPECT_EQ(config->pipeline.decap.ports.find(5555), UdpTunnel::fou);
    EXPECT_EQ(config->pipeline.decap.ports.find(5556), UdpTunnel::fou);
    EXPECT_EQ(config->pipeline.decap.ports.find(6080), UdpTunnel::none);
    EXPECT_EQ(config->pipeline.decap.ports.find(8472), UdpTunnel::vxlan);
    EXPECT_EQ(config->pipeline.decap.ports.find(4789), UdpTunnel::none);
    EXPECT_EQ(config->pipeline.udp_idle_ns, 7 * ns_per_s);
    EXPECT_EQ(config->memory_mb, 100u);
    EXPECT_EQ(config->own_key_file, "f");
}

TEST(SensorConfig, MistakesNameKeyValueAndRemedy) {
    EXPECT_NE(mistake("program: agent\nobserver: s\ntaps: [{name: a, source: \"pcap:f\"}]\n").find("program: sensor"),
              std::string::npos);
    EXPECT_NE(mistake("program: sensor\nobserver: s\ntaps: [{name: a, source: \"eth1\"}]\n").find("af_xdp:INTERFACE"),
              std::string::npos);
    EXPECT_NE(mistake("program: sensor\nobserver: s\ntaps: []\n").find("taps"), std::string::npos);
    EXPECT_NE(mistake("program: sensor\nobserver: s\n").find("taps"), std::string::npos);
    EXPECT_NE(mistake(good + "leg_cont_max: 5\n").find("leg_cont_max"), std::string::npos);
    for (const char* nested :
         {"memory: {mbs: 100}\n", "control: {endpont: x}\n", "spool: {bytes: 1}\n", "control: {keys: {x: y}}\n"})
        EXPECT_NE(mistake(good + nested).find("unknown key"), std::string::npos) << nested;
    EXPECT_NE(mistake("program: sensor\nobserver: s\ntaps: [{name: a, source: \"pcap:f\", queue: 2}]\n")
                  .find("did you mean 'queues'?"),
              std::string::npos);
    EXPECT_NE(mistake(good + "leg_count_max: 5\n").find("leg_count_max"), std::string::npos);
    EXPECT_NE(mistake(good + "  - {name: a, source: \"pcap:x\"}\n").find("twice"), std::string::npos);
    EXPECT_NE(mistake(good + "memory: {huge_pages: always}\n").find("never"), std::string::npos);
    EXPECT_NE(mistake(good + "control: {keys: {own: f}}\n").find("server_public"), std::string::npos);
    EXPECT_NE(mistake(good + "control: {keys: {own: f, server_public: abc}}\n").find("'abc' is no public key"),
              std::string::npos);
    EXPECT_FALSE(load_sensor_config("/nonexistent/sensor.yaml"));
}

TEST(SourceSpec, FormsAndMistakes) {
    for (const char* text : {"af_xdp:eth1", "af_packet:veth0", "pci:0000:03:00.1", "pcap:/tmp/a b.pcap"}) {
        const auto spec = parse_source(text);
        ASSERT_TRUE(spec) << text;
        EXPECT_EQ(to_text(*spec), text);
    }
    for (const char* text :
         {"", "af_xdp:", "af_xdp:name-that-is-too-long", "af_xdp:a,b=1", "pci:eth0", "pcap:", "dpdk:0"})
        EXPECT_FALSE(parse_source(text)) << text;
}

}  // namespace
}  // namespace clew::sensor
