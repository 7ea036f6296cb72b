// SPDX-License-Identifier: Apache-2.0
// The scorer on answers whose score can be seen by eye.
#include "tests/score/score.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace clew::score {
namespace {

ScoredLeg leg(const char* tap, int n, std::int64_t first_ns = 1000) {
    return {tap, "10.0.0." + std::to_string(n) + ":4000", "192.0.2.1:80", {}, first_ns};
}

Connection connection(int n, const char* cls = "x") {
    return {"c" + std::to_string(n), cls, "tcp", {leg("a", n), leg("b", n), leg("c", n)}, {"snat", "dnat"}};
}

Answer right_answer(int n) { return {"tcp", connection(n).legs, {{0, 1, "snat", "A"}, {1, 2, "dnat", "B"}}}; }

Counts all(const std::vector<Connection>& truth, const std::vector<Answer>& answer) {
    return score(truth, answer).classes.at("all");
}

TEST(Score, ARightAnswerIsPerfect) {
    const Counts c = all({connection(1), connection(2)}, {right_answer(1), right_answer(2)});
    EXPECT_EQ(c.pairs, 6U);
    EXPECT_EQ(c.pairs_right, 6U);
    EXPECT_EQ(c.pairs_ab, 4U);
    EXPECT_EQ(c.pairs_ab_right, 4U);
    EXPECT_EQ(c.neighbours, 4U);
    EXPECT_EQ(c.neighbours_found, 4U);
    EXPECT_EQ(c.kinds_right, 4U);
    EXPECT_EQ(c.whole, 2U);
    EXPECT_EQ(c.whole_in_order, 2U);
    EXPECT_EQ(c.legs_found, 6U);
}

TEST(Score, AStrangersLegCostsPrecisionOnly) {
    Answer mixed = right_answer(1);
    mixed.legs.push_back(leg("c", 2));
    mixed.links.push_back({2, 3, "forward", "A"});
    const Counts c = all({connection(1), connection(2)}, {mixed});
    EXPECT_EQ(c.pairs, 6U);
    EXPECT_EQ(c.pairs_right, 3U);
    EXPECT_EQ(c.pairs_ab, 3U);
    EXPECT_EQ(c.pairs_ab_right, 2U);
    EXPECT_EQ(c.neighbours_found, 2U);
}

TEST(Score, APathInPiecesCostsRecall) {
    const Answer front{"tcp", {leg("a", 1), leg("b", 1)}, {{0, 1, "snat", "A"}}}, back{"tcp", {leg("c", 1)}, {}};
    const Counts c = all({connection(1)}, {front, back});
    EXPECT_EQ(c.neighbours_found, 1U);
    EXPECT_EQ(c.whole, 0U);
    EXPECT_EQ(c.legs_found, 3U);
}

TEST(Score, WrongOrderAndWrongKindAreSeen) {
    Answer turned{"tcp", {leg("b", 1), leg("a", 1), leg("c", 1)}, {{0, 1, "snat", "A"}, {1, 2, "dnat", "A"}}};
    const Counts c = all({connection(1)}, {turned});
    EXPECT_EQ(c.whole, 1U);
    EXPECT_EQ(c.whole_in_order, 0U);
    EXPECT_EQ(c.kinds_right, 1U);  // a-b is joined directly as snat; b-c is not joined directly
}

TEST(Score, TimeTellsReusedPortsApart) {
    Connection early = connection(1), late = connection(1);
    for (ScoredLeg& l : late.legs) l.first_ns = 60'000'000'000;
    Answer answer = right_answer(1);
    for (ScoredLeg& l : answer.legs) l.first_ns = 60'000'000'000 + 1'000'000;
    const Score result = score({early, late}, {answer});
    EXPECT_EQ(result.classes.at("all").legs_found, 3U);
    EXPECT_EQ(result.legs_invented, 0U);
    EXPECT_EQ(score({early}, {answer}).legs_invented, 3U);
}

TEST(Score, ALegIsTakenOnceAndTheOverlayIdCounts) {
    EXPECT_EQ(score({connection(1)}, {right_answer(1), right_answer(1)}).legs_invented, 3U);
    Answer other = right_answer(1);
    for (ScoredLeg& l : other.legs) l.vni = 7;
    EXPECT_EQ(score({connection(1)}, {other}).legs_invented, 3U);
}

TEST(Score, ClassesAreCountedApart) {
    const Score result = score({connection(1, "x"), connection(2, "y")}, {right_answer(1)});
    EXPECT_EQ(result.classes.at("x").neighbours_found, 2U);
    EXPECT_EQ(result.classes.at("y").neighbours_found, 0U);
    EXPECT_EQ(result.classes.at("all").neighbours, 4U);
}

TEST(ScoreText, ABrokenLineIsNamed) {
    std::istringstream in("{\"proto\": \"tcp\", \"legs\": []}\n{\"proto\": 5}\n");
    const auto answer = read_answer(in, "answer.jsonl");
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().sentence.find("answer.jsonl:2:"), std::string::npos);
}

TEST(ScoreText, AnEmptyAnswerScoresZeroRecallAndNoPrecision) {
    const auto table = nlohmann::json::parse(to_json(score({connection(1)}, {})));
    EXPECT_TRUE(table["all"]["precision"].is_null());
    EXPECT_EQ(table["all"]["recall"], 0.0);
    EXPECT_EQ(table["all"]["legs_missed"], 3);
    EXPECT_NE(to_table(score({}, {})).find("legs invented: 0"), std::string::npos);
}

}  // namespace
}  // namespace clew::score
