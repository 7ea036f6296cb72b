// SPDX-License-Identifier: Apache-2.0
// The key index against a plain map: no key is ever missed, few are found that are not there, and damage is told.
#include "dataplane/vault/key_index.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>

#include "dataplane/hash.h"
#include "dataplane/vault/bit_line.h"
#include "tests/dataplane/vault/document_example.h"
#include "tests/dataplane/vault/model_disk.h"

namespace clew::vault {
namespace {

constexpr std::uint32_t seed = 20261127;

struct Indexed {
    ModelDisk disk;
    std::map<std::uint64_t, std::set<std::uint64_t>> blocks_of;  ///< offsets by key
    std::vector<std::uint8_t> bytes;
    std::vector<BlockKeys> keys;

    /// Blocks of `legs` keys of their own, and as many of all.
    Indexed(unsigned block_count, unsigned legs) {
        std::vector<PlacedKeys> blocks;
        keys.resize(block_count);
        for (unsigned block = 0; block < block_count; ++block) {
            std::vector<std::uint64_t> own;
            for (unsigned i = 0; i < legs; ++i) own.push_back(sensor::mix(seed + block * legs + i));
            for (unsigned i = 0; i < 5; ++i) own.push_back(sensor::mix(i));
            for (const std::uint64_t key : own) blocks_of[key].insert(offset_of(block));
            keys[block] = to_block_keys(own);
            blocks.push_back({offset_of(block), &keys[block]});
        }
        bytes = encode_key_index(blocks);
    }
    static std::uint64_t offset_of(unsigned block) { return 100 + 1000ull * block; }

    std::shared_ptr<const KeyIndex> open() {
        disk.files["i"] = std::make_shared<std::vector<std::uint8_t>>(bytes);
        std::unique_ptr<File> file;
        EXPECT_EQ(disk.open("i", file), 0);
        return KeyIndex::open(std::move(file), bytes.size());
    }
};

TEST(KeyIndex, MissesNoKeyAndFindsFewThatAreNotThere) {
    for (const auto& [blocks, legs] : {std::pair{1u, 0u}, {1u, 1u}, {3u, 2u}, {40u, 300u}, {200u, 100u}}) {
        SCOPED_TRACE(std::to_string(blocks) + " blocks of " + std::to_string(legs));
        Indexed of(blocks, legs);
        const auto index = of.open();
        ASSERT_TRUE(index);
        EXPECT_EQ(index->block_count(), blocks);
        std::size_t too_many = 0;
        for (const auto& [key, offsets] : of.blocks_of) {
            const auto found = index->blocks_with({{key}});
            ASSERT_TRUE(found);
            EXPECT_TRUE(std::includes(found->begin(), found->end(), offsets.begin(), offsets.end()));
            too_many += found->size() - offsets.size();
        }
        EXPECT_LE(too_many, 2 + of.blocks_of.size() / 100);
        std::size_t wrong = 0;
        for (std::uint64_t i = 0; i < 2000; ++i) wrong += index->blocks_with({{sensor::mix(~i)}})->size();
        EXPECT_LE(wrong, blocks * legs < 100 ? 400u : 20u);
    }
}

TEST(KeyIndex, AGroupIsAnyOfItsKeysAndAllGroupsAreWanted) {
    Indexed of(20, 50);
    const auto index = of.open();
    const auto own = [](unsigned block, unsigned i) { return sensor::mix(seed + block * 50 + i); };
    using Offsets = std::vector<std::uint64_t>;
    EXPECT_EQ(*index->blocks_with({{own(3, 1), own(7, 2)}}), (Offsets{of.offset_of(3), of.offset_of(7)}));
    EXPECT_EQ(*index->blocks_with({{own(3, 1), own(7, 2)}, {own(7, 9)}}), (Offsets{of.offset_of(7)}));
    EXPECT_EQ(*index->blocks_with({{own(3, 1)}, {own(7, 9)}}), Offsets{});
    EXPECT_EQ(index->blocks_with({})->size(), 20u);
    EXPECT_EQ(index->blocks_with({{sensor::mix(2)}})->size(), 20u);
    EXPECT_TRUE(index->covers(of.offset_of(19)));
    EXPECT_FALSE(index->covers(of.offset_of(20)));
}

TEST(KeyIndex, DamageIsToldNeverTakenForAnAnswer) {
    const Indexed whole(20, 50);
    std::mt19937 random(seed);
    for (unsigned i = 0; i < 2000; ++i) {
        Indexed of(1, 0);
        of.bytes = whole.bytes;
        if (i % 4 == 0)
            of.bytes.resize(random() % of.bytes.size());
        else
            of.bytes[random() % of.bytes.size()] ^= static_cast<std::uint8_t>(1u << random() % 8);
        const auto index = of.open();
        if (!index) continue;
        for (const auto& [key, offsets] : whole.blocks_of) {
            const auto found = index->blocks_with({{key}});
            if (!found) continue;
            ASSERT_TRUE(std::includes(found->begin(), found->end(), offsets.begin(), offsets.end())) << "change " << i;
        }
    }
}

TEST(KeyIndex, TheExampleInTheDocument) {
    const BlockKeys first{0x10000000, 0x80000000}, second{0x80000000};
    const std::vector<PlacedKeys> blocks{{64, &first}, {300, &second}};
    const auto bytes = encode_key_index(blocks);
    expect_shown_in("docs/HEADER_LOG.md", bytes);
}

TEST(BitLine, GivesBackWhatWasPut) {
    std::mt19937 random(seed);
    std::vector<std::uint8_t> bytes;
    std::vector<std::pair<std::uint32_t, unsigned>> values;  // 33: in unary
    BitWriter writer(bytes);
    for (unsigned i = 0; i < 5000; ++i) {
        const unsigned bits = random() % 34;
        const auto value = bits == 33   ? static_cast<std::uint32_t>(random() % 200)
                           : bits == 32 ? static_cast<std::uint32_t>(random())
                                        : static_cast<std::uint32_t>(random()) & ((1u << bits) - 1);
        values.emplace_back(value, bits);
        bits == 33 ? writer.put_unary(value) : writer.put(value, bits);
    }
    writer.finish();
    BitReader reader(bytes);
    for (const auto& [value, bits] : values)
        ASSERT_EQ(bits == 33 ? reader.take_unary() : reader.take(bits), value) << bits << " bits";
    EXPECT_FALSE(reader.overrun());
    reader.take(16);
    EXPECT_TRUE(reader.overrun());
}

TEST(BitLine, OnesWithoutAnEndEnd) {
    const std::vector<std::uint8_t> ones(100, 0xff);
    BitReader reader(ones);
    EXPECT_GE(reader.take_unary(), 64u);
    reader.take(32);
    for (int i = 0; i < 30; ++i) reader.take(32);
    EXPECT_TRUE(reader.overrun());
}

}  // namespace
}  // namespace clew::vault
