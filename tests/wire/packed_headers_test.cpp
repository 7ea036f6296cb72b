// SPDX-License-Identifier: Apache-2.0
#include "wire/packed_headers.h"

#include <gtest/gtest.h>

#include <cstring>

namespace clew::wire {
namespace {

PacketHeader some() {
    return {.leg = 0x0102030405060708,
            .time_ns = 0x1112131415161718,
            .seq = 0x21222324,
            .ack = 0x31323334,
            .tsval = 0x41424344,
            .tsecr = 0x51525354,
            .length = 0x6162,
            .ip_id = 0x7172,
            .window = 0x8182,
            .payload_check = 0x9192,
            .flags = 0xa1,
            .ttl = 0xb1,
            .direction = Direction::to_client,
            .has_timestamps = true};
}

/// The bytes that wire/leg.proto tells.
TEST(PackedHeaders, StandInTheOrderOfTheirFields) {
    std::string packed;
    pack(some(), packed);
    const std::uint8_t expected[] = {8,    7,    6,    5,    4,    3,    2,    1,    0x18, 0x17, 0x16,
                                     0x15, 0x14, 0x13, 0x12, 0x11, 0x24, 0x23, 0x22, 0x21, 0x34, 0x33,
                                     0x32, 0x31, 0x44, 0x43, 0x42, 0x41, 0x54, 0x53, 0x52, 0x51, 0x62,
                                     0x61, 0x72, 0x71, 0x82, 0x81, 0x92, 0x91, 0xa1, 0xb1, 1,    1};
    ASSERT_EQ(packed.size(), packed_header_bytes);
    EXPECT_EQ(std::memcmp(packed.data(), expected, packed.size()), 0);
    std::vector<PacketHeader> headers;
    unpack(packed, headers);
    ASSERT_EQ(headers.size(), 1u);
    EXPECT_EQ(headers[0], some());
}

TEST(PackedHeaders, WhatNoHeaderCanBeIsLeftOut) {
    std::string packed;
    for (int i = 0; i < 4; ++i) pack(some(), packed);
    packed[42] = 2;                                 // no direction
    packed[packed_header_bytes + 43] = 7;           // neither yes nor no
    packed[2 * packed_header_bytes + 15] = '\xff';  // before 1970
    packed += "rest";
    std::vector<PacketHeader> headers;
    unpack(packed, headers);
    EXPECT_EQ(headers.size(), 1u);
}

TEST(PackedHeaders, OfTurnedLegsTheDirectionIsTheOther) {
    std::string packed;
    PacketHeader other = some();
    other.leg = 7;
    pack(some(), packed);
    pack(other, packed);
    turn_packed({7}, packed);
    std::vector<PacketHeader> headers;
    unpack(packed, headers);
    ASSERT_EQ(headers.size(), 2u);
    EXPECT_EQ(headers[0].direction, Direction::to_client);
    EXPECT_EQ(headers[1].direction, Direction::to_server);
}

}  // namespace
}  // namespace clew::wire
