// SPDX-License-Identifier: Apache-2.0
// The scorer against the corpora's own score.py, on random worlds with every kind of mistake; where that is present.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/score/score.h"

namespace clew::score {
namespace {

ScoredLeg leg(const char* tap, int n, std::int64_t first_ns = 1000) {
    return {tap, "10.0.0." + std::to_string(n) + ":4000", "192.0.2.1:80", {}, first_ns};
}

nlohmann::json line_of(const ScoredLeg& l) {
    return {{"tap", l.tap},
            {"client", l.client},
            {"server", l.server},
            {"vni", l.vni ? nlohmann::json(*l.vni) : nlohmann::json()},
            {"first_ns", l.first_ns}};
}

/// A small world of connections with reused ports, and an answer with every kind of mistake in it.
void write_random_world(const std::filesystem::path& folder, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    auto below = [&random](std::uint64_t n) { return static_cast<int>(random() % n); };
    const std::array<const char*, 4> kinds{"snat", "dnat", "fullnat", "relay"}, grades{"A", "B", "C", "D"},
        taps{"a", "b", "c", "d"};
    std::ofstream truth(folder / "truth.jsonl"), answer(folder / "answer.jsonl");
    std::vector<nlohmann::json> loose;
    for (int n = 0; n < 60; ++n) {
        nlohmann::json legs = nlohmann::json::array(), hops = nlohmann::json::array(), links = nlohmann::json::array(),
                       printed;
        const int count = 1 + below(4);
        for (int i = 0; i < count; ++i) {
            ScoredLeg l = leg(taps[static_cast<std::size_t>(i)], below(20), std::int64_t{below(40)} * 1'000'000);
            if (below(2)) l.vni = static_cast<std::uint32_t>(below(2));
            legs.push_back(line_of(l));
            if (i) hops.push_back(kinds[static_cast<std::size_t>(below(4))]);
            l.first_ns += below(3) * 1'000'000 - 1'000'000;
            if (below(8) == 0) l.client = "1.1.1.1:1";
            (below(6) ? printed : loose.emplace_back()).push_back(line_of(l));
        }
        if (below(4) == 0 && !loose.empty()) printed.push_back(loose.back().front());
        std::shuffle(printed.begin(), printed.begin() + (below(3) ? 0 : static_cast<std::ptrdiff_t>(printed.size())),
                     random);
        for (std::size_t i = 1; i < printed.size(); ++i)
            links.push_back({{"from", i - 1},
                             {"to", i},
                             {"kind", below(3) && i <= hops.size() ? hops[i - 1] : nlohmann::json("snat")},
                             {"grade", grades[static_cast<std::size_t>(below(4))]}});
        truth << nlohmann::json{{"id", "c" + std::to_string(n)},
                                {"class", n % 2 ? "odd" : "even"},
                                {"proto", "tcp"},
                                {"legs", legs},
                                {"hops", hops}}
              << "\n";
        if (!printed.empty()) answer << nlohmann::json{{"proto", "tcp"}, {"legs", printed}, {"links", links}} << "\n";
    }
}

std::string output_of(const std::string& command) {
    std::string text;
    std::FILE* pipe = popen(command.c_str(), "r");
    std::array<char, 4096> buffer;
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), got);
    EXPECT_EQ(pclose(pipe), 0) << command;
    return text;
}

TEST(Score, AgreesWithTheCorporasOwnScorer) {
    const char* named = std::getenv("CLEW_SHARED");
    const std::filesystem::path peer = std::filesystem::path(named ? named : "../shared") / "corpus/score.py";
    if (!std::filesystem::exists(peer))
        GTEST_SKIP() << "NOT COMPARED: " << peer
                     << " is not there (set CLEW_SHARED to the folder with corpus/score.py)";
    const auto folder = std::filesystem::temp_directory_path() / ("clew-score-test-" + std::to_string(getpid()));
    std::filesystem::create_directory(folder);
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        write_random_world(folder, seed);
        std::ifstream truth_in(folder / "truth.jsonl"), answer_in(folder / "answer.jsonl");
        const auto truth = read_truth(truth_in, "truth");
        const auto answer = read_answer(answer_in, "answer");
        ASSERT_TRUE(truth) << truth.error().sentence;
        ASSERT_TRUE(answer) << answer.error().sentence;
        const auto ours = nlohmann::json::parse(to_json(score(*truth, *answer)));
        const std::string command =
            "python3 " + peer.string() + " --json " + folder.string() + " " + (folder / "answer.jsonl").string();
        const auto theirs = nlohmann::json::parse(output_of(command));
        ASSERT_EQ(ours.size(), theirs.size());
        for (const auto& [cls, row] : theirs.items())
            for (const auto& [measure, value] : row.items()) {
                if (value.is_number())
                    EXPECT_NEAR(ours[cls][measure].get<double>(), value.get<double>(), 2e-6) << cls << " " << measure;
                else
                    EXPECT_EQ(ours[cls][measure], value) << cls << " " << measure;
            }
    }
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace clew::score
