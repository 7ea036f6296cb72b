// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "controlplane/http/http.h"

namespace clew::http {
namespace {

TEST(Target, SplitsPathAndDecodesParameters) {
    const Target target = parse_target("/a/b?x=1&y=%20&z=a+b&flag&=empty&&x=2#end");
    EXPECT_EQ(target.path, "/a/b");
    EXPECT_EQ(target.parameter("x"), "1");
    EXPECT_EQ(target.parameter("y"), " ");
    EXPECT_EQ(target.parameter("z"), "a b");
    EXPECT_EQ(target.parameter("flag", "absent"), "");
    EXPECT_EQ(target.parameter("absent", "fallback"), "fallback");
    EXPECT_EQ(target.parameters.size(), 6u);
}

TEST(Target, BrokenEscapesStandForThemselves) {
    const Target target = parse_target("/%zz?a=%&b=%4&c=%4x&d=100%25");
    EXPECT_EQ(target.path, "/%zz");
    EXPECT_EQ(target.parameter("a"), "%");
    EXPECT_EQ(target.parameter("b"), "%4");
    EXPECT_EQ(target.parameter("c"), "%4x");
    EXPECT_EQ(target.parameter("d"), "100%");
}

TEST(Target, EncodingComesBack) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    EXPECT_EQ(percent_decode(percent_encode(all)), all);
    EXPECT_EQ(parse_target("/?v=" + percent_encode(all)).parameter("v"), all);
    EXPECT_EQ(percent_encode("ip.addr == 10.0.0.0/8"), "ip.addr%20%3D%3D%2010.0.0.0%2F8");
    EXPECT_EQ(percent_decode("a+b"), "a+b");
}

TEST(Target, EmptyAndOddOnesDoNotFail) {
    for (const char* text : {"", "?", "/?", "/?&", "/?=", "#", "?#", "/?a"}) parse_target(text);
    EXPECT_EQ(parse_target("").path, "");
    EXPECT_EQ(parse_target("?a=1").path, "");
}

}  // namespace
}  // namespace clew::http
