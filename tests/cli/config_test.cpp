// SPDX-License-Identifier: Apache-2.0
// `clew config check` on good files (all that are in configs/) and on bad ones.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/cli/api_fixture.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;

class ConfigCheck : public testing::Test {
  protected:
    void TearDown() override { std::filesystem::remove(file_); }

    Outcome check(const std::string& text) {
        std::ofstream(file_) << text;
        return run({"config", "check", file_});
    }

    std::string file_ = testing::TempDir() + "clew-config-test-" + std::to_string(getpid()) + ".yaml";
};

TEST_F(ConfigCheck, AllThatIsInConfigsIsGood) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator("configs")) {
        if (entry.path().extension() != ".yaml") continue;
        const Outcome outcome = run({"config", "check", entry.path().string()});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_THAT(outcome.out, HasSubstr(entry.path().string() + ": a good configuration for clew-"));
        ++count;
    }
    EXPECT_GE(count, 3u);
}

TEST_F(ConfigCheck, MistakesHaveLineAndRemedy) {
    const Outcome key = check("program: control\nwire:\n  endpiont: tcp://127.0.0.1:7411\n");
    EXPECT_EQ(key.code, 1);
    EXPECT_EQ(key.out, "");
    EXPECT_THAT(key.err, HasSubstr(file_ + ":3: unknown key 'endpiont'; did you mean 'endpoint'?"));
    EXPECT_THAT(check("program: sensor\nobserver: s\nclock: c\ntaps:\n  - name: a\n    source: foo\n").err,
                HasSubstr(":6: "));
    EXPECT_THAT(check("program: agent\nobserver: a\nclock: c\nring_kb: 1\n").err, HasSubstr("ring_kb"));
}

TEST_F(ConfigCheck, ProgramMustBeNamed) {
    EXPECT_THAT(check("observer: x\n").err, HasSubstr("program: is missing; it is required"));
    EXPECT_THAT(check("program: router\n").err,
                HasSubstr("'router' is none of Clew's programs; write sensor, agent or control"));
    EXPECT_THAT(check("program: [sensor]\n").err, HasSubstr("program: expected text, found a list"));
    EXPECT_THAT(check("").err, HasSubstr("is empty"));
    EXPECT_THAT(check("program: sensor\nprogram: agent\n").err, HasSubstr("stands here twice"));
    EXPECT_EQ(check("program: router\n").code, 1);
}

TEST_F(ConfigCheck, MissingFile) {
    const Outcome outcome = run({"config", "check", "/nonexistent.yaml"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("/nonexistent.yaml: No such file or directory"));
    EXPECT_EQ(run({"config", "check"}).code, 2);
    EXPECT_EQ(run({"config"}).code, 2);
}

}  // namespace
}  // namespace clew::cli
