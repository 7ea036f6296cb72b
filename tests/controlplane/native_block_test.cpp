// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/native_block.h"

#include <gtest/gtest.h>

namespace clew::store {
namespace {

using namespace std::string_literals;

TEST(NativeBlock, IsWhatClickHouseReads) {
    NativeBlock block;
    NativeColumn& number = block.add("n", "UInt16");
    NativeColumn& text = block.add("s", "String");
    NativeColumn& list = block.add("l", "Array(UInt8)");
    NativeColumn& maybe = block.add("m", "Nullable(UInt32)");
    number.number<std::uint16_t>(0x1234);
    number.number<std::uint16_t>(7);
    text.text("ab");
    text.text("");
    list.number<std::uint8_t>(1);
    list.number<std::uint8_t>(2);
    list.end_row();
    list.end_row();
    maybe.optional_number(std::nullopt);
    maybe.optional_number(5);
    EXPECT_EQ(block.finish(),
              "\x04\x02"
              "\x01n\x06UInt16\x34\x12\x07\x00"
              "\x01s\x06String\x02"
              "ab\x00"
              "\x01l\x0c"
              "Array(UInt8)\x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01\x02"
              "\x01m\x10Nullable(UInt32)\x01\x00\x00\x00\x00\x00\x05\x00\x00\x00"s);
}

TEST(NativeBlock, AnIpv6IsItsBytes) {
    NativeBlock block;
    block.add("a", "IPv6").ip(*parse_ip("10.0.0.7"));
    EXPECT_EQ(block.finish(),
              "\x01\x01\x01"
              "a\x04IPv6\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x07"s);
}

TEST(NativeBlockDeathTest, ColumnsOfDifferentLengthAreAProgrammersError) {
    NativeBlock block;
    block.add("a", "UInt8").number<std::uint8_t>(1);
    block.add("b", "UInt8");
    EXPECT_DEATH((void)block.finish(), "row_count");
}

TEST(RowReader, ReadsWhatIsThereAndStopsAtTheEnd) {
    std::string bytes;
    append_varint(bytes, 300);
    bytes += std::string(300, 'x');
    append_number<std::uint32_t>(bytes, 77);
    RowReader row(bytes);
    EXPECT_EQ(row.text(), std::string(300, 'x'));
    EXPECT_EQ(row.number<std::uint32_t>(), 77u);
    EXPECT_TRUE(row.ok());
    EXPECT_TRUE(row.at_end());
    EXPECT_EQ(row.number<std::uint64_t>(), 0u);
    EXPECT_FALSE(row.ok());
    EXPECT_EQ(RowReader("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s).text(), "");
    EXPECT_EQ(RowReader("\x05"
                        "abc"s)
                  .text(),
              "");
}

}  // namespace
}  // namespace clew::store
