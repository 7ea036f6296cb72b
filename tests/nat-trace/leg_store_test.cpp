// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/leg_store.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

namespace clew {
namespace {

/// The store beside a map that does the same.
TEST(LegStore, HoldsWhatAMapHoldsHoweverFewMayLieOpen) {
    for (const std::size_t open : {std::size_t{0}, std::size_t{3}, std::size_t{64}}) {
        std::mt19937_64 random(open + 1);
        LegStore store(open);
        constexpr LegIndex place_count = 500;
        store.make_room(place_count);
        std::unordered_map<LegIndex, std::uint32_t> revisions;
        for (std::uint32_t step = 1; step < 30'000; ++step) {
            const auto i = static_cast<LegIndex>(random() % place_count);
            const bool is_held = revisions.contains(i);
            ASSERT_EQ(store.id(i), is_held ? i + 1 : 0);
            if (is_held && random() % 3 == 0) {
                store.give_back(i);
                revisions.erase(i);
            } else {
                WindowLeg& leg = is_held ? store.leg(i) : store.take(i);
                ASSERT_EQ(leg.revision, is_held ? revisions[i] : 0);
                leg.id = i + 1;
                leg.revision = revisions[i] = step;
                leg.settled = random() % 4 != 0;
                leg.key_count = static_cast<std::uint8_t>(random() % 5);
                leg.flows[0].sample_count = static_cast<std::uint8_t>(random() % 4);  // of many lengths
                WindowLeg room;
                const auto other = static_cast<LegIndex>(random() % place_count);
                ASSERT_EQ(store.look_at(other, room).revision, revisions.contains(other) ? revisions[other] : 0);
                ASSERT_EQ(leg.revision, step);  // it stays until rest()
            }
            store.rest();
        }
        for (const auto& [i, revision] : revisions) ASSERT_EQ(store.leg(i).revision, revision);
    }
}

TEST(LegStore, PackedLegsTakeLess) {
    LegStore open(1'000'000);
    LegStore packed(16);
    for (LegStore* store : {&open, &packed}) {
        store->make_room(50'000);
        for (LegIndex i = 0; i < 50'000; ++i) {
            store->take(i).settled = true;
            store->rest();
        }
    }
    EXPECT_LT(packed.memory_bytes() * 2, open.memory_bytes());
}

}  // namespace
}  // namespace clew
