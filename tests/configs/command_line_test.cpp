// SPDX-License-Identifier: Apache-2.0
#include "configs/command_line.h"

#include <gmock/gmock.h>

namespace clew::configs {
namespace {

struct Outcome {
    std::optional<int> code;
    std::string config, out, err;
};

Outcome parse(std::vector<std::string> words) {
    CLI::App app("A daemon.");
    Outcome outcome;
    app.add_option("--config", outcome.config, "a file")->required();
    words.insert(words.begin(), "/usr/bin/clew-daemon");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    outcome.code = parse_command_line(app, "clew-daemon", static_cast<int>(argv.size()), argv.data());
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
}

TEST(CommandLine, GoesOnWhenAllIsWell) {
    const Outcome outcome = parse({"--config", "x.yaml"});
    EXPECT_EQ(outcome.code, std::nullopt);
    EXPECT_EQ(outcome.config, "x.yaml");
    EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST(CommandLine, HelpAndVersionGoToStdout) {
    EXPECT_THAT(parse({"--help"}).out, testing::HasSubstr("Usage: clew-daemon [OPTIONS]"));
    EXPECT_EQ(parse({"--help"}).code, 0);
    EXPECT_EQ(parse({"--version"}).out, std::string("clew-daemon ") + CLEW_VERSION + "\n");
    EXPECT_EQ(parse({"--version"}).code, 0);
}

TEST(CommandLine, AMistakeIsOneSentence) {
    EXPECT_EQ(parse({}).err, "clew-daemon: --config is required; see 'clew-daemon --help'\n");
    EXPECT_EQ(parse({}).code, 2);
    const Outcome misspelt = parse({"--confg", "x.yaml"});
    EXPECT_EQ(misspelt.err, "clew-daemon: unknown '--confg'; see 'clew-daemon --help'\n");
    EXPECT_EQ(misspelt.code, 2);
    EXPECT_EQ(parse({"--config", "x.yaml", "more"}).code, 2);
}

}  // namespace
}  // namespace clew::configs
