// SPDX-License-Identifier: Apache-2.0
// The delta-FULLNAT gateway's treatment of packets, each property on its own; no interface, no clock.
#include "tests/region/translation.h"

#include <gtest/gtest.h>

namespace clew::region {
namespace {

constexpr TimeNs second = 1'000'000'000;
constexpr Mac gateway_mac{2, 0, 0, 0, 0, 1}, own_client_mac{2, 0, 0, 0, 0, 2}, own_server_mac{2, 0, 0, 0, 0, 3},
    web_mac{2, 0, 0, 0, 0, 4};
constexpr Address client{0x0a000007, 40112}, vip{0xc633640e, 80}, proxied_vip{0xc633640f, 80}, web{0x0a090015, 80};
const std::vector<std::uint8_t> syn_options{2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7};

struct Gateway {
    std::vector<Session> opened;
    std::vector<std::string> left;
    Settings settings;
    std::unique_ptr<Translation> translation;
    std::vector<Translation::Output> out;

    explicit Gateway(std::size_t session_count_max = 100) {
        settings.services = {{vip, false}, {proxied_vip, true}};
        settings.servers = {{web, web_mac}};
        settings.local_ips = {0x0a090101};
        settings.client_side_mac = own_client_mac;
        settings.server_side_mac = own_server_mac;
        settings.session_count_max = session_count_max;
        translation =
            std::make_unique<Translation>(settings, 7, [this](const Session& s, bool open, const char* reason) {
                if (open)
                    opened.push_back(s);
                else
                    left.emplace_back(reason);
            });
    }

    TcpFrame client_sends(TcpFrame frame, TimeNs now = second) {
        frame.set_macs(own_client_mac, gateway_mac);
        frame.seal();
        out.clear();
        translation->from_client(frame, now, out);
        return out.empty() ? frame : out.back().frame;
    }
    TcpFrame server_sends(TcpFrame frame, TimeNs now = second) {
        frame.set_macs(own_server_mac, web_mac);
        frame.seal();
        out.clear();
        translation->from_server(frame, now, out);
        return out.empty() ? frame : out.back().frame;
    }
};

TcpFrame syn(Address to = vip, std::uint32_t isn = 1000, Address from = client) {
    return TcpFrame::make(from, to, tcp_syn, isn, 0, 64240, syn_options);
}
TcpFrame ack(std::uint32_t seq, std::uint32_t number, Address to = vip, std::uint8_t more = 0) {
    return TcpFrame::make(client, to, static_cast<std::uint8_t>(tcp_ack | more), seq, number, 502, {});
}

TEST(Translation, RewritesBothEndsAndShiftsTheClientsSequence) {
    Gateway gateway;
    TcpFrame sent = gateway.client_sends(syn());
    ASSERT_EQ(gateway.out.size(), 1U);
    EXPECT_TRUE(gateway.out[0].to_server);
    ASSERT_EQ(gateway.opened.size(), 1U);
    EXPECT_EQ(sent.source(), gateway.opened[0].local);
    EXPECT_EQ(sent.target(), web);
    EXPECT_EQ(sent.seq(), 1000 + gateway.opened[0].delta_to_server);
    EXPECT_NE(gateway.opened[0].delta_to_server, 0U);
    EXPECT_EQ(sent.ttl(), 63);
    EXPECT_EQ(sent.target_mac(), web_mac);
    EXPECT_EQ(sent.source_mac(), own_server_mac);
    EXPECT_TRUE(sent.checksums_right());
}

TEST(Translation, TakesTimestampsOffTheSynAndKeepsTheOtherOptions) {
    Gateway gateway;
    TcpFrame sent = gateway.client_sends(syn());
    EXPECT_TRUE(sent.option(option_timestamps).empty());
    ASSERT_EQ(sent.option(option_mss).size(), 2U);
    EXPECT_EQ(sent.option(3).size(), 1U);
    EXPECT_EQ(sent.ip_bytes(), syn().ip_bytes());
}

TEST(Translation, KeepsTheServersSequenceAndShiftsItsAckAndSackBack) {
    Gateway gateway;
    gateway.client_sends(syn());
    const Session session = gateway.opened.at(0);
    const std::uint32_t seen = 1000 + session.delta_to_server;
    auto byte = [](std::uint32_t v, int shift) { return static_cast<std::uint8_t>(v >> shift); };
    std::vector<std::uint8_t> sack{1, 1, 5, 10};
    for (const std::uint32_t edge : {seen + 100, seen + 200})
        for (int shift = 24; shift >= 0; shift -= 8) sack.push_back(byte(edge, shift));
    TcpFrame back = gateway.server_sends(TcpFrame::make(web, session.local, tcp_ack, 5000, seen + 1, 100, sack));
    EXPECT_EQ(back.source(), vip);
    EXPECT_EQ(back.target(), client);
    EXPECT_EQ(back.seq(), 5000U);
    EXPECT_EQ(back.ack(), 1001U);
    EXPECT_EQ(back.target_mac(), gateway_mac);
    const auto edges = back.option(option_sack);
    ASSERT_EQ(edges.size(), 8U);
    EXPECT_EQ(edges[2] << 8 | edges[3], 1100);
    EXPECT_EQ(edges[6] << 8 | edges[7], 1200);
    EXPECT_TRUE(back.checksums_right());
}

TEST(Translation, TellsTheClientsAddressOnceInAToaOption) {
    Gateway gateway;
    gateway.client_sends(syn());
    TcpFrame first = gateway.client_sends(ack(1001, 5001));
    const auto toa = first.option(option_toa);
    const std::vector<std::uint8_t> wanted{156, 176, 10, 0, 0, 7};  // port 40112, 10.0.0.7
    EXPECT_EQ(std::vector<std::uint8_t>(toa.begin(), toa.end()), wanted);
    EXPECT_TRUE(first.checksums_right());
    EXPECT_TRUE(gateway.client_sends(ack(1001, 5001)).option(option_toa).empty());
}

TEST(Translation, LeavesTheToaOutWhereTheHeaderHasNoRoom) {
    Gateway gateway;
    gateway.client_sends(syn());
    const std::vector<std::uint8_t> full(36, 1);
    TcpFrame sent = gateway.client_sends(TcpFrame::make(client, vip, tcp_ack, 1001, 5001, 502, full));
    EXPECT_EQ(sent.ip_bytes(), 20 + 20 + full.size());
    EXPECT_EQ(gateway.translation->counters().toa_no_room, 1U);
    EXPECT_FALSE(gateway.client_sends(ack(1001, 5001)).option(option_toa).empty());
}

TEST(Translation, ARepeatedSynKeepsItsSessionAndANewOneReplacesIt) {
    Gateway gateway;
    const std::uint32_t first = gateway.client_sends(syn()).seq();
    EXPECT_EQ(gateway.client_sends(syn()).seq(), first);
    EXPECT_EQ(gateway.opened.size(), 1U);
    gateway.client_sends(syn(vip, 77));
    EXPECT_EQ(gateway.opened.size(), 2U);
    EXPECT_EQ(gateway.left, std::vector<std::string>{"port reused"});
}

TEST(Translation, SynProxyKeepsNoStateUntilTheCookieComesBack) {
    Gateway gateway;
    TcpFrame answer = gateway.client_sends(syn(proxied_vip));
    ASSERT_EQ(gateway.out.size(), 1U);
    EXPECT_FALSE(gateway.out[0].to_server);
    EXPECT_EQ(answer.flags(), tcp_syn | tcp_ack);
    EXPECT_EQ(answer.ack(), 1001U);
    EXPECT_EQ(gateway.translation->session_count(), 0U);
    gateway.client_sends(ack(1001, answer.seq() + 12345, proxied_vip));
    EXPECT_TRUE(gateway.out.empty());
    EXPECT_EQ(gateway.translation->counters().cookies_wrong, 1U);
    TcpFrame to_server = gateway.client_sends(ack(1001, answer.seq() + 1, proxied_vip));
    EXPECT_EQ(to_server.flags(), tcp_syn);
    EXPECT_EQ(gateway.translation->session_count(), 1U);
}

TEST(Translation, SynProxyShiftsBothDirectionsOnceTheServerAnswered) {
    Gateway gateway;
    const std::uint32_t cookie = gateway.client_sends(syn(proxied_vip)).seq();
    const TcpFrame asked = gateway.client_sends(ack(1001, cookie + 1, proxied_vip));
    EXPECT_TRUE(gateway.opened.empty());
    TcpFrame first =
        gateway.server_sends(TcpFrame::make(web, asked.source(), tcp_syn | tcp_ack, 9000, asked.seq() + 1, 100, {}));
    ASSERT_EQ(gateway.opened.size(), 1U);
    EXPECT_TRUE(gateway.out[0].to_server);
    EXPECT_EQ(first.seq(), asked.seq() + 1);
    EXPECT_EQ(first.ack(), 9001U);
    EXPECT_FALSE(first.option(option_toa).empty());
    const TcpFrame back =
        gateway.server_sends(TcpFrame::make(web, asked.source(), tcp_ack, 9001, asked.seq() + 1, 100, {}));
    EXPECT_EQ(back.seq(), cookie + 1);
    EXPECT_EQ(back.ack(), 1001U);
}

TEST(Translation, SynProxyAsksASilentServerAgainAndGivesUp) {
    Gateway gateway;
    const std::uint32_t cookie = gateway.client_sends(syn(proxied_vip)).seq();
    gateway.client_sends(ack(1001, cookie + 1, proxied_vip));
    std::size_t asked = 0;
    for (TimeNs now = 2 * second; now < 12 * second; now += second) {
        gateway.out.clear();
        gateway.translation->tick(now, gateway.out);
        asked += gateway.out.size();
    }
    EXPECT_EQ(asked, 3U);
    EXPECT_EQ(gateway.left, std::vector<std::string>{"server does not answer"});
}

TEST(Translation, TheTableIsBoundedAndTheRefusedAreCounted) {
    Gateway gateway(2);
    for (std::uint16_t port = 1; port <= 3; ++port) gateway.client_sends(syn(vip, 1, {client.ip, port}));
    EXPECT_EQ(gateway.translation->session_count(), 2U);
    EXPECT_EQ(gateway.translation->counters().sessions_refused_full, 1U);
}

TEST(Translation, ClosedAndIdleSessionsLeave) {
    Gateway gateway;
    gateway.client_sends(syn());
    const Session session = gateway.opened.at(0);
    gateway.client_sends(syn(vip, 5, {client.ip, 9}));
    gateway.client_sends(ack(1001, 5001, vip, tcp_fin));
    gateway.server_sends(
        TcpFrame::make(web, session.local, tcp_ack | tcp_fin, 5001, session.delta_to_server + 1002, 100, {}));
    gateway.translation->tick(4 * second, gateway.out);
    EXPECT_EQ(gateway.left, std::vector<std::string>{"fin"});
    gateway.translation->tick(200 * second, gateway.out);
    EXPECT_EQ(gateway.left, (std::vector<std::string>{"fin", "idle"}));
    EXPECT_EQ(gateway.translation->session_count(), 0U);
}

TEST(Translation, ForeignFramesAndAnExpiredTtlGoNowhere) {
    Gateway gateway;
    gateway.client_sends(ack(1, 1));
    EXPECT_TRUE(gateway.out.empty());
    TcpFrame tired = syn();
    tired.set_ttl(1);
    gateway.client_sends(tired);
    EXPECT_TRUE(gateway.out.empty());
    gateway.server_sends(TcpFrame::make(web, {0x0a090101, 5}, tcp_ack, 1, 1, 1, {}));
    EXPECT_TRUE(gateway.out.empty());
    EXPECT_EQ(gateway.translation->counters().frames_foreign, 2U);
}

TEST(TcpFrame, RefusesBrokenLengthsAndFragments) {
    TcpFrame good = syn();
    good.seal();
    std::vector<std::uint8_t> bytes(good.bytes().begin(), good.bytes().end());
    ASSERT_TRUE(TcpFrame::parse(bytes));
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(TcpFrame::parse(std::span(bytes).first(length))) << length;
    auto broken = bytes;
    broken[20] = 0x20;  // more fragments
    EXPECT_FALSE(TcpFrame::parse(broken));
    broken = bytes;
    broken[14 + 20 + 12] = 0x40;  // TCP header of 16 bytes
    EXPECT_FALSE(TcpFrame::parse(broken));
}

TEST(TcpFrame, ABrokenOptionListEndsTheSearch) {
    TcpFrame frame = TcpFrame::make(client, vip, tcp_syn, 1, 0, 1, std::vector<std::uint8_t>{99, 0, 8, 10});
    EXPECT_TRUE(frame.option(option_timestamps).empty());
    frame = TcpFrame::make(client, vip, tcp_syn, 1, 0, 1, std::vector<std::uint8_t>{8, 10, 1, 1});
    EXPECT_TRUE(frame.option(option_timestamps).empty());
}

}  // namespace
}  // namespace clew::region
