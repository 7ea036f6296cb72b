// SPDX-License-Identifier: Apache-2.0
// What clients tell proxies, as RFC 1928, RFC 1929, RFC 9110 and SOCKS4a write it, cut and wrong.
#include "dataplane/fingerprint/asked_target.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

using namespace std::string_literals;

struct Read {
    Asking next;
    std::size_t byte_count = 0;
    AskedTarget target;
};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Read ask(Asking now, std::string_view payload) {
    Read out;
    out.next = read_ask(now, bytes_of(payload), out.byte_count, out.target);
    return out;
}

std::size_t reply(Asking now, std::string_view payload) {
    std::size_t byte_count = 99;
    read_reply(now, bytes_of(payload), byte_count);
    return byte_count;
}

TEST(AskedTarget, OfConnect) {
    const std::string_view request = "CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n";
    const std::string with_more = std::string(request) + "more";
    const Read named = ask(Asking::nothing, with_more);
    EXPECT_EQ(named.next, Asking::connect_asked);
    EXPECT_EQ(named.byte_count, request.size());
    EXPECT_EQ(named.target.name, "shop.example");
    EXPECT_EQ(named.target.address.port, 443);
    const Read address = ask(Asking::nothing, "CONNECT [2001:db8::7]:80 HTTP/1.1\r\n\r\n");
    EXPECT_EQ(to_text(address.target.address), "[2001:db8::7]:80");
    EXPECT_TRUE(address.target.name.empty());
    for (const std::string_view other :
         {"CONNECT shop.example HTTP/1.1\r\n\r\n", "CONNECT a:99999 HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
          "CONNECT a:1 HTTP/1.1\r\nHost: a", "CONNECT :1 HTTP/1.1\r\n\r\n"}) {
        EXPECT_EQ(ask(Asking::nothing, other).next, Asking::over) << other;
        EXPECT_EQ(ask(Asking::nothing, other).byte_count, 0u) << other;
    }
    EXPECT_EQ(reply(Asking::connect_asked, "HTTP/1.1 200 OK\r\nVia: p\r\n\r\nbanner"), 27u);
    EXPECT_EQ(reply(Asking::connect_asked, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), 0u);
}

TEST(AskedTarget, OfSocks5) {
    EXPECT_EQ(ask(Asking::nothing, "\5\2\0\2"s).next, Asking::socks5_greeted);
    EXPECT_EQ(ask(Asking::nothing, "\5\1\0\5\1\0\1"s).byte_count, 3u) << "in a hurry";
    EXPECT_EQ(ask(Asking::nothing, "\5\2\0"s).next, Asking::over);
    EXPECT_EQ(ask(Asking::nothing, "\5\0"s).next, Asking::over);
    EXPECT_EQ(ask(Asking::nothing, "\5\1\0x"s).next, Asking::over);
    const Read password = ask(Asking::socks5_greeted, "\1\4user\6secret"s);
    EXPECT_EQ(password.next, Asking::socks5_greeted);
    EXPECT_EQ(password.byte_count, 13u);
    const Read v4 = ask(Asking::socks5_greeted, "\5\1\0\1\xc6\x33\x64\x0a\x01\xbb"s + "more");
    EXPECT_EQ(v4.next, Asking::socks5_asked);
    EXPECT_EQ(v4.byte_count, 10u);
    EXPECT_EQ(to_text(v4.target.address), "198.51.100.10:443");
    const Read v6 = ask(Asking::socks5_greeted, "\5\1\0\4\x20\1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\x50"s);
    EXPECT_EQ(to_text(v6.target.address), "[2001:db8::7]:80");
    const std::string by_name = "\5\1\0\3\4shop\0\x50"s;
    const Read named = ask(Asking::socks5_greeted, by_name);
    EXPECT_EQ(named.target.name, "shop");
    EXPECT_EQ(named.byte_count, 11u);
    EXPECT_EQ(ask(Asking::socks5_greeted, "\5\2\0\1\1\1\1\1\0\x50"s).next, Asking::over) << "BIND";
    EXPECT_EQ(ask(Asking::socks5_greeted, "\5\1\0\3\xff"s + "abc").next, Asking::over);
    EXPECT_EQ(reply(Asking::socks5_asked, "\5\0\0\1\0\0\0\0\0\0"s + "banner"), 10u);
    EXPECT_EQ(reply(Asking::socks5_asked, "\5\5\0\1\0\0\0\0\0\0"s), 0u) << "refused";
    EXPECT_EQ(reply(Asking::socks5_greeted, "\5\0"s), 0u);
}

TEST(AskedTarget, OfSocks4) {
    const Read address = ask(Asking::nothing, "\4\1\0\x50\xc6\x33\x64\x0auser\0"s);
    EXPECT_EQ(address.next, Asking::socks4_asked);
    EXPECT_EQ(to_text(address.target.address), "198.51.100.10:80");
    EXPECT_EQ(address.byte_count, 13u);
    const std::string by_name = "\4\1\0\x50\0\0\0\1\0shop.example\0more"s;
    const Read named = ask(Asking::nothing, by_name);
    EXPECT_EQ(named.target.name, "shop.example");
    EXPECT_EQ(named.byte_count, 22u);
    EXPECT_EQ(ask(Asking::nothing, "\4\1\0\x50\0\0\0\1\0shop.example"s).next, Asking::over);
    EXPECT_EQ(ask(Asking::nothing, "\4\1\0\x50\xc6\x33\x64\x0a\x80\0"s).next, Asking::over);
    EXPECT_EQ(reply(Asking::socks4_asked, "\0\x5a\0\0\0\0\0\0"s), 8u);
    EXPECT_EQ(reply(Asking::socks4_asked, "\0\x5b\0\0\0\0\0\0"s), 0u);
}

TEST(AskedTarget, AnyBytesEndQuietly) {
    std::mt19937_64 random{printed_seed()};
    constexpr char beginnings[] = {5, 4, 1, 'C'};
    for (int round = 0; round < 200'000; ++round) {
        std::string payload(random() % 40, '\0');
        for (char& c : payload) c = static_cast<char>(random() % 4 == 0 ? random() : random() % 6);
        if (!payload.empty()) payload[0] = beginnings[random() % 4];
        for (int n = 0; n <= static_cast<int>(Asking::over); ++n) {
            const Read read = ask(static_cast<Asking>(n), payload);
            ASSERT_LE(read.byte_count, payload.size());
            ASSERT_LE(reply(static_cast<Asking>(n), payload), payload.size());
        }
    }
}

}  // namespace
}  // namespace clew::sensor
