// SPDX-License-Identifier: Apache-2.0
// Conversations of datagrams between two ports that nobody knows: who began is told by all taps together.
#include "nat-trace/turn_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "nat-trace/engine.h"

namespace clew {
namespace {

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;
constexpr DurationNs ms = ns_per_ms;

class TurnBookTest : public testing::Test {
  protected:
    TurnBookTest() {
        for (const char* name : {"a", "b", "c"}) engine.add_tap({name, "one"});
    }

    static Endpoint at(std::uint8_t host, std::uint16_t port) {
        Endpoint out;
        out.ip = *parse_ip("10.0.0." + std::to_string(host));
        out.port = port;
        return out;
    }
    /// As a tap tells it that saw `packets` of the client's and of the server's packets, the first at `first`.
    static Leg leg(LegId id, TapId tap, Endpoint client, Endpoint server, TimeNs first,
                   std::array<std::uint64_t, 2> packets) {
        Leg out;
        out.id = id;
        out.revision = 1;
        out.tap = tap;
        out.protocol = Protocol::udp;
        out.client = client;
        out.server = server;
        out.first_ns = first;
        out.last_ns = first + 100 * ms;
        for (std::size_t d = 0; d < direction_count; ++d) {
            Flow& flow = out.flows[d];
            flow.packets = packets[d];
            if (packets[d] == 0) continue;
            flow.first_ns = first;
            flow.head.length = 40;
            flow.head.hash_all = (client.port + server.port) * 977U + (d == 0 ? client.port : server.port);
            flow.sample_count = 1;
            flow.samples[0] = {.time_ns = first, .payload_hash = flow.head.hash_all, .length = 40, .ip_id = 7};
        }
        return out;
    }
    std::map<PathId, Path> finish() {
        engine.finish();
        for (Path& path : engine.drain())
            if (path.retracted)
                paths.erase(path.id);
            else
                paths[path.id] = path;
        return paths;
    }

    Engine engine{EngineLimits{}};
    std::map<PathId, Path> paths;
    const Endpoint caller = at(2, 40'000), called = at(9, 50'000);
};

TEST_F(TurnBookTest, TheHalvesOfACallAreOnePath) {
    // The tap of the way back takes who answered for the client; whichever comes first.
    const Leg there = leg(1, 0, caller, called, noon, {20, 0}),
              back = leg(2, 1, called, caller, noon + 5 * ms, {20, 0});
    for (const bool back_first : {false, true}) {
        engine = Engine(EngineLimits{});
        for (const char* name : {"a", "b", "c"}) engine.add_tap({name, "one"});
        paths.clear();
        engine.add(back_first ? back : there);
        if (back_first) finish();
        engine.add(back_first ? there : back);
        const auto found = finish();
        ASSERT_EQ(found.size(), 1u) << back_first;
        const Path& path = found.begin()->second;
        ASSERT_EQ(path.legs.size(), 2u);
        for (const PathLeg& l : path.legs) {
            EXPECT_EQ(l.client, caller);
            EXPECT_EQ(l.server, called);
        }
    }
}

TEST_F(TurnBookTest, ATapThatBeganInTheMiddleIsTurnedAndStaysSo) {
    engine.add(leg(1, 0, caller, called, noon, {20, 20}));
    Leg late = leg(2, 1, called, caller, noon + 50 * ms, {15, 16});
    engine.add(late);
    late.revision = 2;
    late.last_ns += 50 * ms;
    late.flows[0].packets = 30;
    engine.add(late);
    const auto found = finish();
    ASSERT_EQ(found.size(), 1u);
    for (const PathLeg& l : found.begin()->second.legs) {
        EXPECT_EQ(l.client, caller);
        if (l.leg == 2) {
            EXPECT_EQ(l.flows[1].packets, 30u);
        }
    }
}

TEST_F(TurnBookTest, WhoSpeaksAnewAfterSilenceMayBeTheOther) {
    engine.add(leg(1, 0, caller, called, noon, {20, 20}));
    engine.add(leg(2, 1, called, caller, noon + 2 * conversation_gap_ns_max, {20, 20}));
    const auto found = finish();
    EXPECT_EQ(found.size(), 2u);
    for (const auto& [id, path] : found) {
        EXPECT_EQ(path.legs[0].client, path.legs[0].leg == 1 ? caller : called);
    }
}

TEST_F(TurnBookTest, TenantsWithTheSameAddressesDoNotTurnEachOther) {
    Leg one = leg(1, 0, caller, called, noon, {20, 20}), other = leg(2, 1, called, caller, noon + ms, {20, 20});
    for (Leg* l : {&one, &other}) {
        l->segment.layer_count = 1;
        l->segment.layers[0].type = LayerType::vxlan;
        l->segment.layers[0].has_id = true;
        l->segment.layers[0].id = l == &one ? 100 : 200;
        engine.add(*l);
    }
    const auto found = finish();
    EXPECT_EQ(found.size(), 2u);
    for (const auto& [id, path] : found) EXPECT_EQ(path.legs[0].client, path.legs[0].leg == 1 ? caller : called);
}

TEST(TurnBook, ForgetsWhatLeft) {
    TurnBook book;
    const std::size_t empty = book.memory_bytes();
    std::vector<LegId> others;
    Leg report;
    report.protocol = Protocol::udp;
    for (LegId id = 1; id <= 1000; ++id) {
        report.id = id;
        report.client.port = static_cast<std::uint16_t>(id);
        EXPECT_FALSE(book.add(report, others));
    }
    const std::size_t full = book.memory_bytes();
    EXPECT_GT(full, empty + 1000 * sizeof(Endpoint));
    for (LegId id = 1; id <= 1000; ++id) {
        report.client.port = static_cast<std::uint16_t>(id);
        book.forget(id, report.server, report.client, report.segment);
    }
    EXPECT_LT(book.memory_bytes(), full / 2);
}

}  // namespace
}  // namespace clew
