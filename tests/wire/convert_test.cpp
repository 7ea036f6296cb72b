// SPDX-License-Identifier: Apache-2.0
#include "wire/convert.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/wire/random_leg.h"
#include "wire/batch_decode.h"
#include "wire/envelope.h"

namespace clew::wire {
namespace {

TEST(Convert, EveryLegComesBackAsItWas) {
    LegMaker maker;
    for (int i = 0; i < 2000; ++i) {
        const Leg leg = maker.leg();
        v1::Leg message;
        encode(leg, message);
        v1::Leg received;
        ASSERT_TRUE(received.ParseFromString(message.SerializeAsString()));
        const auto back = decode(received);
        ASSERT_TRUE(back) << back.error().sentence;
        ASSERT_TRUE(*back == leg);
    }
}

TEST(Convert, CommandsThatAreNotTextArriveAsQuestionMarks) {
    Leg leg = LegMaker(1).leg();
    leg.process = {.pid = 7, .uid = 0, .command = {'a', static_cast<char>(0xff), 'b'}};
    v1::Leg message;
    encode(leg, message);
    v1::Leg received;
    ASSERT_TRUE(received.ParseFromString(message.SerializeAsString()));
    EXPECT_EQ(decode(received)->process.name(), "a?b");
}

TEST(Convert, ValuesOutOfRangeAreRefusedWithASentence) {
    const std::vector<std::function<void(v1::Leg&)>> spoilers = {
        [](v1::Leg& m) { m.set_id(0); },
        [](v1::Leg& m) { m.set_phase(3); },
        [](v1::Leg& m) { m.set_end(6); },
        [](v1::Leg& m) { m.set_observer(3); },
        [](v1::Leg& m) { m.set_socket_role(3); },
        [](v1::Leg& m) { m.set_client_by(5); },
        [](v1::Leg& m) { m.set_tap(65536); },
        [](v1::Leg& m) { m.set_protocol(2); },
        [](v1::Leg& m) { m.set_time_source(5); },
        [](v1::Leg& m) { m.set_first_ns(-1); },
        [](v1::Leg& m) { m.set_last_ns(std::numeric_limits<std::int64_t>::max()); },
        [](v1::Leg& m) { m.mutable_client()->set_ip("abc"); },
        [](v1::Leg& m) { m.mutable_server()->set_port(65536); },
        [](v1::Leg& m) { m.mutable_segment()->set_client_mac("ab"); },
        [](v1::Leg& m) {
            m.mutable_segment()->clear_layers();
            m.mutable_segment()->add_layers()->set_type(layer_type_count);
        },
        [](v1::Leg& m) {
            for (int i = 0; i < 9; ++i) m.mutable_segment()->add_layers()->set_type(1);
        },
        [](v1::Leg& m) { m.set_app(app_count); },
        [](v1::Leg& m) { m.set_server_name(std::string(server_name_bytes_max + 1, 'x')); },
        [](v1::Leg& m) { m.set_alpn(std::string(3, '\0')); },
        [](v1::Leg& m) { m.mutable_to_server()->set_mss(65536); },
        [](v1::Leg& m) { m.mutable_to_server()->set_window_scale(255); },
        [](v1::Leg& m) { m.mutable_to_client()->set_flags_seen(256); },
        [](v1::Leg& m) { m.mutable_to_client()->set_isn_from(4); },
        [](v1::Leg& m) { m.mutable_to_client()->mutable_head()->set_length(257); },
        [](v1::Leg& m) {
            for (int i = 0; i < 5; ++i) m.mutable_to_client()->add_samples();
        },
        [](v1::Leg& m) {
            for (std::size_t i = 0; i <= hint_count_max; ++i) m.add_hints();
        },
        [](v1::Leg& m) {
            m.clear_hints();
            m.add_hints()->set_value(std::string(41, 'x'));
        },
        [](v1::Leg& m) { m.mutable_process()->set_command(std::string(17, 'x')); },
        [](v1::Leg& m) { m.mutable_process()->set_command(std::string("a\0b", 3)); },
    };
    LegMaker maker;
    for (std::size_t i = 0; i < spoilers.size(); ++i) {
        v1::Leg message;
        encode(maker.leg(), message);
        ASSERT_TRUE(decode(message));
        spoilers[i](message);
        const auto spoilt = decode(message);
        EXPECT_FALSE(spoilt) << "spoiler " << i;
        if (spoilt) continue;
        EXPECT_FALSE(spoilt.error().sentence.empty());
    }
}

TEST(Convert, PacketHeadersComeBackAsTheyWere) {
    LegMaker maker;
    for (int i = 0; i < 200; ++i) {
        PacketHeader header{.leg = maker.any<std::uint64_t>(),
                            .time_ns = maker.time(),
                            .seq = maker.any<std::uint32_t>(),
                            .ack = maker.any<std::uint32_t>(),
                            .length = maker.any<std::uint16_t>(),
                            .ip_id = maker.any<std::uint16_t>(),
                            .window = maker.any<std::uint16_t>(),
                            .payload_check = maker.any<std::uint16_t>(),
                            .flags = maker.any<std::uint8_t>(),
                            .ttl = maker.any<std::uint8_t>(),
                            .direction = static_cast<Direction>(maker.up_to(1)),
                            .has_timestamps = maker.coin()};
        if (header.has_timestamps) header.tsval = maker.any<std::uint32_t>(), header.tsecr = maker.any<std::uint32_t>();
        v1::PacketHeader message;
        encode(header, message);
        const auto back = decode(message);
        ASSERT_TRUE(back);
        EXPECT_TRUE(*back == header);
    }
}

TEST(Envelope, SaysTypeAndVersion) {
    const auto bytes = encode_envelope(MessageType::batch);
    EXPECT_EQ(decode_envelope(bytes), MessageType::batch);
    const std::array<std::uint8_t, 8> as_documented = {'C', 'L', 'E', 'W', 0, 1, 0, 3};
    EXPECT_EQ(bytes, as_documented);
}

TEST(Envelope, AnotherVersionIsNamedAndGarbageIsNot) {
    auto other = encode_envelope(MessageType::batch);
    other[5] = 9;
    EXPECT_EQ(envelope_version(other), 9);
    const auto refused = decode_envelope(other);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().sentence.find("version 9"), std::string::npos);
    other[0] = 'X';
    EXPECT_FALSE(envelope_version(other));
    EXPECT_FALSE(decode_envelope(other));
    auto unknown = encode_envelope(MessageType::batch);
    unknown[7] = 99;
    EXPECT_FALSE(decode_envelope(unknown));
    EXPECT_FALSE(decode_envelope(std::span(unknown).first(7)));
}

TEST(BatchDecode, RefusesMoreLegsThanABatchMayHoldBeforeParsingThem) {
    v1::Batch batch;
    batch.set_observer("o");
    batch.set_started_ns(1);
    for (std::size_t i = 0; i <= batch_leg_count_limit; ++i) batch.add_legs();
    const std::string bytes = batch.SerializeAsString();
    EXPECT_FALSE(parse_batch({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
}

}  // namespace
}  // namespace clew::wire
