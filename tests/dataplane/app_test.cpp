// SPDX-License-Identifier: Apache-2.0
// Applications by their first payload: hand-written beginnings of each protocol, what only looks like one, random
// bytes.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/fingerprint/app_scanner.h"
#include "dataplane/fingerprint/tls_hello.h"
#include "dataplane/pipeline.h"
#include "tests/dataplane/frames.h"

namespace clew::sensor {
namespace {

using namespace frames;

App name(const Bytes& payload, bool datagram = false, std::uint16_t port = 50001) {
    static AppScanner scanner;
    return scanner.name({payload, static_cast<std::uint32_t>(payload.size()), 50000, port}, datagram);
}
App name(std::string_view words, bool datagram = false) { return name(text(words), datagram); }

/// `length` bytes of prefix, big-endian, before `body`, which they count when `counted` is added.
Bytes framed(unsigned length_bytes, const Bytes& body, std::size_t counted = 0) {
    Bytes out;
    const std::size_t length = body.size() + counted;
    for (unsigned i = length_bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
    return join(out, body);
}
Bytes little(std::uint64_t value, unsigned bytes) {
    Bytes out;
    for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return out;
}

Bytes client_hello(std::string_view server, std::string_view alpn) {
    const Bytes name_list = framed(2, join({0}, framed(2, text(server))));
    const Bytes alpn_list = framed(2, framed(1, text(alpn)));
    const Bytes extensions =
        join(join({0x0a, 0x0a, 0, 0, 0, 0}, framed(2, name_list)), join({0, 16}, framed(2, alpn_list)));
    const Bytes head = join(join({3, 3}, Bytes(32, 7)), {0, 0, 2, 0x13, 1, 1, 0});
    return join({0x16, 3, 1}, framed(2, join({1}, framed(3, join(head, framed(2, extensions))))));
}

const Bytes dns_query =
    join({0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'w', 'w', 2, 'd', 'e', 0}, {0, 1, 0, 1});

TEST(Apps, Web) {
    EXPECT_EQ(name("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), App::http);
    EXPECT_EQ(name("HTTP/1.1 200 OK\r\n"), App::http);
    EXPECT_EQ(name("GET lost and found\r\n"), App::unknown);
    EXPECT_EQ(name("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), App::http2);
    EXPECT_EQ(name(Bytes{0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100}), App::http2);
    EXPECT_EQ(name(client_hello("example.org", "h2")), App::tls);
    EXPECT_EQ(name(Bytes{0x16, 3, 1, 0xff, 0xff, 1}), App::unknown) << "no record is so long";
    EXPECT_EQ(name("RTSP/1.0 200 OK\r\n"), App::rtsp);
    EXPECT_EQ(name("OPTIONS sip:a@b SIP/2.0\r\n", true), App::sip);
    EXPECT_EQ(name("SSH-2.0-OpenSSH_9.2p1\r\n"), App::ssh);
}

TEST(Apps, HelloNamesServerAndProtocol) {
    const Bytes hello = client_hello("example.org", "h2");
    const TlsHello found = parse_tls_hello(hello);
    EXPECT_TRUE(found.client);
    EXPECT_EQ(found.server_name, "example.org");
    EXPECT_EQ(found.alpn, "h2");
    for (std::size_t size = 0; size < hello.size(); ++size) {
        const Bytes cut(hello.begin(), hello.begin() + static_cast<std::ptrdiff_t>(size));
        const TlsHello part = parse_tls_hello(cut);
        EXPECT_TRUE(part.server_name.empty() || part.server_name == "example.org") << "whole or nothing";
        EXPECT_TRUE(part.alpn.empty() || part.alpn == "h2");
    }
}

TEST(Apps, StoresAndQueues) {
    EXPECT_EQ(name(join(join(little(0x4a, 3), {0, 0x0a}), join(text("8.0.36"), Bytes(0x49 - 6)))), App::mysql);
    EXPECT_EQ(name(join(join(little(9, 3), {0, 3}), text("SELECT 1"))), App::mysql);
    const Bytes login = join(join(Bytes{0x85, 0xa6, 0xff, 1}, Bytes{0, 0, 0, 1, 33}), join(Bytes(23), text("root")));
    EXPECT_EQ(name(join(join(little(static_cast<std::uint32_t>(login.size()), 3), {1}), login)), App::mysql);
    EXPECT_EQ(name(framed(4, join({0, 3, 0, 0}, join(text("user"), {0, 'a', 0, 0})), 4)), App::postgresql);
    EXPECT_EQ(name(Bytes{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f}), App::postgresql);
    EXPECT_EQ(name(join({'Q'}, framed(4, join(text("SELECT 1"), {0}), 4))), App::postgresql);
    EXPECT_EQ(name(join({'R', 0, 0, 0, 8, 0, 0, 0, 0}, {'Z', 0, 0, 0, 5, 'I'})), App::postgresql);
    EXPECT_EQ(name("*1\r\n$4\r\nPING\r\n"), App::redis);
    EXPECT_EQ(name("+OK\r\n"), App::redis);
    EXPECT_EQ(name("+OK POP3 ready\r\n"), App::pop);
    EXPECT_EQ(name(join(join(little(32, 4), little(1, 8)),
                        join(join({0xdd, 7, 0, 0}, Bytes(5)), join(little(11, 4), Bytes(7))))),
              App::mongodb);
    EXPECT_EQ(name(join(join(little(32, 4), little(1, 8)), join({0xdd, 7, 0, 0}, Bytes(16, 0xee)))), App::unknown);
    EXPECT_EQ(name(join(join(little(5, 3), {0, 2}), text("shop"))), App::mysql);
    EXPECT_EQ(name(Bytes{3, 0, 0, 11, 6, 0xe0, 0, 0, 0, 1, 0, 0xc1, 2, 1, 0}), App::unknown)
        << "ISO transport, not RDP";
    EXPECT_EQ(name(framed(4, join({0, 3, 0, 9, 0, 0, 0, 1}, join({0, 4}, text("test"))))), App::kafka);
    EXPECT_EQ(name(framed(4, join({0, 3, 0, 9, 0, 0, 0, 1}, join({0, 4}, Bytes{1, 2, 3, 4})))), App::unknown);
    EXPECT_EQ(name(join({0x10, 12, 0, 4}, text("MQTT\x04"))), App::mqtt);
    EXPECT_EQ(name(join({'A', 'M', 'Q', 'P'}, {0, 0, 9, 1})), App::amqp);
    EXPECT_EQ(name(join({0xda, 0xbb, 0xc2, 0}, join(Bytes(8), {0, 0, 0, 4, 'a', 'b', 'c', 'd'}))), App::dubbo);
    EXPECT_EQ(name("set key 0 60 5\r\n"), App::memcached);
    EXPECT_EQ(name("INFO {\"server_id\":1}"), App::nats);
    EXPECT_EQ(name("EHLO mail.example.org\r\n"), App::smtp);
    EXPECT_EQ(name("220 FTP server ready\r\n"), App::ftp);
    EXPECT_EQ(name("* OK IMAP4 ready\r\n"), App::imap);
    EXPECT_EQ(name(join({4, 0, 0, 0, 1}, framed(4, Bytes(8)))), App::cassandra);
}

TEST(Apps, Datagrams) {
    EXPECT_EQ(name(dns_query, true, 53), App::dns);
    EXPECT_EQ(name(dns_query, true, 5353), App::mdns);
    EXPECT_EQ(name(framed(2, dns_query)), App::dns) << "over TCP";
    Bytes odd = dns_query;
    odd[22] = 9;  // class
    EXPECT_EQ(name(odd, true, 53), App::unknown);
    EXPECT_EQ(name(join({0xc3, 0, 0, 0, 1, 8}, Bytes(40)), true), App::quic);
    EXPECT_EQ(name(join({0xc3, 0, 0, 0, 1, 200}, Bytes(40)), true), App::unknown);
    EXPECT_EQ(name(join({0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, Bytes(12)), true), App::stun);
    EXPECT_EQ(name(join({0x16, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4}, Bytes(4)), true), App::dtls);
    EXPECT_EQ(name(join({0x23}, Bytes(47)), true, 123), App::ntp);
    EXPECT_EQ(name(join({0x23}, Bytes(47)), true), App::unknown);
    EXPECT_EQ(name("M-SEARCH * HTTP/1.1\r\n", true), App::ssdp);
    EXPECT_EQ(name(join({1, 0, 0, 0}, Bytes(144)), true), App::wireguard);
}

struct Kept final : LegSink {
    std::vector<Leg> legs;
    bool offer(const Leg& leg) override {
        if (leg.phase == LegPhase::ended) legs.push_back(leg);
        return true;
    }
};

/// The one leg that these frames make.
Leg leg_of(const std::vector<Bytes>& frames_of_leg) {
    Kept sink;
    auto pipeline = Pipeline::create({.leg_count_max = 16, .header_count_max = 0}, sink);
    EXPECT_TRUE(pipeline);
    TimeNs now = 1000 * ns_per_s;
    for (const Bytes& frame : frames_of_leg) {
        const Packet packet = packet_of(frame, now += ns_per_ms);
        (*pipeline)->receive({&packet, 1});
    }
    (*pipeline)->flush();
    EXPECT_EQ(sink.legs.size(), 1u);
    return sink.legs.empty() ? Leg{} : sink.legs[0];
}

Bytes from_client(std::uint32_t seq, unsigned flags, const Bytes& payload = {}) {
    return ethernet(1, 2, 0x0800,
                    ipv4("10.0.0.7", "10.0.0.9", {.id = static_cast<std::uint16_t>(seq)},
                         tcp({.destination = 443, .seq = seq, .flags = flags, .payload = payload})));
}

TEST(Apps, LegsCarryWhatTheirPayloadTold) {
    const Leg secure = leg_of({from_client(1, syn), from_client(2, ack, client_hello("shop.example", "h2"))});
    EXPECT_EQ(secure.app, App::tls);
    EXPECT_EQ(name_in(secure.server_name), "shop.example");
    EXPECT_EQ(name_in(secure.alpn), "h2");
    const Leg plain =
        leg_of({from_client(1, syn), from_client(2, ack, text("GET / HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n"))});
    EXPECT_EQ(plain.app, App::http);
    EXPECT_EQ(name_in(plain.server_name), "shop.example");
    const Leg question =
        leg_of({ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {.protocol = 17}, udp(5000, 53, dns_query)))});
    EXPECT_EQ(question.app, App::dns);
    EXPECT_EQ(name_in(question.server_name), "www.de");
}

TEST(Apps, AProxyHeaderIsNotTheApplication) {
    const Bytes greeting = text("PROXY TCP4 192.0.2.7 192.0.2.9 1234 80\r\n");
    const Leg leg = leg_of(
        {from_client(1, syn), from_client(2, ack, join(greeting, text("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")))});
    EXPECT_EQ(leg.app, App::http);
    EXPECT_EQ(name_in(leg.server_name), "a.example");
}

TEST(Apps, LongNamesKeepTheirEnd) {
    const std::string name = std::string(60, 'a') + "." + std::string(20, 'b') + ".example";
    const Leg leg = leg_of({from_client(1, syn), from_client(2, ack, client_hello(name, "h2"))});
    EXPECT_EQ(name_in(leg.server_name), name.substr(name.size() - server_name_bytes_max));
}

TEST(Apps, OptionsThatNameAClientOrATenantBecomeHints) {
    const Bytes uoa = {31, 8, 0x9c, 0x40, 203, 0, 113, 9};
    const Leg named = leg_of({ethernet(
        1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {.protocol = 17, .options = uoa}, udp(5000, 6000, Bytes(4))))});
    ASSERT_GE(named.hint_count, 1);
    EXPECT_EQ(named.hints[0].kind, HintKind::toa);
    EXPECT_EQ(named.hints[0].value().substr(10), std::string("\xff\xff\xcb\x00\x71\x09\x9c\x40", 8));
    const Bytes options = {0x01, 0x02, 0x80, 0x01, 1, 2, 3, 4};
    const Bytes inside =
        ethernet(3, 4, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {.protocol = 17}, udp(5000, 6000, Bytes(4))));
    const Leg tenant = leg_of(
        {ethernet(1, 2, 0x0800,
                  ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, udp(9, 6081, geneve(5, 0x6558, options, inside))))});
    ASSERT_GE(tenant.hint_count, 1);
    EXPECT_EQ(tenant.hints[0].kind, HintKind::geneve_options);
    EXPECT_EQ(tenant.hints[0].value(), std::string(options.begin(), options.end()));
}

TEST(Apps, RandomBytesHaveNoName) {
    std::mt19937 random(7);
    unsigned named = 0;
    for (int i = 0; i < 200'000; ++i) {
        Bytes payload(1 + random() % 300);
        for (std::uint8_t& byte : payload) byte = static_cast<std::uint8_t>(random());
        named += name(payload, i % 2 == 0) != App::unknown;
    }
    EXPECT_LE(named, 4u) << "of 200 000";
}

TEST(Apps, NamesAreReadBack) {
    for (std::size_t i = 1; i < app_count; ++i) {
        const auto app = static_cast<App>(i);
        EXPECT_FALSE(to_text(app).empty());
        EXPECT_EQ(app_of(to_text(app)), app);
    }
    EXPECT_EQ(app_of("nothing"), App::unknown);
}

}  // namespace
}  // namespace clew::sensor
