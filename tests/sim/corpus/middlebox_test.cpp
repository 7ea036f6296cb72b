// SPDX-License-Identifier: Apache-2.0
// Each middlebox model against the row of the field table that it stands for.
#include "tests/sim/corpus/middlebox.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace clew::corpus {
namespace {

const End client{Ip::parse("10.0.0.7"), 40112}, vip{Ip::parse("198.51.100.10"), 80};
const End outside{Ip::parse("203.0.113.5"), 5000}, backend{Ip::parse("10.1.0.9"), 8080};

Packet tcp(Way way, const End& from_client, const End& to_server, std::uint8_t flags, std::uint32_t seq,
           std::uint32_t ack) {
    Packet p;
    p.set_from(way == Way::to_server ? from_client : to_server);
    p.set_to(way == Way::to_server ? to_server : from_client);
    p.flags = flags, p.seq = seq, p.ack = ack;
    p.ip_id = 77;
    p.window = 1000;
    if ((flags & tcp_syn) != 0) p.options.mss = 1460, p.options.window_scale = 7, p.options.sack_permitted = true;
    p.options.has_timestamps = true, p.options.tsval = 1234;
    return p;
}

using Emitted = std::vector<std::pair<Way, Packet>>;
Emitted through(Middlebox& box, Way way, const Packet& packet) {
    Emitted out;
    box.pass(way, packet, [&out](Way to, Packet p) { out.emplace_back(to, std::move(p)); });
    return out;
}
Packet one(Middlebox& box, Way way, const Packet& packet) {
    const Emitted out = through(box, way, packet);
    EXPECT_EQ(out.size(), 1u);
    EXPECT_EQ(out.at(0).first, way);
    return out.at(0).second;
}

TEST(Nat, KeepsAllButAddressesAndTtl) {
    Nat nat({outside, backend});
    const Packet in = tcp(Way::to_server, client, vip, tcp_syn, 100, 0);
    const Packet out = one(nat, Way::to_server, in);
    EXPECT_EQ(out.from(), outside);
    EXPECT_EQ(out.to(), backend);
    EXPECT_EQ(out.seq, in.seq);
    EXPECT_EQ(out.ip_id, in.ip_id);
    EXPECT_EQ(out.ttl, in.ttl - 1);
    EXPECT_EQ(out.options.tsval, in.options.tsval);
    const Packet back = one(nat, Way::to_client, tcp(Way::to_client, outside, backend, tcp_syn | tcp_ack, 900, 101));
    EXPECT_EQ(back.from(), vip);
    EXPECT_EQ(back.to(), client);
    EXPECT_EQ(back.seq, 900u);
    EXPECT_EQ(back.ack, 101u);
}

TEST(Nat, RewritesTheEchoId) {
    Nat nat({outside, {}});
    Packet echo;
    echo.protocol = proto_icmp, echo.echo_request = true;
    echo.set_from({client.ip, 7}), echo.set_to({vip.ip, 7});
    const Packet out = one(nat, Way::to_server, echo);
    EXPECT_EQ(out.source_port, outside.port);
    EXPECT_EQ(out.destination_port, outside.port);
    Packet reply = out;
    std::swap(reply.source, reply.destination);
    reply.echo_request = false;
    EXPECT_EQ(one(nat, Way::to_client, reply).destination_port, 7);
}

TEST(DeltaFullnat, ShiftsOnlyTheClientsNumbers) {
    DeltaFullnat lb({outside, backend}, {}, 5000);
    const Packet syn = one(lb, Way::to_server, tcp(Way::to_server, client, vip, tcp_syn, 100, 0));
    EXPECT_EQ(syn.seq, 5100u);
    EXPECT_FALSE(syn.options.has_timestamps);
    EXPECT_FALSE(syn.options.toa);
    Packet answer = tcp(Way::to_client, outside, backend, tcp_syn | tcp_ack, 900, 5101);
    answer.options.sack = {{5200, 5300}};
    const Packet back = one(lb, Way::to_client, answer);
    EXPECT_EQ(back.seq, 900u);
    EXPECT_EQ(back.ack, 101u);
    EXPECT_EQ(back.options.sack[0].first, 200u);
    const Packet ack = one(lb, Way::to_server, tcp(Way::to_server, client, vip, tcp_ack, 101, 901));
    EXPECT_EQ(ack.seq, 5101u);
    EXPECT_EQ(ack.ack, 901u);
    ASSERT_TRUE(ack.options.toa);
    EXPECT_EQ(*ack.options.toa, client);
}

TEST(DeltaFullnat, TranslatesWhatAnErrorQuotes) {
    DeltaFullnat lb({outside, backend}, {}, 5000);
    const Packet syn = one(lb, Way::to_server, tcp(Way::to_server, client, vip, tcp_syn, 100, 0));
    const Packet error = one(lb, Way::to_client, port_unreachable(syn, 64, 1));
    EXPECT_EQ(error.destination, client.ip);
    EXPECT_EQ(error.source, vip.ip);
    ASSERT_TRUE(error.quoted);
    EXPECT_EQ(error.quoted->from(), client);
    EXPECT_EQ(error.quoted->to(), vip);
    EXPECT_EQ(error.quoted->seq, 100u);
}

TEST(DeltaFullnat, LeavesTheToaOutWithoutRoom) {
    DeltaFullnat lb({outside, backend}, {}, 5000);
    one(lb, Way::to_server, tcp(Way::to_server, client, vip, tcp_syn, 100, 0));
    Packet ack = tcp(Way::to_server, client, vip, tcp_ack, 101, 901);
    ack.options.other = std::string(24, '\x01');
    EXPECT_FALSE(one(lb, Way::to_server, ack).options.toa);
}

TEST(IsnFirewall, ShiftsBothWays) {
    IsnFirewall fw({}, {}, Rng(3));
    const Packet syn = one(fw, Way::to_server, tcp(Way::to_server, client, vip, tcp_syn, 100, 0));
    EXPECT_NE(syn.seq, 100u);
    EXPECT_EQ(syn.options.tsval, 1234u);
    const Packet back = one(fw, Way::to_client, tcp(Way::to_client, client, vip, tcp_syn | tcp_ack, 900, syn.seq + 1));
    EXPECT_EQ(back.ack, 101u);
    EXPECT_NE(back.seq, 900u);
    const Packet ack = one(fw, Way::to_server, tcp(Way::to_server, client, vip, tcp_ack, 101, back.seq + 1));
    EXPECT_EQ(ack.ack, 901u);
    EXPECT_EQ(ack.seq, syn.seq + 1);
}

/// Walks a handshake through: what the server sees comes only after the client has acked the cookie.
void walk_handshake(bool fullnat) {
    Events events(0);
    SynProxy proxy(events, fullnat ? Rewrite{outside, backend} : Rewrite{}, {fullnat, false, false}, Rng(5));
    const End source = fullnat ? outside : client, target = fullnat ? backend : vip;
    const Emitted first = through(proxy, Way::to_server, tcp(Way::to_server, client, vip, tcp_syn, 100, 0));
    ASSERT_EQ(first.size(), 1u);
    ASSERT_EQ(first[0].first, Way::to_client);
    const std::uint32_t cookie = first[0].second.seq;
    EXPECT_EQ(first[0].second.ack, 101u);
    const Emitted second = through(proxy, Way::to_server, tcp(Way::to_server, client, vip, tcp_ack, 101, cookie + 1));
    ASSERT_EQ(second.size(), 1u);
    const Packet syn = second[0].second;
    EXPECT_TRUE(syn.has(tcp_syn));
    EXPECT_EQ(syn.seq == 100, !fullnat);
    EXPECT_EQ(syn.from(), source);
    const Emitted third =
        through(proxy, Way::to_client, tcp(Way::to_client, source, target, tcp_syn | tcp_ack, 7000, syn.seq + 1));
    ASSERT_EQ(third.size(), 2u);
    EXPECT_EQ(third[0].first, Way::to_server);
    EXPECT_EQ(third[0].second.ack, 7001u);
    EXPECT_EQ(third[0].second.seq, syn.seq + 1);
    const Packet reply = one(proxy, Way::to_client, tcp(Way::to_client, source, target, tcp_ack, 7001, syn.seq + 1));
    EXPECT_EQ(reply.seq, cookie + 1);
    EXPECT_EQ(reply.ack, 101u);
}

TEST(SynProxy, KeepsTheClientsNumbersByItself) { walk_handshake(false); }
TEST(SynProxy, ShiftsBothWithFullnat) { walk_handshake(true); }

TEST(Nat64, ChangesTheFamilyAndTheMss) {
    Rng rng(1);
    Nat64 nat({outside, backend}, rng);
    const Packet out =
        one(nat, Way::to_server,
            tcp(Way::to_server, {Ip::parse("2001:db8::1"), 4000}, {Ip::parse("64:ff9b::1"), 80}, tcp_syn, 100, 0));
    EXPECT_FALSE(out.source.v6);
    EXPECT_EQ(out.seq, 100u);
    EXPECT_EQ(out.options.mss, 1440);
    const Packet back = one(nat, Way::to_client, tcp(Way::to_client, outside, backend, tcp_syn | tcp_ack, 900, 101));
    EXPECT_TRUE(back.source.v6);
}

}  // namespace
}  // namespace clew::corpus
