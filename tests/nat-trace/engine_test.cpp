// SPDX-License-Identifier: Apache-2.0
// Every kind of gateway by hand: the path is whole, in order, of the right kind and grade. Long, because it is a list
// of cases that share one region.
#include "nat-trace/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "tests/nat-trace/leg_views.h"
#include "tests/sim/journey.h"

namespace clew {
namespace {

using sim::Journey;
using sim::Truth;
using sim::World;
using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

/// A region: tenant – NAT gateway – edge – load balancer – servers, and an agent that sees sockets.
class EngineTest : public testing::Test {
  protected:
    EngineTest() : engine(EngineLimits{}), world(7) {
        tenant = engine.add_tap({"tenant", "one"});
        edge = engine.add_tap({"edge", "one"});
        servers = engine.add_tap({"servers", "one"});
        sockets = engine.add_tap({"host/sockets", "one"});
    }

    void add(const Truth& truth) {
        for (const Leg& leg : truth.legs) engine.add(leg);
    }

    /// The live paths by id, after all is in.
    std::map<PathId, Path> finish() {
        engine.finish();
        for (Path& path : engine.drain()) {
            if (path.retracted)
                live.erase(path.id);
            else
                live[path.id] = std::move(path);
        }
        return live;
    }

    Path only_path() {
        const auto all = finish();
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? Path{} : all.begin()->second;
    }

    static std::vector<LegId> ids(const Path& path) {
        std::vector<LegId> out;
        for (const PathLeg& leg : path.legs) out.push_back(leg.leg);
        return out;
    }
    static std::vector<LegId> ids(const Truth& truth) {
        std::vector<LegId> out;
        for (const Leg& leg : truth.legs) out.push_back(leg.id);
        return out;
    }
    static std::vector<LinkKind> kinds(const Path& path) {
        std::vector<LinkKind> out;
        for (const Link& link : path.links) out.push_back(link.kind);
        return out;
    }
    static bool changed(const Link& link, MiddleboxChange change) {
        return (link.changes & static_cast<std::uint16_t>(change)) != 0;
    }

    void expect_path(const Truth& truth) {
        const Path path = only_path();
        EXPECT_EQ(ids(path), ids(truth));
        EXPECT_EQ(kinds(path), truth.hops);
    }

    Engine engine;
    World world;
    TapId tenant, edge, servers, sockets;
    std::map<PathId, Path> live;
};

TEST_F(EngineTest, SourceNatBehindATunnel) {
    const Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                            .socket(sockets, 11, 100, "curl")
                            .tap(tenant, 100)
                            .snat("203.0.113.9:40000")
                            .tap(edge)
                            .done();
    add(truth);
    const Path path = only_path();
    EXPECT_EQ(ids(path), ids(truth));
    EXPECT_THAT(kinds(path), ElementsAre(LinkKind::forward, LinkKind::snat));
    EXPECT_EQ(path.links[1].grade, Grade::a);
    EXPECT_TRUE(changed(path.links[1], MiddleboxChange::left_tunnel));
    EXPECT_EQ(path.links[1].delta[0], 0);
    EXPECT_GT(path.links[1].delay[0].samples, 0u);
    EXPECT_GT(path.links[1].delay[0].min_ns, 0);
    EXPECT_EQ(path.legs[0].process.name(), "curl");
    EXPECT_EQ(path.unlinked, Unlinked::linked);
}

TEST_F(EngineTest, DestinationNat) {
    const Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                            .tap(edge)
                            .dnat("10.1.0.5:8080")
                            .tap(servers)
                            .socket(sockets, 12, 200, "nginx")
                            .done();
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, FullNatOfNetfilter) {
    const Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                            .tap(edge)
                            .fullnat("10.1.0.1:1025", "10.1.0.5:8080")
                            .tap(servers)
                            .done();
    add(truth);
    expect_path(truth);
    EXPECT_EQ(live.begin()->second.links[0].grade, Grade::a);
}

TEST_F(EngineTest, WholeChainThroughDeltaFullNat) {
    const Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                            .socket(sockets, 11, 100, "curl")
                            .tap(tenant, 100)
                            .snat("203.0.113.9:40000")
                            .tap(edge)
                            .delta_fullnat("10.1.0.1:1025", "10.1.0.5:8080")
                            .tap(servers)
                            .socket(sockets, 12, 200, "nginx")
                            .done();
    add(truth);
    expect_path(truth);
    const Link& link = live.begin()->second.links[2];
    EXPECT_EQ(link.grade, Grade::a);
    EXPECT_TRUE(changed(link, MiddleboxChange::added_toa));
    EXPECT_TRUE(changed(link, MiddleboxChange::stripped_timestamps));
    EXPECT_TRUE(link.has_delta[0]);
    EXPECT_NE(link.delta[0], 0);
    EXPECT_EQ(link.delta[1], 0);
}

TEST_F(EngineTest, DeltaFullNatWithoutToaIsAtLeastB) {
    const Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                            .tap(edge)
                            .delta_fullnat("10.1.0.1:1025", "10.1.0.5:8080", false)
                            .tap(servers)
                            .done();
    add(truth);
    expect_path(truth);
    EXPECT_LE(live.begin()->second.links[0].grade, Grade::b);
}

TEST_F(EngineTest, SynProxyByToa) {
    const Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                            .socket(sockets, 11, 100, "curl")
                            .tap(tenant, 100)
                            .snat("203.0.113.9:40000")
                            .tap(edge)
                            .syn_proxy("10.1.0.1:1025", "10.1.0.5:8080")
                            .tap(servers)
                            .socket(sockets, 12, 200, "nginx")
                            .done();
    add(truth);
    expect_path(truth);
    const Link& link = live.begin()->second.links[2];
    EXPECT_EQ(link.grade, Grade::a);
    EXPECT_TRUE(changed(link, MiddleboxChange::answered_handshake));
    EXPECT_NE(link.delta[1], 0);
}

TEST_F(EngineTest, SynProxyByToaOnAMirrorOfOneWay) {
    Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                      .tap(edge)
                      .syn_proxy("10.1.0.1:1025", "10.1.0.5:8080")
                      .tap(servers)
                      .done();
    for (Leg& leg : truth.legs) {
        hide(leg, Direction::to_client);
        Flow& seen = leg.flow(Direction::to_server);
        seen.head.length = 120;
        seen.head.hash_all = 0x9e3779b97f4a7c15ULL;
        seen.first_ip_id = 0;
        for (std::size_t k = 0; k < seen.sample_count; ++k) seen.samples[k].ip_id = 0;
    }
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, TtlsThatFallBothWaysOrderTapsWhoseStampsAreLate) {
    world.late_ns_max = 2 * ns_per_ms;  // far more than the hops take, and than the legs say
    for (int n = 0; n < 100; ++n) {
        const std::string port = ":" + std::to_string(20000 + n);
        const Truth truth = Journey::tcp(world, "10.0.0.2" + port, "198.51.100.10:80", noon + n * ns_per_s)
                                .tap(tenant, 100)
                                .snat("203.0.113.9" + port)
                                .tap(edge)
                                .dnat("10.1.0.5:80")
                                .tap(servers)
                                .done();
        add(truth);
        bool found = false;
        for (const auto& [id, path] : finish()) found |= ids(path) == ids(truth) && kinds(path) == truth.hops;
        EXPECT_TRUE(found) << "connection " << n;
    }
}

TEST_F(EngineTest, AToaNamesAnAddressNotAConnection) {
    // One address and port of the NAT gateway's pool leads to two VIPs at once, and both balancers tell it to their
    // server.
    const auto journey = [this](const char* client, const char* vip, TimeNs start) {
        Journey j = Journey::tcp(world, client, vip, start);
        j.stream().payload[0] = world.random();
        return j.tap(tenant, 100).snat("203.0.113.9:40000").tap(edge);
    };
    const Truth first = journey("10.0.0.2:40000", "198.51.100.15:80", noon)
                            .syn_proxy("10.1.0.1:1025", "10.1.0.5:8080")
                            .tap(servers)
                            .done();
    const Truth second = journey("10.0.0.3:40000", "198.51.100.14:80", noon + 400 * ns_per_ms)
                             .delta_fullnat("10.1.0.1:1026", "10.1.0.6:8080")
                             .tap(servers)
                             .done();
    const Truth third =
        journey("10.0.0.4:40000", "198.51.100.10:80", noon + 900 * ns_per_ms).dnat("10.1.0.5:80").tap(servers).done();
    for (const Truth& truth : {second, first, third}) add(truth);
    std::vector<std::vector<LegId>> chains;
    for (const auto& [id, path] : finish()) chains.push_back(ids(path));
    EXPECT_THAT(chains, testing::UnorderedElementsAre(ids(first), ids(second), ids(third)));
}

TEST_F(EngineTest, SynProxyWithoutToaByIpIdsOfBothDirections) {
    const Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                            .tap(edge)
                            .syn_proxy("10.1.0.1:1025", "10.1.0.5:8080", false)
                            .tap(servers)
                            .done();
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, ProxyHeader) {
    const Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                            .tap(tenant, 100)
                            .snat("203.0.113.9:40000")
                            .tap(edge)
                            .socket(sockets, 13, 300, "haproxy")
                            .proxy("10.1.0.1:3333", "10.1.0.5:8080")
                            .socket(sockets, 13, 300, "haproxy")
                            .tap(servers)
                            .socket(sockets, 12, 200, "nginx")
                            .done();
    add(truth);
    const Path path = only_path();
    EXPECT_EQ(ids(path), ids(truth));
    EXPECT_THAT(kinds(path), ElementsAreArray(truth.hops));
    EXPECT_EQ(path.links[3].kind, LinkKind::forward);
    EXPECT_EQ(path.links[2].kind, LinkKind::relay);
    EXPECT_EQ(path.links[2].grade, Grade::a);
    EXPECT_THAT(path.links[2].evidence, testing::Contains(testing::Field(&Evidence::by, EvidenceBy::same_process)));
}

TEST_F(EngineTest, RequestIdGivenByTheProxy) {
    const Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                            .tap(edge)
                            .http_proxy("10.1.0.1:3333", "10.1.0.5:8080", "6f9c-1")
                            .tap(servers)
                            .done();
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, DnsThroughSourceNat) {
    const Truth truth = Journey::dns(world, "10.0.0.2:5353", "198.51.100.53:53", noon, 0x1234, 99)
                            .tap(tenant, 100)
                            .snat("203.0.113.9:5353")
                            .tap(edge)
                            .dnat("10.1.0.53:53")
                            .tap(servers)
                            .done();
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, PingWithRewrittenId) {
    const Truth truth = Journey::ping(world, "10.0.0.2:77", "198.51.100.10:77", noon)
                            .tap(tenant, 100)
                            .snat("203.0.113.9:912")
                            .tap(edge)
                            .done();
    Truth rewritten = truth;
    rewritten.legs[1].server.port = 912;
    add(rewritten);
    expect_path(rewritten);
}

TEST_F(EngineTest, PingThroughNat64) {
    Truth truth = Journey::ping(world, "10.0.0.2:77", "198.51.100.10:77", noon)
                      .tap(tenant)
                      .snat("203.0.113.9:912")
                      .tap(edge)
                      .done();
    Leg& six = truth.legs[0];
    six.protocol = Protocol::icmpv6;
    six.client.ip = *parse_ip("2001:db8::2");
    six.server.ip = *parse_ip("64:ff9b::c633:640a");
    for (Flow& flow : six.flows) {
        flow.first_ip_id = 0;
        for (Sample& sample : flow.samples) sample.ip_id = 0;
    }
    truth.legs[1].server.port = 912;
    truth.hops = {LinkKind::nat64};
    add(truth);
    expect_path(truth);
    EXPECT_EQ(live.begin()->second.protocol, Protocol::icmp);
}

TEST_F(EngineTest, ProxiesInARowThatPassOneProxyHeaderOn) {
    Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                      .tap(tenant)
                      .proxy("10.1.0.1:3333", "10.1.0.5:8080")
                      .tap(edge)
                      .proxy("10.2.0.1:4444", "10.2.0.5:8080")
                      .tap(servers)
                      .done();
    const auto header = [](Leg& leg) -> Hint& {
        return *std::find_if(leg.hints.begin(), leg.hints.end(),
                             [](const Hint& h) { return h.kind == HintKind::proxy_source; });
    };
    Hint& last = header(truth.legs[2]);
    const TimeNs sent = last.time_ns;
    last = header(truth.legs[1]);
    last.time_ns = sent;
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, ForwardedForNamesTheClientThatAProxyHeaderTold) {
    Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                      .tap(tenant)
                      .proxy("10.1.0.1:3333", "10.1.0.5:8080")
                      .tap(edge)
                      .http_proxy("10.2.0.1:4444", "10.2.0.5:8080", "id-one")
                      .tap(servers)
                      .done();
    for (Leg* leg : {&truth.legs[1], &truth.legs[2]}) {
        Hint request;
        request.kind = HintKind::http_request;
        request.length = 8;
        request.bytes.fill(0x21);
        request.time_ns = leg->flow(Direction::to_server).first_payload_ns;
        for (std::size_t h = 0; h < leg->hint_count; ++h) {
            Hint& hint = leg->hints[h];
            if (hint.kind == HintKind::forwarded_for)
                std::memcpy(hint.bytes.data(), truth.legs[0].client.ip.bytes.data(), 16);
            if (hint.kind == HintKind::request_id) hint = request;
        }
        leg->add_hint(request);
        for (Flow& flow : leg->flows) flow.head = StreamHead{};
    }
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, UnansweredSynIsLinkedAsFarAsItCame) {
    Journey journey = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon);
    journey.stream().answered = false;
    const Truth truth =
        journey.tap(tenant, 100).snat("203.0.113.9:40000").tap(edge).dnat("10.1.0.5:80").tap(servers).done();
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, ALegOfWhichTheAnswerCameBeforeTheSynBeginsWithTheSyn) {
    const Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                            .tap(edge)
                            .dnat("10.1.0.5:8080")
                            .tap(servers)
                            .done();
    Leg disordered = truth.legs[1];
    disordered.first_ns = disordered.flow(Direction::to_client).syn_ns;
    ASSERT_GT(disordered.first_ns, disordered.flow(Direction::to_server).syn_ns);
    engine.add(truth.legs[0]);
    engine.add(disordered);
    expect_path(truth);
    const Path& path = live.begin()->second;
    EXPECT_EQ(path.legs[1].first_ns, truth.legs[1].first_ns);
    for (const Evidence& one : path.links[0].evidence) EXPECT_NE(one.by, EvidenceBy::contradiction);
}

TEST_F(EngineTest, FoundInTheMiddleBySeqAndAck) {
    Journey journey = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon);
    journey.stream().from_middle = true;
    const Truth truth =
        journey.tap(tenant, 100).snat("203.0.113.9:40000").tap(edge).dnat("10.1.0.5:80").tap(servers).done();
    add(truth);
    expect_path(truth);
    EXPECT_EQ(live.begin()->second.links[0].grade, Grade::a);
}

TEST_F(EngineTest, SocketFoundInTheMiddleByAddressesAndStreamState) {
    Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                      .socket(sockets, 11, 100, "curl")
                      .tap(tenant, 100)
                      .done();
    Leg& socket = truth.legs[0];
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        Flow& flow = socket.flow(d);
        flow.isn = 0;
        flow.isn_from = IsnFrom::none;
        flow.syn_ns = 0;
    }
    socket.first_ns += ns_per_ms;
    add(truth);
    const Path path = only_path();
    EXPECT_EQ(ids(path), ids(truth));
}

TEST_F(EngineTest, TwoTenantsWithTheSameAddresses) {
    const Truth one = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                          .tap(tenant, 100)
                          .snat("203.0.113.9:40000")
                          .tap(edge)
                          .done();
    const Truth two = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon + 5 * ns_per_us)
                          .tap(tenant, 200)
                          .snat("203.0.113.9:40001")
                          .tap(edge)
                          .done();
    add(one);
    add(two);
    const auto paths = finish();
    ASSERT_EQ(paths.size(), 2u);
    for (const auto& [id, path] : paths) EXPECT_THAT(ids(path), testing::AnyOf(ids(one), ids(two)));
}

TEST_F(EngineTest, PortUsedAgain) {
    const Truth one = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                          .tap(tenant, 100)
                          .snat("203.0.113.9:40000")
                          .tap(edge)
                          .delta_fullnat("10.1.0.1:1025", "10.1.0.5:80")
                          .tap(servers)
                          .done();
    const Truth two = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon + 30 * ns_per_ms)
                          .tap(tenant, 100)
                          .snat("203.0.113.9:40000")
                          .tap(edge)
                          .delta_fullnat("10.1.0.1:1025", "10.1.0.5:80")
                          .tap(servers)
                          .done();
    add(one);
    add(two);
    const auto paths = finish();
    ASSERT_EQ(paths.size(), 2u);
    for (const auto& [id, path] : paths) EXPECT_THAT(ids(path), testing::AnyOf(ids(one), ids(two)));
}

TEST_F(EngineTest, BothSidesOfAGatewayOnOneTap) {
    const Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                            .tap(edge, 100)
                            .snat("203.0.113.9:40000")
                            .tap(edge)
                            .delta_fullnat("10.1.0.1:1025", "10.1.0.5:80")
                            .tap(edge)
                            .done();
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, KeptBackendConnectionOfTwoClientsIsLeftAlone) {
    const auto ask = [](Leg& leg, std::uint8_t what) {
        Hint request;
        request.kind = HintKind::http_request;
        request.length = 8;
        request.bytes[0] = what;
        request.time_ns = leg.flow(Direction::to_server).first_payload_ns;
        leg.add_hint(request);
    };
    Truth one = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                    .tap(edge)
                    .http_proxy("10.1.0.1:3333", "10.1.0.5:8080", "id-one")
                    .tap(servers)
                    .done();
    for (Leg& leg : one.legs) ask(leg, 1);
    Truth two = Journey::tcp(world, "203.0.113.9:40001", "198.51.100.10:80", noon + 10 * ns_per_ms)
                    .tap(edge)
                    .http_proxy("10.1.0.1:3333", "10.1.0.5:8080", "id-two")
                    .tap(servers)
                    .done();
    for (Leg& leg : two.legs) ask(leg, 2);
    add(one);
    EXPECT_EQ(finish().size(), 1u);  // so far, all speaks for one client
    Leg back = one.legs[1];
    back.revision = 2;
    for (std::size_t n = 0; n < two.legs[1].hint_count; ++n) back.add_hint(two.legs[1].hints[n]);
    engine.add(two.legs[0]);
    engine.add(back);
    const auto paths = finish();
    EXPECT_EQ(paths.size(), 3u);
    for (const auto& [id, path] : paths) {
        ASSERT_EQ(path.legs.size(), 1u);
        EXPECT_EQ(path.unlinked, Unlinked::ambiguous);
    }
}

TEST_F(EngineTest, ReSentReportsChangeNothing) {
    const Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                            .tap(tenant, 100)
                            .snat("203.0.113.9:40000")
                            .tap(edge)
                            .done();
    add(truth);
    finish();
    add(truth);
    engine.tick(noon + ns_per_s);
    EXPECT_TRUE(engine.drain().empty());
    EXPECT_EQ(engine.counters().legs_old, 2u);
    EXPECT_EQ(engine.counters().legs_received, 4u);
}

TEST_F(EngineTest, AloneLegWaitsThenIsMended) {
    const Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                            .tap(tenant, 100)
                            .snat("203.0.113.9:40000")
                            .tap(edge)
                            .done();
    engine.tick(noon);
    engine.add(truth.legs[1]);
    engine.tick(noon + 100 * ns_per_ms);
    EXPECT_TRUE(engine.drain().empty()) << "its neighbours may still come";
    engine.tick(noon + 250 * ns_per_ms);
    const std::vector<Path> alone = engine.drain();
    ASSERT_EQ(alone.size(), 1u);
    EXPECT_EQ(alone[0].unlinked, Unlinked::no_candidate);
    engine.add(truth.legs[0]);
    engine.tick(noon + 300 * ns_per_ms);
    const std::vector<Path> mended = engine.drain();
    ASSERT_EQ(mended.size(), 1u);
    EXPECT_EQ(mended[0].id, alone[0].id) << "the path's id stays";
    EXPECT_GT(mended[0].revision, alone[0].revision);
    EXPECT_EQ(ids(mended[0]), ids(truth));
    EXPECT_EQ(engine.counters().links_made, 1u);
}

TEST_F(EngineTest, MergedPathsKeepTheOlderId) {
    const Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                            .tap(tenant, 100)
                            .snat("203.0.113.9:40000")
                            .tap(edge)
                            .syn_proxy("10.1.0.1:1025", "10.1.0.5:8080")
                            .tap(servers)
                            .socket(sockets, 12, 200, "nginx")
                            .done();
    Leg early = truth.legs[2];
    early.hint_count = 0;
    for (Flow& flow : early.flows) flow.sample_count = 0;
    engine.add(truth.legs[0]);
    engine.add(truth.legs[1]);
    engine.add(early);
    engine.add(truth.legs[3]);
    engine.tick(noon);
    const std::vector<Path> two = engine.drain();
    ASSERT_EQ(two.size(), 2u);
    const bool first_is_older = two[0].first_ns < two[1].first_ns;
    Leg late = truth.legs[2];
    late.revision = 2;
    engine.add(late);
    engine.tick(noon);
    const std::vector<Path> merged = engine.drain();
    ASSERT_EQ(merged.size(), 2u);
    const Path& gone = merged[0].retracted ? merged[0] : merged[1];
    const Path& kept = merged[0].retracted ? merged[1] : merged[0];
    EXPECT_TRUE(gone.retracted);
    EXPECT_EQ(kept.id, two[first_is_older ? 0 : 1].id);
    EXPECT_EQ(gone.merged_into, kept.id);
    EXPECT_EQ(ids(kept), ids(truth));
}

TEST_F(EngineTest, FloodWithOneSequenceNumberIsAmbiguousAndHarmsNobody) {
    std::vector<LegId> flood;
    const auto probe = [&](int n, TapId tap) {
        Journey j = Journey::tcp(world, "10.9." + std::to_string(n / 250) + "." + std::to_string(n % 250 + 1) + ":1024",
                                 "198.51.100.10:80", noon + n * 10 * ns_per_us);
        j.stream().answered = false;
        j.stream().isn[0] = 0x1234;
        const Truth truth = j.tap(tap).done();
        flood.push_back(truth.legs[0].id);
        add(truth);
    };
    for (int n = 0; n < 20'000; ++n) probe(n, n % 2 == 0 ? edge : servers);
    const Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon + ns_per_ms)
                            .tap(edge)
                            .delta_fullnat("10.1.0.1:1025", "10.1.0.5:80", false)
                            .tap(servers)
                            .done();
    add(truth);
    const auto paths = finish();
    EXPECT_EQ(paths.size(), flood.size() + 1);
    EXPECT_GT(engine.counters().common_keys_skipped, 0u);
    std::size_t alike = 0;
    for (const auto& [id, path] : paths) {
        if (path.legs.size() == 2) {
            EXPECT_EQ(ids(path), ids(truth));
        }
        alike += path.unlinked == Unlinked::ambiguous || path.unlinked == Unlinked::folded;
    }
    EXPECT_GT(alike, flood.size() * 9 / 10);
}

TEST_F(EngineTest, ProbesWithSequenceNumberZeroAreNotLinkedByIt) {
    for (int n = 0; n < 2; ++n) {
        Journey j =
            Journey::tcp(world, "10.9.0." + std::to_string(n + 1) + ":1024", "198.51.100.10:80", noon + n * ns_per_us);
        j.stream().answered = false;
        j.stream().isn[0] = 0;
        add(j.tap(n == 0 ? edge : servers).done());
    }
    EXPECT_EQ(finish().size(), 2u);
}

TEST_F(EngineTest, OneWayMirrorLinksByTheAcknowledgedSequenceNumbers) {
    Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                      .tap(edge)
                      .delta_fullnat("10.1.0.1:1025", "10.1.0.5:80", false)
                      .tap(servers)
                      .done();
    hide(truth.legs[1], Direction::to_client);
    add(truth);
    expect_path(truth);
}

TEST_F(EngineTest, WhatOneWayPassesByIsMeasuredPastIt) {
    Journey journey = Journey::tcp(world, "10.0.0.7:40000", "198.51.100.1:80", noon);
    Truth truth = journey.tap(tenant).router().tap(edge).router().tap(servers).done();
    truth.legs[1].flow(Direction::to_server) = {};  // the middle tap stands on the way back
    add(truth);
    const Path path = only_path();
    ASSERT_EQ(path.legs.size(), 3u);
    ASSERT_EQ(path.spans.size(), 1u);
    const WaySpan& span = path.spans[0];
    EXPECT_EQ(span.direction, Direction::to_server);
    EXPECT_EQ(path.legs[span.from].tap, tenant);
    EXPECT_EQ(path.legs[span.to].tap, servers);
    ASSERT_GT(span.delay.samples, 0u);
    const DurationNs syn =
        truth.legs[2].flow(Direction::to_server).syn_ns - truth.legs[0].flow(Direction::to_server).syn_ns;
    EXPECT_GE(syn, span.delay.min_ns);
    EXPECT_LE(syn, span.delay.max_ns);
    for (const Link& link : path.links) EXPECT_EQ(link.delay[0].samples, 0u);
}

TEST_F(EngineTest, WhereBothWaysPassEveryTapNothingIsSpanned) {
    Journey journey = Journey::tcp(world, "10.0.0.7:40000", "198.51.100.1:80", noon);
    add(journey.tap(tenant).router().tap(edge).router().tap(servers).done());
    EXPECT_TRUE(only_path().spans.empty());
}

TEST_F(EngineTest, ALegAloneSaysWhy) {
    const auto reason_of = [this](Leg leg) {
        engine.add(leg);
        finish();
        return live.rbegin()->second.unlinked;
    };
    const auto leg = [this] {
        live.clear();
        return Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon).tap(edge).done().legs[0];
    };
    EXPECT_EQ(reason_of(leg()), Unlinked::no_candidate);
    Leg one_way = leg();
    one_way.flow(Direction::to_client).packets = 0;
    EXPECT_EQ(reason_of(one_way), Unlinked::one_way);
    Leg middle = leg();
    for (Flow& flow : middle.flows) flow.isn_from = IsnFrom::none;
    EXPECT_EQ(reason_of(middle), Unlinked::capture_gap);
    Leg other = leg();
    other.protocol = static_cast<Protocol>(132);
    EXPECT_EQ(reason_of(other), Unlinked::unsupported);
}

TEST_F(EngineTest, TapsOfDifferentClocksAreOrderedAndTheirDelaysBearTheClocksError) {
    const TapId far = engine.add_tap({"far", "another"});
    Truth truth = Journey::tcp(world, "203.0.113.9:40000", "198.51.100.10:80", noon)
                      .tap(edge)
                      .dnat("10.1.0.5:80")
                      .tap(far)
                      .done();
    Leg& leg = truth.legs[1];
    const auto syn = [&](int n) { return truth.legs[n].flow(Direction::to_server).syn_ns; };
    const DurationNs right = syn(1) - syn(0);
    const DurationNs off = -80 * ns_per_ms;
    leg.first_ns += off;
    leg.last_ns += off;
    for (Flow& flow : leg.flows) {
        flow.first_ns += off;
        flow.syn_ns += off;
        if (flow.first_ack_ns != 0) flow.first_ack_ns += off;
        for (std::size_t n = 0; n < flow.sample_count; ++n) flow.samples[n].time_ns += off;
    }
    add(truth);
    expect_path(truth);
    const SegmentDelay& delay = live.begin()->second.links[0].delay[0];
    ASSERT_GT(delay.samples, 0u);
    EXPECT_GT(delay.error_ns, 0);
    EXPECT_LE(delay.min_ns - delay.error_ns, right);
    EXPECT_GE(delay.max_ns + delay.error_ns, right);
}

TEST_F(EngineTest, FullWindowEvictsTheOldestWholePath) {
    EngineLimits limits;
    limits.leg_count_max = 4;
    engine = Engine(limits);
    tenant = engine.add_tap({"tenant", "one"});
    edge = engine.add_tap({"edge", "one"});
    for (int n = 0; n < 3; ++n)
        add(Journey::tcp(world, "10.0.0.2:4000" + std::to_string(n), "198.51.100.10:80", noon + n * ns_per_ms)
                .tap(tenant, 100)
                .snat("203.0.113.9:4000" + std::to_string(n))
                .tap(edge)
                .done());
    EXPECT_EQ(finish().size(), 3u);
    EXPECT_EQ(engine.counters().legs_evicted, 2u);
    EXPECT_EQ(engine.counters().legs_in_window, 4u);
}

TEST_F(EngineTest, EndedPathsExpireByAge) {
    add(Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
            .tap(tenant, 100)
            .snat("203.0.113.9:40000")
            .tap(edge)
            .done());
    engine.tick(noon + ns_per_s);
    EXPECT_EQ(engine.drain().size(), 1u);
    for (int n = 0; n < 8; ++n) engine.tick(noon + 1000 * ns_per_s);
    EXPECT_EQ(engine.counters().legs_in_window, 0u);
    EXPECT_EQ(engine.counters().legs_expired, 2u);
    EXPECT_TRUE(engine.drain().empty());
}

}  // namespace
}  // namespace clew
