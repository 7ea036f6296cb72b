// SPDX-License-Identifier: Apache-2.0
// Links by what passes through: proxies that only repeat bytes, gateways that write both sequence numbers anew, probes
// and echoes that are all alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

#include "nat-trace/engine.h"
#include "nat-trace/window.h"
#include "tests/nat-trace/leg_views.h"
#include "tests/sim/journey.h"

namespace clew {
namespace {

using sim::Journey;
using sim::Truth;
using sim::World;

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

class StreamsTest : public testing::Test {
  protected:
    StreamsTest() : engine(EngineLimits{}), world(11) { start_anew(); }

    void start_anew() {
        engine = Engine(EngineLimits{});
        tenant = engine.add_tap({"tenant", "one"});
        edge = engine.add_tap({"edge", "one"});
    }

    std::map<PathId, Path> run(const std::vector<Truth>& truths) {
        for (const Truth& truth : truths)
            for (const Leg& leg : truth.legs) engine.add(leg);
        engine.finish();
        std::map<PathId, Path> live;
        for (Path& path : engine.drain()) {
            if (path.retracted)
                live.erase(path.id);
            else
                live[path.id] = std::move(path);
        }
        return live;
    }

    /// The first bytes of both streams, the same on all legs.
    static void set_heads(Truth& truth, std::uint64_t seed) {
        for (Leg& leg : truth.legs)
            for (std::size_t d = 0; d < direction_count; ++d) {
                leg.flows[d].head.length = 200;
                leg.flows[d].head.hash_all = (seed + d) * 0x9e3779b97f4a7c15ULL;
            }
    }

    Truth proxied(int n, std::uint64_t stream) { return proxied(n, n * 3 * ns_per_ms, stream); }
    Truth proxied(int n, DurationNs later, std::uint64_t stream) {
        const std::string port = std::to_string(40'000 + n);
        Truth truth = Journey::tcp(world, "10.0.0.2:" + port, "198.51.100.10:80", noon + later)
                          .tap(tenant)
                          .proxy("10.1.0.1:" + port, "10.2.0.5:8080")
                          .tap(edge)
                          .done();
        for (Leg& leg : truth.legs) leg.hint_count = 0;
        set_heads(truth, stream);
        return truth;
    }

    /// The same, but as of a real proxy the front answers after the server did.
    Truth passed_on(int n, DurationNs later, std::uint64_t stream) {
        Truth truth = proxied(n, later, stream);
        answer_later(truth.legs[0]);
        return truth;
    }
    static void answer_later(Leg& leg) {
        Flow& answer = leg.flow(Direction::to_client);
        for (std::size_t k = 0; k < answer.sample_count; ++k) answer.samples[k].time_ns += ns_per_ms;
        leg.last_ns += ns_per_ms;
    }

    Truth behind_snat(int port_number, std::string_view client, std::string_view server, DurationNs later) {
        const std::string port = std::to_string(port_number);
        return Journey::tcp(world, std::string(client) + ":" + port, server, noon + later)
            .tap(tenant)
            .snat("203.0.113.9:" + port)
            .tap(edge)
            .done();
    }

    /// A question for one page through a gateway that writes both ends.
    Truth asked(int n, std::string_view service, DurationNs later) {
        const std::string number = std::to_string(n), port = std::to_string(40'000 + n);
        Truth truth = Journey::tcp(world, "10.0.0." + number + ":" + port, service, noon + later)
                          .tap(tenant)
                          .fullnat("10.1.0." + number + ":" + port, "10.2.0." + number + ":8080")
                          .tap(edge)
                          .done();
        set_heads(truth, 77);
        for (Leg& leg : truth.legs) {
            Hint request;
            request.kind = HintKind::http_request;
            request.length = 8;
            request.bytes.fill(0x5a);
            request.time_ns = leg.flow(Direction::to_server).first_payload_ns;
            leg.hint_count = 0;
            leg.add_hint(request);
        }
        return truth;
    }

    /// Connections that say something else, each its own.
    void add_others(std::vector<Truth>& truths) {
        for (int n = 0; n < 600; ++n) {
            truths.push_back(behind_snat(20'000 + n, "10.0.0.3", "198.51.100.11:80", n * 9 * ns_per_ms));
            set_heads(truths.back(), 1'000 + static_cast<std::uint64_t>(n) * 2);
        }
    }

    /// A ClientHello that the proxy passes on, and nothing else that both sides of it have in common.
    static Truth with_hello(Truth truth) {
        for (Leg& leg : truth.legs) {
            for (Flow& flow : leg.flows) flow.head = StreamHead{};
            leg.hint_count = 0;
            Hint hint;
            hint.kind = HintKind::tls_random;
            hint.length = 32;
            hint.bytes.fill(0x5a);
            hint.time_ns = leg.flow(Direction::to_server).first_payload_ns;
            leg.add_hint(hint);
        }
        return truth;
    }

    /// As another clock would stamp it.
    static constexpr DurationNs clock_shift = 40 * ns_per_ms;

    static bool right(const Path& path, const std::vector<Truth>& truths) {
        for (const Truth& truth : truths) {
            std::size_t mine = 0;
            for (const PathLeg& leg : path.legs)
                for (const Leg& own : truth.legs) mine += own.id == leg.leg;
            if (mine == path.legs.size()) return true;
        }
        return false;
    }

    Engine engine;
    World world;
    TapId tenant, edge;
};

TEST_F(StreamsTest, ProxyThatOnlyRepeatsBytes) {
    const auto paths = run({proxied(1, 77)});
    ASSERT_EQ(paths.size(), 1u);
    const Path& path = paths.begin()->second;
    ASSERT_EQ(path.links.size(), 1u);
    EXPECT_EQ(path.links[0].kind, LinkKind::relay);
    EXPECT_EQ(path.legs[0].tap, tenant);
}

TEST_F(StreamsTest, ProxiedConnectionsThatAllSayTheSameAreNotGuessedAt) {
    std::vector<Truth> truths;
    for (int n = 0; n < 20; ++n) truths.push_back(proxied(n, 77));
    for (const auto& [id, path] : run(truths)) EXPECT_TRUE(right(path, truths));
}

TEST_F(StreamsTest, AskingTheSameAgainAfterTheAnswerIsNoProxy) {
    std::vector<Truth> truths;
    for (int n = 0; n < 2; ++n) {
        const std::string port = ":" + std::to_string(40'000 + n);
        truths.push_back(Journey::tcp(world, "10.0.0.2" + port, "198.51.100.10:80", noon + n * 50 * ns_per_ms)
                             .tap(tenant)
                             .dnat("10.2.0.5:8080")
                             .tap(edge)
                             .done());
        set_heads(truths.back(), 77);
    }
    const auto paths = run(truths);
    EXPECT_EQ(paths.size(), 2u);
    for (const auto& [id, path] : paths) EXPECT_TRUE(right(path, truths));
}

TEST_F(StreamsTest, TwoThatAskForOneThingAtOnceAreNoProxy) {
    for (const bool one_service : {true, false}) {
        start_anew();
        // The second comes while the first waits, and is answered before it.
        std::vector<Truth> truths = {asked(1, "198.51.100.10:80", 0),
                                     asked(2, one_service ? "198.51.100.10:80" : "198.51.100.11:80", 200 * ns_per_us)};
        for (Leg& leg : truths[0].legs) answer_later(leg);
        // Word for word the same of one service, in other words (a cookie) of two.
        if (!one_service)
            for (Leg& leg : truths[1].legs) leg.flow(Direction::to_server).head.hash_all = 12'345;
        const auto paths = run(truths);
        EXPECT_EQ(paths.size(), 2u) << one_service;
        for (const auto& [id, path] : paths) EXPECT_TRUE(right(path, truths)) << one_service;
    }
}

TEST_F(StreamsTest, ClientHelloOnBothSidesOfAProxy) {
    const auto paths = run({with_hello(proxied(1, 0))});
    ASSERT_EQ(paths.size(), 1u);
    EXPECT_EQ(paths.begin()->second.links[0].kind, LinkKind::relay);
    EXPECT_EQ(paths.begin()->second.links[0].grade, Grade::a);
}

TEST_F(StreamsTest, AProxyThatIsToldWhereToAnswersBeforeItOpens) {
    for (const bool told : {true, false}) {
        start_anew();
        Truth truth = with_hello(proxied(1, 0));
        Flow& answer = truth.legs[0].flow(Direction::to_client);  // "go on", before the ClientHello
        answer.samples[0].time_ns = truth.legs[0].first_ns + 1000;
        shift_times(truth.legs[1], 5 * ns_per_ms);
        for (std::size_t h = 0; h < truth.legs[1].hint_count; ++h)
            truth.legs[1].hints[h].time_ns += (told ? 5 : -5) * ns_per_ms;
        EXPECT_EQ(run({truth}).size(), told ? 1u : 2u);
    }
}

TEST_F(StreamsTest, FrontAndBackAreToldByTheTapsOfOneClock) {
    const TapId wan = engine.add_tap({"wan", "two"});
    Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                      .tap(tenant)
                      .proxy("10.1.0.1:41000", "10.2.0.5:8080")
                      .tap(edge)
                      .snat("203.0.113.9:42000")
                      .tap(wan)
                      .done();
    truth = with_hello(truth);
    shift_times(truth.legs[2], -clock_shift);
    for (std::size_t h = 0; h < truth.legs[2].hint_count; ++h) truth.legs[2].hints[h].time_ns -= clock_shift;
    const auto paths = run({truth});
    ASSERT_EQ(paths.size(), 1u);
    EXPECT_EQ(paths.begin()->second.legs[0].leg, truth.legs[0].id);
}

TEST_F(StreamsTest, FirewallThatWritesBothSequenceNumbersAnew) {
    Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon)
                      .tap(tenant)
                      .snat("203.0.113.9:40000")
                      .tap(edge)
                      .done();
    set_heads(truth, 5);
    const std::uint32_t delta[2] = {0x12345678, 0x9abcdef0};
    for (std::size_t d = 0; d < direction_count; ++d) {
        Flow& flow = truth.legs[1].flows[d];
        flow.isn += delta[d];
        flow.next_seq += delta[d];
        flow.last_ack += delta[1 - d];
        for (Sample& s : flow.samples) s.seq += delta[d], s.ack += delta[1 - d];
    }
    const auto paths = run({truth});
    ASSERT_EQ(paths.size(), 1u);
    const Path& path = paths.begin()->second;
    ASSERT_EQ(path.links.size(), 1u);
    EXPECT_EQ(path.links[0].kind, LinkKind::snat);
    EXPECT_EQ(path.links[0].delta[0], 0x12345678);
    EXPECT_EQ(path.links[0].delta[1], 0x9abcdef0);
}

/// Behind a firewall that writes both sequence numbers and all IP ids anew and takes timestamps off, by another clock.
Truth written_anew(Truth truth) {
    for (std::size_t d = 0; d < direction_count; ++d) {
        for (Leg& leg : truth.legs) leg.flows[d].first_tsval = 0;
        Flow& flow = truth.legs[1].flows[d];
        const std::uint32_t delta = 0x12345678 + static_cast<std::uint32_t>(d);
        const std::uint32_t peer_delta = 0x12345679 - static_cast<std::uint32_t>(d);
        flow.isn += delta, flow.next_seq += delta, flow.last_ack += peer_delta;
        for (std::size_t k = 0; k < flow.sample_count; ++k) {
            flow.samples[k].seq += delta, flow.samples[k].ack += peer_delta;
            flow.samples[k].ip_id = static_cast<std::uint16_t>(flow.samples[k].ip_id + 77);
        }
        ++flow.first_ip_id;
    }
    return truth;
}

TEST_F(StreamsTest, AFirewallOnAMirrorOfOneWayIsKnownByItsPaceWhereClocksDoNotCompare) {
    for (const bool in_pace : {true, false}) {
        start_anew();
        edge = engine.add_tap({"behind", "two"});
        Truth truth = written_anew(behind_snat(40'000, "10.0.0.2", "198.51.100.10:80", 0));
        set_heads(truth, 5);
        for (Leg& leg : truth.legs) hide(leg, Direction::to_client);
        shift_times(truth.legs[1], clock_shift);
        if (!in_pace)
            for (Sample& s : truth.legs[1].flow(Direction::to_server).samples) s.time_ns += 5 * ns_per_ms;
        EXPECT_EQ(run({truth}).size(), in_pace ? 1u : 2u);
    }
}

TEST_F(StreamsTest, AFirewallFoundInTheMiddleIsKnownByItsPaceWhereClocksDoNotCompare) {
    for (const bool in_pace : {true, false}) {
        start_anew();
        edge = engine.add_tap({"behind", "two"});
        Journey journey = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon);
        journey.stream().from_middle = true;
        journey.stream().exchanges = 3;
        Truth truth = written_anew(journey.tap(tenant).snat("203.0.113.9:40000").tap(edge).done());
        shift_times(truth.legs[1], clock_shift);
        if (!in_pace)
            for (Flow& flow : truth.legs[1].flows)
                for (std::size_t k = 0; k < flow.sample_count; ++k)
                    flow.samples[k].time_ns += static_cast<DurationNs>(k) * 50 * ns_per_ms;
        EXPECT_EQ(run({truth}).size(), in_pace ? 1u : 2u);
    }
}

TEST_F(StreamsTest, PacketsThatGroMadeLongerBehindAFirewallAreStillItsOwn) {
    Truth truth = written_anew(behind_snat(40'000, "10.0.0.2", "198.51.100.10:80", 0));
    set_heads(truth, 5);
    for (Flow& flow : truth.legs[1].flows)
        for (std::size_t k = 0; k < flow.sample_count; ++k) {
            flow.samples[k].length += 1448;
            flow.samples[k].payload_hash += 2;
        }
    const auto paths = run({truth});
    ASSERT_EQ(paths.size(), 1u);
    EXPECT_EQ(paths.begin()->second.links[0].kind, LinkKind::snat);
}

/// The same, without TCP options and IP ids of use, and `cut` where the edge's tap captured less: of other bytes the
/// hashes over all are others.
Truth behind_firewall(Truth truth, bool cut, std::uint32_t prefix) {
    for (std::size_t n = 0; n < truth.legs.size(); ++n)
        for (std::size_t d = 0; d < direction_count; ++d) {
            Flow& flow = truth.legs[n].flows[d];
            flow.head = StreamHead{};
            const auto delta = static_cast<std::uint32_t>(n * (0x12345678 + d * 0x01010101));
            const auto peer_delta = static_cast<std::uint32_t>(n * (0x12345678 + (1 - d) * 0x01010101));
            flow.isn += delta;
            flow.next_seq += delta;
            flow.last_ack += peer_delta;
            for (std::size_t k = 0; k < flow.sample_count; ++k) {
                Sample& sample = flow.samples[k];
                sample.seq += delta, sample.ack += peer_delta;
                const std::uint64_t first = (n == 1 ? prefix : 7) * 1000 + k * 10 + d;
                sample.payload_hash = payload_hash_of(mix_bits(first), mix_bits(first + n * 1'000'000), cut && n == 1);
            }
        }
    return truth;
}

TEST_F(StreamsTest, PayloadsThatOneTapCutAreComparedByTheirFirstBytes) {
    const Truth truth = behind_snat(40'000, "10.0.0.2", "198.51.100.10:80", 0);
    EXPECT_EQ(run({behind_firewall(truth, true, 7)}).size(), 1u);
    start_anew();
    EXPECT_EQ(run({behind_firewall(truth, true, 8)}).size(), 2u);  // they begin otherwise
    start_anew();
    EXPECT_EQ(run({behind_firewall(truth, false, 7)}).size(), 2u);  // both are whole, and differ
}

TEST_F(StreamsTest, DatagramsThatOneTapCutAreFoundWhateverCameFirst) {
    Truth truth = Journey::dns(world, "10.0.0.2:514", "198.51.100.10:5140", noon, 1, 1)
                      .tap(tenant)
                      .snat("203.0.113.9:700")
                      .tap(edge)
                      .done();
    for (std::size_t n = 0; n < 2; ++n) {
        Leg& leg = truth.legs[n];
        leg.hint_count = 0;
        leg.flow(Direction::to_client) = Flow{};
        Flow& flow = leg.flow(Direction::to_server);
        flow.head.hash_all = 77 + n;
        for (std::size_t k = 0; k < flow.sample_count; ++k)
            flow.samples[k].payload_hash = payload_hash_of(0x5bd1e995 + k, 0x9747b28c + n, n == 1);
    }
    EXPECT_EQ(run({truth}).size(), 1u);
    start_anew();
    std::swap(truth.legs[0], truth.legs[1]);
    EXPECT_EQ(run({truth}).size(), 1u);
}

TEST_F(StreamsTest, DatagramsThatBeginAlikeAreNotTheSameWhereOneTapCutThem) {
    std::vector<Truth> truths;
    for (int n = 0; n < 2; ++n) {
        const std::string number = std::to_string(n + 2);
        Journey journey =
            Journey::dns(world, "10.0.0." + number + ":514", "198.51.100." + number + ":5140", noon + n * 900, 1, 1);
        truths.push_back(journey.tap(n == 0 ? tenant : edge).done());
        Leg& leg = truths.back().legs[0];
        leg.hint_count = 0;
        leg.flow(Direction::to_client) = Flow{};
        Flow& flow = leg.flow(Direction::to_server);
        flow.head.hash_all = 77 + static_cast<std::uint64_t>(n);
        flow.first_ip_id = 0;
        flow.sample_count = 3;
        for (std::size_t k = 0; k < flow.sample_count; ++k) {
            flow.samples[k] = flow.samples[0];
            flow.samples[k].seq = static_cast<std::uint32_t>(k);
            flow.samples[k].ip_id = 0;
            flow.samples[k].payload_hash =
                payload_hash_of(0x5bd1e995, mix_bits(k * 2 + static_cast<std::uint64_t>(n)), true);
        }
    }
    EXPECT_EQ(run(truths).size(), 2u);
}

TEST_F(StreamsTest, PacketsThatGroMadeLongerAreTheSameStream) {
    Truth truth = behind_firewall(behind_snat(40'000, "10.0.0.2", "198.51.100.10:80", 0), false, 7);
    EXPECT_EQ(run({truth}).size(), 2u);
    start_anew();
    for (Flow& flow : truth.legs[0].flows)
        for (std::size_t k = 0; k < flow.sample_count; ++k) flow.samples[k].length += 1448;
    EXPECT_EQ(run({truth}).size(), 1u);
    start_anew();
    for (Flow& flow : truth.legs[0].flows)
        for (std::size_t k = 0; k < flow.sample_count; ++k) flow.samples[k].ip_id ^= 0x55;
    EXPECT_EQ(run({truth}).size(), 2u);  // what many say, with a beginning that many have
}

TEST_F(StreamsTest, TenantsThatAskTheSameAtOnceStayApart) {
    const auto asked = [&](std::uint32_t vni, std::string_view outer, DurationNs later) {
        Truth truth = Journey::dns(world, "10.0.0.2:5353", "198.51.100.53:53", noon + later, 0x1234, 99)
                          .tap(tenant, vni)
                          .snat(outer)
                          .tap(edge)
                          .done();
        const std::uint64_t payloads[] = {0xfeed, 0xbeef + vni};  // the answers differ
        for (Leg& leg : truth.legs)
            for (std::size_t d = 0; d < direction_count; ++d) {
                Flow& flow = leg.flows[d];
                flow.first_ip_id = 0;
                flow.head.hash_all = mix_bits(payloads[d]);
                for (std::size_t k = 0; k < flow.sample_count; ++k) {
                    flow.samples[k].ip_id = 0;
                    flow.samples[k].payload_hash =
                        payload_hash_of(mix_bits(payloads[d]), mix_bits(payloads[d] + 1), false);
                }
            }
        return truth;
    };
    const std::vector<Truth> truths = {asked(100, "203.0.113.9:700", 0), asked(200, "203.0.113.9:701", 2 * ns_per_ms)};
    const auto paths = run(truths);
    EXPECT_EQ(paths.size(), 2u);
    for (const auto& [id, path] : paths) EXPECT_TRUE(right(path, truths));
}

TEST_F(StreamsTest, AConnectionThatComesByAnotherGatewayFromThenOnIsOnePath) {
    Truth truth = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon).tap(tenant).router().tap(edge).done();
    Leg& whole = truth.legs[0];
    for (Flow& flow : whole.flows) flow.packets = 20, flow.next_seq = flow.isn + 50'000;
    whole.last_ns = noon + 3 * ns_per_s;
    Leg later = truth.legs[1];
    truth.legs[1].last_ns = noon + ns_per_s;
    truth.legs[1].phase = LegPhase::updated;
    truth.legs[1].end = LegEnd::none;
    later.id = 4711;
    later.segment.server_mac.bytes[5] ^= 0x55;
    later.first_ns = noon + 2 * ns_per_s;
    later.last_ns = noon + 3 * ns_per_s;
    for (std::size_t d = 0; d < direction_count; ++d) {
        Flow& before = truth.legs[1].flows[d];
        Flow& behind = later.flows[d];
        before.next_seq = before.isn + 20'000;
        behind.samples = {};
        behind.sample_count = 1;
        behind.samples[0] = {.time_ns = later.first_ns,
                             .payload_hash = 2,
                             .seq = before.isn + 20'000,
                             .ack = truth.legs[1].flows[1 - d].isn + 20'000,
                             .length = 100};
        behind.isn = 0;
        behind.isn_from = IsnFrom::none;
        behind.next_seq = before.isn + 50'000;
        behind.syn_ns = behind.first_ack_ns = 0;
        behind.syn_count = 0;
        behind.head = StreamHead{};
    }
    truth.legs.push_back(later);
    EXPECT_EQ(run({truth}).size(), 1u);
    start_anew();
    truth.legs[2].flows[0].samples[0].seq += 1 << 20;  // another connection's
    truth.legs[2].flows[0].next_seq += 1 << 20;
    EXPECT_EQ(run({truth}).size(), 2u);
}

TEST_F(StreamsTest, ScannerWithOneSequenceNumberForAll) {
    std::vector<Truth> truths;
    for (int n = 0; n < 512; ++n) {
        Journey probe = Journey::tcp(world, "10.0.0.66:" + std::to_string(20'000 + 77 * n),
                                     "198.51.100.9:" + std::to_string(n + 1), noon + n * ns_per_ms);
        probe.stream().isn[0] = 707'406'378;
        probe.stream().answered = false;
        truths.push_back(probe.tap(tenant).snat("203.0.113.9:" + std::to_string(1'000 + 97 * n)).tap(edge).done());
    }
    const auto paths = run(truths);
    std::size_t whole = 0;
    for (const auto& [id, path] : paths) {
        EXPECT_TRUE(right(path, truths));
        whole += path.legs.size() == 2;
    }
    EXPECT_GE(whole, 128u) << "what is probed tells the probes apart";
}

TEST_F(StreamsTest, AScannersProbesAreToldApartByWhatTheyProbe) {
    std::vector<Truth> truths;
    for (int n = 0; n < 100; ++n) {
        Journey probe = Journey::tcp(world, "10.9.0.1:40000", "198.51.100." + std::to_string(n + 1) + ":445",
                                     noon + n * 20 * ns_per_ms);
        probe.stream().answered = false;
        probe.stream().isn[0] = 0x1000;
        probe.stream().ip_id[0] = 0;
        truths.push_back(probe.tap(tenant).snat("203.0.113.9:" + std::to_string(5000 + n)).tap(edge).done());
    }
    const auto paths = run(truths);
    EXPECT_LE(paths.size(), truths.size() + 5);
    for (const auto& [id, path] : paths) EXPECT_TRUE(right(path, truths));
}

TEST_F(StreamsTest, SynThatNobodyAnswersBehindAFullNatThatShiftsIt) {
    Journey lone = Journey::tcp(world, "10.0.0.2:40000", "198.51.100.10:80", noon);
    lone.stream().answered = false;
    const Truth truth = lone.tap(tenant).delta_fullnat("10.1.0.1:1025", "10.1.0.5:8080", false).tap(edge).done();
    const auto paths = run({truth});
    ASSERT_EQ(paths.size(), 1u);
    const Path& path = paths.begin()->second;
    EXPECT_EQ(path.links[0].kind, LinkKind::fullnat);
    EXPECT_NE(path.links[0].grade, Grade::a) << "the IP id and the time are no proof";
    EXPECT_NE(path.links[0].delta[0], 0);
}

TEST_F(StreamsTest, ProbesOfOneIpIdAreNotTakenForSynsBehindAFullNat) {
    for (const std::uint16_t ip_id : {std::uint16_t{54'321}, std::uint16_t{7}}) {
        SCOPED_TRACE(ip_id);
        start_anew();
        std::vector<Truth> truths;
        for (int n = 0; n < 40; ++n) {
            const std::string last = std::to_string(n + 1);
            Journey probe = Journey::tcp(world, "192.0.2." + last + ":61000", "198.51.100." + last + ":80",
                                         noon + n / 2 * 40 * ns_per_ms + n % 2 * 300 * ns_per_us);
            probe.stream().answered = false;
            probe.stream().ip_id[0] = ip_id;
            truths.push_back(probe.tap(n % 2 == 0 ? tenant : edge).done());
            for (Leg& leg : truths.back().legs)
                leg.flow(Direction::to_server).first_ttl = static_cast<std::uint8_t>(60 - n % 2);
        }
        // Seen before: 54321 needs no proof, another id shows by how many have it that it is no connection's own.
        std::size_t wrong = 0;
        for (const auto& [id, path] : run(truths)) wrong += path.legs.size() > 1;
        EXPECT_LE(wrong, ip_id == 7 ? 3U : 0U);
    }
}

TEST_F(StreamsTest, ScannerBehindAFixedPortThatProbesManyServersIsNotTakenForDestinationNat) {
    std::vector<Truth> truths;
    for (int n = 0; n < 40; ++n) {
        const std::string last = std::to_string(n + 1);
        Journey probe =
            Journey::tcp(world, "192.0.2.66:61000", "198.51.100." + last + ":80", noon + n * 40 * ns_per_ms);
        probe.stream().isn[0] = 707'406'378;
        probe.stream().answered = false;
        truths.push_back(probe.tap(n % 2 == 0 ? tenant : edge).done());
    }
    for (const auto& [id, path] : run(truths)) EXPECT_EQ(path.legs.size(), 1u);
}

TEST_F(StreamsTest, ProbesThatDifferInNothingAreToldApartByTheirPaceAlone) {
    for (const DurationNs pace : {400 * ns_per_ms, 150 * ns_per_us}) {
        SCOPED_TRACE(pace);
        start_anew();
        std::vector<Truth> truths;
        for (int n = 0; n < 12; ++n) {
            const std::string last = std::to_string(n + 1);
            Journey probe =
                Journey::tcp(world, "192.0.2.66:61000", "198.51.100." + last + ":80", noon + ns_per_s + n * pace);
            probe.stream().isn[0] = 707'406'378;
            probe.stream().ip_id[0] = 54'321;
            probe.stream().answered = false;
            truths.push_back(probe.tap(tenant).dnat("10.2.0." + last + ":80").tap(edge).done());
        }
        add_others(truths);
        std::size_t whole = 0;
        for (const auto& [id, path] : run(truths)) {
            EXPECT_TRUE(right(path, truths));
            whole += path.legs.size() == 2 && path.legs[0].client.port == 61'000;
        }
        if (pace > ns_per_ms)
            EXPECT_GE(whole, 10u);
        else
            EXPECT_LE(whole, 2u) << "nothing tells these apart";
    }
}

TEST_F(StreamsTest, ConnectionsThatASynProxyHeldUpTeachNoClock) {
    edge = engine.add_tap({"behind", "two"});
    std::vector<Truth> truths;
    for (int n = 0; n < 24; ++n) {
        const std::string port = std::to_string(40'000 + n);
        Journey way = Journey::tcp(world, "10.0.0.2:" + port, "198.51.100.10:80", noon + n * 40 * ns_per_ms);
        way.tap(tenant);
        const bool held_up = n % 8 == 5;
        held_up ? way.syn_proxy("10.1.0.1:" + port, "10.2.0.5:8080") : way.snat("203.0.113.9:" + port);
        truths.push_back(way.tap(edge).done());
        if (!held_up) continue;
        Flow& before = truths.back().legs[0].flow(Direction::to_server);
        const Flow& behind = truths.back().legs[1].flow(Direction::to_server);
        for (std::size_t k = 0; k < before.sample_count; ++k)
            before.samples[k].time_ns = behind.samples[k].time_ns + 30 * ns_per_ms;
    }
    std::size_t told = 0;
    for (const auto& [id, path] : run(truths))
        for (const Link& link : path.links) {
            if (!link.clock.known) continue;
            ++told;
            EXPECT_LE(std::llabs(link.clock.offset_ns), link.clock.error_ns + 10);
            EXPECT_LT(link.clock.error_ns, 5 * ns_per_ms);
        }
    EXPECT_GE(told, 20u);
}

TEST_F(StreamsTest, WhoeverWaitsLongerIsNearerWhereNoTtlFallsAndClocksLearnOfIt) {
    edge = engine.add_tap({"behind", "two"});
    std::vector<Truth> truths;
    for (int n = 0; n < 12; ++n) {
        truths.push_back(behind_snat(40'000 + n, "10.0.0.2", "198.51.100.10:80", n * 40 * ns_per_ms));
        for (std::size_t d = 0; d < direction_count; ++d) {
            Flow& near = truths.back().legs[0].flows[d];
            Flow& far = truths.back().legs[1].flows[d];
            far.first_ttl = near.first_ttl;
            far.last_ttl = near.last_ttl;
            for (std::size_t k = 0; k < far.sample_count; ++k) far.samples[k].ttl = near.samples[k].ttl;
        }
        shift_times(truths.back().legs[1], clock_shift);
    }
    std::size_t told = 0;
    for (const auto& [id, path] : run(truths))
        for (const Link& link : path.links) {
            if (!link.clock.known) continue;
            ++told;
            EXPECT_EQ(path.legs[0].tap, tenant);
            EXPECT_LE(std::llabs(link.clock.offset_ns - clock_shift), link.clock.error_ns + 10);
        }
    EXPECT_GE(told, 12u);
}

TEST_F(StreamsTest, ProxiesBoundWhatClocksDifferBy) {
    edge = engine.add_tap({"behind", "two"});
    std::vector<Truth> truths;
    for (int n = 0; n < 24; ++n) {
        truths.push_back(passed_on(n, n * 40 * ns_per_ms, 500 + static_cast<std::uint64_t>(n) * 2));
        shift_times(truths.back().legs[1], clock_shift);
    }
    std::size_t told = 0;
    for (const auto& [id, path] : run(truths))
        for (const Link& link : path.links) {
            if (!link.clock.known) continue;
            ++told;
            EXPECT_LE(std::llabs(link.clock.offset_ns - clock_shift), link.clock.error_ns + 10);
            EXPECT_LT(link.clock.error_ns, 5 * ns_per_ms);
        }
    EXPECT_GE(told, 20u);
}

/// A request of its own for each, over a proxy that adds headers, and a clock of its own behind it.
Truth reframed(Truth truth, int n, bool names_client) {
    for (std::size_t l = 0; l < 2; ++l) {
        Leg& leg = truth.legs[l];
        leg.hint_count = 0;
        for (std::size_t d = 0; d < direction_count; ++d)
            leg.flows[d].head.hash_all = (900 + static_cast<std::uint64_t>(n) * 8 + l * 4 + d) * 0x9e3779b97f4a7c15ULL;
        Hint request;
        request.kind = HintKind::http_request;
        request.length = 8;
        request.bytes.fill(static_cast<std::uint8_t>(n + 1));
        request.time_ns = leg.flow(Direction::to_server).samples[0].time_ns;
        leg.add_hint(request);
        if (!names_client || l == 0) continue;
        Hint named;
        named.kind = HintKind::forwarded_for;
        named.length = 16;
        const IpAddress& client = truth.legs[0].client.ip;
        std::copy(client.bytes.begin(), client.bytes.end(), named.bytes.begin());
        named.time_ns = request.time_ns;
        leg.add_hint(named);
    }
    return truth;
}

TEST_F(StreamsTest, ForwardedForAndARequestOfItsOwnNeedNoCommonTime) {
    for (const bool names_client : {true, false}) {
        start_anew();
        edge = engine.add_tap({"behind", "two"});
        std::vector<Truth> truths;
        for (int n = 0; n < 3; ++n) {
            truths.push_back(reframed(passed_on(n, n * 400 * ns_per_ms, 0), n, names_client));
            shift_times(truths.back().legs[1], clock_shift);
        }
        const auto paths = run(truths);
        EXPECT_EQ(paths.size(), names_client ? 3u : 6u);
        for (const auto& [id, path] : paths) EXPECT_TRUE(right(path, truths));
    }
}

TEST_F(StreamsTest, AProxyMayHoldWhatItPassesOnForSeconds) {
    for (const bool stands : {true, false}) {
        start_anew();
        Truth truth = passed_on(1, 0, 500);
        shift_times(truth.legs[1], 4 * ns_per_s);
        Flow& answer = truth.legs[0].flow(Direction::to_client);
        for (std::size_t k = 0; k < answer.sample_count; ++k) answer.samples[k].time_ns += 4 * ns_per_s;
        if (stands) truth.legs[0].last_ns += 5 * ns_per_s;
        EXPECT_EQ(run({truth}).size(), stands ? 1u : 2u);
    }
}

TEST_F(StreamsTest, AProxysAnswerIsFoundWhereTheQuestionsBeginningWasMissed) {
    std::vector<Truth> truths = {passed_on(1, 0, 77)};
    Flow& asked = truths[0].legs[1].flow(Direction::to_server);
    asked.head.length = 90;
    asked.head.hash_all = 12'345;
    const auto paths = run(truths);
    ASSERT_EQ(paths.size(), 1u);
    EXPECT_EQ(paths.begin()->second.links[0].kind, LinkKind::relay);
}

TEST_F(StreamsTest, WhatManySayIsLinkedOnceItsOpenerIsKnownAsAProxy) {
    std::vector<Truth> truths;
    for (int n = 0; n < 12; ++n) truths.push_back(passed_on(n, n * 500 * ns_per_ms, 77));
    add_others(truths);
    const auto paths = run(truths);
    EXPECT_EQ(paths.size(), truths.size());
    for (const auto& [id, path] : paths) EXPECT_TRUE(right(path, truths));
}

TEST_F(StreamsTest, OfAQuestionThatManyAskTheOpenersPastTellsWhetherItWasPassedOn) {
    for (const int past : {0, 10}) {
        start_anew();
        std::vector<Truth> truths;
        for (int n = 0; n < past; ++n)  // what identifies was passed on by the same address
            truths.push_back(passed_on(n, n * 30 * ns_per_ms, 5'000 + static_cast<std::uint64_t>(n) * 2));
        for (int n = 0; n < 8; ++n) truths.push_back(passed_on(100 + n, (n + 1) * 500 * ns_per_ms, 77));
        add_others(truths);
        for (Truth& truth : truths)
            for (Leg& leg : truth.legs) leg.flow(Direction::to_client) = Flow{};  // no answer was captured
        std::size_t linked = 0;
        for (const auto& [id, path] : run(truths)) {
            EXPECT_TRUE(right(path, truths));
            for (const Link& link : path.links) {
                if (std::none_of(link.evidence.begin(), link.evidence.end(),
                                 [](const Evidence& e) { return e.by == EvidenceBy::known_proxy; }))
                    continue;
                EXPECT_EQ(link.grade, Grade::c);
                ++linked;
            }
        }
        EXPECT_EQ(linked, past == 0 ? 0u : 8u);
    }
}

TEST_F(StreamsTest, ACrowdThatSaysTheSameIsLookedThroughByTime) {
    std::vector<Truth> truths;
    for (int n = 0; n < 10; ++n)
        truths.push_back(passed_on(n, n * 30 * ns_per_ms, 5'000 + static_cast<std::uint64_t>(n) * 2));
    for (int n = 0; n < 120; ++n)  // two seconds before and behind each, more do than are looked at for one key
        truths.push_back(passed_on(100 + n, (n + 10) * 40 * ns_per_ms, 77));
    add_others(truths);
    const auto paths = run(truths);
    EXPECT_EQ(paths.size(), truths.size());
    for (const auto& [id, path] : paths) EXPECT_TRUE(right(path, truths));
}

TEST_F(StreamsTest, HalvesOfOneFlowOnTwoTapsAreOnePathAndTenantsAreNot) {
    Truth truth = Journey::ping(world, "10.0.0.2:7", "198.51.100.10:7", noon).tap(tenant, 100).tap(edge, 100).done();
    const auto keep = [](Leg& leg, Direction d) {
        leg.flow(opposite(d)) = Flow{};
        leg.hint_count = 0;
        leg.first_ns = leg.flow(d).first_ns;
    };
    keep(truth.legs[0], Direction::to_server);
    keep(truth.legs[1], Direction::to_client);
    EXPECT_EQ(run({truth}).size(), 1u);
    start_anew();
    truth.legs[1].segment.layers[0].id = 200;
    EXPECT_EQ(run({truth}).size(), 2u);
}

TEST_F(StreamsTest, TheHalvesOfALinkStandSideBySide) {
    const TapId edge_back = engine.add_tap({"edge-r", "one"});
    Truth truth = Journey::tcp(world, "10.0.0.2:40001", "198.51.100.10:80", noon)
                      .tap(tenant)
                      .tap(tenant)
                      .router()
                      .tap(edge)
                      .done();
    Leg& back = truth.legs[1];  // the other half of the first leg's link
    back.tap = edge_back;
    for (Leg* leg : {&truth.legs[0], &back}) {
        leg->segment.client_mac.bytes = {2, 0, 0, 0, 0, 1};
        leg->segment.server_mac.bytes = {2, 0, 0, 0, 0, 2};
    }
    for (const std::size_t n : {0U, 2U}) truth.legs[n].flow(Direction::to_client) = Flow{};
    back.flow(Direction::to_server) = Flow{};
    back.first_ns = back.flow(Direction::to_client).first_ns;
    const auto paths = run({truth});
    ASSERT_EQ(paths.size(), 1u);
    std::vector<TapId> taps;
    for (const PathLeg& leg : paths.begin()->second.legs) taps.push_back(leg.tap);
    EXPECT_THAT(taps, testing::ElementsAre(tenant, edge_back, edge));
}

TEST_F(StreamsTest, OneDatagramThatNobodyElseSentIsKnownBehindSourceNat) {
    const auto sent = [&](std::string_view client, std::string_view outer, TimeNs when, std::uint64_t payload) {
        Truth truth =
            Journey::dns(world, client, "198.51.100.10:5000", when, 1, 1).tap(tenant).snat(outer).tap(edge).done();
        for (Leg& leg : truth.legs) {
            leg.hint_count = 0;
            leg.flow(Direction::to_client) = Flow{};
            Flow& flow = leg.flow(Direction::to_server);
            flow.first_ip_id = 0;
            flow.head.length = 200;
            flow.head.hash_all = payload;
            for (std::size_t n = 0; n < flow.sample_count; ++n) {
                flow.samples[n].ip_id = 0;
                flow.samples[n].payload_hash = payload & ~std::uint64_t{1};  // nothing was cut
            }
        }
        return truth;
    };
    const Truth alone = sent("10.0.0.2:4001", "203.0.113.9:700", noon, 0x9e3779b97f4a7c15ULL);
    const auto paths = run({alone});
    ASSERT_EQ(paths.size(), 1u);
    EXPECT_EQ(paths.begin()->second.links.size(), 1u);

    std::vector<Truth> alike = {alone};
    for (int n = 0; n < 6; ++n) {
        const std::string port = std::to_string(4100 + n);
        alike.push_back(sent("10.0.0.3:" + port, "203.0.113.9:" + std::to_string(800 + n),
                             noon + ns_per_s + n * 20 * ns_per_us, 0x517cc1b727220a95ULL));
    }
    for (const auto& [id, path] : run(alike)) EXPECT_TRUE(right(path, alike));
}

TEST_F(StreamsTest, OneQuestionToTwoServersOverOneLinkIsTwo) {
    std::vector<Truth> truths;
    for (const char* server : {"198.51.100.53:53", "198.51.100.54:53"}) {
        truths.push_back(Journey::dns(world, "10.0.0.2:5353", server, noon, 0x1234, 99).tap(tenant).done());
        Leg& leg = truths.back().legs[0];
        leg.segment.client_mac.bytes = {2, 0, 0, 0, 0, 1};
        leg.segment.server_mac.bytes = {2, 0, 0, 0, 0, 2};
        for (Flow& flow : leg.flows)
            for (Sample& sample : flow.samples) sample.ip_id = 0;  // as of many stacks
    }
    EXPECT_EQ(run(truths).size(), 2u);
}

TEST_F(StreamsTest, ADatagramOfItsOwnIsKnownBehindAFirewallThatWritesIpIdsAnew) {
    for (const bool same_server : {true, false}) {
        start_anew();
        Journey journey = Journey::dns(world, "10.0.0.2:4001", "198.51.100.10:5000", noon, 1, 1);
        journey.tap(tenant);
        if (same_server)
            journey.snat("203.0.113.9:700");
        else
            journey.fullnat("203.0.113.9:700", "10.2.0.5:5000");
        Truth truth = journey.tap(edge).done();
        set_heads(truth, 41);
        for (std::size_t n = 0; n < 2; ++n) {
            truth.legs[n].hint_count = 0;
            for (Flow& flow : truth.legs[n].flows)
                for (std::size_t k = 0; k < flow.sample_count; ++k)
                    flow.samples[k].ip_id = static_cast<std::uint16_t>(1000 + n);
        }
        EXPECT_EQ(run({truth}).size(), same_server ? 1u : 2u);
    }
}

TEST_F(StreamsTest, EchoesOfACrowdAreFoundByWhatTheyAreSentTo) {
    std::vector<Truth> truths;
    for (int n = 0; n < 100; ++n) {
        const std::string last = std::to_string(n + 1);
        Journey ping = Journey::ping(world, "10.0.0." + last + ":1", "198.51.100." + last + ":1", noon + n * ns_per_ms);
        ping.stream().payload[0] = ping.stream().payload[1] = 0x6162636465666768;
        truths.push_back(ping.tap(tenant).snat("203.0.113.9:" + std::to_string(500 + n)).tap(edge).done());
        set_heads(truths.back(), 9);
    }
    const auto paths = run(truths);
    EXPECT_EQ(paths.size(), truths.size());
    for (const auto& [id, path] : paths) EXPECT_TRUE(right(path, truths));
}

TEST_F(StreamsTest, EchoesThatAreAllAlike) {
    std::vector<Truth> truths;
    for (int n = 0; n < 12; ++n) {
        const std::string last = std::to_string(n + 1);
        Journey ping = Journey::ping(world, "10.0.0." + last + ":1", "198.51.100." + last + ":1", noon + n * ns_per_ms);
        ping.stream().payload[0] = ping.stream().payload[1] = 0x6162636465666768;
        truths.push_back(ping.tap(tenant).snat("203.0.113.9:" + std::to_string(500 + n)).tap(edge).done());
        set_heads(truths.back(), 9);
    }
    for (const auto& [id, path] : run(truths)) EXPECT_TRUE(right(path, truths));
}

}  // namespace
}  // namespace clew
