// SPDX-License-Identifier: Apache-2.0
#include "bpf/leg_print.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace clew::agent {
namespace {

TEST(LegPrint, one_line_of_json_with_what_is_known) {
    Leg leg;
    leg.id = 0xabc;
    leg.revision = 2;
    leg.phase = LegPhase::ended;
    leg.end = LegEnd::reset;
    leg.client = *parse_endpoint("10.0.0.7:40112");
    leg.server = *parse_endpoint("[2001:db8::1]:443");
    leg.segment.netns = 5;
    leg.process.pid = 9;
    leg.process.command = {'c', 'u', 'r', 'l'};
    leg.flow(Direction::to_server).isn_from = IsnFrom::socket;
    leg.flow(Direction::to_server).isn = 77;
    const std::string line = to_json_line(leg);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json["leg"], "0000000000000abc");
    EXPECT_EQ(json["phase"], "ended");
    EXPECT_EQ(json["end"], "reset");
    EXPECT_EQ(json["client"], "10.0.0.7:40112");
    EXPECT_EQ(json["server"], "[2001:db8::1]:443");
    EXPECT_EQ(json["process"], "curl");
    EXPECT_EQ(json["to_server"]["isn"], 77);
    EXPECT_FALSE(json["to_client"].contains("isn"));
}

TEST(LegPrint, a_process_name_of_any_bytes_is_printed) {
    Leg leg;
    leg.process.pid = 1;
    leg.process.command = {'\xff', '"', '\n'};
    EXPECT_TRUE(nlohmann::json::accept(to_json_line(leg)));
}

}  // namespace
}  // namespace clew::agent
