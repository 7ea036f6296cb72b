// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/address.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

TEST(Address, V4IsHeldMappedAndPrintsDotted) {
    const IpAddress ip = IpAddress::from_v4(0x0a000007);
    EXPECT_TRUE(ip.is_v4());
    EXPECT_EQ(ip.v4(), 0x0a000007u);
    EXPECT_EQ(to_text(ip), "10.0.0.7");
    EXPECT_EQ(parse_ip("10.0.0.7"), ip);
}

TEST(Address, V6PrintsAsRfc5952) {
    const auto ip = parse_ip("2001:0db8:0:0::1");
    ASSERT_TRUE(ip);
    EXPECT_FALSE(ip->is_v4());
    EXPECT_EQ(to_text(*ip), "2001:db8::1");
}

TEST(Address, EndpointTextReadsBack) {
    for (const char* text : {"10.0.0.7:443", "[2001:db8::1]:53", "0.0.0.0:0", "255.255.255.255:65535"}) {
        const auto endpoint = parse_endpoint(text);
        ASSERT_TRUE(endpoint) << text;
        EXPECT_EQ(to_text(*endpoint), text);
    }
}

TEST(Address, GarbageIsNoEndpoint) {
    for (const char* text : {"", ":", "10.0.0.7", "10.0.0.7:", "10.0.0.7:65536", "10.0.0.7:-1", "10.0.0:80",
                             "2001:db8::1:53", "[10.0.0.7]:80", "[]:80", "10.0.0.7:80x", "[2001:db8::1]53"})
        EXPECT_FALSE(parse_endpoint(text)) << text;
}

TEST(Address, UnspecifiedIsNotAnAddress) {
    EXPECT_TRUE(IpAddress{}.is_unspecified());
    EXPECT_FALSE(IpAddress::from_v4(0).is_unspecified());
}

}  // namespace
}  // namespace clew
