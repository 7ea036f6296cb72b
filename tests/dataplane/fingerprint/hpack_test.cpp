// SPDX-License-Identifier: Apache-2.0
// Header blocks of HTTP/2: the examples of RFC 7541, appendix C, and what is cut, wrong or too large.
#include "dataplane/fingerprint/hpack.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

std::vector<std::uint8_t> from_hex(std::string_view text) {
    std::vector<std::uint8_t> out;
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return out;
}

struct Reading {
    HpackTable table;
    HpackText text;
    HttpHead head;

    bool read(std::string_view hex) {
        head = HttpHead{};
        return read_header_block(from_hex(hex), table, text, head);
    }
};

TEST(Hpack, ReadsSingleFields) {  // C.2
    Reading r;
    EXPECT_TRUE(r.read("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"));
    EXPECT_FALSE(r.head.request);
    EXPECT_TRUE(r.read("040c 2f73 616d 706c 652f 7061 7468"));
    EXPECT_EQ(r.head.uri, "/sample/path");
    EXPECT_TRUE(r.read("1008 7061 7373 776f 7264 0673 6563 7265 74"));
    EXPECT_TRUE(r.read("82"));
    EXPECT_EQ(r.head.method, "GET");
}

void expect_three_requests(std::initializer_list<std::string_view> blocks) {
    Reading r;
    const std::string_view* block = blocks.begin();
    for (const std::string_view path : {"/", "/", "/index.html"}) {
        ASSERT_TRUE(r.read(*block++));
        EXPECT_TRUE(r.head.request);
        EXPECT_EQ(r.head.method, "GET");
        EXPECT_EQ(r.head.uri, path);
        EXPECT_EQ(r.head.host, "www.example.com");
    }
}

TEST(Hpack, ReadsRequestsThatReferToEarlierOnes) {  // C.3
    expect_three_requests({"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", "8286 84be 5808 6e6f 2d63 6163 6865",
                           "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"});
}

TEST(Hpack, ReadsRequestsInHuffmanCode) {  // C.4
    expect_three_requests({"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", "8286 84be 5886 a8eb 1064 9cbf",
                           "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"});
}

TEST(Hpack, ReadsResponsesWhileEntriesLeaveTheTable) {  // C.6
    Reading r;
    r.table.resize(256);
    ASSERT_TRUE(
        r.read("4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad"
               "1718 63c7 8f0b 97c8 e9ae 82ae 43d3"));
    EXPECT_TRUE(r.head.response);
    EXPECT_TRUE(r.read("4883 640e ffc1 c0bf"));
    EXPECT_TRUE(r.head.response);
    EXPECT_TRUE(
        r.read("88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2"
               "e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07"));
    EXPECT_TRUE(r.head.response);
}

std::string decoded(std::string_view hex, std::size_t room = 100) {
    std::string out(room, '?');
    const std::size_t length = decode_huffman(from_hex(hex), out.data(), room);
    return length == huffman_bad ? "bad" : out.substr(0, length);
}

TEST(Hpack, DecodesHuffmanCode) {
    EXPECT_EQ(decoded("6402"), "302");
    EXPECT_EQ(decoded("640e ff"), "307");
    EXPECT_EQ(decoded("9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3"), "https://www.example.com");
    EXPECT_EQ(decoded("f1e3 c2e5 f23a 6ba0 ab90 f4ff", 3), "www");
    EXPECT_EQ(decoded(""), "");
    EXPECT_EQ(decoded("640e ffff"), "bad") << "a whole byte of padding";
    EXPECT_EQ(decoded("640e fe"), "bad") << "padding that is not the beginning of the end of a string";
    EXPECT_EQ(decoded("ffff ffff"), "bad") << "the end of a string within one";
}

/// A literal that is indexed, with a name of its own.
std::string field(std::string_view name, std::string_view value) {
    std::string out = "\x40";
    for (const std::string_view text : {name, value}) {
        if (text.size() < 127) {
            out += static_cast<char>(text.size());
        } else {
            out += '\x7f';
            std::size_t rest = text.size() - 127;
            for (; rest >= 128; rest /= 128) out += static_cast<char>(0x80 | rest % 128);
            out += static_cast<char>(rest);
        }
        out += text;
    }
    return out;
}

bool read_bytes(Reading& r, std::string_view bytes) {
    r.head = HttpHead{};
    return read_header_block({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, r.table, r.text,
                             r.head);
}

TEST(Hpack, KnowsTheFieldsThatHttp1Has) {
    Reading r;
    ASSERT_TRUE(read_bytes(r, "\x83" + field(":path", "/a") + field("host", "h") + field("x-correlation-id", "one") +
                                  field("x-request-id", "two") + field("traceparent", "00-1") +
                                  field("x-forwarded-for", "192.0.2.1") + field("x-forwarded-for", "192.0.2.2")));
    EXPECT_TRUE(r.head.request);
    EXPECT_EQ(r.head.method, "POST");
    EXPECT_EQ(r.head.host, "h");
    EXPECT_EQ(r.head.request_id, "one") << "the first there is";
    EXPECT_EQ(r.head.traceparent, "00-1");
    EXPECT_EQ(r.head.forwarded_for, "192.0.2.2");
    // All again from the table, the newest of which is 62.
    ASSERT_TRUE(read_bytes(r, "\x83\xc4\xc3\xc1\xc0\xbf"));
    EXPECT_EQ(r.head.uri, "/a");
    EXPECT_EQ(r.head.request_id, "two");
    EXPECT_EQ(r.head.traceparent, "00-1");
    EXPECT_EQ(r.head.forwarded_for, "192.0.2.1");
}

TEST(Hpack, KnowsForwarded) {
    Reading r;
    ASSERT_TRUE(read_bytes(r, "\x83" + field("forwarded", "for=192.0.2.1") + field("forwarded", "for=192.0.2.2")));
    EXPECT_EQ(r.head.forwarded, "for=192.0.2.2");
    EXPECT_EQ(r.head.forwarded_for, "");
    ASSERT_TRUE(read_bytes(r, "\x83\xbf"));
    EXPECT_EQ(r.head.forwarded, "for=192.0.2.1") << "from the table";
}

TEST(Hpack, AnEntryThatIsLargerThanTheTableEmptiesIt) {
    Reading r;
    ASSERT_TRUE(read_bytes(r, field("traceparent", "first")));
    ASSERT_TRUE(read_bytes(r, field("cookie", std::string(5000, 'c')) + field("traceparent", "second") + "\xbe"));
    EXPECT_EQ(r.head.traceparent, "second");
    ASSERT_TRUE(read_bytes(r, "\xbf"));
    EXPECT_EQ(r.head.traceparent, "") << "there is but one entry";
}

TEST(Hpack, WhatIsNotKeptIsNotKnown) {
    Reading r;
    ASSERT_TRUE(read_bytes(r, field(":path", "/" + std::string(300, 'p')) + field(":authority", "h")));
    ASSERT_TRUE(read_bytes(r, "\x82\xbf\xbe")) << "the path was too long for the table";
    EXPECT_FALSE(r.head.request);
    EXPECT_EQ(r.head.host, "h");
    for (int n = 0; n < 40; ++n) ASSERT_TRUE(read_bytes(r, field("x-other", std::to_string(n))));
    ASSERT_TRUE(read_bytes(r, "\x82\x84\xe6")) << "40 entries ago";
    EXPECT_FALSE(r.head.host == "h");
    for (int n = 0; n < 20; ++n) ASSERT_TRUE(read_bytes(r, field("traceparent", std::string(60, '0'))));
    ASSERT_TRUE(read_bytes(r, "\xd1")) << "its value was overwritten";
    EXPECT_EQ(r.head.traceparent, "");
}

TEST(Hpack, WhatIsCutOrWrongIsNotUnderstood) {
    Reading r;
    EXPECT_FALSE(r.read("80"));
    EXPECT_FALSE(r.read("40")) << "no name";
    EXPECT_FALSE(r.read("400a 6375 7374"));
    EXPECT_FALSE(r.read("ff ffff ffff ff")) << "an integer without an end";
    EXPECT_FALSE(r.read("0481")) << "a coded text that is not there";
    EXPECT_TRUE(r.read("3f9a 0a")) << "C.1.2: a size of 1337";
}

TEST(Hpack, AnyBytesEndQuietly) {
    std::mt19937_64 random{printed_seed()};
    Reading r;
    for (int round = 0; round < 100'000; ++round) {
        std::string block(random() % 60, '\0');
        for (char& c : block) c = static_cast<char>(random());
        if (!read_bytes(r, block)) r.table = HpackTable{};
    }
}

}  // namespace
}  // namespace clew::sensor
