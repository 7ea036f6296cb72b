// SPDX-License-Identifier: Apache-2.0
// The store against a disk that fails at every call in turn, and against 1,000 kills: what was stored is there, whole
// and in order, but for what the budget let go; nothing else is.
#include "dataplane/vault/block_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <unordered_map>

#include "dataplane/vault/tap_table.h"
#include "tests/dataplane/vault/model_disk.h"
#include "tests/dataplane/vault/packet_source.h"
#include "tests/dataplane/vault/record_source.h"

namespace clew::vault {
namespace {

using Block = std::vector<std::uint8_t>;

/// Real header blocks, told apart by their time.
Block header_block(unsigned n) {
    RandomRecords random(n);
    RecordSource source;
    auto& leg = source.add(random.label());
    for (unsigned i = 0; i < 1 + n % 20; ++i)
        leg.records.push_back(random.record(leg.label, static_cast<TimeNs>(n + 1) * ns_per_s, false));
    source.finish();
    Block bytes;
    static HeaderBlockEncoder encoder;
    encoder.encode(source, bytes);
    return bytes;
}

/// The same of the packet log.
Block packet_block(unsigned n) {
    static OpenPacketBlock open;
    static const bool allocated = open.allocate({1u << 16, 64}, 1, false);
    EXPECT_TRUE(allocated);
    open.clear(n + 1);
    namespace frames = sensor::frames;
    const auto frame = frames::ethernet(
        1, 2, 0x0800,
        frames::ipv4("10.0.0.1", "10.0.0.2", {}, frames::tcp({.payload = frames::text(std::string(n % 90, 'x'))})));
    for (unsigned i = 0; i < 1 + n % 5; ++i)
        append(open, 0, tcp_label(n, 1), frames::packet_of(frame, static_cast<TimeNs>(n + 1) * ns_per_s), 0);
    Block bytes;
    static PacketBlockEncoder encoder;
    encoder.encode(open, bytes);
    return bytes;
}

/// Both logs' blocks live by the same rules.
struct Format {
    const char* name;
    const BlockShape& shape;
    Block (*make)(unsigned n);
};

class BlockStoreOf : public testing::TestWithParam<Format> {
  protected:
    /// Made once: a test that kills a thousand times asks for each many times.
    const Block& numbered_block(unsigned n) {
        const auto [at, is_new] = made_.try_emplace(n);
        if (is_new) at->second = GetParam().make(n);
        return at->second;
    }
    std::vector<unsigned> numbers_in(const BlockStore& store);

  private:
    std::unordered_map<unsigned, Block> made_;
};
INSTANTIATE_TEST_SUITE_P(Formats, BlockStoreOf,
                         testing::Values(Format{"Headers", header_log_shape, header_block},
                                         Format{"Packets", packet_log_shape, packet_block}),
                         [](const auto& format) { return format.param.name; });

BlockStoreSettings settings_of(std::uint64_t bytes_max) {
    BlockStoreSettings settings;
    settings.directory = "vault";
    settings.bytes_max = bytes_max;
    settings.segment_bytes_max = 2000;
    settings.first_block = encode(TapTable{"observer", {"edge"}});
    return settings;
}

/// The numbers of the blocks that the store has, each read back and compared.
std::vector<unsigned> BlockStoreOf::numbers_in(const BlockStore& store) {
    std::vector<unsigned> numbers;
    for (const StoredBlock& block : store.find(0, 0)) {
        const auto n = static_cast<unsigned>(block.first_ns / ns_per_s - 1);
        const auto bytes = store.read(block);
        EXPECT_TRUE(bytes);
        EXPECT_EQ(*bytes, numbered_block(n)) << "block " << n;
        numbers.push_back(n);
    }
    return numbers;
}

TEST_P(BlockStoreOf, KeepsTheNewestWithinItsBudget) {
    ModelDisk disk;
    auto store = BlockStore::open(disk, settings_of(20'000), GetParam().shape);
    ASSERT_TRUE(store);
    for (unsigned n = 0; n < 300; ++n) {
        ASSERT_TRUE((*store)->append(numbered_block(n), 0));
        EXPECT_LE(disk.bytes(), 20'000u + numbered_block(n).size());
    }
    const auto numbers = numbers_in(**store);
    ASSERT_GT(numbers.size(), 10u);
    for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], 300 - numbers.size() + i);
    EXPECT_GT((*store)->counters().blocks_expired, 0u);
}

TEST_P(BlockStoreOf, FindsByTime) {
    ModelDisk disk;
    auto store = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
    for (unsigned n = 0; n < 20; ++n) (*store)->append(numbered_block(n), 0);
    EXPECT_EQ((*store)->find(5 * ns_per_s, 7 * ns_per_s).size(), 3u);
    EXPECT_EQ((*store)->find(0, 0).size(), 20u);
    EXPECT_EQ((*store)->find(100 * ns_per_s, 0).size(), 0u);
}

TEST_P(BlockStoreOf, AFailureAtAnyCallLosesThatBlockAlone) {
    for (const Fault fault : {Fault::error, Fault::short_write})
        for (std::uint64_t at = 4; at < 60; ++at) {
            SCOPED_TRACE("call " + std::to_string(at));
            ModelDisk disk;
            disk.torn = static_cast<std::uint32_t>(at * 7 % 90);
            disk.error = at % 2 == 0 ? ENOSPC : EIO;
            auto store = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
            ASSERT_TRUE(store);
            disk.plan = [&](std::uint64_t call) { return call == at ? fault : Fault::none; };
            std::vector<unsigned> stored;
            for (unsigned n = 0; n < 30; ++n)
                if ((*store)->append(numbered_block(n), 0)) stored.push_back(n);
            EXPECT_GE(stored.size(), 29u);
            EXPECT_EQ(numbers_in(**store), stored);
            if (stored.size() < 30) {
                EXPECT_GT(
                    (*store)->counters().packets_dropped_disk_full + (*store)->counters().packets_dropped_disk_failed,
                    0u);
            }
            disk.plan = [](std::uint64_t) { return Fault::none; };
            auto again = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
            EXPECT_EQ(numbers_in(**again), stored);
        }
}

TEST_P(BlockStoreOf, AThousandKillsLoseAtMostTheBlockInHand) {
    const std::uint32_t seed = 20261125;
    std::mt19937 random(seed);
    ModelDisk disk;
    std::vector<unsigned> stored;  // acknowledged by append()
    unsigned next = 0;
    for (unsigned kill = 0; kill < 1000; ++kill) {
        SCOPED_TRACE("seed " + std::to_string(seed) + " kill " + std::to_string(kill));
        const std::uint64_t at = disk.calls + random() % 250;
        disk.torn = random() % 300;
        disk.plan = [at](std::uint64_t call) { return call == at ? Fault::kill : Fault::none; };
        unsigned in_hand = next;
        try {
            auto store = BlockStore::open(disk, settings_of(15'000), GetParam().shape);
            for (;;) {
                in_hand = next++;
                if ((*store)->append(numbered_block(in_hand), 0)) stored.push_back(in_hand);
            }
        } catch (const Killed&) {
        }
        disk.plan = [](std::uint64_t) { return Fault::none; };
        auto store = BlockStore::open(disk, settings_of(15'000), GetParam().shape);
        ASSERT_TRUE(store);
        auto found = numbers_in(**store);
        EXPECT_LE(disk.bytes(), 15'000u);
        if (!found.empty() && found.back() == in_hand && (stored.empty() || stored.back() != in_hand))
            stored.push_back(in_hand);  // the block in hand may have come through whole
        ASSERT_LE(found.size(), stored.size());
        const std::vector<unsigned> newest(stored.end() - static_cast<std::ptrdiff_t>(found.size()), stored.end());
        ASSERT_EQ(found, newest);
        if (kill > 50) {
            ASSERT_GT(found.size(), 5u);
        }
        if (HasFailure()) return;
    }
}

/// A key that block n alone has.
std::vector<std::uint64_t> keys_of(unsigned n) { return {key_of_layer_id(n), key_of_layer_id(1'000'000)}; }

/// Through the life of files and their indexes, whatever fails: a block that is there is found by its key.
TEST(BlockStoreKeys, NoFaultHidesABlockFromItsKey) {
    for (const Fault fault : {Fault::error, Fault::short_write, Fault::kill})
        for (std::uint64_t at = 0; at < 200; ++at) {
            SCOPED_TRACE("call " + std::to_string(at));
            ModelDisk disk;
            disk.torn = static_cast<std::uint32_t>(at * 7 % 90);
            std::vector<unsigned> stored;
            disk.plan = [&](std::uint64_t call) { return call == at ? fault : Fault::none; };
            try {
                auto store = BlockStore::open(disk, settings_of(12'000), header_log_shape);
                if (!store) continue;
                for (unsigned n = 0; n < 40; ++n)
                    if ((*store)->append(header_block(n), 0, keys_of(n))) stored.push_back(n);
                (*store)->close_file();
            } catch (const Killed&) {
            }
            disk.plan = [](std::uint64_t) { return Fault::none; };
            auto store = BlockStore::open(disk, settings_of(12'000), header_log_shape);
            ASSERT_TRUE(store);
            EXPECT_LE(disk.bytes(), 12'000u);
            std::size_t there = 0;
            for (const StoredBlock& block : (*store)->find(0, 0)) {
                const auto n = static_cast<unsigned>(block.first_ns / ns_per_s - 1);
                const auto found = (*store)->find(0, 0, {{key_of_layer_id(n)}});
                EXPECT_TRUE(std::any_of(
                    found.begin(), found.end(),
                    [&](const StoredBlock& one) { return one.file == block.file && one.offset == block.offset; }))
                    << "block " << n;
                ++there;
            }
            EXPECT_EQ((*store)->find(0, 0, {{key_of_layer_id(1'000'000)}}).size(), there);
            EXPECT_TRUE(stored.size() < 20 || there > 10) << there << " of " << stored.size();
        }
}

TEST(BlockStoreKeys, AnIndexLeavesWithItsFile) {
    ModelDisk disk;
    auto store = BlockStore::open(disk, settings_of(12'000), header_log_shape);
    for (unsigned n = 0; n < 200; ++n) ASSERT_TRUE((*store)->append(header_block(n), 0, keys_of(n)));
    for (const auto& [path, content] : disk.files) {
        if (path.ends_with(".clvk")) {
            EXPECT_TRUE(disk.files.contains(path.substr(0, path.size() - 1) + "h")) << path;
        }
    }
    EXPECT_EQ(disk.bytes(), (*store)->counters().bytes);
    EXPECT_GT((*store)->counters().index_bytes, 0u);
    EXPECT_EQ((*store)->find(0, 0, {{key_of_layer_id(199)}}).size(), 1u);
    disk.files["vault/00000000000000ff.clvk"] = std::make_shared<std::vector<std::uint8_t>>(10);
    auto again = BlockStore::open(disk, settings_of(12'000), header_log_shape);
    EXPECT_FALSE(disk.files.contains("vault/00000000000000ff.clvk"));
    EXPECT_EQ(disk.bytes(), (*again)->counters().bytes);
}

TEST_P(BlockStoreOf, BlocksOfAnotherVersionAreKept) {
    ModelDisk disk;
    auto block = numbered_block(3);
    block[offsetof(HeaderBlockHead, version)] = 9;  // both formats have it there
    {
        auto store = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
        ASSERT_TRUE((*store)->append(block, 0));
    }
    auto store = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
    ASSERT_EQ((*store)->find(0, 0).size(), 1u);
    EXPECT_EQ(*(*store)->read((*store)->find(0, 0)[0]), block);
    EXPECT_EQ((*store)->counters().tails_cut, 0u);
}

TEST_P(BlockStoreOf, ATornTailIsCutAndCounted) {
    ModelDisk disk;
    {
        auto store = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
        for (unsigned n = 0; n < 3; ++n) (*store)->append(numbered_block(n), 0);
    }
    auto& content = *disk.files.begin()->second;
    content.resize(content.size() - 5);
    auto store = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
    EXPECT_EQ(numbers_in(**store), (std::vector<unsigned>{0, 1}));
    EXPECT_EQ((*store)->counters().tails_cut, 1u);
    EXPECT_TRUE((*store)->append(numbered_block(3), 0));
    EXPECT_EQ(numbers_in(**store), (std::vector<unsigned>{0, 1, 3}));
}

TEST_P(BlockStoreOf, AFlippedBitInAHeadCostsThatBlockAlone) {
    for (const std::size_t byte : {0u, 1u, 4u, 5u, 6u, 7u, 8u, 12u, 16u, 26u}) {
        SCOPED_TRACE("byte " + std::to_string(byte));
        ModelDisk disk;
        std::uint64_t offset = 0;
        {
            auto store = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
            for (unsigned n = 0; n < 4; ++n) (*store)->append(numbered_block(n), 0);
            const auto blocks = (*store)->find(0, 0);
            ASSERT_EQ(blocks[3].file, blocks[1].file);
            offset = blocks[1].offset;
        }
        (*disk.files.begin()->second)[offset + byte] ^= 1;
        auto store = BlockStore::open(disk, settings_of(1'000'000), GetParam().shape);
        std::vector<unsigned> whole;
        for (const StoredBlock& block : (*store)->find(0, 0)) {
            const auto bytes = (*store)->read(block);
            for (unsigned n = 0; n < 4; ++n)
                if (*bytes == numbered_block(n)) whole.push_back(n);
        }
        EXPECT_EQ(whole, (std::vector<unsigned>{0, 2, 3}));
        EXPECT_EQ((*store)->counters().tails_cut, 0u);
        if (byte < 8) {
            EXPECT_EQ((*store)->counters().bytes_damaged, numbered_block(1).size());
        }
        ASSERT_TRUE((*store)->append(numbered_block(4), 0));
    }
}

}  // namespace
}  // namespace clew::vault
