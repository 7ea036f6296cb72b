// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/keys.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace clew {
namespace {

constexpr std::uint32_t flooded_key = 7;

struct Flood {
    LegWindow window{100};  // so that most lie packed
    KeyIndex index{window};

    explicit Flood(std::size_t count) {
        LegKeys keys;
        keys.keys[0] = flooded_key;
        keys.count = 1;
        for (LegIndex i = 0; i < count; ++i) {
            Leg leg;
            leg.id = i + 1;
            EXPECT_EQ(window.insert(leg, 0), i);
            window.leg(i).settled = true;
            index.insert(i, window.leg(i), keys);
            window.rest();
        }
    }
    void remove(LegIndex from, LegIndex end) {
        for (LegIndex i = from; i < end; ++i) {
            index.remove(i, window.leg(i));
            window.remove(i);
        }
    }
    std::set<LegIndex> found() const {
        std::set<LegIndex> out;
        index.each(flooded_key, [&](LegIndex i) { return out.insert(i).second; });
        return out;
    }
};

TEST(KeyIndex, TheNewestComeFirstAndTheOldestOfAFloodAreForgotten) {
    const Flood flood(5000);
    const std::set<LegIndex> found = flood.found();
    EXPECT_TRUE(found.contains(4999));
    EXPECT_FALSE(found.contains(0));
    EXPECT_LT(found.size(), 1000u);
}

TEST(KeyIndex, ALegThatLeftIsNeverFound) {
    Flood flood(400);
    flood.remove(0, 300);  // so far behind that their places stay
    for (const LegIndex i : flood.found()) EXPECT_GE(i, 300u);
    for (LegIndex i = 400; i-- > 320;) flood.remove(i, i + 1);  // what lay behind moves to the front
    const std::set<LegIndex> found = flood.found();
    ASSERT_EQ(found.size(), 20u);
    EXPECT_EQ(*found.begin(), 300u);
    EXPECT_EQ(*found.rbegin(), 319u);
}

}  // namespace
}  // namespace clew
