// SPDX-License-Identifier: Apache-2.0
// clew-score: grades the paths that `clew replay --format jsonl` printed against a corpus' truth.jsonl.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "tests/score/score.h"

namespace {

using clew::ErrorKind;

int complain(const clew::Error& error) {
    std::fprintf(stderr, "clew-score: %s\n", error.sentence.c_str());
    return static_cast<int>(error.kind);
}

int run(const std::string& corpus, const std::string& answer_file, double slack_ms, bool as_json) {
    const std::string truth_file = corpus + "/truth.jsonl";
    std::ifstream truth_in(truth_file), answer_in(answer_file);
    for (const auto& [in, name] : {std::pair{&truth_in, &truth_file}, std::pair{&answer_in, &answer_file}})
        if (!*in)
            return complain(
                {ErrorKind::failed, "cannot read '" + *name + "'; give a corpus folder and the answer's file"});
    const auto truth = clew::score::read_truth(truth_in, truth_file);
    if (!truth) return complain(truth.error());
    const auto answer = clew::score::read_answer(answer_in, answer_file);
    if (!answer) return complain(answer.error());
    const auto score = clew::score::score(*truth, *answer, static_cast<std::int64_t>(slack_ms * 1e6));
    std::fputs((as_json ? clew::score::to_json(score) + "\n" : clew::score::to_table(score)).c_str(), stdout);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Grades the paths that `clew replay --format jsonl` printed against a corpus' truth.", "clew-score"};
    std::string corpus, answer;
    double slack_ms = clew::score::slack_ns_default / 1e6;
    bool as_json = false;
    app.add_option("CORPUS_DIR", corpus, "folder with truth.jsonl")->required();
    app.add_option("ANSWER", answer, "one path a line")->required();
    app.add_option("--slack-ms", slack_ms, "how far a leg's first packet may be from the true time")
        ->check(CLI::Range(0.0, 1e6));
    app.add_flag("--json", as_json, "one JSON object in place of the table");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ErrorKind::usage);
    }
    return run(corpus, answer, slack_ms, as_json);
}
