// SPDX-License-Identifier: Apache-2.0
#include "controlplane/control_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "controlplane/gateway_names.h"

namespace clew::control {
namespace {

Result<ControlConfig> load_text(const std::string& text) {
    std::string pattern = (std::filesystem::temp_directory_path() / "clew-config-XXXXXX").string();
    const std::string directory = ::mkdtemp(pattern.data());
    const std::string path = directory + "/control.yaml";
    std::ofstream(path) << text;
    auto config = load_control_config(path);
    std::filesystem::remove_all(directory);
    return config;
}

TEST(ControlConfig, TheExamplesLoad) {
    for (const char* path : {"configs/control.yaml", "configs/region/control.yaml"}) {
        const auto config = load_control_config(path);
        ASSERT_TRUE(config) << path << ": " << config.error().sentence;
        EXPECT_EQ(config->wire.endpoint, "tcp://127.0.0.1:7411");
        EXPECT_EQ(config->api_port, 7480);
        EXPECT_FALSE(config->store.directory.empty());
    }
}

TEST(ControlConfig, DefaultsAreTheDocumentedOnes) {
    const auto config = load_text("program: control\n");
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->wire.endpoint, "tcp://127.0.0.1:7411");
    EXPECT_EQ(config->api_address, "127.0.0.1");
    EXPECT_EQ(config->store.directory, "store");
    EXPECT_EQ(config->store.retention_hours, 72u);
    EXPECT_EQ(config->store.bytes_max, 53'687'091'200u);
    EXPECT_EQ(load_text("program: control\nstore: {url: 'http://127.0.0.1:8123'}\n")->store.bytes_max, 0u);
    EXPECT_EQ(config->engine.leg_age_ns_max, 300 * ns_per_s);
    EXPECT_EQ(config->profile_file, "store.gateways");
    EXPECT_EQ(load_text("program: control\nstore: {directory: 'a/b/'}\n")->profile_file, "a/b.gateways");
    EXPECT_EQ(load_text("program: control\nengine: {profile_file: x}\n")->profile_file, "x");
    EXPECT_EQ(load_text("program: control\nstore: {url: 'http://127.0.0.1:8123'}\n")->profile_file, "");
}

TEST(ControlConfig, GatewaysOfTheInventoryGiveNames) {
    const auto config = load_text(
        "program: control\n"
        "gateways:\n  - {name: natgw-3, address: '02:00:5e:10:00:01'}\n  - {name: lb-1, address: 198.51.100.10}\n");
    ASSERT_TRUE(config) << config.error().sentence;
    v1::GatewayList list;
    for (const char* known_by : {"MAC 02:00:5e:10:00:01", "MAC 02:00:5e:10:00:02", "MAC 02:00:5e:10:00:03"})
        list.add_gateways()->set_known_by(known_by);
    list.mutable_gateways(1)->add_services("198.51.100.10");
    name_gateways(config->gateways, list);
    EXPECT_EQ(list.gateways(0).name(), "natgw-3");
    EXPECT_EQ(list.gateways(1).name(), "lb-1");
    EXPECT_EQ(list.gateways(2).name(), "");
    ASSERT_EQ(list.inventory_size(), 2);
    EXPECT_EQ(list.inventory(1).address(), "198.51.100.10");
    EXPECT_EQ(list.inventory(1).name(), "lb-1");
}

TEST(ControlConfig, MistakesAreNamed) {
    const std::pair<const char*, const char*> cases[] = {
        {"program: sensor\n", "program"},
        {"program: control\nwires: {}\n", "wires"},
        {"program: control\nwire: {endpoints: x}\n", "endpoints"},
        {"program: control\napi: {port: 70000}\n", "70000"},
        {"program: control\nstore: {url: 'http://x:1', directory: y}\n", "exclude"},
        {"program: control\nengine: {settle_ms: soon}\n", "settle_ms"},
        {"program: control\nwire: {keys: {own: a.key, allowed: [abc]}}\n", "abc"},
        {"program: control\nwire: {keys: {onw: a.key}}\n", "onw"},
        {"program: control\napi: {prot: 1}\n", "prot"},
        {"program: control\nengine: {legs: 1}\n", "legs"},
        {"program: control\ngateways: [{name: x}]\n", "address"},
        {"wire: {}\n", "program"},
    };
    for (const auto& [text, named] : cases) {
        const auto config = load_text(text);
        ASSERT_FALSE(config) << text;
        EXPECT_NE(config.error().sentence.find(named), std::string::npos) << config.error().sentence;
    }
    EXPECT_FALSE(load_control_config("/nonexistent/control.yaml"));
}

TEST(ControlConfig, AMissingKeyFileIsASentence) {
    auto config = load_text("program: control\nwire: {keys: {own: /nonexistent/control.key}}\n");
    ASSERT_TRUE(config) << config.error().sentence;
    const auto keys = read_keys(*config);
    ASSERT_FALSE(keys);
    EXPECT_NE(keys.error().sentence.find("/nonexistent/control.key"), std::string::npos);
}

}  // namespace
}  // namespace clew::control
