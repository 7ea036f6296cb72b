// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/ladder_streams.h"

#include <gtest/gtest.h>

#include <random>

namespace clew {
namespace {

constexpr Direction up = Direction::to_server, down = Direction::to_client;

/// Segments of random lengths over one stream, whose byte at n has the check of n.
void cut(std::vector<StreamSegment>& to, std::size_t transport, Direction d, std::uint32_t begin, std::uint32_t shift,
         TimeNs delay, std::mt19937& random) {
    for (std::uint32_t at = 0; at < 100'000;) {
        const auto length = static_cast<std::uint16_t>(random() % 4 == 0 ? 1460 : 200 + random() % 1200);
        const std::uint16_t check = static_cast<std::uint16_t>(1 + (at * 2'654'435'761u >> 17));
        to.push_back({transport, d, begin + at + shift, length, check, 1'000'000'000 + at * 1000 + delay});
        at += length;
        at -= at % 100;  // so that some of them begin where one on the other side does
    }
}

TEST(LadderStreams, AConstantShiftIsFoundHoweverTheStreamIsCut) {
    std::mt19937 random(1);
    for (const std::uint32_t shift : {0u, 28u, 0u - 16u, 3'000'000'000u}) {
        std::vector<StreamSegment> segments;
        cut(segments, 0, up, 1, 0, 0, random);
        cut(segments, 1, up, 1, shift, 40'000, random);
        cut(segments, 0, down, 1, 0, 40'000, random);
        cut(segments, 1, down, 1, 5, 0, random);
        LadderStreams streams(2);
        EXPECT_FALSE(streams.is_joined(1, up));
        streams.find(segments);
        ASSERT_TRUE(streams.is_joined(1, up));
        EXPECT_EQ(streams.shift_of(1, up), shift);
        EXPECT_EQ(streams.stream_of(1, up), 0u);
        EXPECT_EQ(streams.shift_of(1, down), 5u);
    }
}

TEST(LadderStreams, SeveralProxiesInARow) {
    std::mt19937 random(2);
    std::vector<StreamSegment> segments;
    for (std::size_t t = 0; t < 3; ++t)
        cut(segments, t, up, 1, static_cast<std::uint32_t>(28 * t), static_cast<TimeNs>(40'000 * t), random);
    LadderStreams streams(4);
    streams.find(segments);
    EXPECT_EQ(streams.stream_of(2, up), 0u);
    EXPECT_EQ(streams.shift_of(2, up), 56u);
    EXPECT_EQ(streams.stream_of(3, up), 3u);
}

TEST(LadderStreams, OtherBytesAreNotJoined) {
    LadderStreams streams(2);
    std::vector<StreamSegment> segments;
    for (std::uint32_t n = 0; n < 100; ++n) {  // bodies as they were behind heads of another length each time
        segments.push_back({0, up, 1000 * n + 1, 900, static_cast<std::uint16_t>(n + 1), n * 1000});
        segments.push_back({1, up, 1000 * n + 7 * n * n + 1, 900, static_cast<std::uint16_t>(n + 1), n * 1000 + 10});
    }
    streams.find(segments);
    EXPECT_FALSE(streams.is_joined(1, up));
}

TEST(LadderStreams, WhatCameBeforeItCouldIsNoCopy) {
    LadderStreams streams(2);
    streams.find({{0, up, 1, 500, 9, 1'000'000'000}, {1, up, 29, 500, 9, 1}});
    EXPECT_FALSE(streams.is_joined(1, up));
    streams.find({{0, up, 1, 500, 9, 1}, {1, up, 29, 500, 9, 1'000'000'000}});
    EXPECT_TRUE(streams.is_joined(1, up));
    EXPECT_EQ(streams.shift_of(1, up), 28u);
}

TEST(LadderStreams, EqualPayloadsOverAndOver) {
    std::vector<StreamSegment> segments;
    for (std::uint32_t n = 0; n < 5000; ++n) {
        segments.push_back({0, down, 1 + 1000 * n, 1000, 7, 2'000 + n});
        segments.push_back({1, down, 1 + 1000 * n, 1000, 7, 1'000 + n});
    }
    LadderStreams streams(2);
    streams.find(segments);
    ASSERT_TRUE(streams.is_joined(1, down));
    EXPECT_EQ(streams.shift_of(1, down), 0u);
}

}  // namespace
}  // namespace clew
