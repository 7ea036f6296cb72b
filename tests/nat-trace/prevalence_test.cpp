// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/prevalence.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

#include "nat-trace/window.h"

namespace clew {
namespace {

TEST(Prevalence, CountsWhatAMapCountsWithFullLinesAndAsItGrows) {
    std::mt19937_64 random(3);
    Prevalence table;
    std::unordered_map<std::uint64_t, std::uint32_t> counts;
    std::vector<std::uint64_t> held;  // of some many
    for (std::uint32_t step = 0; step < 200'000; ++step) {
        if (table.is_full(1)) {
            table.grow();
            for (const std::uint64_t value : held) table.add(value);
        }
        if (held.size() < 60'000 || random() % 2 == 0) {
            // Some more of them in a sixteenth of the lines, which are fuller than they have places.
            std::uint64_t value = mix_bits(random() % 40'000 + 1);
            if (step % 256 == 0) value = (value & ~0xffff'ffffULL) | (value & 0x0fff'ffff);
            table.add(value);
            held.push_back(value);
            ++counts[value];
        } else {
            std::swap(held[random() % held.size()], held.back());
            table.remove(held.back());
            --counts[held.back()];
            held.pop_back();
        }
        const std::uint64_t asked = held[random() % held.size()];
        ASSERT_GE(table.count(asked), counts[asked]) << step;
    }
    std::size_t exact = 0;  // few are of one line and tag
    for (const std::uint64_t value : held) exact += table.count(value) == counts[value];
    EXPECT_GT(exact, held.size() * 99 / 100);
    for (const std::uint64_t value : held) table.remove(value);
    EXPECT_TRUE(std::all_of(counts.begin(), counts.end(), [&](const auto& c) { return table.count(c.first) == 0; }));
}

TEST(Prevalence, OfOneHomeAsManyAreCountedAsFindRoomNearIt) {
    Prevalence table;
    table.grow();
    std::vector<std::uint64_t> values;
    for (std::uint64_t n = 1; n <= 300; ++n) values.push_back(n << 48 | 7);
    for (int turn = 0; turn < 2; ++turn) {
        for (const std::uint64_t value : values) table.add(value);
        for (std::size_t n = 0; n < values.size(); ++n) EXPECT_EQ(table.count(values[n]), n < 240 ? 1u : 0u) << n;
        for (const std::uint64_t value : values) table.remove(value);  // those that were not counted as well
        for (const std::uint64_t value : values) EXPECT_EQ(table.count(value), 0u);
    }
}

TEST(Prevalence, WhatTooManyShareStaysCommon) {
    Prevalence table;
    table.grow();
    const std::uint64_t common = mix_bits(1), other = mix_bits(2);
    for (int n = 0; n < 300; ++n) table.add(common);
    EXPECT_EQ(table.count(common), Prevalence::count_max);
    for (int n = 0; n < 300; ++n) table.remove(common);
    EXPECT_EQ(table.count(common), Prevalence::count_max);
    EXPECT_EQ(table.count(other), 0u);
}

}  // namespace
}  // namespace clew
