// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ladder_table.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace clew::control {
namespace {

template <typename Number>
Number at(const std::string& array, std::size_t i) {
    Number value{};
    EXPECT_LE((i + 1) * sizeof value, array.size());
    std::memcpy(&value, array.data() + i * sizeof value, sizeof value);
    return value;
}

TEST(LadderTableTest, CellsStandInTheOrderOfTheColumns) {
    v1::Ladder head;
    head.set_path_id("00000000000000aa");
    head.set_partial("sensor-b is away");
    head.add_columns()->set_tap("edge");
    head.add_columns()->set_tap("core");
    LadderRow row;
    row.direction = Direction::to_client;
    row.time_ns = 1'000;
    row.retransmission = true;
    row.marks = ladder_duplicate | ladder_zero_window;
    row.cells.resize(3);  // the second leg is a socket: no column
    row.cells[0] = {
        .seen = true,
        .header =
            {.time_ns = 41'700, .seq = 7, .ack = 9, .length = 1448, .ip_id = 5, .window = 64, .flags = 24, .ttl = 61},
        .aligned_ns = 1'700,
        .has_delay = true,
        .delay_ns = 700,
        .missing = Missing::no};
    row.cells[2].missing = Missing::capture_gap;
    row.cells[2].header.seq = 99;  // not seen: not told
    const std::vector<std::size_t> legs = {0, 2};
    const v1::LadderTable table = to_table(head, std::vector{row, row}, legs, std::vector{-1.0, 64'834.0});
    EXPECT_EQ(table.rows(), 2u);
    EXPECT_EQ(table.columns_size(), 2);
    EXPECT_EQ(table.partial(), "sensor-b is away");
    EXPECT_EQ(table.start_ns(), 1'000);
    EXPECT_EQ(table.to_server(), std::string(2, 0));
    EXPECT_EQ(table.retransmission(), std::string(2, 1));
    EXPECT_EQ(table.marks(), std::string(2, 3));
    EXPECT_EQ(table.seen(), (std::string{1, 0, 1, 0}));
    EXPECT_EQ(at<std::uint8_t>(table.missing(), 1), static_cast<std::uint8_t>(Missing::capture_gap));
    EXPECT_EQ(at<double>(table.time(), 2), 700);
    EXPECT_EQ(at<double>(table.time(), 3), 0);
    EXPECT_EQ(at<std::uint32_t>(table.seq(), 0), 7u);
    EXPECT_EQ(at<std::uint32_t>(table.seq(), 1), 0u);
    EXPECT_EQ(at<std::uint32_t>(table.ack(), 0), 9u);
    EXPECT_EQ(at<std::uint32_t>(table.length(), 0), 1448u);
    EXPECT_EQ(at<std::uint16_t>(table.flags(), 0), 24);
    EXPECT_EQ(at<std::uint8_t>(table.ttl(), 0), 61);
    EXPECT_EQ(at<std::uint16_t>(table.ip_id(), 0), 5);
    EXPECT_EQ(at<std::uint32_t>(table.window(), 0), 64u);
    EXPECT_EQ(at<float>(table.delay(), 0), 700);
    EXPECT_TRUE(std::isnan(at<float>(table.delay(), 1)));
    EXPECT_EQ(table.delay_error_ns(0), -1);
    EXPECT_EQ(table.delay_error_ns(1), 64'834);
}

/// docs/LADDER_TABLE.md has these bytes.
TEST(LadderTableTest, AsBytesItsArraysFollowTheHead) {
    v1::Ladder head;
    head.set_path_id("00000000000000aa");
    head.add_columns()->set_tap("edge");
    LadderRow row;
    row.direction = Direction::to_client;
    row.retransmission = true;
    row.marks = ladder_duplicate | ladder_zero_window;
    row.cells.push_back(
        {.seen = true,
         .header = {.time_ns = 9, .seq = 7, .ack = 9, .length = 1448, .ip_id = 5, .window = 64, .flags = 24, .ttl = 61},
         .aligned_ns = 700});
    const std::vector<std::size_t> legs = {0};
    v1::LadderTable table = to_table(head, std::vector{row}, legs, {});
    table.set_more(true);
    const std::string bytes = to_bytes(table);
    EXPECT_EQ(bytes.substr(0, 4), "CLT1");
    const auto size = at<std::uint32_t>(bytes, 1);
    v1::LadderTable told;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(bytes.substr(8, size), &told).ok());
    EXPECT_EQ(told.path_id(), head.path_id());
    EXPECT_EQ(told.rows(), 1u);
    EXPECT_EQ(told.columns(0).tap(), "edge");
    EXPECT_TRUE(told.more());
    EXPECT_EQ(told.time(), "");
    const std::size_t begin = (8 + size + 7) / 8 * 8;
    const std::vector<std::vector<int>> arrays = {{},
                                                  {0, 0, 0, 0, 0, 0xe0, 0x85, 0x40},
                                                  {7},
                                                  {9},
                                                  {0xa8, 5},
                                                  {0x40},
                                                  {0, 0, 0xc0, 0x7f},
                                                  {0x18},
                                                  {5},
                                                  {},
                                                  {1},
                                                  {3},
                                                  {1},
                                                  {},
                                                  {0x3d}};
    std::string expected;
    for (const std::vector<int>& array : arrays) {
        for (const int byte : array) expected += static_cast<char>(byte);
        expected.resize((expected.size() + 7) / 8 * 8);
        if (array.empty()) expected.resize(expected.size() + 8);
    }
    EXPECT_EQ(bytes.substr(begin), expected);
}

TEST(LadderTableTest, EachArrayBeginsAtAMultipleOfEightBytes) {
    v1::Ladder head;
    for (int i = 0; i < 3; ++i) head.add_columns()->set_tap("tap");
    LadderRow row;
    row.cells.resize(3);
    const std::vector<std::size_t> legs = {0, 1, 2};
    for (const std::size_t rows : {0u, 1u, 2u, 5u}) {
        const std::string bytes = to_bytes(to_table(head, std::vector(rows, row), legs, {}));
        const auto padded = [](std::size_t size) { return (size + 7) / 8 * 8; };
        const std::size_t cells = rows * 3;
        EXPECT_EQ(bytes.size(), padded(8 + at<std::uint32_t>(bytes, 1)) + rows * 8 + cells * 8 + 5 * padded(cells * 4) +
                                    2 * padded(cells * 2) + 3 * padded(rows) + 3 * padded(cells));
    }
}

}  // namespace
}  // namespace clew::control
