// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/ladder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace clew {
namespace {

constexpr TcpFlags syn = 0x02, ack = 0x10, psh = 0x18, fin = 0x11;
constexpr Direction up = Direction::to_server, down = Direction::to_client;

/// A path of `isns.size()` legs with ids 1, 2, …; isns[i] = {client's, server's} at leg i.
Path path_of(std::vector<std::array<std::uint32_t, 2>> isns) {
    Path path;
    path.id = 9;
    for (std::size_t i = 0; i < isns.size(); ++i) {
        PathLeg leg;
        leg.leg = i + 1;
        for (std::size_t d = 0; d < 2; ++d) leg.flows[d].has_isn = true, leg.flows[d].isn = isns[i][d];
        path.legs.push_back(leg);
        if (i > 0) {
            Link link;
            link.from = i;
            link.to = i + 1;
            for (std::size_t d = 0; d < 2; ++d) link.has_delta[d] = true, link.delta[d] = isns[i][d] - isns[i - 1][d];
            path.links.push_back(link);
        }
    }
    return path;
}

PacketHeader packet(LegId leg, TimeNs time, Direction d, TcpFlags flags, std::uint32_t seq, std::uint32_t ack_seq,
                    std::uint16_t length = 0, std::uint16_t ip_id = 0, std::uint16_t check = 0) {
    PacketHeader h;
    h.leg = leg;
    h.time_ns = time;
    h.direction = d;
    h.flags = flags;
    h.seq = seq;
    h.ack = ack_seq;
    h.length = length;
    h.ip_id = ip_id;
    h.payload_check = check;
    h.window = 500;
    return h;
}

/// "up 100 [100 160 -]": direction, row time, the cells' times.
std::vector<std::string> text_of(const std::vector<LadderRow>& rows) {
    std::vector<std::string> out;
    for (const LadderRow& row : rows) {
        std::string line = (row.direction == up ? "up " : "down ") + std::to_string(row.time_ns) +
                           (row.retransmission ? " again" : "") + " [";
        for (const LadderCell& cell : row.cells)
            line +=
                (line.back() == '[' ? "" : " ") + (cell.seen ? std::to_string(cell.header.time_ns) : std::string("-"));
        out.push_back(line + "]");
    }
    return out;
}

TEST(Ladder, ShiftedSequenceNumbersShareARow) {
    const Path path = path_of({{1000, 5000}, {77000, 5000}});
    const auto rows =
        build_ladder(path, {packet(2, 130, up, psh, 77001, 5001, 10), packet(1, 100, up, syn, 1000, 0),
                            packet(2, 105, up, syn, 77000, 0), packet(2, 110, down, syn | ack, 5000, 77001),
                            packet(1, 115, down, syn | ack, 5000, 1001), packet(1, 120, up, psh, 1001, 5001, 10),
                            packet(7, 100, up, syn, 1, 0)});
    EXPECT_THAT(text_of(rows), testing::ElementsAre("up 100 [100 105]", "down 110 [115 110]", "up 120 [120 130]"));
    EXPECT_EQ(rows[1].cells[0].delay_ns, 5);
    EXPECT_FALSE(rows[1].cells[1].has_delay);
    EXPECT_EQ(rows[2].cells[1].delay_ns, 10);
}

TEST(Ladder, SequenceNumbersThatWrap) {
    const Path path = path_of({{0xffff'fff0, 1}, {0xffff'fff0, 1}});
    const auto rows = build_ladder(path, {packet(1, 1, up, psh, 8, 2, 5), packet(2, 2, up, psh, 8, 2, 5)});
    EXPECT_THAT(text_of(rows), testing::ElementsAre("up 1 [1 2]"));
}

TEST(Ladder, LostAndRetransmittedIsToldApartByIpId) {
    const Path path = path_of({{1000, 5000}, {1000, 5000}});
    const auto rows =
        build_ladder(path, {packet(1, 100, up, psh, 1001, 5001, 10, 41), packet(1, 300, up, psh, 1001, 5001, 10, 42),
                            packet(2, 305, up, psh, 1001, 5001, 10, 42)});
    EXPECT_THAT(text_of(rows), testing::ElementsAre("up 100 [100 -]", "up 300 again [300 305]"));
}

TEST(Ladder, RetransmissionsWithoutIpIdsGoByOrder) {
    const Path path = path_of({{1000, 5000}, {1000, 5000}});
    const auto rows = build_ladder(path, {packet(1, 100, up, syn, 1000, 0), packet(1, 1100, up, syn, 1000, 0),
                                          packet(2, 102, up, syn, 1000, 0), packet(2, 1102, up, syn, 1000, 0)});
    EXPECT_THAT(text_of(rows), testing::ElementsAre("up 100 [100 102]", "up 1100 again [1100 1102]"));
}

TEST(Ladder, HandshakesOnEitherSideOfASynProxyAreTwo) {
    Path path = path_of({{1000, 5000}, {3000, 8000}});
    path.links[0].changes = static_cast<std::uint16_t>(MiddleboxChange::answered_handshake);
    const auto rows =
        build_ladder(path, {packet(1, 100, up, syn, 1000, 0), packet(1, 110, down, syn | ack, 5000, 1001),
                            packet(1, 120, up, ack, 1001, 5001), packet(2, 130, up, syn, 3000, 0),
                            packet(2, 140, down, syn | ack, 8000, 3001), packet(2, 150, up, ack, 3001, 8001),
                            packet(1, 160, up, psh, 1001, 5001, 20), packet(2, 165, up, psh, 3001, 8001, 20)});
    EXPECT_THAT(text_of(rows),
                testing::ElementsAre("up 100 [100 -]", "down 110 [110 -]", "up 120 [120 -]", "up 130 [- 130]",
                                     "down 140 [- 140]", "up 150 [- 150]", "up 160 [160 165]"));
}

TEST(Ladder, RelayedBytesShareARowHandshakesDoNot) {
    Path path = path_of({{1000, 5000}, {300, 400}});
    path.links[0].kind = LinkKind::relay;
    path.links[0].has_delta = {};
    const auto rows =
        build_ladder(path, {packet(1, 100, up, syn, 1000, 0), packet(2, 150, up, syn, 300, 0),
                            packet(1, 200, up, psh, 1001, 5001, 20, 0, 77), packet(2, 220, up, psh, 301, 401, 28, 0, 5),
                            packet(2, 230, up, psh, 329, 401, 20, 0, 77)});
    EXPECT_THAT(text_of(rows),
                testing::ElementsAre("up 100 [100 -]", "up 150 [- 150]", "up 200 [200 230]", "up 220 [- 220]"));
}

TEST(Ladder, DatagramsGoByPayload) {
    Path path = path_of({{0, 0}, {0, 0}});
    path.protocol = Protocol::udp;
    const auto rows =
        build_ladder(path, {packet(1, 10, up, 0, 0, 0, 40, 1, 7), packet(2, 12, up, 0, 0, 0, 40, 1, 7),
                            packet(2, 20, down, 0, 0, 0, 90, 1, 8), packet(1, 21, down, 0, 0, 0, 90, 1, 8)});
    EXPECT_THAT(text_of(rows), testing::ElementsAre("up 10 [10 12]", "down 20 [21 20]"));
}

/// So many that comparing each with each would not end.
TEST(Ladder, ManyEqualDatagramsLineUpInOrder) {
    Path path = path_of({{0, 0}, {0, 0}, {0, 0}});
    path.protocol = Protocol::udp;
    for (const std::uint16_t id_step : {0, 1}) {
        std::vector<PacketHeader> headers;
        constexpr TimeNs count = 60'000;
        for (TimeNs n = 0; n < count; ++n)
            for (LegId leg = 1; leg <= 3; ++leg)
                if (leg != 2 || n % 3 != 0 || id_step == 0)
                    headers.push_back(packet(leg, 10 * n + static_cast<TimeNs>(leg), up, 0, 0, 0, 40,
                                             static_cast<std::uint16_t>(7 + n * id_step), 7));
        const auto rows = build_ladder(path, headers);
        ASSERT_EQ(rows.size(), static_cast<std::size_t>(count));
        for (TimeNs n = 0; n < count; ++n)
            for (std::size_t leg = 0; leg < 3; ++leg) {
                const LadderCell& cell = rows[static_cast<std::size_t>(n)].cells[leg];
                ASSERT_EQ(cell.seen, leg != 1 || n % 3 != 0 || id_step == 0) << n;
                ASSERT_TRUE(!cell.seen || cell.header.time_ns == 10 * n + static_cast<TimeNs>(leg) + 1) << n;
            }
    }
}

TEST(Ladder, OneSegmentSentVeryOften) {
    const Path path = path_of({{0, 0}, {0, 0}});
    std::vector<PacketHeader> headers;
    constexpr std::uint16_t count = 60'000;
    for (std::uint16_t n = 1; n <= count; ++n)
        for (LegId leg = 1; leg <= (n % 2 == 0 ? 1U : 2U); ++leg)
            headers.push_back(packet(leg, 10 * n + static_cast<TimeNs>(leg), up, psh, 1, 1, 50, n));
    const auto rows = build_ladder(path, headers);
    ASSERT_EQ(rows.size(), std::size_t{count});
    for (std::size_t n = 0; n < rows.size(); ++n) {
        EXPECT_EQ(rows[n].retransmission, n != 0);
        EXPECT_EQ(rows[n].cells[1].seen, n % 2 == 0);
    }
}

TEST(Ladder, LegWithoutItsStartGoesByTheLinksDelta) {
    Path path = path_of({{1000, 5000}, {77000, 5000}});
    for (auto& flow : path.legs[1].flows) flow.has_isn = false, flow.isn = 0;
    const auto rows = build_ladder(path, {packet(1, 1, up, psh, 1501, 5001, 5), packet(2, 2, up, psh, 77501, 5001, 5)});
    EXPECT_THAT(text_of(rows), testing::ElementsAre("up 1 [1 2]"));
}

TEST(Ladder, NothingToShow) {
    EXPECT_TRUE(build_ladder(path_of({{1, 2}}), {}).empty());
    EXPECT_TRUE(build_ladder(Path{}, {packet(1, 1, up, fin, 1, 1)}).empty());
}

/// "up 100 reset [seen lost -]": direction, row time, marks, and of each cell whether it was seen or why not.
std::vector<std::string> marks_of(const std::vector<LadderRow>& rows) {
    std::vector<std::string> out;
    for (const LadderRow& row : rows) {
        std::string line = (row.direction == up ? "up " : "down ") + std::to_string(row.time_ns);
        if (row.retransmission) line += " again";
        for (const char* mark : to_texts(row.marks)) line += std::string(" ") + mark;
        line += " [";
        for (const LadderCell& cell : row.cells)
            line += (line.back() == '[' ? "" : " ") + (cell.seen                     ? std::string("seen")
                                                       : cell.missing == Missing::no ? "-"
                                                                                     : to_text(cell.missing));
        out.push_back(line + "]");
    }
    return out;
}

TEST(Ladder, LostAndCaptureGapAreToldApart) {
    const Path path = path_of({{0, 0}, {0, 0}, {0, 0}});
    std::vector<PacketHeader> packets;
    const auto everywhere = [&](TimeNs time, Direction d, TcpFlags flags, std::uint32_t seq, std::uint32_t acked,
                                std::uint16_t length, std::uint16_t id, std::vector<LegId> legs) {
        for (const LegId leg : legs)
            packets.push_back(packet(leg, time + static_cast<TimeNs>(leg), d, flags, seq, acked, length, id));
    };
    everywhere(100, up, psh, 1, 1, 10, 1, {1, 2, 3});
    everywhere(200, up, psh, 11, 1, 10, 2, {1, 2});  // lost before tap 3, sent again
    everywhere(300, up, psh, 21, 1, 10, 3, {1, 3});  // tap 2 missed it
    everywhere(400, up, psh, 31, 1, 10, 4, {1});     // acknowledged, so it arrived
    everywhere(500, up, psh, 11, 1, 10, 5, {1, 2, 3});
    everywhere(600, up, psh, 41, 1, 10, 6, {1});  // nobody tells
    everywhere(700, down, ack, 1, 41, 0, 7, {1, 2, 3});
    everywhere(800, up, ack, 51, 1, 0, 8, {1, 2, 3});
    EXPECT_THAT(
        marks_of(build_ladder(path, packets)),
        testing::ElementsAre("up 101 [seen seen seen]", "up 201 [seen seen lost]", "up 301 [seen capture_gap seen]",
                             "up 401 [seen capture_gap capture_gap]", "up 501 again [seen seen seen]",
                             "up 601 [seen unknown unknown]", "down 703 [seen seen seen]", "up 801 [seen seen seen]"));
}

TEST(Ladder, BytesThatPassedInOtherSegmentsAreNotMissing) {
    const Path path = path_of({{0, 0}, {0, 0}});
    const auto rows =
        build_ladder(path, {packet(1, 100, up, psh, 1, 1, 10, 1), packet(2, 101, up, psh, 1, 1, 10, 1),
                            packet(1, 200, up, psh, 11, 1, 2000, 2),  // one segment here, two there
                            packet(2, 201, up, psh, 11, 1, 1000, 3), packet(2, 202, up, psh, 1011, 1, 1000, 4),
                            packet(1, 300, up, psh, 2011, 1, 10, 5), packet(2, 301, up, psh, 2011, 1, 10, 5)});
    EXPECT_THAT(marks_of(rows), testing::ElementsAre("up 100 [seen seen]", "up 200 [seen seen]", "up 202 [recut seen]",
                                                     "up 300 [seen seen]"));
    EXPECT_EQ(rows[1].cells[0].header.length, 2000);
    EXPECT_EQ(rows[1].cells[1].header.length, 1000);
    EXPECT_EQ(rows[1].cells[1].delay_ns, 1);
}

TEST(Ladder, SegmentsThatWereMergedOnTheWay) {
    const Path path = path_of({{0, 0}, {0, 0}, {0, 0}});
    const auto rows =
        build_ladder(path, {packet(1, 100, up, psh, 1, 1, 10, 1), packet(2, 101, up, psh, 1, 1, 10, 1),
                            packet(3, 102, up, psh, 1, 1, 10, 1), packet(1, 200, up, psh, 11, 1, 1000, 2),
                            packet(1, 210, up, psh, 1011, 1, 1000, 3), packet(2, 202, up, psh, 11, 1, 1000, 2),
                            packet(2, 212, up, psh, 1011, 1, 1000, 3), packet(3, 220, up, psh, 11, 1, 2000, 2),
                            packet(1, 300, up, psh, 2011, 1, 1000, 4),  // the third tap missed all but the end of it
                            packet(2, 302, up, psh, 2011, 1, 1000, 4), packet(3, 305, up, psh, 2911, 1, 100, 4),
                            packet(1, 400, up, psh, 3011, 1, 10, 5), packet(2, 401, up, psh, 3011, 1, 10, 5),
                            packet(3, 402, up, psh, 3011, 1, 10, 5)});
    EXPECT_THAT(marks_of(rows),
                testing::ElementsAre("up 100 [seen seen seen]", "up 200 [seen seen seen]", "up 210 [seen seen recut]",
                                     "up 300 [seen seen -]", "up 305 [recut recut seen]", "up 400 [seen seen seen]"));
}

/// A proxy that puts 28 bytes in front, reads as much as there is and writes it as it likes.
Path relay_path() {
    Path path = path_of({{1000, 5000}, {300, 400}});
    path.links[0].kind = LinkKind::relay;
    path.links[0].has_delta = {};
    return path;
}

TEST(Ladder, AProxyThatCutsTheStreamAnew) {
    const auto rows = build_ladder(
        relay_path(),
        {packet(1, 50, up, psh, 1001, 5001, 100, 0, 70), packet(2, 60, up, psh, 301, 401, 28, 0, 5),
         packet(2, 61, up, psh, 329, 401, 100, 0, 70),  // as it came
         packet(1, 100, up, psh, 1101, 5001, 1000, 0, 71), packet(1, 110, up, psh, 2101, 5001, 1000, 0, 72),
         packet(2, 120, up, psh, 429, 401, 1500, 0, 71), packet(2, 125, up, psh, 1929, 401, 500, 0, 73),
         packet(1, 200, up, psh, 3101, 5001, 300, 0, 74), packet(2, 210, up, psh, 2429, 401, 300, 0, 74),
         packet(2, 300, down, psh, 401, 2729, 400, 0, 80), packet(2, 302, down, psh, 801, 2729, 400, 0, 81),
         packet(1, 310, down, psh, 5001, 3401, 800, 0, 80),  // two in, one out
         packet(2, 400, down, psh, 1201, 2729, 90, 0, 82), packet(1, 410, down, psh, 5801, 3401, 90, 0, 82)});
    EXPECT_THAT(marks_of(rows),
                testing::ElementsAre("up 50 [seen seen]", "up 60 [- seen]", "up 100 [seen seen]", "up 110 [seen recut]",
                                     "up 125 [recut seen]", "up 200 [seen seen]", "down 300 [seen seen]",
                                     "down 302 [recut seen]", "down 400 [seen seen]"));
    EXPECT_EQ(rows[2].cells[0].header.length, 1000);
    EXPECT_EQ(rows[2].cells[1].header.length, 1500);
    EXPECT_EQ(rows[2].cells[1].delay_ns, 20);
    EXPECT_EQ(rows[3].cells[1].carriers, 2);   // its 1,000 bytes stand in both segments behind the proxy
    EXPECT_EQ(rows[3].cells[1].delay_ns, 15);  // till the second of them
    EXPECT_EQ(rows[4].cells[0].carriers, 1);
    EXPECT_FALSE(rows[4].cells[0].has_delay);
    EXPECT_EQ(rows[7].cells[0].delay_ns, 8);
}

TEST(Ladder, LossesOnOneSideOfAProxyStayThere) {
    Path path = path_of({{1000, 5000}, {300, 400}, {300, 400}});
    path.links[0].kind = LinkKind::relay;
    path.links[0].has_delta = {};
    const auto rows = build_ladder(
        path, {packet(1, 50, up, psh, 1001, 5001, 100, 1, 70), packet(2, 60, up, psh, 301, 401, 100, 1, 70),
               packet(3, 61, up, psh, 301, 401, 100, 1, 70), packet(1, 100, up, psh, 1101, 5001, 100, 2, 71),
               packet(2, 110, up, psh, 401, 401, 100, 2, 71),  // lost behind the proxy, and sent again there alone
               packet(2, 310, up, psh, 401, 401, 100, 3, 71), packet(3, 311, up, psh, 401, 401, 100, 3, 71),
               packet(1, 400, up, psh, 1201, 5001, 200, 4, 72),  // the proxy's other side makes two of it
               packet(2, 410, up, psh, 501, 401, 100, 4, 72), packet(2, 411, up, psh, 601, 401, 100, 5, 73),
               packet(3, 412, up, psh, 501, 401, 100, 4, 72), packet(3, 413, up, psh, 601, 401, 100, 5, 73),
               packet(1, 500, up, psh, 1401, 5001, 100, 6, 74), packet(2, 510, up, psh, 701, 401, 100, 6, 74),
               packet(3, 511, up, psh, 701, 401, 100, 6, 74)});
    EXPECT_THAT(marks_of(rows),
                testing::ElementsAre("up 50 [seen seen seen]", "up 100 [seen seen lost]", "up 310 again [- seen seen]",
                                     "up 400 [seen seen seen]", "up 411 [recut seen seen]", "up 500 [seen seen seen]"));
}

TEST(Ladder, WhatAPacketIsMarkedWith) {
    const Path path = path_of({{0, 0}});
    PacketHeader full = packet(1, 300, down, ack, 1, 11);
    PacketHeader first = packet(1, 100, up, psh, 1, 1, 10, 7), copy = packet(1, 150, up, psh, 1, 1, 10, 7);
    PacketHeader probe = packet(1, 400, up, ack, 10, 1, 0, 9), reset = packet(1, 500, up, 0x14, 11, 1, 0, 10);
    full.window = 0;
    EXPECT_THAT(marks_of(build_ladder(path, {first, copy, full, probe, reset})),
                testing::ElementsAre("up 100 [seen]", "up 150 duplicate [seen]", "down 300 zero_window [seen]",
                                     "up 400 keep_alive [seen]", "up 500 reset [seen]"));
}

/// The second tap's clock shows 40 ms more, the third's is not compared with any.
Path path_of_three_clocks() {
    Path path = path_of({{1000, 5000}, {1000, 5000}, {1000, 5000}});
    for (std::size_t i = 0; i < 3; ++i) path.legs[i].clock = static_cast<ClockId>(i);
    path.links[0].clock.known = true;
    path.links[0].clock.offset_ns = 40 * ns_per_ms;
    return path;
}

TEST(LadderClocks, RowsAndDelaysAreByTheFirstTapsClock) {
    constexpr TimeNs ahead = 40 * ns_per_ms;
    const auto rows = build_ladder(path_of_three_clocks(),
                                   {packet(1, 100, up, syn, 1000, 0), packet(2, ahead + 160, up, syn, 1000, 0),
                                    packet(2, ahead + 300, down, syn | ack, 5000, 1001),
                                    packet(1, 370, down, syn | ack, 5000, 1001), packet(3, 7, up, syn, 1000, 0)});
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].direction, up);
    EXPECT_EQ(rows[0].time_ns, 100);
    EXPECT_EQ(rows[0].cells[1].delay_ns, 60);
    EXPECT_EQ(rows[0].cells[1].header.time_ns, ahead + 160) << "as stamped";
    EXPECT_EQ(rows[0].cells[1].aligned_ns, 160);
    EXPECT_TRUE(rows[0].cells[2].seen);
    EXPECT_FALSE(rows[0].cells[2].has_delay) << "nothing tells what these clocks differ by";
    EXPECT_EQ(rows[1].direction, down);
    EXPECT_EQ(rows[1].time_ns, 300);
    EXPECT_EQ(rows[1].cells[0].delay_ns, 70);
}

TEST(LadderClocks, ClocksThatDriftAreBroughtTogetherAllAlong) {
    Path path = path_of({{1000, 5000}, {1000, 5000}, {1000, 5000}});
    constexpr TimeNs noon = 1'700'000'000 * ns_per_s, hour = 3'600 * ns_per_s;
    constexpr std::int64_t drift[] = {0, 50'000, -30'000};  // ppb, against the one before
    const auto shown = [&](std::size_t clock, TimeNs time) {
        for (std::size_t n = 1; n <= clock; ++n)
            time += 40 * ns_per_ms + static_cast<TimeNs>(static_cast<double>(time - noon) * drift[n] * 1e-9);
        return time;
    };
    std::vector<PacketHeader> packets;
    for (std::size_t i = 0; i < 3; ++i) {
        path.legs[i].clock = static_cast<ClockId>(i);
        path.legs[i].first_ns = shown(i, noon);
        for (std::uint32_t n = 0; n < 4; ++n)
            packets.push_back(packet(i + 1, shown(i, noon + n * hour + static_cast<TimeNs>(i) * 1000), up, psh,
                                     1001 + n * 10, 5001, 10));
        if (i == 0) continue;
        // The offset at the first packet of the leg before, by its clock.
        path.links[i - 1].clock.known = true;
        path.links[i - 1].clock.offset_ns =
            40 * ns_per_ms +
            static_cast<TimeNs>(static_cast<double>(shown(i - 1, noon) - noon) * static_cast<double>(drift[i]) * 1e-9);
        path.links[i - 1].clock_drift_ppb = drift[i];
    }
    const auto rows = build_ladder(path, packets);
    ASSERT_EQ(rows.size(), 4u);
    for (std::uint32_t n = 0; n < 4; ++n) {
        EXPECT_EQ(rows[n].time_ns, noon + n * hour);
        for (const std::size_t leg : {1u, 2u}) EXPECT_NEAR(rows[n].cells[leg].delay_ns, 1000, 40) << n << " " << leg;
    }
}

}  // namespace
}  // namespace clew
