// SPDX-License-Identifier: Apache-2.0
// `clew link` and `clew gateways`: what a network engineer reads, and what programs get.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/cli/api_fixture.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class LinkVerbs : public ApiFixture {
  protected:
    static v1::LinkExplanation strangers() {
        v1::LinkExplanation out;
        const v1::Path path = sample_path();
        *out.mutable_a() = path.legs(1);
        *out.mutable_b() = path.legs(3);
        out.set_path_a("9f3a11c04be7d210");
        out.set_unlinked_a("linked");
        out.set_path_b("00000000000000aa");
        out.set_unlinked_b("no-candidate");
        v1::LinkWeighing& weighing = *out.add_weighings();
        weighing.set_way("same-connection");
        weighing.set_bits(-8);
        weighing.set_bits_needed(32);
        for (const auto& [by, bits] : {std::pair{"same_server", 2.0f}, std::pair{"contradiction", -10.0f}}) {
            v1::PathEvidence& line = *weighing.add_evidence();
            line.set_by(by);
            line.set_bits(bits);
        }
        return out;
    }
};

TEST_F(LinkVerbs, APathIsExplainedLinkByLinkWithForAndAgainst) {
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(sample_path()));
    const Outcome outcome = run_api({"link", "explain", "9f3a11c04be7d210"}, 110);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("same initial sequence number of the client"));
    EXPECT_THAT(outcome.out, HasSubstr("-0.8 bits"));
    EXPECT_THAT(outcome.out,
                HasSubstr("2 other legs at that tap had something in common; the best is 31.5 bits behind"));
    EXPECT_THAT(outcome.out, HasSubstr("B: 35.2 bits are less than the 64 of an A"));
    EXPECT_THAT(outcome.out, HasSubstr("client 10.0.0.7:40112 became 203.0.113.9:5521"));
    EXPECT_THAT(outcome.out, HasSubstr("none: no other leg at that tap could stand there"));
}

TEST_F(LinkVerbs, ALegThatStandsAloneSaysWhy) {
    v1::Path lone = lone_path();
    serve("/api/v1/paths/" + lone.path_id(), api_json(lone));
    const Outcome outcome = run_api({"link", "explain", lone.path_id()}, 110);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("no-candidate: no other tap saw"));
}

TEST_F(LinkVerbs, TwoLegsThatAreNotLinkedAreWeighed) {
    serve("/api/v1/links/explain", api_json(strangers()));
    const Outcome outcome = run_api({"link", "explain", "5d2c86aa4f1b0e37", "0c9e41f2aa5b8d13"}, 110);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(asked("a", "/api/v1/links/explain"), "5d2c86aa4f1b0e37");
    EXPECT_THAT(outcome.out, HasSubstr("stands in path 9f3a11c04be7d210"));
    EXPECT_THAT(outcome.out, HasSubstr("stands alone (no-candidate"));
    EXPECT_THAT(outcome.out, HasSubstr("-8.0 bits, 32.0 are asked for: not enough"));
    EXPECT_THAT(outcome.out, HasSubstr("something that should have survived did not"));
}

TEST_F(LinkVerbs, TwoNeighboursAreExplainedByTheirLink) {
    v1::Path path = sample_path();
    for (int n = 0; n < path.legs_size(); ++n) path.mutable_legs(n)->set_leg_id("000000000000000" + std::to_string(n));
    v1::LinkExplanation legs;
    *legs.mutable_a() = path.legs(2);
    *legs.mutable_b() = path.legs(1);
    legs.set_path_a(path.path_id());
    legs.set_path_b(path.path_id());
    serve("/api/v1/links/explain", api_json(legs));
    serve("/api/v1/paths/" + path.path_id(), api_json(path));
    const Outcome outcome = run_api({"link", "explain", "0000000000000002", "0000000000000001"}, 110);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("snat: "));
    EXPECT_THAT(outcome.out, HasSubstr("A: 96.5 bits"));
    EXPECT_THAT(outcome.out, Not(HasSubstr("fullnat")));
}

TEST_F(LinkVerbs, LegsThatAreNotHeldAnyMoreAreNothingFound) {
    serve("/api/v1/links/explain", R"({"error": "leg 0000000000000001 is not in the linker's window"})", 404);
    const Outcome outcome = run_api({"link", "explain", "0000000000000001", "0000000000000002"});
    EXPECT_EQ(outcome.code, static_cast<int>(ErrorKind::nothing_found));
    EXPECT_THAT(outcome.err, HasSubstr("not in the linker's window"));
}

TEST_F(LinkVerbs, RivalsAreWeighedOneByOne) {
    v1::LinkRivals list;
    *list.add_rivals() = strangers();
    *list.add_rivals() = strangers();
    serve("/api/v1/links/rivals", api_json(list));
    Outcome outcome = run_api({"link", "rivals", "5d2c86aa4f1b0e37"}, 110);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(asked("leg", "/api/v1/links/rivals"), "5d2c86aa4f1b0e37");
    const std::string needed = "-8.0 bits, 32.0 are asked for: not enough";
    const std::size_t first = outcome.out.find(needed);
    ASSERT_NE(first, std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find(needed, first + 1), std::string::npos);
    list.set_partial("there are more");
    serve("/api/v1/links/rivals", api_json(list));
    EXPECT_EQ(run_api({"link", "rivals", "5d2c86aa4f1b0e37"}).code, static_cast<int>(ErrorKind::partial));
    serve("/api/v1/links/rivals", api_json(v1::LinkRivals()));
    EXPECT_EQ(run_api({"link", "rivals", "5d2c86aa4f1b0e37"}).code, static_cast<int>(ErrorKind::nothing_found));
}

TEST_F(LinkVerbs, UnlinkedLegsAreCountedByReason) {
    v1::UnlinkedList list;
    v1::UnlinkedGroup& group = *list.add_groups();
    group.set_reason("ambiguous");
    group.set_tap("edge");
    group.set_proto("tcp");
    group.set_count(1234);
    group.set_first_ns(sample_time_ns);
    *group.add_examples() = sample_path().legs(1);
    group.add_example_paths("00000000000000aa");
    serve("/api/v1/unlinked", api_json(list));
    const Outcome table = run_api({"link", "unlinked", "--since", "1h", "tap == edge"}, 140);
    EXPECT_EQ(table.code, 0) << table.err;
    EXPECT_EQ(asked("filter", "/api/v1/unlinked"), "tap == edge");
    EXPECT_THAT(table.out, HasSubstr("1,234"));
    EXPECT_THAT(table.out, HasSubstr("10.0.0.7:40112 > 198.51.100.10:443"));
    EXPECT_THAT(table.out, HasSubstr("ambiguous: several connections fit equally well"));
    const Outcome lines = run_api({"link", "unlinked", "--format", "jsonl"});
    EXPECT_EQ(nlohmann::json::parse(lines.out).at("reason"), "ambiguous");
}

TEST_F(LinkVerbs, NoLegAloneIsNothingFound) {
    serve("/api/v1/unlinked", api_json(v1::UnlinkedList{}));
    EXPECT_EQ(run_api({"link", "unlinked"}).code, static_cast<int>(ErrorKind::nothing_found));
}

v1::GatewayList gateways() {
    v1::GatewayList list;
    v1::Gateway& gateway = *list.add_gateways();
    gateway.set_gateway_id("5d2c86aa4f1b0e37");
    gateway.set_known_by("MAC 02:00:5e:10:00:01");
    gateway.set_from_tap("tenant");
    gateway.set_to_tap("natgw-out");
    gateway.set_links(4321);
    gateway.set_first_ns(sample_time_ns);
    gateway.set_last_ns(sample_time_ns + ns_per_s);
    for (const auto& [name, value] :
         {std::pair{"kind", "fullnat"}, std::pair{"client-sequence", "shifted"}, std::pair{"timestamps", "stripped"}}) {
        v1::GatewayTrait& trait = *gateway.add_traits();
        trait.set_name(name);
        trait.set_value(value);
        v1::GatewayTraitCount& count = *trait.add_counts();
        count.set_value(value);
        count.set_links(4321);
    }
    gateway.add_pool("203.0.113.9");
    v1::GatewayDelay& delay = *gateway.add_delays();
    delay.set_direction("to_server");
    delay.set_count(4321);
    delay.set_p50_ns(41'000);
    delay.set_error_ns(1'000);
    v1::GatewayEvent& event = *gateway.add_events();
    event.set_time_ns(sample_time_ns);
    event.set_what("timestamps");
    event.set_before("kept");
    event.set_after("stripped");
    return list;
}

TEST_F(LinkVerbs, GatewaysAreListedWithWhatTheyDo) {
    serve("/api/v1/gateways", api_json(gateways()));
    const Outcome table = run_api({"gateways"}, 200);
    EXPECT_EQ(table.code, 0) << table.err;
    EXPECT_THAT(table.out, HasSubstr("MAC 02:00:5e:10:00:01"));
    EXPECT_THAT(table.out, HasSubstr("shifts client seq, strips timestamps"));
    const Outcome one = run_api({"gateways", "02:00:5e"}, 120);
    EXPECT_THAT(one.out, HasSubstr("timestamps: kept → stripped"));
    EXPECT_THAT(one.out, HasSubstr("203.0.113.9"));
    const Outcome line = run_api({"gateways", "--format", "jsonl"});
    EXPECT_EQ(nlohmann::json::parse(line.out).at("events").at(0).at("after"), "stripped");
    EXPECT_EQ(run_api({"gateways", "nobody"}).code, static_cast<int>(ErrorKind::nothing_found));
}

TEST_F(LinkVerbs, WhatBecameOfPacketsStandsInThePathAndItsLine) {
    v1::Path path = sample_path();
    v1::PathLossCase& lost = *path.add_losses();
    lost.set_fate("network");
    lost.set_direction("to_server");
    lost.set_from_leg(1);
    lost.set_to_leg(2);
    lost.set_offset(1);
    lost.set_bytes(1448);
    lost.set_times(1);
    v1::PathLoss& loss = *path.mutable_links(1)->add_losses();
    loss.set_direction("to_server");
    loss.set_lost(1);
    loss.set_lost_bytes(1448);
    path.mutable_legs(3)->mutable_to_client()->set_missed(2);
    path.mutable_legs(3)->mutable_to_client()->set_missed_bytes(2896);
    v1::PathReset& reset = *path.add_resets();
    reset.set_by("middlebox");
    reset.set_direction("to_client");
    reset.set_from_leg(3);
    reset.set_to_leg(2);
    reset.set_certain(true);
    path.mutable_legs(2)->mutable_to_server()->mutable_loop()->set_laps(30);
    v1::PathOpening& opening = *path.add_openings();
    opening.set_fate("unanswered");
    opening.set_from_leg(2);
    opening.set_syn_count(6);
    v1::PathIcmpError& error = *path.add_icmp_errors();
    error.set_meaning("destination unreachable (port)");
    error.set_reporter("10.0.0.1");
    error.set_leg(2);
    error.set_direction("to_server");
    serve("/api/v1/paths/9f3a11c04be7d210", api_json(path));
    const Outcome shown = run_api({"path", "show", "9f3a11c04be7d210"}, 160);
    EXPECT_THAT(shown.out, HasSubstr("1 packet lost on the wire between taps"));
    EXPECT_THAT(shown.out, HasSubstr("to server  1 lost on the wire (1.45 kB), sent again"));
    EXPECT_THAT(shown.out, HasSubstr("the capture missed 2 packets at lb-out (not lost: they passed)"));
    EXPECT_THAT(shown.out, HasSubstr("reset to the client sent by a middlebox between lb-out and natgw-out"));
    EXPECT_THAT(shown.out, HasSubstr("routing loop at natgw-out: one packet came by 31 times"));
    EXPECT_THAT(shown.out, HasSubstr("the SYN was seen last at natgw-out; no tap behind it saw it"));
    EXPECT_THAT(shown.out, HasSubstr("destination unreachable (port) from 10.0.0.1 at tap natgw-out"));
    const auto json = nlohmann::json::parse(run_api({"path", "show", "9f3a11c04be7d210", "--format", "json"}).out);
    EXPECT_EQ(json.at("losses").at(0).at("fate"), "network");
    EXPECT_EQ(json.at("links").at(1).at("loss").at("to_server").at("lost"), 1);
    EXPECT_EQ(json.at("legs").at(3).at("to_client").at("missed"), 2);
    EXPECT_EQ(json.at("resets").at(0).at("by"), "middlebox");
    EXPECT_EQ(json.at("legs").at(2).at("to_server").at("loop").at("laps"), 30);
}

}  // namespace
}  // namespace clew::cli
