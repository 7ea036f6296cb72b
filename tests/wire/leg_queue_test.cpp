// SPDX-License-Identifier: Apache-2.0
#include "wire/leg_queue.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/wire/random_leg.h"
#include "wire/convert.h"
#include "wire/leg.pb.h"
#include "wire/leg_writer.h"

namespace clew::wire {
namespace {

std::vector<Leg> legs_in(std::string_view fields) {
    v1::Batch batch;
    EXPECT_TRUE(batch.ParseFromArray(fields.data(), static_cast<int>(fields.size())));
    std::vector<Leg> out;
    for (const v1::Leg& message : batch.legs()) {
        const auto leg = decode(message);
        EXPECT_TRUE(leg);
        if (leg) out.push_back(*leg);
    }
    return out;
}

TEST(LegQueue, FieldsAreReadBackInOrderByAnyNumber) {
    LegMaker maker;
    LegQueue queue(1000, 2000);
    std::vector<Leg> put;
    for (int i = 0; i < 300; ++i) {
        put.push_back(maker.leg());
        ASSERT_TRUE(queue.put(put.back()));
    }
    EncodedLegs taken;
    queue.take_all(taken);
    EXPECT_EQ(taken.count(), put.size());
    std::vector<Leg> back;
    std::size_t from = 0;
    for (std::size_t at_once = 1; from < taken.count(); ++at_once) {
        const std::size_t before = from;
        const auto some = legs_in(taken.next(from, at_once));
        ASSERT_EQ(some.size(), from - before);
        ASSERT_EQ(some.size(), std::min(at_once, put.size() - before));
        back.insert(back.end(), some.begin(), some.end());
    }
    ASSERT_EQ(back.size(), put.size());
    for (std::size_t i = 0; i < put.size(); ++i) ASSERT_TRUE(back[i] == put[i]) << i;
}

/// Every number at its largest, every array full: what bounds leg_message_bytes_max.
TEST(LegWriter, TheLargestLegFits) {
    Leg leg;
    std::memset(static_cast<void*>(&leg), 0xff, sizeof leg);
    leg.segment.layer_count = layer_count_max;
    leg.hint_count = hint_count_max;
    for (Layer& layer : leg.segment.layers) layer.has_id = true;
    for (Hint& hint : leg.hints) hint.length = hint_bytes_max;
    for (Flow& flow : leg.flows) {
        flow.sample_count = sample_count_max;
        flow.sack_permitted = flow.has_timestamps = true;
        flow.marks = {};
        for (std::size_t i = 0; i < stream_mark_count_max; ++i) flow.marks.take({~0u, ~0u, 0xff, true, 0xffff});
    }
    TcpAnalysis& tcp = leg.tcp;
    tcp.reset_by_server = tcp.reset_ip_id_apart = true;
    constexpr DurationNs longest = std::numeric_limits<DurationNs>::min();  // zigzag: more bytes than any other
    tcp.handshake = tcp.handshake_client = tcp.handshake_server = tcp.first_byte = longest;
    for (DelayStatistics* delays : {&tcp.response, &tcp.flows[0].rtt, &tcp.flows[1].rtt})
        delays->sum_ns = delays->max_ns = longest;
    std::vector<std::uint8_t> bytes(2 * leg_message_bytes_max);
    FieldWriter to(bytes.data());
    write_leg(leg, to);
    EXPECT_LT(static_cast<std::size_t>(to.at() - bytes.data()), leg_message_bytes_max);
    EXPECT_GT(static_cast<std::size_t>(to.at() - bytes.data()), leg_message_bytes_max / 4);
}

/// The parser of the schema takes it for its own: nothing unknown, and written again it is the same.
TEST(LegWriter, WritesWhatProtobufWouldWrite) {
    LegMaker maker;
    for (int i = 0; i < 500; ++i) {
        std::vector<std::uint8_t> bytes(leg_message_bytes_max);
        FieldWriter to(bytes.data());
        write_leg(maker.leg(), to);
        bytes.resize(static_cast<std::size_t>(to.at() - bytes.data()));
        v1::Leg message;
        ASSERT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
        const std::string again = message.SerializeAsString();
        ASSERT_TRUE(std::string(bytes.begin(), bytes.end()) == again);
    }
}

TEST(LegQueue, FullRefusesUntilItIsTaken) {
    LegMaker maker;
    const Leg leg = maker.leg();
    LegQueue queue(2, 100);
    EXPECT_TRUE(queue.put(leg));
    EXPECT_TRUE(queue.put(leg));
    EXPECT_FALSE(queue.put(leg));
    EncodedLegs taken;
    queue.take_all(taken);
    EXPECT_EQ(taken.count(), 2u);
    EXPECT_TRUE(queue.put(leg));
    queue.take_all(taken);
    EXPECT_EQ(taken.count(), 1u);
    std::size_t from = 0;
    EXPECT_EQ(legs_in(taken.next(from, 2)).size(), 1u);
}

}  // namespace
}  // namespace clew::wire
