// SPDX-License-Identifier: Apache-2.0
#include "wire/header_asks.h"

#include <gtest/gtest.h>

#include "wire/packed_headers.h"

namespace clew::wire {
namespace {

v1::HeaderReply part_of(std::uint64_t id, std::vector<std::pair<std::uint64_t, std::uint32_t>> headers) {
    v1::HeaderReply part;
    part.set_request_id(id);
    for (const auto& [leg, direction] : headers) {
        v1::PacketHeader& header = *part.add_headers();
        header.set_leg(leg);
        header.set_direction(direction);
    }
    return part;
}

TEST(HeaderAsks, PartsArePutTogether) {
    HeaderAsks asks;
    const std::uint64_t id = asks.file("edge", {});
    asks.reply("edge", part_of(id, {{1, 0}, {2, 1}}));
    asks.reply("other", part_of(id, {{3, 0}}));  // was not asked
    v1::HeaderReply last = part_of(id, {{1, 1}});
    last.set_last(true);
    asks.reply("edge", last);
    const auto whole = asks.wait(id, 0, {});
    ASSERT_TRUE(whole);
    ASSERT_EQ(whole->headers_size(), 3);
    EXPECT_EQ(whole->headers(1).direction(), 1u);
}

TEST(HeaderAsks, TheLastPartMayTurnALegsHeaders) {
    HeaderAsks asks;
    const std::uint64_t id = asks.file("edge", {});
    asks.reply("edge", part_of(id, {{1, 0}, {2, 0}}));
    v1::HeaderReply last = part_of(id, {{1, 1}, {2, 1}});
    last.add_turned_legs(1);
    last.set_last(true);
    asks.reply("edge", last);
    const auto whole = asks.wait(id, 0, {});
    ASSERT_TRUE(whole);
    std::vector<std::uint32_t> directions;
    for (const v1::PacketHeader& header : whole->headers()) directions.push_back(header.direction());
    EXPECT_EQ(directions, (std::vector<std::uint32_t>{1, 0, 0, 1}));
}

v1::HeaderReply packed_part(std::uint64_t id, const std::vector<std::pair<LegId, Direction>>& headers) {
    v1::HeaderReply part;
    part.set_request_id(id);
    for (const auto& [leg, direction] : headers) pack({.leg = leg, .direction = direction}, *part.mutable_packed());
    return part;
}

TEST(HeaderAsks, PackedHeadersArePutTogetherTurnedAndCutLikeOthers) {
    HeaderAsks asks;
    v1::HeaderRequest request;
    request.set_header_count_max(3);
    const std::uint64_t id = asks.file("edge", request);
    asks.reply("edge", packed_part(id, {{1, Direction::to_server}, {2, Direction::to_server}}));
    v1::HeaderReply last = packed_part(id, {{1, Direction::to_client}, {2, Direction::to_client}});
    last.add_turned_legs(1);
    last.set_last(true);
    asks.reply("edge", last);
    const auto whole = asks.wait(id, 0, {});
    ASSERT_TRUE(whole);
    EXPECT_NE(whole->partial().find("left out"), std::string::npos);
    std::vector<PacketHeader> headers;
    unpack(whole->packed(), headers);
    ASSERT_EQ(headers.size(), 3u);
    EXPECT_EQ(headers[0].direction, Direction::to_client);
    EXPECT_EQ(headers[1].direction, Direction::to_server);
    EXPECT_EQ(headers[2].direction, Direction::to_server);
}

}  // namespace
}  // namespace clew::wire
