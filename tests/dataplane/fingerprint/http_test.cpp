// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/http.h"

#include <gtest/gtest.h>

#include <string>

namespace clew::sensor {
namespace {

std::string forwarded(std::string_view value) {
    IpAddress client;
    return parse_forwarded(value, client) ? to_text(client) : "none";
}

TEST(Http, ForwardedIsTheAddressOfTheLastElement) {
    EXPECT_EQ(forwarded("for=192.0.2.43"), "192.0.2.43");
    EXPECT_EQ(forwarded("For=192.0.2.43:4711"), "192.0.2.43") << "its name in any case";
    EXPECT_EQ(forwarded("for=\"192.0.2.43:4711\""), "192.0.2.43");
    EXPECT_EQ(forwarded("For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
    EXPECT_EQ(forwarded("for=\"[2001:db8:cafe::17]\""), "2001:db8:cafe::17");
    EXPECT_EQ(forwarded("for=\"[2001:db8::1]:_port\";by=203.0.113.43"), "2001:db8::1");
    EXPECT_EQ(forwarded("proto=http; for=192.0.2.60 ;by=203.0.113.43"), "192.0.2.60");
    EXPECT_EQ(forwarded("for=192.0.2.43, for=198.51.100.17"), "198.51.100.17");
    EXPECT_EQ(forwarded("for=_hidden, by=203.0.113.43;for=198.51.100.17;host=\"a;b, for=192.0.2.1\""), "198.51.100.17")
        << "what stands in quotes is no element";
    EXPECT_EQ(forwarded("host=\"a\\\", for=192.0.2.1\";for=192.0.2.2"), "192.0.2.2") << "nor behind a quoted quote";
    EXPECT_EQ(forwarded(",for=192.0.2.43 , ,;"), "192.0.2.43") << "empty ones are none";
}

TEST(Http, ForwardedWithoutAnAddressNamesNobody) {
    for (const char* value :
         {"", "for=", "for=unknown", "for=_SEVKISEK", "for=\"_gazonk:80\"", "by=203.0.113.43", "for", "192.0.2.1",
          "x-for=192.0.2.1", "for=192.0.2.1, for=unknown", "for=192.0.2.1, proto=https", "for=\"192.0.2.1",
          "for=192.0.2.1;host=\"a\\\"", "for=\"", "for=\"\"", "for=[", "for=192.0.2.256"})
        EXPECT_EQ(forwarded(value), "none") << value;
}

}  // namespace
}  // namespace clew::sensor
