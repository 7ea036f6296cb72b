// SPDX-License-Identifier: Apache-2.0
#include "bpf/agent_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace clew::agent {
namespace {

using testing::HasSubstr;

class AgentConfigTest : public testing::Test {
  protected:
    ~AgentConfigTest() override { std::filesystem::remove(path_); }

    Result<AgentConfig> load(const std::string& text) {
        std::ofstream(path_) << text;
        return load_agent_config(path_);
    }
    std::string mistake(const std::string& text) {
        auto config = load(text);
        return config ? "no mistake was found" : config.error().sentence;
    }

    std::string path_ = testing::TempDir() + "agent_config_" + std::to_string(getpid()) + ".yaml";
};

TEST_F(AgentConfigTest, the_example_loads) {
    auto config = load_agent_config("configs/agent.yaml");
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->observer, "agent-1");
    EXPECT_EQ(config->clock, "host-1");
    EXPECT_EQ(config->tap, "agent-1/sockets");
    EXPECT_EQ(config->control_endpoint, "tcp://127.0.0.1:7411");
    EXPECT_EQ(config->spool_directory, "spool/agent-1");
    EXPECT_EQ(config->spool_bytes_max, 1u << 30);
}

TEST_F(AgentConfigTest, only_program_and_observer_are_required) {
    auto config = load("program: agent\nobserver: a\n");
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(config->clock, "a");
    EXPECT_EQ(config->tap, "a/sockets");
    EXPECT_EQ(config->spool_directory, "spool/a");
    EXPECT_EQ(config->ring_kb, 4096u);
    EXPECT_THAT(config->leave_out, testing::Contains("clew-control"));
    EXPECT_THAT(load("program: agent\nobserver: a\nleave_out: []\n")->leave_out, testing::IsEmpty());
}

TEST_F(AgentConfigTest, mistakes_name_the_key_and_the_remedy) {
    EXPECT_THAT(mistake("program: agent\n"), HasSubstr("observer"));
    EXPECT_THAT(mistake("program: sensor\nobserver: a\n"), HasSubstr("program: agent"));
    EXPECT_THAT(mistake("program: agent\nobserver: a\nring_kb: 1000\n"), HasSubstr("1024"));
    EXPECT_THAT(mistake("program: agent\nobserver: a\nring_kb: 3\n"), HasSubstr("ring_kb"));
    EXPECT_THAT(mistake("program: agent\nobserver: a\nobzerver: b\n"), HasSubstr("obzerver"));
    EXPECT_THAT(mistake("program: agent\nobserver: a\nspool: {bytesmax: 5}\n"), HasSubstr("bytesmax"));
    EXPECT_THAT(mistake("program: agent\nobserver: a\ncontrol: {endpont: x}\n"), HasSubstr("endpont"));
    EXPECT_THAT(mistake("program: agent\nobserver: a\ncontrol:\n  keys:\n    own: x\n"), HasSubstr("server_public"));
    EXPECT_THAT(mistake("program: agent\nobserver: a\ncontrol: {keys: {own: x, server_public: abc}}\n"),
                HasSubstr("'abc' is no public key"));
    EXPECT_THAT(mistake("program: agent\nobserver: a\nspool:\n  bytes_max: 5\n"), HasSubstr("bytes_max"));
}

TEST_F(AgentConfigTest, a_missing_file_is_one_sentence) {
    auto config = load_agent_config("/nonexistent/agent.yaml");
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error().sentence, HasSubstr("/nonexistent/agent.yaml"));
}

}  // namespace
}  // namespace clew::agent
