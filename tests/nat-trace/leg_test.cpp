// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/leg.h"

#include <cstring>

#include <gtest/gtest.h>

namespace clew {
namespace {

Hint request_id(std::string_view value) {
    Hint hint;
    hint.kind = HintKind::request_id;
    hint.length = static_cast<std::uint8_t>(value.size());
    std::memcpy(hint.bytes.data(), value.data(), value.size());
    return hint;
}

TEST(Leg, TheSameHintIsKeptOnce) {
    Leg leg;
    EXPECT_TRUE(leg.add_hint(request_id("a")));
    EXPECT_FALSE(leg.add_hint(request_id("a")));
    EXPECT_EQ(leg.hint_count, 1);
}

TEST(Leg, HintsAreBounded) {
    Leg leg;
    for (std::size_t i = 0; i < hint_count_max; ++i)
        EXPECT_TRUE(leg.add_hint(request_id(std::string(1, char('a' + i)))));
    EXPECT_FALSE(leg.add_hint(request_id("z")));
    EXPECT_EQ(leg.hint_count, hint_count_max);
}

TEST(Leg, ProcessNameEndsAtTheFirstZero) {
    Process process;
    std::memcpy(process.command.data(), "nginx", 5);
    EXPECT_EQ(process.name(), "nginx");
    process.command.fill('x');
    EXPECT_EQ(process.name().size(), 16u);
}

}  // namespace
}  // namespace clew
