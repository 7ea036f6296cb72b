// SPDX-License-Identifier: Apache-2.0
// Leg records as properties: frames in, records out.
#include "dataplane/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/dataplane/frames.h"

namespace clew::sensor {
namespace {

using namespace frames;

struct Collected final : LegSink {
    std::vector<Leg> legs;
    bool offer(const Leg& leg) override {
        legs.push_back(leg);
        return true;
    }
};

class PipelineTest : public ::testing::Test {
  protected:
    void SetUp() override { start({.leg_count_max = 64, .segment_count_max = 16, .header_count_max = 256}); }
    void start(const PipelineSettings& settings) {
        auto made = Pipeline::create(settings, sink);
        ASSERT_TRUE(made) << made.error().sentence;
        pipeline = std::move(*made);
    }
    void send(const Bytes& frame, TapId tap = 0) {
        const Packet packet = packet_of(frame, now, tap);
        pipeline->receive({&packet, 1});
    }
    void wait(DurationNs span) {
        for (const TimeNs end = now + span; now < end; now += ns_per_ms) pipeline->advance(now);
        pipeline->advance(now);
    }
    std::uint64_t count(std::string_view name) const {
        for (const auto& counter : pipeline->counters())
            if (counter.name == name) return counter.value;
        ADD_FAILURE() << "no counter " << name;
        return 0;
    }
    const Leg& last() const {
        EXPECT_FALSE(sink.legs.empty());
        return sink.legs.back();
    }

    // One connection 10.0.0.7:40000 > 10.0.0.9:80, at one tap
    void from_client(Tcp segment, unsigned id = 0) {
        send(ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {.id = next_id(id)}, tcp(segment))));
    }
    void from_server(Tcp segment, unsigned id = 0) {
        std::swap(segment.source, segment.destination);
        send(ethernet(2, 1, 0x0800, ipv4("10.0.0.9", "10.0.0.7", {.ttl = 60, .id = next_id(id)}, tcp(segment))));
    }
    void handshake() {
        from_client(
            {.seq = 1000, .flags = syn, .options = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 3, 3, 7}});
        now += ns_per_ms;
        from_server({.seq = 9000, .ack = 1001, .flags = syn | ack, .window = 777});
        now += ns_per_ms;
        from_client({.seq = 1001, .ack = 9001, .flags = ack});
    }
    std::uint16_t next_id(unsigned id) { return static_cast<std::uint16_t>(id != 0 ? id : ++ip_id); }

    Collected sink;
    std::unique_ptr<Pipeline> pipeline;
    TimeNs now = 1'700'000'000 * ns_per_s;
    unsigned ip_id = 0;
};

TEST_F(PipelineTest, AHandshakeIsReportedSoonWithBothIsnsAndOptions) {
    const TimeNs first = now;
    handshake();
    wait(100 * ns_per_ms);
    ASSERT_EQ(sink.legs.size(), 1u);
    const Leg& leg = last();
    EXPECT_EQ(leg.phase, LegPhase::opened);
    EXPECT_EQ(to_text(leg.client), "10.0.0.7:40000");
    EXPECT_EQ(to_text(leg.server), "10.0.0.9:80");
    EXPECT_EQ(leg.client_by, ClientBy::syn);
    EXPECT_EQ(leg.first_ns, first);
    const Flow& client = leg.flow(Direction::to_server);
    EXPECT_EQ(client.isn_from, IsnFrom::syn);
    EXPECT_EQ(client.isn, 1000u);
    EXPECT_EQ(client.mss, 1460);
    EXPECT_EQ(client.window_scale, 7);
    EXPECT_TRUE(client.sack_permitted);
    EXPECT_TRUE(client.has_timestamps);
    EXPECT_EQ(client.first_tsval, 9u);
    EXPECT_EQ(client.packets, 2u);
    EXPECT_EQ(client.first_ttl, 64);
    const Flow& server = leg.flow(Direction::to_client);
    EXPECT_EQ(server.isn, 9000u);
    EXPECT_EQ(server.syn_window, 777);
    EXPECT_EQ(server.first_ttl, 60);
    EXPECT_EQ(to_text(leg.segment.client_mac), "02:00:00:00:00:01");
}

TEST_F(PipelineTest, AnUnansweredSynIsReportedAfterASecond) {
    from_client({});
    wait(900 * ns_per_ms);
    EXPECT_TRUE(sink.legs.empty());
    from_client({});
    wait(200 * ns_per_ms);
    ASSERT_EQ(sink.legs.size(), 1u);
    EXPECT_EQ(last().flow(Direction::to_server).syn_count, 2u);
}

TEST_F(PipelineTest, AcksRevealIsnsOfAOneWayMirror) {
    from_client({.seq = 1000, .flags = syn});
    from_client({.seq = 1001, .ack = 9001, .flags = ack});
    pipeline->flush();
    EXPECT_EQ(last().flow(Direction::to_client).isn, 9000u);
    EXPECT_EQ(last().flow(Direction::to_client).isn_from, IsnFrom::peer_ack);
    EXPECT_EQ(last().flow(Direction::to_client).packets, 0u);
    from_server({.seq = 9000, .ack = 1001, .flags = syn | ack});
    pipeline->flush();
    EXPECT_EQ(last().client_by, ClientBy::syn_ack);
    EXPECT_EQ(to_text(last().client), "10.0.0.7:40000");
    EXPECT_EQ(last().flow(Direction::to_server).isn, 1000u);
    EXPECT_EQ(last().flow(Direction::to_server).isn_from, IsnFrom::peer_ack);
}

TEST_F(PipelineTest, StreamHeadIsTheSameWhateverThePacketsWereCutInto) {
    const Bytes stream(300, 'a');
    const auto hash = [&](std::size_t n) { return XXH3_64bits(stream.data(), n); };
    for (const std::size_t cut : {1u, 10u, 100u, 299u, 300u}) {
        handshake();
        for (std::size_t at = 0; at < 300 && at < 12 * cut; at += cut)
            from_client(
                {.seq = static_cast<std::uint32_t>(1001 + at),
                 .ack = 9001,
                 .flags = ack,
                 .payload = Bytes(stream.begin(), stream.begin() + static_cast<long>(std::min(cut, 300 - at)))});
        pipeline->flush();
        const StreamHead& head = last().flow(Direction::to_server).head;
        if (head.length >= 64) {
            EXPECT_EQ(head.hash_64, hash(64)) << cut;
        }
        if (head.length >= 16) {
            EXPECT_EQ(head.hash_16, hash(16)) << cut;
        }
        EXPECT_EQ(head.hash_all, hash(head.length));
        EXPECT_EQ(head.length, std::min<std::size_t>(256, 12 * cut));
    }
}

TEST_F(PipelineTest, AProxyHeaderIsAHintAndNoPartOfTheHead) {
    const Bytes words = text("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    Bytes v2 = {0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, 12};
    v2 = join(v2, {198, 51, 100, 7, 192, 0, 2, 9, 0x30, 0x39, 0x01, 0xbb});
    const Bytes v1 = text("PROXY TCP4 198.51.100.7 192.0.2.9 12345 443\r\n");
    for (const Bytes& proxy : {v1, v2}) {
        for (const bool apart : {true, false}) {
            handshake();
            const auto at = static_cast<std::uint32_t>(1001 + proxy.size());
            if (apart) {
                from_client({.seq = 1001, .ack = 9001, .flags = ack, .payload = proxy});
                from_client({.seq = at, .ack = 9001, .flags = ack, .payload = words});
            } else {
                from_client({.seq = 1001, .ack = 9001, .flags = ack, .payload = join(proxy, words)});
            }
            pipeline->flush();
            const Leg& leg = last();
            EXPECT_EQ(leg.flow(Direction::to_server).head.hash_all, XXH3_64bits(words.data(), words.size()));
            ASSERT_EQ(leg.hint_count, 2);
            EXPECT_EQ(leg.hints[0].kind, HintKind::proxy_source);
            ASSERT_EQ(leg.hints[0].length, 36);
            EXPECT_EQ(leg.hints[0].bytes[12], 198);
            EXPECT_EQ(leg.hints[0].bytes[16] << 8 | leg.hints[0].bytes[17], 12345);
            EXPECT_EQ(leg.hints[0].bytes[30], 192);
            EXPECT_EQ(leg.hints[0].bytes[34] << 8 | leg.hints[0].bytes[35], 443);
            EXPECT_EQ(leg.hints[1].kind, HintKind::http_request);
        }
    }
}

TEST_F(PipelineTest, ToaBecomesAHint) {
    from_client({.seq = 1000, .flags = syn});
    from_client({.seq = 1001, .ack = 9001, .flags = ack, .options = {254, 8, 0x30, 0x39, 198, 51, 100, 7}});
    pipeline->flush();
    ASSERT_EQ(last().hint_count, 1);
    EXPECT_EQ(last().hints[0].kind, HintKind::toa);
    EXPECT_EQ(last().hints[0].direction, Direction::to_server);
    EXPECT_EQ(last().hints[0].value().substr(12), std::string_view("\xc6\x33\x64\x07\x30\x39", 6));
}

/// The first four hints are those of a request with all that is looked for.
void expect_hints_of_request(const Leg& leg) {
    EXPECT_EQ(leg.hints[0].kind, HintKind::request_id);
    EXPECT_EQ(leg.hints[0].value(), "abc-1");
    EXPECT_EQ(leg.hints[1].kind, HintKind::http_request);
    EXPECT_EQ(leg.hints[2].kind, HintKind::traceparent);
    EXPECT_EQ(leg.hints[2].bytes[0], 0x0a);
    EXPECT_EQ(leg.hints[3].kind, HintKind::forwarded_for);
}

TEST_F(PipelineTest, HttpAndResponseIds) {
    handshake();
    from_client({.seq = 1001,
                 .ack = 9001,
                 .flags = ack,
                 .payload = text(
                     "GET / HTTP/1.1\r\nHost: h\r\nx-request-id: abc-1\r\nX-Forwarded-For: 198.51.100.7, 10.0.0.1\r\n"
                     "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n")});
    from_server(
        {.seq = 9001, .ack = 1200, .flags = ack, .payload = text("HTTP/1.1 200 OK\r\nX-Request-ID: abc-1\r\n\r\n")});
    pipeline->flush();
    const Leg& leg = last();
    ASSERT_EQ(leg.hint_count, 4);
    expect_hints_of_request(leg);
    EXPECT_EQ(leg.hints[3].value().substr(12), std::string_view("\x0a\0\0\x01", 4)) << "the last proxy's own client";
}

TEST_F(PipelineTest, Http2HeadersBecomeTheSameHintsAsHttp1s) {
    handshake();
    const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
    const auto literal = [](std::string_view name, std::string_view value) {
        return std::string("\x40") + static_cast<char>(name.size()) + std::string(name) +
               static_cast<char>(value.size()) + std::string(value);
    };
    const auto headers = [](const std::string& block) {
        return std::string("\0\0", 2) + static_cast<char>(block.size()) + std::string("\1\4\0\0\0\1", 6) + block;
    };
    const std::string request =
        preface + headers("\x82\x84\x41\1h" + literal("x-request-id", "abc-1") +
                          literal("x-forwarded-for", "198.51.100.7, 10.0.0.1") +
                          literal("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    from_client({.seq = 1001, .ack = 9001, .flags = ack, .payload = text(request)});
    const std::string answer =
        std::string("\0\0\0\4\0\0\0\0\0", 9) + headers("\x88" + literal("x-request-id", "abc-1"));
    from_server(
        {.seq = 9001, .ack = static_cast<std::uint32_t>(1001 + request.size()), .flags = ack, .payload = text(answer)});
    // The second request refers to the first one's fields.
    from_client({.seq = static_cast<std::uint32_t>(1001 + request.size()),
                 .ack = static_cast<std::uint32_t>(9001 + answer.size()),
                 .flags = ack,
                 .payload = text(headers("\x82\x85\xc1\x7f\1\5abc-2"))});
    pipeline->flush();
    const Leg& leg = last();
    EXPECT_EQ(leg.app, App::http2);
    EXPECT_EQ(name_in(leg.server_name), "h");
    ASSERT_EQ(leg.hint_count, 6);
    expect_hints_of_request(leg);
    EXPECT_EQ(leg.hints[4].value(), "abc-2");
    EXPECT_EQ(leg.hints[5].kind, HintKind::http_request);

    const Hint request_of_http2 = leg.hints[1];
    handshake();
    from_client({.seq = 1001, .ack = 9001, .flags = ack, .payload = text("GET / HTTP/1.1\r\nHost: h\r\n\r\n")});
    pipeline->flush();
    EXPECT_EQ(last().hints[0].value(), request_of_http2.value()) << "a proxy may write the one as the other";
}

TEST_F(PipelineTest, WhatAProxyWasToldIsAHintAndNoPartOfTheStream) {
    using namespace std::string_literals;
    const auto say = [this](std::initializer_list<std::pair<bool, std::string>> said) {
        handshake();
        std::uint32_t seqs[2] = {1001, 9001};
        for (const auto& [by_client, bytes] : said) {
            const auto size = static_cast<std::uint32_t>(bytes.size());
            if (by_client)
                from_client({.seq = seqs[0], .ack = seqs[1], .flags = ack, .payload = text(bytes)});
            else
                from_server({.seq = seqs[1], .ack = seqs[0], .flags = ack, .payload = text(bytes)});
            seqs[by_client ? 0 : 1] += size;
        }
        pipeline->flush();
        return last();
    };
    const std::string question = "any bytes that a client says", answer = "and what a server answers them";
    const Leg plain = say({{true, question}, {false, answer}});
    const Leg connect = say({{true, "CONNECT 192.0.2.9:6379 HTTP/1.1\r\n\r\n"},
                             {false, "HTTP/1.1 407 No\r\n\r\n"},
                             {true, "CONNECT 192.0.2.9:6379 HTTP/1.1\r\nProxy-Authorization: x\r\n\r\n"},
                             {false, "HTTP/1.1 200 OK\r\n\r\n"},
                             {true, question},
                             {false, answer}});
    const Leg socks5 = say({{true, "\5\1\0"s},
                            {false, "\5\0"s},
                            {true, "\5\1\0\1\xc0\0\2\x09\x18\xeb"s},
                            {false, "\5\0\0\1\0\0\0\0\0\0"s},
                            {true, question},
                            {false, answer}});
    const Leg in_a_hurry =
        say({{true, "\4\1\x18\xeb\xc0\0\2\x09\0"s + question}, {false, "\0\x5a\0\0\0\0\0\0"s + answer}});
    for (const Leg* leg : {&connect, &socks5, &in_a_hurry}) {
        for (const Direction d : {Direction::to_server, Direction::to_client})
            EXPECT_EQ(leg->flow(d).head, plain.flow(d).head);
        ASSERT_EQ(leg->hint_count, 1);
        EXPECT_EQ(leg->hints[0].kind, HintKind::asked_target);
        EXPECT_EQ(leg->hints[0].value(), connect.hints[0].value());
    }
    EXPECT_EQ(connect.hints[0].value().substr(12), "\xc0\0\2\x09\x18\xeb"s);
    for (const Leg* leg : {&connect, &socks5}) {
        EXPECT_EQ(leg->flow(Direction::to_server).sample_count, 1);
        EXPECT_EQ(leg->flow(Direction::to_client).samples[0].payload_hash,
                  plain.flow(Direction::to_client).samples[0].payload_hash);
    }
}

TEST_F(PipelineTest, ForwardedForIsTheLastAddressOfTheLastLine) {
    const auto forwarded = [&](std::string_view lines) {
        handshake();
        from_client({.seq = 1001,
                     .ack = 9001,
                     .flags = ack,
                     .payload = text("GET / HTTP/1.1\r\n" + std::string(lines) + "\r\n")});
        pipeline->flush();
        for (const Hint& hint : last().hints)
            if (hint.kind == HintKind::forwarded_for) {
                IpAddress ip;
                std::copy_n(hint.bytes.begin(), 16, ip.bytes.begin());
                return to_text(ip);
            }
        return std::string("none");
    };
    EXPECT_EQ(forwarded("X-Forwarded-For: 192.0.2.1\r\n"), "192.0.2.1");
    EXPECT_EQ(forwarded("X-Forwarded-For: 192.0.2.1, 192.0.2.2 ,192.0.2.3:4711\r\n"), "192.0.2.3");
    EXPECT_EQ(forwarded("X-Forwarded-For: 192.0.2.1\r\nx-forwarded-for: [2001:db8::7]:80\r\n"), "2001:db8::7");
    EXPECT_EQ(forwarded("X-Forwarded-For: 192.0.2.1, unknown\r\n"), "none");
    EXPECT_EQ(forwarded("X-Forwarded-For:\r\n"), "none");
}

TEST_F(PipelineTest, ForwardedAndXForwardedForAreOneKindOfHint) {
    handshake();
    from_client({.seq = 1001,
                 .ack = 9001,
                 .flags = ack,
                 .payload = text("GET / HTTP/1.1\r\nForwarded: for=192.0.2.9\r\nX-Forwarded-For: 192.0.2.1\r\n"
                                 "forwarded: for=192.0.2.1, for=\"[2001:db8::7]:80\";proto=http\r\n\r\n")});
    pipeline->flush();
    std::vector<std::string> named;
    for (const Hint& hint : last().hints)
        if (hint.kind == HintKind::forwarded_for) {
            IpAddress ip;
            std::copy_n(hint.bytes.begin(), 16, ip.bytes.begin());
            named.push_back(to_text(ip));
        }
    EXPECT_EQ(named, (std::vector<std::string>{"192.0.2.1", "2001:db8::7"})) << "of several lines the last counts";
}

TEST_F(PipelineTest, AHintAfterTheFirstReportIsReportedAtOnce) {
    handshake();
    wait(200 * ns_per_ms);
    ASSERT_EQ(sink.legs.size(), 1u);
    from_client({.seq = 1001, .ack = 9001, .flags = ack, .payload = text("GET / HTTP/1.1\r\nX-Request-Id: 7\r\n\r\n")});
    wait(20 * ns_per_ms);
    ASSERT_EQ(sink.legs.size(), 2u);
    EXPECT_EQ(last().phase, LegPhase::updated);
    EXPECT_EQ(last().revision, 2u);
    EXPECT_EQ(last().hint_count, 2);
}

TEST_F(PipelineTest, UpdatesComeAtMostOncePerIntervalAndOnlyWhenSomethingChanged) {
    handshake();
    wait(100 * ns_per_ms);
    from_client({.seq = 1001, .ack = 9001, .flags = ack, .payload = text("x")});
    wait(100 * ns_per_ms);
    const std::size_t before = sink.legs.size();
    for (unsigned i = 0; i < 300; ++i) {
        from_client({.seq = 1002 + i, .ack = 9001, .flags = ack, .payload = text("y")});
        wait(10 * ns_per_ms);
    }
    EXPECT_GE(sink.legs.size(), before + 2);
    EXPECT_LE(sink.legs.size(), before + 4);
    wait(2 * ns_per_s);
    const std::size_t quiet = sink.legs.size();
    wait(20 * ns_per_s);
    EXPECT_EQ(sink.legs.size(), quiet);
}

TEST_F(PipelineTest, AnOldLegThatRunsAsExpectedReportsLessOftenUntilThereIsNews) {
    handshake();
    std::uint32_t seq = 1001;
    const auto go_on = [&](DurationNs span) {
        const std::size_t before = sink.legs.size();
        for (const TimeNs end = now + span; now < end;) {
            from_client({.seq = seq, .ack = 9001, .flags = ack, .payload = text("yy")});
            seq += 2;
            wait(10 * ns_per_ms);
        }
        return sink.legs.size() - before;
    };
    go_on(20 * ns_per_s);
    EXPECT_EQ(go_on(10 * ns_per_s), 2u);
    while (go_on(10 * ns_per_ms) == 0) continue;  // just reported
    go_on(2 * ns_per_s);
    from_client({.seq = seq - 2, .ack = 9001, .flags = ack, .payload = text("yy")});
    EXPECT_EQ(go_on(50 * ns_per_ms), 1u);
    EXPECT_EQ(last().flow(Direction::to_server).retransmissions, 1u);
    EXPECT_EQ(go_on(3 * ns_per_s), 0u);
}

TEST_F(PipelineTest, FinsEndALegAfterTheStragglersTime) {
    handshake();
    from_client({.seq = 1001, .ack = 9001, .flags = ack | fin});
    from_server({.seq = 9001, .ack = 1002, .flags = ack | fin});
    from_client({.seq = 1002, .ack = 9002, .flags = ack});
    wait(1500 * ns_per_ms);
    EXPECT_EQ(last().phase, LegPhase::opened);
    wait(ns_per_s);
    EXPECT_EQ(last().phase, LegPhase::ended);
    EXPECT_EQ(last().end, LegEnd::fin);
    EXPECT_EQ(count("legs_started"), 1u);
    EXPECT_EQ(count("legs_ended"), 1u);
}

TEST_F(PipelineTest, APortUsedAgainIsANewLeg) {
    handshake();
    from_server({.seq = 9001, .ack = 1001, .flags = rst});
    now += 100 * ns_per_ms;
    from_client({.seq = 500'000, .flags = syn});
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 2u);
    EXPECT_EQ(sink.legs[0].end, LegEnd::reset);
    EXPECT_NE(sink.legs[0].id, sink.legs[1].id);
    EXPECT_EQ(sink.legs[1].flow(Direction::to_server).isn, 500'000u);
    EXPECT_EQ(count("legs_restarted"), 1u);
}

TEST_F(PipelineTest, ASynOnALiveLegStartsNothing) {
    handshake();
    from_client({.seq = 500'000, .flags = syn});
    EXPECT_EQ(count("syn_on_live_leg"), 1u);
    EXPECT_EQ(count("legs_started"), 1u);
}

TEST_F(PipelineTest, ALegSeenOneWayWhosePeerClosedItUnseenIsRestartedByAnotherIsn) {
    from_client({.seq = 1000, .flags = syn});
    now += ns_per_ms;
    from_client({.seq = 1001, .ack = 9001, .flags = ack, .payload = text("x")});
    now += 100 * ns_per_ms;
    from_client({.seq = 500'000, .flags = syn});
    EXPECT_EQ(count("legs_started"), 2u);
    EXPECT_EQ(count("legs_restarted"), 1u);
    pipeline->flush();
    sink.legs.clear();
    from_server({.seq = 9000, .ack = 1001, .flags = syn | ack});
    now += ns_per_ms;
    from_server({.seq = 9001, .ack = 1100, .flags = ack, .payload = text("y")});
    now += 100 * ns_per_ms;
    from_server({.seq = 70'000, .ack = 1001, .flags = syn | ack});  // a client whose ISN is a constant
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 2u);
    EXPECT_EQ(sink.legs[1].flow(Direction::to_client).isn, 70'000u);
}

TEST_F(PipelineTest, TheSameIsnIsAnotherConnectionOnceTheLastOneEnded) {
    const auto closed_by = [&](auto&& close) {
        const std::uint64_t before = count("legs_started");
        handshake();
        close();
        now += 100 * ns_per_ms;
        handshake();
        now += 10 * ns_per_s;
        return count("legs_started") - before;
    };
    EXPECT_EQ(closed_by([&] { from_client({.seq = 1001, .ack = 9001, .flags = rst | ack}); }), 2u);
    EXPECT_EQ(closed_by([&] { from_server({.seq = 9001, .ack = 1001, .flags = rst}); }), 2u);
    EXPECT_EQ(closed_by([&] {
                  from_client({.seq = 1001, .ack = 9001, .flags = fin | ack});
                  from_server({.seq = 9001, .ack = 1002, .flags = fin | ack});
                  from_client({.seq = 1002, .ack = 9002, .flags = ack});
              }),
              2u);
}

TEST_F(PipelineTest, ASynSentAgainOrCopiedLateIsPartOfItsHandshake) {
    from_client({.seq = 0, .flags = syn});
    now += ns_per_s;
    from_client({.seq = 0, .flags = syn});
    now += 50 * ns_per_us;
    from_server({.seq = 0, .ack = 1, .flags = rst | ack});
    now += 200 * ns_per_us;
    from_client({.seq = 0, .flags = syn}, ip_id - 1);  // the mirror's copy comes behind the answer
    EXPECT_EQ(count("legs_started"), 1u);
    pipeline->flush();
    handshake();
    now += 300 * ns_per_us;
    from_client({.seq = 1000, .flags = syn}, ip_id - 2);
    now += 300 * ns_per_ms;
    from_server({.seq = 9000, .ack = 1001, .flags = syn | ack});  // its client's ACK was lost
    EXPECT_EQ(count("legs_started"), 2u);
    EXPECT_EQ(count("legs_restarted"), 0u);
}

TEST_F(PipelineTest, ASynAckThatComesBehindItsClientsResetIsNoOtherConnection) {
    from_client({.seq = 1000, .flags = syn});
    from_client({.seq = 1001, .flags = rst});
    now += 20 * ns_per_ms;
    from_server({.seq = 9000, .ack = 1001, .flags = syn | ack});
    EXPECT_EQ(count("legs_started"), 1u);
}

TEST_F(PipelineTest, ASynAckOfOtherNumbersOnALiveLegShowsThatItsPortsWereUsedAgain) {
    handshake();
    from_server({.seq = 9001, .ack = 1001, .flags = ack, .payload = text("x")});
    now += 20 * ns_per_ms;
    from_client({.seq = 500'000, .flags = syn});
    EXPECT_EQ(count("legs_started"), 1u);
    from_server({.seq = 70'000, .ack = 500'001, .flags = syn | ack});
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 2u);
    EXPECT_EQ(last().flow(Direction::to_server).isn, 500'000u);
}

TEST_F(PipelineTest, RetransmissionsAreToldByRangeAndHolesAreNot) {
    handshake();
    const auto segment = [&](std::uint32_t at, std::size_t size) {
        from_client({.seq = 1001 + at, .ack = 9001, .flags = ack, .payload = Bytes(size, 'z')});
    };
    segment(0, 100);
    segment(200, 100);  // a hole
    segment(100, 100);  // fills it
    segment(100, 100);  // again
    segment(299, 1);    // keep-alive
    pipeline->flush();
    EXPECT_EQ(last().flow(Direction::to_server).retransmissions, 1u);
    EXPECT_EQ(last().flow(Direction::to_server).next_seq, 1301u);
}

TEST_F(PipelineTest, APacketMirroredTwiceIsCountedOnce) {
    from_client({}, 77);
    now += 5 * ns_per_us;
    from_client({}, 77);
    now += ns_per_ms;
    from_client({}, 77);  // too late: a copy of the sender
    pipeline->flush();
    EXPECT_EQ(last().duplicates, 1u);
    EXPECT_EQ(last().flow(Direction::to_server).packets, 2u);
    EXPECT_EQ(count("packets_mirrored_twice"), 1u);
}

TEST_F(PipelineTest, BothDirectionsOfATunnelAreOneLegAndTenantsAreTwo) {
    const auto tunnel = [](bool back, std::uint32_t vni, unsigned udp_source, const Tcp& segment) {
        const Bytes inside = back ? ethernet(6, 5, 0x0800, ipv4("10.0.0.9", "10.0.0.7", {.id = 5}, tcp(segment)))
                                  : ethernet(5, 6, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {.id = 6}, tcp(segment)));
        const Bytes outer = udp(udp_source, 4789, vxlan(vni, inside));
        return back ? ethernet(2, 1, 0x0800, ipv4("192.0.2.2", "192.0.2.1", {.protocol = 17}, outer))
                    : ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, outer));
    };
    send(tunnel(false, 100, 50001, {}));
    send(tunnel(true, 100, 61234, {.source = 80, .destination = 40000, .seq = 5, .ack = 1001, .flags = syn | ack}));
    send(tunnel(false, 200, 50001, {}));
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 2u);
    EXPECT_EQ(to_text(sink.legs[0].segment), "vxlan 100 (192.0.2.1 > 192.0.2.2)");
    EXPECT_EQ(to_text(sink.legs[0].segment.client_mac), "02:00:00:00:00:05");
    EXPECT_EQ(sink.legs[0].flow(Direction::to_client).packets, 1u);
    EXPECT_EQ(*overlay_id(sink.legs[1].segment), 200u);
}

TEST_F(PipelineTest, TheSegmentIsTurnedToTheClientWhoeverIsSeenFirst) {
    const Bytes inside =
        ethernet(6, 5, 0x0800,
                 ipv4("10.0.0.9", "10.0.0.7", {},
                      tcp({.source = 80, .destination = 40000, .seq = 5, .ack = 1001, .flags = syn | ack})));
    send(ethernet(2, 1, 0x0800, ipv4("192.0.2.2", "192.0.2.1", {.protocol = 17}, udp(7, 4789, vxlan(100, inside)))));
    pipeline->flush();
    EXPECT_EQ(to_text(last().segment), "vxlan 100 (192.0.2.1 > 192.0.2.2)");
    EXPECT_EQ(to_text(last().segment.client_mac), "02:00:00:00:00:05");
}

TEST_F(PipelineTest, PingAndDns) {
    send(ethernet(1, 2, 0x0800,
                  ipv4("10.0.0.9", "10.0.0.7", {.protocol = 1}, icmp_echo(true, 321, 1, text("payload")))));
    send(ethernet(2, 1, 0x0800,
                  ipv4("10.0.0.7", "10.0.0.9", {.protocol = 1}, icmp_echo(false, 321, 1, text("payload")))));
    const Bytes query = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'W', 'w', 'w', 2, 'd', 'e', 0, 0, 1, 0, 1};
    send(ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.53", {.protocol = 17}, udp(5353, 53, query))));
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 2u);
    const bool ping_first = sink.legs[0].protocol == Protocol::icmp;
    const Leg& ping = sink.legs[ping_first ? 0 : 1];
    EXPECT_EQ(to_text(ping.client), "10.0.0.9:321");
    EXPECT_EQ(to_text(ping.server), "10.0.0.7:321");
    EXPECT_EQ(ping.flow(Direction::to_server).samples[0].seq, 1u);
    EXPECT_EQ(ping.flow(Direction::to_server).head.hash_all, ping.flow(Direction::to_client).head.hash_all);
    const Leg& dns = sink.legs[ping_first ? 1 : 0];
    EXPECT_EQ(to_text(dns.server), "10.0.0.53:53");
    ASSERT_EQ(dns.hint_count, 1);
    EXPECT_EQ(dns.hints[0].kind, HintKind::dns_query);
    EXPECT_EQ(dns.hints[0].value().substr(0, 2), "\x12\x34");
    const std::uint64_t name = XXH3_64bits("www.de", 6);
    EXPECT_EQ(dns.hints[0].bytes[2], name >> 56);
}

TEST_F(PipelineTest, AQueryLongAfterTheAnswerIsAnotherLeg) {
    const auto ask = [&](std::uint8_t id) {
        const Bytes query = {id, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 2, 'd', 'e', 0, 0, 1, 0, 1};
        send(ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.53", {.protocol = 17}, udp(5000, 53, query))));
        now += ns_per_ms;
        send(ethernet(2, 1, 0x0800, ipv4("10.0.0.53", "10.0.0.7", {.protocol = 17}, udp(53, 5000, query))));
    };
    ask(1);
    now += 100 * ns_per_ms;
    ask(2);  // A and AAAA come together
    now += 600 * ns_per_ms;
    ask(3);
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 2u);
    EXPECT_EQ(sink.legs[0].flow(Direction::to_server).packets, 2u);
    EXPECT_EQ(sink.legs[1].flow(Direction::to_server).packets, 1u);
}

TEST_F(PipelineTest, WhoSendsADatagramFirstIsTheClientWhateverANatGatewayMadeOfItsPort) {
    send(ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.8", {.protocol = 17}, udp(20524, 33333, text("a")))));
    pipeline->flush();
    EXPECT_EQ(to_text(last().client), "10.0.0.7:20524");
}

TEST_F(PipelineTest, ARefusalSeenAloneNamesTheSynThatItRefuses) {
    from_server({.seq = 0, .ack = 1001, .flags = rst | ack});
    pipeline->flush();
    const Flow& client = last().flow(Direction::to_server);
    EXPECT_EQ(client.isn_from, IsnFrom::peer_ack);
    EXPECT_EQ(client.isn, 1000u);
    EXPECT_EQ(last().flow(Direction::to_client).isn_from, IsnFrom::none);
}

TEST_F(PipelineTest, AFullTableEvictsAnIdleLegAndCountsIt) {
    for (unsigned port = 1; port <= 100; ++port) {
        now += ns_per_ms;
        from_client({.source = 40000 + port});
    }
    EXPECT_EQ(count("legs_evicted"), 36u);
    for (const Leg& leg : sink.legs) {
        EXPECT_EQ(leg.end, LegEnd::evicted);
        EXPECT_LT(leg.client.port, 40000 + 100 - 16) << "never one of the youngest";
    }
    pipeline->flush();
    EXPECT_EQ(sink.legs.size(), 100u);
}

TEST_F(PipelineTest, FullSegmentTableIsCountedAndMakesRoomAgain) {
    for (unsigned tag = 1; tag <= 20; ++tag)
        send(ethernet(1, 2, 0x8100, vlan(tag, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {}, tcp({})))));
    EXPECT_EQ(count("segments_full"), 4u);
    pipeline->flush();
    for (unsigned tag = 101; tag <= 116; ++tag)
        send(ethernet(1, 2, 0x8100, vlan(tag, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {}, tcp({})))));
    EXPECT_EQ(count("segments_full"), 4u);
}

TEST_F(PipelineTest, IdleLegsLeaveByTheirProtocolsTimeOut) {
    send(ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.8", {.protocol = 17}, udp(1000, 2000, text("a")))));
    handshake();
    wait(31 * ns_per_s);
    EXPECT_EQ(last().protocol, Protocol::udp);
    EXPECT_EQ(last().end, LegEnd::idle);
    wait(280 * ns_per_s);
    EXPECT_EQ(last().protocol, Protocol::tcp);
    EXPECT_EQ(last().end, LegEnd::idle);
    EXPECT_EQ(count("legs_ended"), 2u);
}

TEST_F(PipelineTest, AJumpInTimeEndsWhatIsOldWhetherOrNotTheCursorCameBy) {
    handshake();
    now += 3600 * ns_per_s;
    handshake();
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 2u);
    EXPECT_EQ(sink.legs[0].end, LegEnd::idle);
}

TEST_F(PipelineTest, HeadersComeBackInOrderWithTheirDirection) {
    handshake();
    from_client({.seq = 1001,
                 .ack = 9001,
                 .flags = ack,
                 .options = {1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6},
                 .payload = text("hello")});
    pipeline->flush();
    std::string partial;
    const LegId id = last().id;
    const auto headers = pipeline->headers({&id, 1}, 0, 0, 100, partial);
    ASSERT_EQ(headers.size(), 4u);
    EXPECT_EQ(partial, "");
    EXPECT_EQ(headers[0].flags, syn);
    EXPECT_EQ(headers[1].direction, Direction::to_client);
    EXPECT_EQ(headers[1].seq, 9000u);
    EXPECT_EQ(headers[3].tsval, 5u);
    EXPECT_EQ(headers[3].length, 5);
    EXPECT_EQ(headers[3].payload_check, static_cast<std::uint16_t>(XXH3_64bits("hello", 5)));
    EXPECT_EQ(pipeline->headers({&id, 1}, 0, 0, 2, partial).size(), 2u);
    EXPECT_NE(partial, "");
}

}  // namespace
}  // namespace clew::sensor
