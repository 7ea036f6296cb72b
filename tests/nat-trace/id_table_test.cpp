// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/id_table.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

#include "nat-trace/window.h"

namespace clew {
namespace {

constexpr std::uint32_t none = 0xffff'ffff;

/// The table beside a map that does the same.
struct Twin {
    IdTable table;
    std::unordered_map<std::uint32_t, std::uint64_t> hashes;  ///< by place

    void add(std::uint64_t hash, std::uint32_t place) {
        if (table.is_full())
            table.grow([this](auto&& put) {
                for (const auto& [p, h] : hashes) put(h, p);
            });
        table.add(hash, place);
        hashes[place] = hash;
    }
    void remove(std::uint32_t place) {
        table.remove(hashes.at(place), place);
        hashes.erase(place);
    }
    std::uint32_t find(std::uint64_t hash) const {
        return table.find(hash, none, [&](std::uint32_t p) { return hashes.at(p) == hash; });
    }
};

TEST(IdTable, FindsNothingInAnEmptyOne) {
    EXPECT_EQ(IdTable().find(7, none, [](std::uint32_t) { return true; }), none);
}

TEST(IdTable, HoldsWhatAMapHoldsThroughRandomAdditionsAndRemovals) {
    for (const std::uint64_t mask : {~0ULL, 0xff00'0000'0000'000fULL}) {  // and with buckets that many must pass
        std::mt19937_64 random(mask);
        Twin twin;
        std::vector<std::uint32_t> held;
        for (std::uint32_t step = 0; step < 20'000; ++step) {
            if (held.size() < 400 && (held.empty() || random() % 3 != 0)) {
                const std::uint64_t hash = (mix_bits(step + 1) & mask) | std::uint64_t{step} << 20;
                twin.add(hash, step);
                held.push_back(step);
            } else {
                std::swap(held[random() % held.size()], held.back());
                const std::uint64_t hash = twin.hashes.at(held.back());
                twin.remove(held.back());
                held.pop_back();
                ASSERT_EQ(twin.find(hash), none);
            }
            if (held.empty()) continue;
            const std::uint32_t place = held[random() % held.size()];
            ASSERT_EQ(twin.find(twin.hashes.at(place)), place);
        }
        for (const std::uint32_t place : held) ASSERT_EQ(twin.find(twin.hashes.at(place)), place);
    }
}

TEST(LegWindow, KnowsWhichLegsWereOverWithoutLookingAtThem) {
    LegWindow window;
    Leg leg;
    std::vector<LegIndex> places;
    const TimeNs start = 1'700'000'000 * ns_per_s;
    for (int n = 0; n < 100; ++n) {
        leg.id = static_cast<LegId>(n + 1);
        leg.first_ns = start + (n - 50) * ns_per_s;  // the first is not the earliest
        leg.last_ns = leg.first_ns + 10 * ns_per_ms;
        places.push_back(window.insert(leg, 0));
    }
    for (const LegIndex i : places) {
        const TimeNs last = window.leg(i).last_ns;
        EXPECT_FALSE(window.was_over_before(i, last));
        EXPECT_TRUE(window.was_over_before(i, std::max(last, window.leg(places[0]).last_ns) + 100 * ns_per_ms));
    }
    leg.id = 7;
    leg.revision = 1;
    leg.last_ns = start + 100 * ns_per_s;
    window.update(places[6], leg);
    EXPECT_FALSE(window.was_over_before(places[6], start + 99 * ns_per_s));
    window.remove(places[6]);
    EXPECT_FALSE(window.was_over_before(places[6], start + 1000 * ns_per_s));  // nobody stands there
}

TEST(LegWindow, GivesTheNextToLeaveOnceEachOldestFirst) {
    LegWindow window;
    Leg leg;
    std::vector<LegIndex> places;
    for (LegId id = 1; id <= 5; ++id) {
        leg.id = id;
        places.push_back(window.insert(leg, 0));
    }
    EXPECT_EQ(window.next_to_leave(2), places[0]);
    EXPECT_EQ(window.next_to_leave(2), places[1]);
    EXPECT_EQ(window.next_to_leave(2), no_leg);  // two are on their way
    window.remove(places[2]);                    // it leaves before its turn
    window.remove(places[0]);
    EXPECT_EQ(window.next_to_leave(2), places[3]);
    leg.id = 2;
    leg.revision = 1;
    window.update(places[1], leg);  // it is the newest now
    EXPECT_EQ(window.next_to_leave(9), places[4]);
    EXPECT_EQ(window.next_to_leave(9), places[1]);
    EXPECT_EQ(window.next_to_leave(9), no_leg);
}

}  // namespace
}  // namespace clew
