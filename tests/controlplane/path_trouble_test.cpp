// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/path_trouble.h"

#include <gtest/gtest.h>

namespace clew::store {
namespace {

v1::Path linked() {
    v1::Path path;
    path.set_proto("tcp");
    path.set_unlinked("linked");
    for (int i = 0; i < 3; ++i) path.add_legs()->set_end("fin");
    for (int i = 0; i < 2; ++i) {
        v1::PathLink& link = *path.add_links();
        link.set_from(static_cast<std::uint32_t>(i));
        link.set_to(static_cast<std::uint32_t>(i + 1));
    }
    path.add_openings()->set_fate("answered");
    return path;
}

void add_delay(v1::PathLink& link, std::int64_t mean_ns, std::int64_t error_ns = 0) {
    v1::PathDelay& delay = *link.add_delays();
    delay.set_direction("to_server");
    delay.set_mean_ns(mean_ns);
    delay.set_error_ns(error_ns);
    delay.set_samples(3);
}

TEST(PathTrouble, APathInLineHasNone) {
    v1::Path path = linked();
    add_delay(*path.mutable_links(0), 70'000);
    EXPECT_EQ(trouble_of(path).oddness, 0);
    EXPECT_EQ(trouble_of(path).lost, 0u);
    EXPECT_TRUE(trouble_of(path).reset_by.empty());
}

TEST(PathTrouble, DelayIsSummedOverTheHopsThatHaveOneAndElseNotKnown) {
    v1::Path path = linked();
    EXPECT_EQ(trouble_of(path).added_ns, delay_unknown_ns);
    EXPECT_EQ(trouble_of(path).slowest_ns, delay_unknown_ns);
    add_delay(*path.mutable_links(0), -40);
    EXPECT_EQ(trouble_of(path).added_ns, -40);
    add_delay(*path.mutable_links(1), 100);
    EXPECT_EQ(trouble_of(path).added_ns, 60);
    EXPECT_EQ(trouble_of(path).slowest_ns, 100);
    path.mutable_links(1)->mutable_delays(0)->set_samples(0);
    EXPECT_EQ(trouble_of(path).added_ns, -40);
}

TEST(PathTrouble, LossesGapsAndSendersAreCountedOverThePath) {
    v1::Path path = linked();
    for (int i = 0; i < 2; ++i) path.mutable_links(i)->add_losses()->set_lost(2);
    path.mutable_legs(0)->mutable_to_client()->set_missed(3);
    path.mutable_legs(2)->mutable_to_server()->set_missed(4);
    for (const char* by : {"server", "client", "server"}) path.add_resets()->set_by(by);
    const PathTrouble trouble = trouble_of(path);
    EXPECT_EQ(trouble.lost, 4u);
    EXPECT_EQ(trouble.gaps, 7u);
    EXPECT_EQ(trouble.reset_by, (std::vector<std::string>{"client", "server"}));
}

TEST(PathTrouble, WhatHurtsStandsAboveWhatAScannerLeaves) {
    const auto with = [](auto change) {
        v1::Path path = linked();
        change(path);
        return trouble_of(path).oddness;
    };
    const auto refused = with([](v1::Path& path) {
        path.mutable_openings(0)->set_fate("refused");
        path.add_resets()->set_by("server");
        for (v1::PathLeg& leg : *path.mutable_legs()) leg.set_end("reset");
    });
    const auto alone = with([](v1::Path& path) {
        path.set_unlinked("no-candidate");
        path.clear_links();
        path.mutable_legs()->DeleteSubrange(1, 2);
        path.mutable_openings(0)->set_fate("refused");
        path.mutable_legs(0)->set_end("reset");
    });
    const auto again = with([](v1::Path& path) { path.mutable_legs(0)->mutable_to_server()->set_retransmissions(1); });
    const auto lost = with([](v1::Path& path) { path.mutable_links(0)->add_losses()->set_lost(1); });
    const auto many_lost = with([](v1::Path& path) { path.mutable_links(0)->add_losses()->set_lost(10); });
    const auto slow = with([](v1::Path& path) { add_delay(*path.mutable_links(0), 20'000'000); });
    const auto vague = with([](v1::Path& path) { add_delay(*path.mutable_links(0), 20'000'000, 30'000'000); });
    const auto reset = with([](v1::Path& path) { path.add_resets()->set_by("server"); });
    const auto cut = with([](v1::Path& path) { path.add_resets()->set_by("middlebox"); });
    const auto shut = with([](v1::Path& path) { path.mutable_tcp()->set_zero_windows(1); });
    EXPECT_GT(refused, 0);
    for (const auto hurts : {again, lost, slow, reset, shut}) {
        EXPECT_GT(hurts, refused);
        EXPECT_GT(hurts, alone);
    }
    EXPECT_GT(lost, again);
    EXPECT_GT(many_lost, lost);
    EXPECT_GT(cut, reset);
    EXPECT_EQ(vague, 0) << "what the two clocks' error explains is no delay";
}

}  // namespace
}  // namespace clew::store
