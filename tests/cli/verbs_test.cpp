// SPDX-License-Identifier: Apache-2.0
// The program as a person runs it: arguments in, output, sentences and exit codes out.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/cli/api_fixture.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Verbs : public ApiFixture {};

TEST(Usage, MistakesEndWithTwoAndPointAtHelp) {
    const std::vector<std::vector<std::string>> mistakes = {{},
                                                            {"pths"},
                                                            {"paths", "--sinse", "5m"},
                                                            {"paths", "--format", "xml"},
                                                            {"paths", "--limit", "0"},
                                                            {"paths", "--since"},
                                                            {"path"},
                                                            {"path", "show"},
                                                            {"ladder"},
                                                            {"ladder", "9f3a", "--format", "xml"},
                                                            {"status", "extra"}};
    for (const auto& arguments : mistakes) {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, 2) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        EXPECT_THAT(outcome.err, StartsWith("clew: "));
        EXPECT_THAT(outcome.err, HasSubstr("--help'"));
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
}

TEST(Usage, AVerbThatIsNotThereIsNamed) {
    EXPECT_EQ(run({}).err, "clew: a verb is missing; see 'clew --help'\n");
    EXPECT_EQ(run({"path"}).err, "clew: a verb is missing; see 'clew path --help'\n");
    EXPECT_THAT(run({"pths"}).err, HasSubstr("there is no verb 'pths'; see 'clew --help'"));
    EXPECT_THAT(run({"path", "shw"}).err, HasSubstr("there is no verb 'shw'; see 'clew path --help'"));
}

TEST(Usage, BadTimesNameTheOption) {
    const Outcome since = run({"paths", "--since", "yesterday"});
    EXPECT_EQ(since.code, 2);
    EXPECT_THAT(since.err, StartsWith("clew: --since: 'yesterday' is not a time"));
    const Outcome until = run({"paths", "--since", "5m", "--until", "10m"});
    EXPECT_EQ(until.code, 2);
    EXPECT_THAT(until.err, HasSubstr("is not after --since"));
    EXPECT_EQ(run({"ladder", "9f3a", "--from", "x"}).code, 2);
    EXPECT_EQ(run({"paths", "--api", "not a url"}).code, 2);
}

TEST(Usage, HelpHasExamples) {
    for (const char* verb : {"paths", "ladder", "status"}) {
        const Outcome outcome = run({verb, "--help"});
        EXPECT_EQ(outcome.code, 0);
        EXPECT_THAT(outcome.out, HasSubstr("Examples:\n  clew " + std::string(verb)));
    }
    EXPECT_THAT(run({"--help"}).out, testing::AllOf(HasSubstr("Exit codes:"), HasSubstr("Verbs:\n")));
    EXPECT_THAT(run({"path", "--help"}).out, testing::Not(HasSubstr("clew doctor"))) << "another verb's examples";
    EXPECT_THAT(run({"--version"}).out, StartsWith("clew "));
}

TEST(Usage, NobodyListening) {
    const Outcome outcome = run({"paths", "--api", "http://127.0.0.1:1"});
    EXPECT_EQ(outcome.code, 6);
    EXPECT_THAT(outcome.err, HasSubstr("is clew-control running?"));
    EXPECT_EQ(run({"status", "--api", "http://127.0.0.1:1"}).code, 6);
    EXPECT_EQ(run({"path", "show", "9f3a", "--api", "http://127.0.0.1:1"}).code, 6);
}

TEST_F(Verbs, PathsAskForTheSpanAndTheFilter) {
    serve("/api/v1/paths", api_json(sample_list()));
    const Outcome outcome =
        run_api({"paths", "--since", "10m", "--until", "5m", "--limit", "7", "ip.addr", "==", "10.0.0.7"}, 200);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("curl[4711] 10.0.0.7:40112  198.51.100.10:443  snat → fullnat"));
    EXPECT_EQ(asked("since_ns"), std::to_string(sample_time_ns + 3'000 * ns_per_s));
    EXPECT_EQ(asked("until_ns"), std::to_string(sample_time_ns + 3'300 * ns_per_s));
    EXPECT_EQ(asked("limit"), "7");
    EXPECT_EQ(asked("filter"), "ip.addr == 10.0.0.7");
    EXPECT_EQ(run_api({"paths", "--abnormal-first"}).code, 0);
    EXPECT_EQ(asked("abnormal_first"), "1");
}

TEST_F(Verbs, PathsAsJson) {
    serve("/api/v1/paths", api_json(sample_list()));
    const Outcome lines = run_api({"paths", "--format", "jsonl"});
    EXPECT_EQ(lines.code, 0);
    EXPECT_EQ(std::count(lines.out.begin(), lines.out.end(), '\n'), 2);
    EXPECT_THAT(lines.out, StartsWith("{\"path_id\":\"9f3a11c1000000aa\""));
    const Outcome document = run_api({"paths", "--format", "json"});
    EXPECT_EQ(nlohmann::json::parse(document.out)["paths"].size(), 2u);
}

TEST_F(Verbs, NothingFoundSaysWhyAndWhatToTry) {
    serve("/api/v1/paths", "{}");
    serve("/api/v1/status", api_json(sample_status()));
    const Outcome filtered = run_api({"paths", "tcp.port == 1"});
    EXPECT_EQ(filtered.code, 3);
    EXPECT_EQ(filtered.out, "");
    EXPECT_THAT(filtered.err, HasSubstr("fits the filter 'tcp.port == 1'; try it without the filter"));
    EXPECT_THAT(run_api({"paths"}).err, HasSubstr("look further back with --since 1h"));
    serve("/api/v1/status", "{}");
    EXPECT_THAT(run_api({"paths"}).err, HasSubstr("no sensor or agent is connected"));
    EXPECT_EQ(nlohmann::json::parse(run_api({"paths", "--format", "json"}).out)["paths"].size(), 0u);
}

TEST_F(Verbs, PartialIsShownAndSaid) {
    v1::PathList list = sample_list();
    list.set_partial("the limit of 2 paths was reached");
    serve("/api/v1/paths", api_json(list));
    const Outcome outcome = run_api({"paths"});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_THAT(outcome.out, HasSubstr("9f3a11c0"));
    EXPECT_THAT(outcome.err, HasSubstr("the limit of 2 paths was reached"));
    const Outcome asked_for = run_api({"paths", "--limit", "2"});
    EXPECT_EQ(asked_for.code, 0) << "a limit that was named is no surprise";
    EXPECT_THAT(asked_for.err, HasSubstr("the limit of 2 paths was reached"));
}

TEST_F(Verbs, ServersRefusalsAreKept) {
    serve("/api/v1/paths", R"({"error": "filter: unknown field 'ip.adr'; did you mean 'ip.addr'?"})", 400);
    const Outcome refused = run_api({"paths", "ip.adr == 1"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_EQ(refused.err, "clew: filter: unknown field 'ip.adr'; did you mean 'ip.addr'?\n");
    for (const unsigned status : {404u, 502u}) {
        serve("/api/v1/paths", "<html>", status);
        EXPECT_EQ(run_api({"paths"}).code, 1);
    }
    serve("/api/v1/paths", "<html>");
    const Outcome other = run_api({"paths"});
    EXPECT_EQ(other.code, 1);
    EXPECT_THAT(other.err, HasSubstr("not Clew's JSON"));
    serve("/api/v1/paths", "{}", 403);
    EXPECT_EQ(run_api({"paths"}).code, 5);
    serve("/api/v1/paths", R"({"error": "the store does not answer"})", 503);
    EXPECT_EQ(run_api({"paths"}).code, 6);
}

TEST_F(Verbs, WatchPrintsEachRevisionOnce) {
    serve("/api/v1/paths", api_json(sample_list()));
    const Outcome outcome = run_api({"paths", "--watch", "--format", "jsonl"}, columns_unlimited, 3);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 2);
}

TEST_F(Verbs, PathShow) {
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(sample_path()));
    const Outcome shown = run_api({"path", "show", "9F3A11C04BE7D210"}, 100);
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_THAT(shown.out, HasSubstr("*203.0.113.9:5521 → 198.51.100.10:443"));
    const Outcome json = run_api({"path", "show", "9f3a11c04be7d210", "--format", "json"});
    EXPECT_EQ(nlohmann::json::parse(json.out)["links"].size(), 4u);
    EXPECT_EQ(run_api({"path", "show", "0000000000000000"}).code, 3);
    EXPECT_EQ(run_api({"path", "show", "xyz"}).code, 2);
    EXPECT_EQ(run_api({"path", "show", "../../status"}).code, 2);
}

TEST_F(Verbs, ShortIdsAreTheServersToTell) {
    serve("/api/v1/paths/9f3a11c0", api_json(sample_path()));
    serve("/api/v1/paths/9f3a", R"({"error": "2 paths begin with '9f3a'; give more digits"})", 400);
    EXPECT_EQ(run_api({"path", "show", "9F3A11C0"}).code, 0);
    const Outcome ambiguous = run_api({"path", "show", "9f3a"});
    EXPECT_EQ(ambiguous.code, 2);
    EXPECT_EQ(ambiguous.err, "clew: 2 paths begin with '9f3a'; give more digits\n");
    EXPECT_EQ(run_api({"path", "show", "9f3"}).code, 2);
    EXPECT_EQ(run_api({"path", "show", "1111"}).code, 3);
}

TEST_F(Verbs, RetractedPathLeadsToItsHeir) {
    v1::Path gone;
    gone.set_path_id("00000000000000ff");
    gone.set_retracted(true);
    gone.set_merged_into("9f3a11c04be7d210");
    serve("/api/v1/paths/00000000000000ff", api_json(gone));
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(sample_path()));
    EXPECT_THAT(run_api({"path", "show", "00000000000000ff"}).out, HasSubstr("path 9f3a11c04be7d210"));
    gone.set_merged_into("00000000000000ff");  // a ring must end
    serve("/api/v1/paths/00000000000000ff", api_json(gone));
    EXPECT_EQ(run_api({"path", "show", "00000000000000ff"}).code, 3);
}

TEST_F(Verbs, Ladder) {
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", api_json(sample_ladder()));
    const Outcome shown = run_api({"ladder", "9f3a11c04be7d210", "--from", "1h"}, 100);
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_THAT(shown.out, HasSubstr("✕"));
    EXPECT_EQ(asked("from_ns", "/api/v1/paths/9f3a11c04be7d210/ladder"), std::to_string(sample_time_ns));
    EXPECT_EQ(asked("to_ns", "/api/v1/paths/9f3a11c04be7d210/ladder"), "(absent)");
    v1::Ladder ladder = sample_ladder();
    ladder.set_partial("sensor-b does not answer");
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", api_json(ladder));
    const Outcome partial = run_api({"ladder", "9f3a11c04be7d210", "--format", "jsonl"});
    EXPECT_EQ(partial.code, 4);
    EXPECT_EQ(std::count(partial.out.begin(), partial.out.end(), '\n'), 4);
    EXPECT_THAT(partial.err, HasSubstr("sensor-b does not answer"));
    serve("/api/v1/paths/9f3a11c04be7d210/ladder", "{}");
    EXPECT_EQ(run_api({"ladder", "9f3a11c04be7d210"}).code, 3);
}

TEST_F(Verbs, Status) {
    serve("/api/v1/status", api_json(sample_status()));
    const Outcome table = run_api({"status"}, 120);
    EXPECT_EQ(table.code, 0);
    EXPECT_THAT(table.out, HasSubstr("Lost, refused or not understood:"));
    for (const char* format : {"json", "jsonl"})
        EXPECT_EQ(nlohmann::json::parse(run_api({"status", "--format", format}).out)["observers"][0]["name"],
                  "sensor-a");
}

}  // namespace
}  // namespace clew::cli
