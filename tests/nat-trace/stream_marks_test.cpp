// SPDX-License-Identifier: Apache-2.0
// Marks against a twin that counts every byte of a small stream.
#include "nat-trace/stream_marks.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <vector>

namespace clew {
namespace {

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

/// What the sensor does with a segment, and a count for every byte.
struct Twin {
    explicit Twin(std::uint32_t start) : first(start), next(start) {}

    void see(std::uint32_t seq, std::uint32_t length, StreamMarks& marks) {
        for (std::uint32_t n = 0; n < length; ++n) {
            const std::uint32_t at = seq - first + n;
            if (copies.size() <= at) copies.resize(at + 1), late.resize(at + 1);
            if (copies[at]++ == 0) late[at] = at < next - first;
        }
        const std::uint32_t end = seq + length;
        if (static_cast<std::int32_t>(seq - next) > 0) marks.skip(next, seq - next, noon);
        if (static_cast<std::int32_t>(seq - next) < 0)
            marks.come_again(seq, static_cast<std::int32_t>(end - next) < 0 ? length : next - seq, noon);
        if (static_cast<std::int32_t>(end - next) > 0) next = end;
    }

    std::uint32_t first, next;
    std::vector<int> copies;
    std::vector<bool> late;
};

TEST(StreamMarks, TellEveryByteAsATwinThatCountsThem) {
    const std::uint64_t seed = std::random_device{}();
    std::cout << "seed " << seed << '\n';
    std::mt19937_64 random(seed);
    std::size_t compared = 0;
    for (int round = 0; round < 3000; ++round) {
        const std::uint32_t start = round % 2 == 0 ? 0xffff'ff80u : static_cast<std::uint32_t>(random());
        Twin twin(start);
        StreamMarks marks;
        for (std::uint64_t n = 2 + random() % 7; n-- > 0;)
            twin.see(start + static_cast<std::uint32_t>(random() % 40), 1 + static_cast<std::uint32_t>(random() % 12),
                     marks);
        if (marks.forgotten() != 0) continue;
        ++compared;
        for (std::uint32_t at = 0; at < twin.next - start; ++at) {
            int copies = 1;
            bool late = false;
            int holders = 0;
            for (const StreamMark& m : marks)
                if (start + at - m.seq < m.length) copies = m.copies, late = m.late, ++holders;
            ASSERT_LE(holders, 1) << "byte " << at;
            ASSERT_EQ(copies, at < twin.copies.size() ? twin.copies[at] : 0) << "byte " << at;
            ASSERT_EQ(late, at < twin.late.size() && twin.late[at]) << "byte " << at;
        }
    }
    EXPECT_GT(compared, 1000u);
}

TEST(StreamMarks, NeighboursThatFaredAlikeMakeRoom) {
    StreamMarks marks;
    for (std::uint32_t n = 0; n < 3 * stream_mark_count_max; ++n) marks.come_again(100 * n, 100, noon);
    EXPECT_EQ(marks.forgotten(), 0);
    for (std::uint32_t n = 0; n < 3 * stream_mark_count_max; ++n) marks.come_again(1'000'000 + 200 * n, 100, noon);
    EXPECT_GT(marks.forgotten(), 0) << "what found no room is counted";
}

TEST(StreamMarks, AHoleThatIsFilledTellsHowLongItWasMissing) {
    StreamMarks marks;
    marks.skip(10, 20, noon);
    marks.come_again(10, 20, noon + 70 * ns_per_ms);
    ASSERT_EQ(marks.size(), 1u);
    EXPECT_EQ(marks[0].copies, 1);
    EXPECT_TRUE(marks[0].late);
    EXPECT_EQ(marks[0].missing_ms, 70);
}

}  // namespace
}  // namespace clew
