// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "controlplane/leg_choice_text.h"

namespace clew::control {
namespace {

TEST(LegChoice, TermsAboutALeg) {
    const auto choice =
        parse_leg_choice("ip.addr == 10.0.0.0/8 and tcp.port == 443 and vxlan.vni == 100 and 192.0.2.1:40000");
    ASSERT_TRUE(choice) << choice.error().sentence;
    ASSERT_EQ(choice->networks_size(), 2);
    EXPECT_EQ(choice->networks(0).bits(), 8u);
    EXPECT_EQ(choice->networks(1).bits(), 32u);
    EXPECT_EQ(choice->protocol(), 6u);
    ASSERT_EQ(choice->ports_size(), 2);
    EXPECT_EQ(choice->ports(1), 40000u);
    ASSERT_EQ(choice->layer_ids_size(), 1);
    EXPECT_EQ(choice->layer_ids(0), 100u);
    EXPECT_EQ(parse_leg_choice("2001:db8::1")->networks(0).ip().size(), 16u);
    EXPECT_EQ(parse_leg_choice("udp 53")->ports(0), 53u);
    EXPECT_EQ(parse_leg_choice("")->networks_size(), 0);
}

TEST(LegChoice, WhatAVaultCannotBeAskedIsSaid) {
    for (const char* text : {"process == nginx", "ip.addr != 10.0.0.1", "tcp or udp", "not tcp", "10.0.0.1/33",
                             "tcp and udp", "ip.addr ==", "tcp.port == 70000", "vlan.id == 5000", "path.grade > B"}) {
        const auto choice = parse_leg_choice(text);
        ASSERT_FALSE(choice) << text;
        EXPECT_EQ(choice.error().kind, ErrorKind::usage);
        EXPECT_NE(choice.error().sentence.find("cannot be asked"), std::string::npos);
    }
}

}  // namespace
}  // namespace clew::control
