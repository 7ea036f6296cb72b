// SPDX-License-Identifier: Apache-2.0
// ICMP errors are noted with the leg that they quote, on the segment where they pass.
#include "dataplane/icmp_error.h"

#include <gtest/gtest.h>

#include "dataplane/pipeline.h"
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

class IcmpErrorTest : public testing::Test {
  protected:
    void SetUp() override {
        auto made = Pipeline::create({.leg_count_max = 64, .segment_count_max = 16, .header_count_max = 0}, sink);
        ASSERT_TRUE(made);
        pipeline = std::move(*made);
    }
    void send(const Bytes& frame) {
        const Packet packet = packet_of(frame, now, 0);
        pipeline->receive({&packet, 1});
        now += ns_per_ms;
    }
    static Bytes syn_packet() { return ipv4("10.0.0.7", "10.0.0.9", {.id = 5}, tcp({.seq = 1000, .flags = syn})); }
    static Bytes error(unsigned type, unsigned code, const Bytes& quoted) {
        Bytes icmp = {static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code), 0, 0, 0, 0, 0, 0};
        return ipv4("10.0.0.1", "10.0.0.7", {.protocol = 1, .id = 9}, join(icmp, quoted));
    }
    std::uint64_t count(std::string_view name) const {
        for (const auto& counter : pipeline->counters())
            if (counter.name == name) return counter.value;
        ADD_FAILURE() << "no counter " << name;
        return 0;
    }

    Collected sink;
    std::unique_ptr<Pipeline> pipeline;
    TimeNs now = 1'700'000'000 * ns_per_s;
};

TEST_F(IcmpErrorTest, TheFirstOneStaysWithTheLegAndTheOthersAreCounted) {
    send(ethernet(1, 2, 0x0800, syn_packet()));
    send(ethernet(2, 1, 0x0800, error(3, 13, syn_packet())));
    send(ethernet(2, 1, 0x0800, error(3, 1, syn_packet())));
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 1u);
    const IcmpErrorSeen& seen = sink.legs[0].flow(Direction::to_server).icmp_error;
    EXPECT_EQ(seen.count, 2);
    EXPECT_EQ(seen.type, 3);
    EXPECT_EQ(seen.code, 13);
    EXPECT_EQ(to_text(seen.reporter), "10.0.0.1");
    EXPECT_EQ(sink.legs[0].flow(Direction::to_client).icmp_error.count, 0);
    EXPECT_EQ(count("icmp_about_legs"), 2u);
}

TEST_F(IcmpErrorTest, OfAConnectionThatWasNotSeenItIsOnlyCounted) {
    send(ethernet(2, 1, 0x0800, error(3, 3, syn_packet())));
    pipeline->flush();
    EXPECT_TRUE(sink.legs.empty());
    EXPECT_EQ(count("icmp_not_echo"), 1u);
}

TEST_F(IcmpErrorTest, OnAnotherSegmentItIsAnotherConnections) {
    send(ethernet(1, 2, 0x0800, syn_packet()));
    send(ethernet(2, 1, 0x8100, vlan(7, 0x0800, error(3, 3, syn_packet()))));
    pipeline->flush();
    ASSERT_EQ(sink.legs.size(), 1u);
    EXPECT_EQ(sink.legs[0].flow(Direction::to_server).icmp_error.count, 0);
}

TEST_F(IcmpErrorTest, AQuoteThatIsCutOffAnywhereIsNoQuote) {
    send(ethernet(1, 2, 0x0800, syn_packet()));
    const Bytes quoted = syn_packet();
    for (std::size_t length = 0; length < 28; ++length)
        send(ethernet(2, 1, 0x0800,
                      error(3, 3, Bytes(quoted.begin(), quoted.begin() + static_cast<std::ptrdiff_t>(length)))));
    pipeline->flush();
    EXPECT_EQ(sink.legs[0].flow(Direction::to_server).icmp_error.count, 0);
    EXPECT_EQ(count("icmp_not_echo"), 28u);
}

}  // namespace
}  // namespace clew::sensor
