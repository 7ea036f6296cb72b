// SPDX-License-Identifier: Apache-2.0
// A long connection's packets, slice after slice: each once at each tap, with one id for both, whatever a sensor gives
// at a time.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/capture_stream.h"

namespace clew::control {
namespace {

constexpr TimeNs base_ns = 1'700'000'000 * ns_per_s;
constexpr DurationNs transit_ns = 3 * ns_per_ms;
constexpr int tap_count = 2;

struct Block {
    std::uint32_t interface = 0;
    TimeNs time_ns = 0;
    std::uint64_t id = 0;
};

/// The packets of a little-endian pcapng.
std::vector<Block> packets_of(const std::string& file) {
    constexpr std::uint32_t packet_type = 6;
    constexpr std::uint16_t id_option = 5;
    const auto word = [&file](std::size_t at) {
        std::uint32_t value = 0;
        std::memcpy(&value, file.data() + at, sizeof value);
        return value;
    };
    std::vector<Block> blocks;
    for (std::size_t at = 0, length = 0; at + 12 <= file.size(); at += length) {
        length = word(at + 4);
        if (word(at) != packet_type) continue;
        Block block{word(at + 8), static_cast<TimeNs>((std::uint64_t{word(at + 12)} << 32) | word(at + 16)), 0};
        for (std::size_t option = at + 28 + ((word(at + 20) + 3) & ~3u); (word(option) & 0xffff) != 0;
             option += 4 + (((word(option) >> 16) + 3) & ~3u))
            if ((word(option) & 0xffff) == id_option) std::memcpy(&block.id, file.data() + option + 4, sizeof block.id);
        blocks.push_back(block);
    }
    return blocks;
}

/// A connection through two taps, whose sensor gives at most `limit` packets to a question.
struct Connection {
    std::uint32_t count = 0;
    DurationNs gap_ns = 0;
    std::int64_t clock_offset_ns = 0;  ///< of the second tap
    std::size_t limit = 0;
    std::size_t frame_bytes = 100;
    int asked = 0;
    std::size_t most = 0;  ///< cells in one answer

    TimeNs time_at(std::uint32_t packet, int tap) const {
        return base_ns + packet * gap_ns + tap * (transit_ns + clock_offset_ns);
    }
    v1::Path path() const {
        v1::Path path;
        path.set_path_id("00000000000000aa");
        for (int tap = 0; tap < tap_count; ++tap) {
            v1::PathLeg& leg = *path.add_legs();
            leg.set_leg_id("000000000000000" + std::to_string(tap));
            leg.set_tap("tap" + std::to_string(tap));
            leg.set_end("fin");
            leg.set_first_ns(time_at(0, tap));
            leg.set_last_ns(time_at(count - 1, tap));
            leg.mutable_to_server()->set_packets(count);
        }
        v1::PathLink& link = *path.add_links();
        link.set_to(1);
        if (clock_offset_ns != 0) link.mutable_clock()->set_offset_ns(clock_offset_ns);
        return path;
    }
    v1::Ladder ladder(const v1::Path& path, TimeNs from, TimeNs to) {
        ++asked;
        v1::Ladder ladder;
        *ladder.mutable_columns() = path.legs();
        TimeNs until = to == 0 ? INT64_MAX : to;
        std::size_t got = 0;
        std::multiset<TimeNs> times;
        for (std::uint32_t i = 0; i < count; ++i)
            for (int tap = 0; tap < tap_count; ++tap)
                if (const TimeNs time = time_at(i, tap); time >= from && time < until) times.insert(time);
        if (times.size() > limit) {
            until = *std::next(times.begin(), static_cast<std::ptrdiff_t>(limit));
            ladder.set_complete_until_ns(until);
            ladder.set_partial("a limit was reached");
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            v1::LadderRow row;
            row.set_direction("to_server");
            bool any = false;
            for (int tap = 0; tap < tap_count; ++tap) {
                v1::LadderCell& cell = *row.add_cells();
                if (time_at(i, tap) < from || time_at(i, tap) >= until) continue;
                cell.set_seen(any = true);
                cell.set_time_ns(time_at(i, tap));
                cell.set_aligned_ns(time_at(i, tap) - tap * clock_offset_ns);
                cell.set_seq(i * 100);
                cell.set_frame(std::string(frame_bytes, 'x'));
                ++got;
            }
            if (any) *ladder.add_rows() = row;
        }
        most = std::max(most, got);
        return ladder;
    }
    std::string file(CaptureLook look = {}) {
        CaptureStream stream(
            {path()}, look, 0, 0,
            {[this](const v1::Path& of, TimeNs from, TimeNs to) -> Result<v1::Ladder> { return ladder(of, from, to); },
             [] { return v1::Status(); }, base_ns});
        std::string file;
        for (std::string piece = stream.next(); !piece.empty(); piece = stream.next()) {
            EXPECT_LE(piece.size(), CaptureStream::piece_bytes_max);
            file += piece;
        }
        EXPECT_EQ(stream.capture().packet_count(), std::size_t{count} * tap_count);
        EXPECT_EQ(stream.partial(), "");
        return file;
    }
};

/// Each packet once at each tap, in order of time; returns how many have not the same id at both.
std::size_t count_split(const Connection& connection, const std::string& file) {
    std::map<std::uint64_t, std::multiset<std::uint32_t>> taps_of_id;
    std::map<std::uint32_t, std::vector<TimeNs>> times;
    TimeNs before = 0;
    for (const Block& block : packets_of(file)) {
        EXPECT_GE(block.time_ns, before);
        before = block.time_ns;
        taps_of_id[block.id].insert(block.interface);
        times[block.interface].push_back(block.time_ns);
    }
    for (int tap = 0; tap < tap_count; ++tap) {
        const auto& seen = times[static_cast<std::uint32_t>(tap)];
        if (seen.size() != connection.count) {
            ADD_FAILURE() << seen.size() << " packets at tap " << tap;
            continue;
        }
        for (std::uint32_t i = 0; i < connection.count; ++i) EXPECT_EQ(seen[i], connection.time_at(i, tap));
    }
    std::size_t split = 0;
    for (const auto& [id, taps] : taps_of_id) {
        EXPECT_LE(taps.count(0), 1u);
        EXPECT_LE(taps.count(1), 1u);
        split += taps.size() == 1;
    }
    return split;
}

TEST(CaptureStreamTest, AShortConnectionIsAskedForOnce) {
    Connection connection{.count = 50, .gap_ns = ns_per_ms, .limit = 50'000};
    EXPECT_EQ(count_split(connection, connection.file()), 0u);
    EXPECT_EQ(connection.asked, 1);
}

TEST(CaptureStreamTest, ALongOneComesInSlicesAndEachPacketHasOneId) {
    Connection connection{.count = 60'000, .gap_ns = 500'000, .clock_offset_ns = -40 * ns_per_ms, .limit = 50'000};
    EXPECT_EQ(count_split(connection, connection.file()), 0u);
    EXPECT_GE(connection.asked, 4);
    EXPECT_LE(connection.asked, 60);
    EXPECT_LT(connection.most, std::size_t{connection.count} * tap_count / 2);
}

TEST(CaptureStreamTest, TimesByOneClockAreInItsOrder) {
    Connection connection{.count = 30'000, .gap_ns = ns_per_ms, .clock_offset_ns = 200 * ns_per_ms, .limit = 50'000};
    TimeNs before = 0;
    std::map<std::uint64_t, int> taps_of_id;
    CaptureLook look;
    look.aligned = true;
    for (const Block& block : packets_of(connection.file(look))) {
        EXPECT_GE(block.time_ns, before);
        before = block.time_ns;
        ++taps_of_id[block.id];
    }
    EXPECT_EQ(taps_of_id.size(), connection.count);
    for (const auto& [id, count] : taps_of_id) ASSERT_EQ(count, tap_count) << id;
}

TEST(CaptureStreamTest, WhatASensorGivesAtATimeMayBeLittle) {
    Connection connection{.count = 40'000, .gap_ns = 10'000, .limit = 6'000};  // 30 ms, where the margin alone is 100
    EXPECT_LE(count_split(connection, connection.file()), connection.count / 20);
}

TEST(CaptureStreamTest, ABurstInALongSilenceTakesFewQuestions) {
    Connection connection{.count = 30'000, .gap_ns = 10'000, .limit = 50'000};
    v1::Path path = connection.path();
    for (v1::PathLeg& leg : *path.mutable_legs()) leg.set_last_ns(leg.first_ns() + 24 * 3600 * ns_per_s);
    CaptureStream stream({path}, {}, 0, 0,
                         {[&](const v1::Path& of, TimeNs from, TimeNs to) -> Result<v1::Ladder> {
                              return connection.ladder(of, from, to);
                          },
                          [] { return v1::Status(); }, base_ns});
    std::string file;
    for (std::string piece = stream.next(); !piece.empty(); piece = stream.next()) file += piece;
    EXPECT_LE(count_split(connection, file), connection.count / 100);
    EXPECT_LE(connection.asked, 100);
}

TEST(CaptureStreamTest, WhatIsMissingStandsAtTheEndAndWhoLeavesIsNotWaitedFor) {
    Connection connection{.count = 60'000, .gap_ns = 500'000, .limit = 50'000};
    const auto source = [&](const v1::Path& of, TimeNs from, TimeNs to) -> Result<v1::Ladder> {
        if (from > base_ns + 10 * ns_per_s && from < base_ns + 20 * ns_per_s)
            return fail(ErrorKind::unreachable, "sensor-b does not answer");
        return connection.ladder(of, from, to);
    };
    const auto status = [] { return v1::Status(); };
    CaptureStream stream({connection.path()}, {}, 0, 0, {source, status, base_ns});
    std::string file;
    for (std::string piece = stream.next(); !piece.empty(); piece = stream.next()) file += piece;
    EXPECT_EQ(stream.partial(), "sensor-b does not answer");
    const std::string sentence = std::string(PathCapture::partial_mark) + "sensor-b does not answer";
    EXPECT_GT(file.rfind(sentence), file.size() - 300);
    CaptureStream stuck({connection.path()}, {}, 0, 0,
                        {[&](const v1::Path& of, TimeNs, TimeNs) -> Result<v1::Ladder> {
                             v1::Ladder ladder;
                             *ladder.mutable_columns() = of.legs();
                             ladder.set_complete_until_ns(base_ns);
                             ladder.set_partial("never further");
                             return ladder;
                         },
                         status, base_ns});
    EXPECT_EQ(stuck.next(), "");
    EXPECT_EQ(stuck.partial(), "never further");
    CaptureStream left({connection.path()}, {}, 0, 0, {source, status, base_ns});
    EXPECT_EQ(left.next([] { return true; }), "");
}

}  // namespace
}  // namespace clew::control
