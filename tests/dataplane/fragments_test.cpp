// SPDX-License-Identifier: Apache-2.0
// Later fragments find the leg of their packet's first one, whatever was cut: the packet itself or a tunnel's.
#include <gtest/gtest.h>

#include <map>

#include "dataplane/fragment_table.h"
#include "dataplane/pipeline.h"
#include "tests/dataplane/frames.h"

namespace clew::sensor {
namespace {

using namespace frames;

class Fragments : public testing::Test, public LegSink {
  protected:
    void SetUp() override { start(64); }
    void start(std::uint32_t fragment_count_max) {
        auto made = Pipeline::create(
            {.leg_count_max = 256, .header_count_max = 0, .fragment_count_max = fragment_count_max}, *this);
        ASSERT_TRUE(made);
        pipeline_ = std::move(*made);
    }
    bool offer(const Leg& leg) override {
        if (leg.phase == LegPhase::ended) legs_.push_back(leg);
        return true;
    }
    void send(const Bytes& frame, TapId tap = 0) {
        const Packet packet = packet_of(frame, now_ += ns_per_ms, tap);
        pipeline_->receive({&packet, 1});
    }
    std::uint64_t count(std::string_view name) const {
        for (const NamedCount& line : pipeline_->counters())
            if (line.name == name) return line.value;
        return ~0ull;
    }
    void flush() { pipeline_->flush(); }

    std::unique_ptr<Pipeline> pipeline_;
    std::vector<Leg> legs_;
    TimeNs now_ = 1000 * ns_per_s;
};

constexpr std::uint16_t more = 0x2000;

Bytes piece(unsigned vlan_id, std::uint16_t id, std::uint16_t fragment, const Bytes& inside,
            std::string_view source = "10.0.0.7") {
    return ethernet(
        1, 2, 0x8100,
        vlan(vlan_id, 0x0800, ipv4(source, "10.0.0.9", {.protocol = 17, .id = id, .fragment = fragment}, inside)));
}

/// A datagram whose length field counts `rest` bytes that are in later fragments.
Bytes first_part(unsigned port, std::size_t rest) {
    Bytes datagram = udp(port, 53000, Bytes(16, 'a'));
    datagram[5] = static_cast<std::uint8_t>(datagram[5] + rest);
    return datagram;
}

TEST_F(Fragments, LaterOnesAreCountedOnTheirPacketsLeg) {
    send(piece(5, 77, more, first_part(4000, 32)));
    send(piece(5, 77, more | 3, Bytes(16, 'b')));
    send(piece(5, 77, 5, Bytes(16, 'c')));
    flush();
    ASSERT_EQ(legs_.size(), 1u);
    const Flow& flow = legs_[0].flows[0].packets != 0 ? legs_[0].flows[0] : legs_[0].flows[1];
    EXPECT_EQ(flow.packets, 3u);
    EXPECT_EQ(flow.payload_bytes, 16u + 16 + 16);
    EXPECT_EQ(flow.bytes, 3u * 20 + 8 + 48);
    EXPECT_EQ(count("ip_fragments_on_legs"), 2u);
    EXPECT_EQ(count("ip_fragments_later"), 0u);
    EXPECT_EQ(count("packets_on_legs"), 3u);
}

TEST_F(Fragments, APieceThatIsMirroredTwiceCountsOnce) {
    send(piece(5, 77, more, first_part(4000, 32)));
    send(piece(5, 77, more | 3, Bytes(16, 'b')));
    now_ -= ns_per_ms;
    send(piece(5, 77, more | 3, Bytes(16, 'b')));
    send(piece(5, 77, 5, Bytes(16, 'b')));
    flush();
    ASSERT_EQ(legs_.size(), 1u);
    EXPECT_EQ(legs_[0].flows[0].packets + legs_[0].flows[1].packets, 3u);
    EXPECT_EQ(legs_[0].duplicates, 1u);
    EXPECT_EQ(count("packets_mirrored_twice"), 1u);
}

TEST_F(Fragments, OtherPacketsFragmentsFindNothing) {
    send(piece(5, 77, more, first_part(4000, 16)));
    send(piece(5, 78, 3, Bytes(16)));              // another id
    send(piece(6, 77, 3, Bytes(16)));              // another segment
    send(piece(5, 77, 3, Bytes(16), "10.0.0.8"));  // another sender
    send(piece(5, 77, 3, Bytes(16)), 1);           // another tap
    now_ += fragment_age_max_ns;
    send(piece(5, 77, 3, Bytes(16)));  // too late
    flush();
    EXPECT_EQ(count("ip_fragments_later"), 5u);
    EXPECT_EQ(count("ip_fragments_on_legs"), 0u);
    ASSERT_EQ(legs_.size(), 1u);
}

TEST_F(Fragments, PortsThatABadLaterFragmentSeemsToCarryMakeNoLeg) {
    send(piece(5, 77, 3, udp(4000, 4789, vxlan(5, ethernet(3, 4, 0x0800, ipv4("1.1.1.1", "2.2.2.2", {}, tcp({})))))));
    flush();
    EXPECT_TRUE(legs_.empty());
    EXPECT_EQ(count("ip_fragments_later"), 1u);
}

TEST_F(Fragments, APieceOfATunnelsPacketIsNoPacketOfTheLeg) {
    const Bytes inside = ipv4("10.0.0.7", "10.0.0.9", {}, tcp({.payload = Bytes(64, 'p')}));
    const Bytes whole = udp(5, 4789, vxlan(100, ethernet(3, 4, 0x0800, inside)));
    const std::ptrdiff_t cut = 96;
    const auto outer = [&](std::uint16_t fragment, const Bytes& part) {
        return ethernet(1, 2, 0x0800,
                        ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17, .id = 9, .fragment = fragment}, part));
    };
    send(outer(more, Bytes(whole.begin(), whole.begin() + cut)));
    send(outer(cut / 8, Bytes(whole.begin() + cut, whole.end())));
    flush();
    ASSERT_EQ(legs_.size(), 1u);
    EXPECT_EQ(to_text(legs_[0].segment), "vxlan 100 (192.0.2.1 > 192.0.2.2)");
    EXPECT_EQ(legs_[0].flow(Direction::to_server).packets, 1u);
    EXPECT_EQ(legs_[0].flow(Direction::to_server).payload_bytes, 64u);
    EXPECT_EQ(count("ip_fragments_on_legs"), 1u);
    EXPECT_EQ(count("packets_on_legs"), 1u);
}

TEST_F(Fragments, Ipv6) {
    const auto part = [](std::uint8_t id, unsigned field, const Bytes& inside) {
        Bytes header = {17, 0, static_cast<std::uint8_t>(field >> 8), static_cast<std::uint8_t>(field), 0, 0, 0, id};
        return ethernet(1, 2, 0x86dd, ipv6("2001:db8::1", "2001:db8::2", 44, join(header, inside)));
    };
    send(part(1, 1, first_part(4000, 16)));
    send(part(1, 24, Bytes(16)));
    send(part(2, 24, Bytes(16)));
    flush();
    ASSERT_EQ(legs_.size(), 1u);
    EXPECT_EQ(count("ip_fragments_on_legs"), 1u);
    EXPECT_EQ(count("ip_fragments_later"), 1u);
}

TEST_F(Fragments, TheTableIsBoundedAndSaysWhatItForgot) {
    for (std::uint16_t id = 1; id <= 200; ++id) send(piece(5, id, more, first_part(4000, 16)));
    EXPECT_GE(count("ip_fragments_forgotten"), 200u - 64);
    for (std::uint16_t id = 1; id <= 200; ++id) send(piece(5, id, 3, Bytes(16)));
    EXPECT_EQ(count("ip_fragments_on_legs") + count("ip_fragments_forgotten"), 200u);
    EXPECT_EQ(count("ip_fragments_later"), count("ip_fragments_forgotten"));
}

TEST(ErspanStamps, AreUsedWhereConfigured) {
    struct Kept final : LegSink {
        std::vector<Leg> legs;
        bool offer(const Leg& leg) override {
            legs.push_back(leg);
            return true;
        }
    };
    const TimeNs switch_ns = 1'700'000'000 * ns_per_s + 123'400;
    const auto stamp = static_cast<std::uint32_t>(switch_ns / 100);
    Bytes header = {0x20, 7, 0, 33};
    put32(header, stamp);
    header = join(header, {0, 0, 0x80, 0x02});
    const Bytes frame = ethernet(
        1, 2, 0x0800,
        ipv4("192.0.2.1", "192.0.2.2", {.protocol = 47},
             gre(0x1000, 0x22eb, 0, join(header, ethernet(3, 4, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {}, tcp({})))))));
    for (const bool used : {false, true}) {
        Kept sink;
        PipelineSettings settings;
        settings.leg_count_max = 16;
        settings.erspan_stamps = used;
        auto pipeline = Pipeline::create(settings, sink);
        ASSERT_TRUE(pipeline);
        const Packet packet = packet_of(frame, switch_ns + ns_per_ms);
        (*pipeline)->receive({&packet, 1});
        (*pipeline)->flush();
        ASSERT_EQ(sink.legs.size(), 1u);
        EXPECT_EQ(sink.legs[0].first_ns, used ? switch_ns : switch_ns + ns_per_ms);
        EXPECT_EQ(sink.legs[0].time_source, used ? TimeSource::hardware : TimeSource::file);
    }
}

TEST_F(Fragments, ALegThatIsOverTakesNoMore) {
    send(piece(5, 77, more, first_part(4000, 16)));
    flush();
    send(piece(5, 99, 0, udp(4001, 53000, Bytes(4))));  // takes the place in the table
    send(piece(5, 77, 3, Bytes(16)));
    EXPECT_EQ(count("ip_fragments_later"), 1u);
    flush();
}

}  // namespace
}  // namespace clew::sensor
