// SPDX-License-Identifier: Apache-2.0
#include "wire/spool.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "wire/outbox.h"

namespace clew::wire {
namespace {

namespace fs = std::filesystem;

class SpoolTest : public testing::Test {
  protected:
    SpoolTest() {
        std::string pattern = (fs::temp_directory_path() / "clew-spool-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~SpoolTest() override { fs::remove_all(directory_); }

    std::unique_ptr<Spool> open(std::uint64_t bytes_max = 64 << 20) {
        auto spool = Spool::open(directory_, bytes_max);
        EXPECT_TRUE(spool) << spool.error().sentence;
        return std::move(*spool);
    }
    static SpoolRecord record(std::uint64_t sequence, std::size_t bytes = 1000, std::int64_t started_ns = 42) {
        return {"sensor-a", started_ns, sequence, 3, std::string(bytes, static_cast<char>('a' + sequence % 26))};
    }
    std::vector<fs::path> segments() const {
        std::vector<fs::path> result;
        for (const auto& entry : fs::directory_iterator(directory_))
            if (entry.path().extension() == ".spool") result.push_back(entry.path());
        std::sort(result.begin(), result.end());
        return result;
    }
    std::string directory_;
};

TEST_F(SpoolTest, GivesBackInOrderWhatWasWrittenAlsoAfterARestart) {
    {
        auto spool = open();
        for (std::uint64_t i = 1; i <= 50; ++i) ASSERT_TRUE(spool->append(record(i)));
        for (std::uint64_t i = 1; i <= 10; ++i) EXPECT_EQ(spool->read_next(), record(i));
        for (int i = 0; i < 5; ++i) spool->acknowledge_oldest_read();
        spool->rewind();
        EXPECT_EQ(spool->read_next(), record(6));
    }
    auto spool = open();
    for (std::uint64_t i = 1; i <= 50; ++i) EXPECT_EQ(spool->read_next(), record(i));
    EXPECT_TRUE(spool->all_read());
    EXPECT_FALSE(spool->read_next());
    for (int i = 0; i < 50; ++i) spool->acknowledge_oldest_read();
    EXPECT_EQ(segments().size(), 0u);
    EXPECT_EQ(spool->counters().bytes, 0u);
}

TEST_F(SpoolTest, TornTailIsCutAndCounted) {
    {
        auto spool = open();
        for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(spool->append(record(i)));
    }
    fs::resize_file(segments().front(), fs::file_size(segments().front()) - 7);
    auto spool = open();
    EXPECT_EQ(spool->counters().tails_cut, 1u);
    for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(spool->read_next(), record(i));
    EXPECT_FALSE(spool->read_next());
    ASSERT_TRUE(spool->append(record(6)));
    EXPECT_EQ(spool->read_next(), record(6));
}

TEST_F(SpoolTest, DamagedBytesAreCutFromThereOn) {
    {
        auto spool = open();
        for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(spool->append(record(i)));
    }
    std::fstream file(segments().front(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2500);
    file.put('\0');
    file.close();
    auto spool = open();
    EXPECT_EQ(spool->counters().tails_cut, 1u);
    EXPECT_EQ(spool->read_next(), record(1));
    EXPECT_EQ(spool->read_next(), record(2));
    EXPECT_FALSE(spool->read_next());
}

TEST_F(SpoolTest, BudgetDropsTheOldestAndCountsThem) {
    auto spool = open(1 << 20);
    for (std::uint64_t i = 1; i <= 200; ++i) ASSERT_TRUE(spool->append(record(i, 10'000)));
    EXPECT_LE(spool->counters().bytes, 1u << 20);
    std::uint64_t kept = 0;
    std::uint64_t last = 0;
    while (const auto one = spool->read_next()) {
        EXPECT_GT(one->sequence, last);
        last = one->sequence;
        ++kept;
    }
    EXPECT_EQ(last, 200u);
    EXPECT_EQ(kept + spool->counters().records_dropped, 200u);
    EXPECT_EQ(spool->counters().legs_dropped, 3 * spool->counters().records_dropped);
}

TEST_F(SpoolTest, TwoProgramsCannotShareADirectory) {
    auto first = open();
    const auto second = Spool::open(directory_, 1 << 20);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().sentence.find("in use"), std::string::npos);
}

TEST_F(SpoolTest, OutboxKeepsOrderBetweenMemoryAndDisk) {
    Outbox outbox(open(), 4, {});
    outbox.connected();
    for (std::uint64_t i = 1; i <= 20; ++i) outbox.add(record(i));
    std::uint64_t next = 1;
    for (int turn = 0; turn < 40 && next <= 20; ++turn) {
        while (const SpoolRecord* sent = outbox.next_unsent()) EXPECT_EQ(sent->sequence, next++);
        outbox.acknowledge("sensor-a", 42, next - 3 > 20 ? 0 : next - 3);
    }
    EXPECT_EQ(next, 21u);
    outbox.disconnected();
    outbox.connected();
    EXPECT_EQ(outbox.next_unsent()->sequence, 19u);
    outbox.acknowledge("sensor-a", 42, 20);
    while (outbox.next_unsent()) {
    }
    EXPECT_TRUE(outbox.empty());
    EXPECT_EQ(outbox.counters().batches_acknowledged, 20u);
}

TEST_F(SpoolTest, OutboxSurvivesARestartWhileDisconnected) {
    {
        Outbox outbox(open(), 4, {});
        outbox.connected();
        for (std::uint64_t i = 1; i <= 3; ++i) outbox.add(record(i));
        outbox.disconnected();
        for (std::uint64_t i = 4; i <= 9; ++i) outbox.add(record(i));
    }
    Outbox outbox(open(), 4, {});
    outbox.add(record(1, 1000, 43));  // the next run
    outbox.connected();
    for (std::uint64_t i = 1; i <= 9; ++i) {
        const SpoolRecord* sent = outbox.next_unsent();
        ASSERT_TRUE(sent);
        EXPECT_EQ(sent->sequence, i);
        EXPECT_EQ(sent->started_ns, 42);
        outbox.acknowledge("sensor-a", 42, i);
    }
    EXPECT_EQ(outbox.next_unsent()->started_ns, 43);
}

}  // namespace
}  // namespace clew::wire
