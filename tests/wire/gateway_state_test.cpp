// SPDX-License-Identifier: Apache-2.0
// What was learnt of gateways goes through bytes unchanged, and damaged bytes are refused.
#include "wire/gateway_state.h"

#include <gtest/gtest.h>

#include <random>

namespace clew::wire {
namespace {

Gateway gateway(std::uint32_t number) {
    std::mt19937_64 random(number);
    Gateway out;
    out.known_by = "MAC 02:00:5e:10:00:" + std::to_string(10 + number);
    out.from_tap = "inside";
    out.to_tap = "outside";
    out.first_ns = 1'700'000'000 * ns_per_s + number;
    out.last_ns = out.first_ns + ns_per_s;
    out.links = random();
    for (std::size_t n = 0; n < gateway_trait_count; ++n) {
        TraitRecord& record = out.traits[n];
        record.total = n % 3 == 0 ? 0 : random();
        if (record.total == 0) continue;
        for (std::uint64_t& count : record.counts) count = random();
        for (std::uint8_t& value : record.recent) value = static_cast<std::uint8_t>(random() % trait_value_count);
        record.settled = n % 2 == 0 ? trait_unknown : static_cast<std::uint8_t>(n % trait_value_count);
    }
    for (int n = 0; n < 3; ++n) out.pool.add(IpAddress::from_v4(static_cast<std::uint32_t>(random())));
    out.services.add(*parse_ip("2001:db8::1"));
    out.backends.more = 7;
    for (int n = 0; n < 50; ++n) out.delay[0].add(static_cast<DurationNs>(random() % ns_per_s), 40);
    out.delay[1].add(-12, 40);
    out.usual_delay_ns = {5000, 0};
    out.packets = {random(), 2};
    out.lost = {3, random()};
    out.resets = 4;
    out.syns_eaten = random();
    out.events.push_back({out.first_ns, "kind", "snat", "fullnat"});
    return out;
}

struct Book {
    Engine engine{EngineLimits{}};
    GatewayBook book{engine};
};

void expect_alike(const Gateway& a, const Gateway& b) {
    EXPECT_EQ(std::tie(a.id, a.known_by, a.from_tap, a.to_tap, a.first_ns, a.last_ns, a.links),
              std::tie(b.id, b.known_by, b.from_tap, b.to_tap, b.first_ns, b.last_ns, b.links));
    for (std::size_t n = 0; n < gateway_trait_count; ++n) {
        EXPECT_EQ(a.traits[n].counts, b.traits[n].counts);
        EXPECT_EQ(a.traits[n].recent, b.traits[n].recent);
        EXPECT_EQ(a.traits[n].total, b.traits[n].total);
        EXPECT_EQ(a.traits[n].settled, b.traits[n].settled);
    }
    for (const auto set : {&Gateway::pool, &Gateway::services, &Gateway::backends}) {
        EXPECT_EQ((a.*set).addresses, (b.*set).addresses);
        EXPECT_EQ((a.*set).more, (b.*set).more);
    }
    for (std::size_t d = 0; d < direction_count; ++d) {
        EXPECT_EQ(a.delay[d].bins, b.delay[d].bins);
        EXPECT_EQ(a.delay[d].count, b.delay[d].count);
        EXPECT_EQ(a.delay[d].min_ns, b.delay[d].min_ns);
        EXPECT_EQ(a.delay[d].max_ns, b.delay[d].max_ns);
        EXPECT_EQ(a.delay[d].error_ns, b.delay[d].error_ns);
    }
    EXPECT_EQ(std::tie(a.usual_delay_ns, a.packets, a.lost, a.resets, a.syns_eaten),
              std::tie(b.usual_delay_ns, b.packets, b.lost, b.resets, b.syns_eaten));
    ASSERT_EQ(a.events.size(), b.events.size());
    for (std::size_t n = 0; n < a.events.size(); ++n) {
        EXPECT_EQ(a.events[n].time_ns, b.events[n].time_ns);
        EXPECT_EQ(a.events[n].what + a.events[n].before + a.events[n].after,
                  b.events[n].what + b.events[n].before + b.events[n].after);
    }
}

TEST(GatewayState, ComesBackAsItWas) {
    Book before, after;
    before.book.restore({gateway(1), gateway(2), gateway(3)}, std::vector<PathId>{11, 12, 13});
    const auto learnt = decode_gateway_state(encode_gateway_state(before.book));
    ASSERT_TRUE(learnt) << learnt.error().sentence;
    EXPECT_EQ(learnt->counted.size(), 3u);
    after.book.restore(learnt->gateways, learnt->counted);
    EXPECT_EQ(before.book.counted(), after.book.counted());
    ASSERT_EQ(after.book.all().size(), 3u);
    for (const auto& [id, one] : before.book.all()) expect_alike(one, after.book.all().at(id));
}

TEST(GatewayState, OfNothingIsNothing) {
    Book empty;
    const auto learnt = decode_gateway_state(encode_gateway_state(empty.book));
    ASSERT_TRUE(learnt) << learnt.error().sentence;
    EXPECT_TRUE(learnt->gateways.empty());
    EXPECT_TRUE(learnt->counted.empty());
}

TEST(GatewayState, DamagedBytesAreRefusedInOneSentence) {
    Book full;
    full.book.restore({gateway(1)}, {});
    const std::string whole = encode_gateway_state(full.book);
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(decode_gateway_state(whole.substr(0, length))) << length;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
        EXPECT_FALSE(decode_gateway_state(flipped)) << at;
    }
    EXPECT_NE(decode_gateway_state("x").error().sentence.find("CLEWGWS1"), std::string::npos);
}

}  // namespace
}  // namespace clew::wire
