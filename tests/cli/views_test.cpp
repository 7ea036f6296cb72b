// SPDX-License-Identifier: Apache-2.0
// What people and programs read, as whole texts: a change here is a change of what they see.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/ladder_view.h"
#include "cli/path_jsonl.h"
#include "cli/path_summary.h"
#include "cli/path_table.h"
#include "cli/path_view.h"
#include "cli/status_view.h"
#include "tests/cli/sample_path.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const Paint plain(false);

// clang-format off
constexpr const char* table_of_80_columns = R"text(2023-11-14T22:13:20.128Z  9f3a11c1  udp  unlinked: no-candidate
    [2001:db8::7]:5353 → [2001:db8::53]:53
    ! no answer seen
2023-11-14T22:13:20.123Z  9f3a11c0  tcp  snat → fullnat
                                                  added ≥ 74.0 ±51.0 µs  grade B
    curl[4711] 10.0.0.7:40112 → 198.51.100.10:443 → 10.2.0.11:8080 nginx[811]
    ! 3 retransmissions
)text";

constexpr const char* table_of_200_columns = R"text(TIME                      PATH      PROTO  CLIENT                     CALLS              HOPS                    LEGS  SERVER                     ADDED DELAY      GRADE  NOTES
2023-11-14T22:13:20.128Z  9f3a11c1  udp    [2001:db8::7]:5353                            unlinked: no-candidate  1     [2001:db8::53]:53          -                -      ! no answer seen
2023-11-14T22:13:20.123Z  9f3a11c0  tcp    curl[4711] 10.0.0.7:40112  198.51.100.10:443  snat → fullnat          5     10.2.0.11:8080 nginx[811]  ≥ 74.0 ±51.0 µs  B      ! 3 retransmissions
)text";

constexpr const char* path_of_five_legs = R"text(path 9f3a11c04be7d210  tcp  snat → fullnat
first seen 2023-11-14T22:13:20.123456Z, for 1.20 s
client     curl[4711]  10.0.0.7:40112
calls      198.51.100.10:443
server     nginx[811]  10.2.0.11:8080
added      ≥ 74.0 ±51.0 µs there and back, from the first tap to the last; not every part could be
           measured
attention  ! 3 retransmissions

 1  host-a/sockets  socket, clock host-a
      10.0.0.7:40112 → 198.51.100.10:443
      process    curl[4711], network namespace 4026532201
      seen       2023-11-14T22:13:20.123456Z for 1.20 s, closed by FIN
    │
    ▼ forward  grade A  64.0 bits, no rival
    │ changed    went into vxlan 100 (192.0.2.1 > 192.0.2.2)
    │ added      not measured: different clocks (host-a and sensor-a)
    │ because     +32.0  same initial sequence number of the client (isn_forward)
    │             +32.0  same initial sequence number of the server (isn_reverse)
    │
 2  tenant  tap, clock sensor-a
      10.0.0.7:40112 → 198.51.100.10:443
      inside     vxlan 100 (192.0.2.1 > 192.0.2.2)
      to server  12 packets, 1.43 kB, TTL 64
      to client  1,210 packets, 1.80 MB, TTL 60
      seen       2023-11-14T22:13:20.123496Z for 1.20 s, closed by FIN
    │
    ▼ snat  grade A  96.5 bits, no rival
    │ changed    client 10.0.0.7:40112 became 203.0.113.9:5521
    │            came out of vxlan 100 (192.0.2.1 > 192.0.2.2)
    │            TTL 64 → 63 to server (1 routing hop)
    │            TTL 61 → 60 to client (1 routing hop)
    │ added      to server  21.0 ±1.0 µs mean, 12.0 µs … 40.0 µs, 4 samples
    │            to client  14.0 ±1.0 µs mean, 5.00 µs … 33.0 µs, 4 samples
    │ because     +32.5  server address and port unchanged (same_server)
    │             +32.0  same initial sequence number of the client (isn_forward)
    │             +32.0  same initial sequence number of the server (isn_reverse)
    │
 3  natgw-out  tap, clock sensor-a
      *203.0.113.9:5521 → 198.51.100.10:443
      to server  12 packets, 1.43 kB, TTL 63
      to client  1,210 packets, 1.80 MB, TTL 61
      seen       2023-11-14T22:13:20.123517Z for 1.20 s, closed by FIN
    │
    ▼ fullnat  grade B  35.2 bits, 31.5 bits ahead of the best of 2 rivals
    │ changed    client 203.0.113.9:5521 became 10.1.0.4:32001
    │            server 198.51.100.10:443 became 10.2.0.11:8080
    │            TTL 63 → 62 to server (1 routing hop)
    │            TTL 62 → 61 to client (1 routing hop)
    │            sequence numbers of the client moved by -1,000 (modulo 2^32)
    │            stripped timestamps
    │            added TOA
    │ added      to server 39.0 ±50.0 µs mean, 30.0 µs … 58.0 µs, 4 samples; the error exceeds it:
    │            do not trust this split
    │            to client  not measured: no packet was sampled on both sides
    │ because     +32.0  same initial sequence number of the server (isn_reverse)
    │              +4.0  order and distance in time (timing)
    │              -0.8  something that should have survived did not (contradiction)
    │
 4  lb-out  tap, clock sensor-a
      *10.1.0.4:32001 → *10.2.0.11:8080
      to server  12 packets, 1.43 kB, TTL 62
      to client  1,210 packets, 1.80 MB, TTL 62, 3 retransmissions
      seen       2023-11-14T22:13:20.123556Z for 1.20 s, closed by FIN
    │
    ▼ forward  grade A  64.0 bits, no rival
    │ changed    nothing that can be seen
    │ added      not measured: different clocks (sensor-a and host-a)
    │ because     +64.0  same initial sequence number of the server (isn_reverse)
    │
 5  web-1/sockets  socket, clock host-a
      10.1.0.4:32001 → 10.2.0.11:8080
      process    nginx[811]
      seen       2023-11-14T22:13:20.123616Z for 1.20 s, closed by FIN

* differs from the hop before.  clew ladder 9f3a11c04be7d210  shows its packets hop by hop.
)text";

constexpr const char* path_of_one_leg = R"text(path 9f3a11c1000000aa  udp  unlinked: no-candidate
first seen 2023-11-14T22:13:20.128456Z, for 0 ns
client     [2001:db8::7]:5353
server     [2001:db8::53]:53
attention  ! no answer seen

 1  tenant  tap, clock sensor-a
      [2001:db8::7]:5353 → [2001:db8::53]:53
      to server  12 packets, 1.43 kB, TTL 64
      to client  nothing seen
      seen       2023-11-14T22:13:20.128456Z for 1.20 s, went quiet

Not linked (no-candidate): no other tap saw a connection that could be this one:
the next hop may not be mirrored.
)text";

constexpr const char* ladder_of_two_taps = R"text(ladder of path 9f3a11c04be7d210  begins 2023-11-14T22:13:20.123456Z

   TAP        CLIENT            SERVER             INSIDE
1  natgw-out  203.0.113.9:5521  198.51.100.10:443
2  lb-out     10.1.0.4:32001    10.2.0.11:8080

SECONDS   FLAGS            SEQ  ACK  LENGTH  1 natgw-out  2 lb-out
0.000000  SYN                0    -       0  ● ▶          +39.0 µs ▶
0.000412  SYN,ACK            0    1       0  ◀ +14.2 µs   ◀ ●
0.001000  PSH,ACK            1    1     512  ● ▶          ✕
0.201000  PSH,ACK retrans    1    1     512  ● ▶          +41.0 µs ▶

● first seen here   ▶ to the server   ◀ to the client   +time since the tap before   ✕ not seen here
)text";

constexpr const char* ladder_in_blocks = R"text(ladder of path 9f3a11c04be7d210

   TAP        CLIENT            SERVER             INSIDE
1  natgw-out  203.0.113.9:5521  198.51.100.10:443
2  lb-out     10.1.0.4:32001    10.2.0.11:8080

TIME                         FLAGS            SEQ  ACK  LENGTH  1 natgw-out
2023-11-14T22:13:20.123456Z  SYN                0    -       0  ● ▶
2023-11-14T22:13:20.123868Z  SYN,ACK            0    1       0  ◀ +14.2 µs
2023-11-14T22:13:20.124456Z  PSH,ACK            1    1     512  ● ▶
2023-11-14T22:13:20.324456Z  PSH,ACK retrans    1    1     512  ● ▶

TIME                         FLAGS            SEQ  ACK  LENGTH  2 lb-out
2023-11-14T22:13:20.123456Z  SYN                0    -       0  +39.0 µs ▶
2023-11-14T22:13:20.123868Z  SYN,ACK            0    1       0  ◀ ●
2023-11-14T22:13:20.124456Z  PSH,ACK            1    1     512  ✕
2023-11-14T22:13:20.324456Z  PSH,ACK retrans    1    1     512  +41.0 µs ▶

● first seen here ▶ to the server ◀ to the client +time since the tap
before ✕ not seen here
)text";

constexpr const char* ladder_line_of_a_gap = R"text({"path_id":"9f3a11c04be7d210","direction":"to_server","time_ns":1700000000124456789,"retransmission":false,"marks":[],"cells":[{"tap":"natgw-out","seen":true,"time_ns":1700000000124456789,"seq":1001,"ack":9001,"length":512,"flags":24,"ttl":64,"ip_id":0,"window":0},{"tap":"lb-out","seen":false}]}
)text";

constexpr const char* status_of_two_observers = R"text(clew-control 0.1.0

OBSERVER  KIND    STATE      RUNNING  HEARD    VERSION  TAPS
sensor-a  sensor  connected  60 min   1 s ago  0.1.0    tenant, natgw-out
web-1     agent   away       -        -

Lost, refused or not understood:
COUNT  WHERE          COUNTER           MEANING
   41  control plane  messages_bad      messages that could not be decoded
    3  tenant         header_truncated  the packet ends inside a header

Counted:
    COUNT  WHERE          COUNTER  MEANING
1,234,567  tenant         packets  packets received
       17  control plane  batches  batches taken in
)text";

constexpr const char* line_of_one_leg = R"text({"path_id":"9f3a11c1000000aa","revision":1,"proto":"udp","first_ns":1700000000128456789,"last_ns":1700000000128456789,"legs":[{"tap":"tenant","client":"[2001:db8::7]:5353","server":"[2001:db8::53]:53","vni":null,"first_ns":1700000000128456789,"last_ns":1700000001332456789,"leg_id":"00000000000000a1","clock":"sensor-a","observer":"mirror","end":"idle","tunnel":[],"to_server":{"packets":12,"bytes":1432,"retransmissions":0,"ttl":64,"isn":1000},"to_client":{"packets":0,"bytes":0,"retransmissions":0,"ttl":0}}],"links":[],"unlinked":"no-candidate"})text";
// clang-format on

TEST(PathTable, TwoLinesAPathWhereItIsNarrow) { EXPECT_EQ(path_table(sample_list(), plain, 80), table_of_80_columns); }
TEST(PathTable, OneLineAPathWhereItFits) { EXPECT_EQ(path_table(sample_list(), plain, 200), table_of_200_columns); }

TEST(PathTable, NeverWiderThanTheTerminal) {
    for (std::size_t columns = 60; columns < 220; ++columns) {
        const std::string text = path_table(sample_list(), plain, columns);
        for (std::size_t begin = 0; begin < text.size();) {
            const std::size_t end = text.find('\n', begin);
            EXPECT_LE(display_width(text.substr(begin, end - begin)), columns);
            begin = end + 1;
        }
    }
}

TEST(PathTable, ColoursOnlyWhenAskedFor) {
    EXPECT_THAT(path_table(sample_list(), plain, 200), Not(HasSubstr("\x1b")));
    EXPECT_THAT(path_table(sample_list(), Paint(true), 200), HasSubstr("\x1b["));
}

TEST(PathTable, HostileNamesCannotDriveTheTerminal) {
    v1::PathList list = sample_list();
    list.mutable_paths(1)->mutable_legs(0)->set_process("a\x1b[2Jb\nc\u009b");
    EXPECT_THAT(path_table(list, plain, 200), HasSubstr("a?[2Jb?c?[4711]"));
    EXPECT_THAT(path_view(list.paths(1), plain, 100), Not(HasSubstr("\x1b")));
}

TEST(PathView, EveryHop) { EXPECT_EQ(path_view(sample_path(), plain, 100), path_of_five_legs); }
TEST(PathView, OneLegSaysWhyItStandsAlone) { EXPECT_EQ(path_view(lone_path(), plain, 80), path_of_one_leg); }

TEST(PathView, FitsTheTerminal) {
    for (std::size_t columns = 76; columns < 130; ++columns) {
        const std::string text = path_view(sample_path(), plain, columns);
        for (std::size_t begin = 0; begin < text.size();) {
            const std::size_t end = text.find('\n', begin);
            EXPECT_LE(display_width(text.substr(begin, end - begin)), columns) << text.substr(begin, end - begin);
            begin = end + 1;
        }
    }
}

TEST(PathView, LoneSocketMayBeEitherEnds) {
    v1::Path path = lone_path();
    path.mutable_legs(0)->set_observer("socket");
    path.mutable_legs(0)->set_process("nginx");
    path.mutable_legs(0)->set_pid(811);
    v1::PathList list;
    *list.add_paths() = path;
    EXPECT_THAT(path_table(list, plain, 200), HasSubstr("[2001:db8::53]:53 (socket of nginx[811])"));
    EXPECT_THAT(path_view(path, plain, 80), HasSubstr("client     [2001:db8::7]:5353\nserver     [2001:db8::53]:53\n"));
    EXPECT_THAT(path_view(path, plain, 80), HasSubstr("process    nginx[811]"));
}

TEST(PathView, LinkThatPointsNowhereIsLeftOut) {
    v1::Path path = lone_path();
    v1::PathLink& link = *path.add_links();
    link.set_from(0);
    link.set_to(4'000'000'000u);
    EXPECT_THAT(path_view(path, plain, 80), HasSubstr("tenant"));
    EXPECT_EQ(added_delay(path).measured, 0u);
}

TEST(LadderView, OneRowAPacket) {
    EXPECT_EQ(ladder_view(sample_ladder(), {.absolute = false, .columns = 100}, plain), ladder_of_two_taps);
}
TEST(LadderView, BlocksOfTapsWhereItIsNarrow) {
    EXPECT_EQ(ladder_view(sample_ladder(), {.absolute = true, .columns = 70}, plain), ladder_in_blocks);
}

TEST(LadderView, LinesHoldWhatWasWritten) {
    const std::string lines = ladder_lines(sample_ladder());
    EXPECT_THAT(lines, HasSubstr(ladder_line_of_a_gap));
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
    const auto document = nlohmann::json::parse(ladder_document(sample_ladder()));
    EXPECT_EQ(document["rows"].size(), 4u);
    EXPECT_EQ(document["path_id"], sample_ladder().path_id());
    EXPECT_EQ(nlohmann::json::parse(ladder_document({}))["rows"].size(), 0u);
}

TEST(LadderView, MarksAndWhyATapDidNotSeeAPacket) {
    v1::Ladder ladder = sample_ladder();
    v1::LadderRow& row = *ladder.mutable_rows(2);
    ASSERT_FALSE(row.cells(1).seen());
    row.mutable_cells(1)->set_missing("lost");
    row.add_marks("zero_window");
    const std::string view = ladder_view(ladder, {.absolute = false, .columns = 120}, plain);
    for (const char* text : {"✕ lost", "PSH,ACK zero win", "lost: sent again"}) EXPECT_THAT(view, HasSubstr(text));
    EXPECT_THAT(ladder_lines(ladder), HasSubstr("\"marks\":[\"zero_window\"]"));
    EXPECT_THAT(ladder_lines(ladder), HasSubstr("\"seen\":false,\"missing\":\"lost\""));
}

TEST(LadderView, SegmentsThatWereCutAnew) {
    v1::Ladder ladder = sample_ladder();
    EXPECT_THAT(ladder_view(ladder, {.absolute = false, .columns = 120}, plain), Not(HasSubstr("≡")));
    v1::LadderRow& row = *ladder.mutable_rows(2);
    row.mutable_cells(1)->set_missing("recut");
    const std::string view = ladder_view(ladder, {.absolute = false, .columns = 120}, plain);
    EXPECT_THAT(view, HasSubstr("≡ here in other segments"));
    EXPECT_THAT(view, Not(HasSubstr("✕ lost")));
    row.mutable_cells(1)->set_carriers(3);
    row.mutable_cells(1)->set_delay_ns(1'500'000);
    EXPECT_THAT(ladder_view(ladder, {.absolute = false, .columns = 120}, plain), HasSubstr("≡3 +1.50 ms"));
    EXPECT_THAT(ladder_lines(ladder), HasSubstr("\"delay_ns\":1500000,\"missing\":\"recut\",\"carriers\":3"));
    *row.mutable_cells(1) = row.cells(0);
    row.mutable_cells(1)->set_length(3 * row.cells(0).length());
    EXPECT_THAT(ladder_view(ladder, {.absolute = false, .columns = 120}, plain), HasSubstr("seen ≡ ▶"));
}

TEST(LadderView, WithoutTheHandshakeNumbersBeginAtOne) {
    v1::Ladder ladder = sample_ladder();
    for (v1::PathLeg& leg : *ladder.mutable_columns()) {
        leg.mutable_to_server()->clear_isn();
        leg.mutable_to_client()->clear_isn();
    }
    ladder.mutable_rows()->DeleteSubrange(0, 2);
    EXPECT_THAT(ladder_view(ladder, {.absolute = false, .columns = 100}, plain),
                HasSubstr("PSH,ACK            1    1     512"));
}

TEST(LadderView, OtherSideOfARelayIsNotMissing) {
    v1::Path path = sample_path();
    EXPECT_THAT(connection_of_column(sample_ladder(), path), testing::ElementsAre(0, 0));
    path.mutable_links(2)->set_kind("relay");
    const std::vector<unsigned> connections = connection_of_column(sample_ladder(), path);
    EXPECT_THAT(connections, testing::ElementsAre(0, 1));
    const std::string text =
        ladder_view(sample_ladder(), {.absolute = false, .connections = connections, .columns = 100}, plain);
    EXPECT_THAT(text, HasSubstr("512  ● ▶          ·"));
    EXPECT_THAT(text, Not(HasSubstr("512  ● ▶          ✕")));
    path.mutable_legs(2)->set_leg_id("of another revision");
    EXPECT_TRUE(connection_of_column(sample_ladder(), path).empty());
}

TEST(LadderView, TimesHaveTheirError) {
    v1::Path path = sample_path();
    const std::vector<std::int64_t> errors_ns = delay_error_of_column(sample_ladder(), path);
    ASSERT_EQ(errors_ns.size(), 2u);
    EXPECT_EQ(errors_ns[0], 0);
    EXPECT_GT(errors_ns[1], 0);
    EXPECT_THAT(
        ladder_view(sample_ladder(), {.absolute = false, .delay_errors_ns = {0, 350'000}, .columns = 100}, plain),
        testing::AllOf(HasSubstr("   TAP        TIMES    CLIENT            SERVER"),
                       HasSubstr("2  lb-out     ±350 µs  10.1.0.4:32001    10.2.0.11:8080\n")));
    path.clear_links();
    EXPECT_THAT(delay_error_of_column(sample_ladder(), path), testing::ElementsAre(0, 0));
}

TEST(LadderView, FewerCellsThanColumns) {
    v1::Ladder ladder = sample_ladder();
    ladder.mutable_rows(0)->clear_cells();
    EXPECT_THAT(ladder_view(ladder, {.absolute = false, .columns = 100}, plain), HasSubstr("0.000000  -"));
    EXPECT_THAT(ladder_lines(ladder), HasSubstr("\"cells\":[]"));
}

TEST(LadderView, Flags) {
    EXPECT_EQ(tcp_flags_text(0x12), "SYN,ACK");
    EXPECT_EQ(tcp_flags_text(0x11), "FIN,ACK");
    EXPECT_EQ(tcp_flags_text(0xff), "SYN,FIN,RST,PSH,ACK,URG,ECE,CWR");
    EXPECT_EQ(tcp_flags_text(0), "-");
}

TEST(StatusView, LossesFirst) {
    EXPECT_EQ(status_view(sample_status(), sample_time_ns + 3'600 * ns_per_s, plain, 100), status_of_two_observers);
}

TEST(StatusView, NothingLostAndNobodyThere) {
    const std::string text = status_view(v1::Status(), sample_time_ns, plain, 100);
    EXPECT_THAT(text, HasSubstr("No sensor or agent has connected yet."));
    EXPECT_THAT(text, HasSubstr("Nothing was lost or refused."));
}

TEST(PathJson, LineOfOneLeg) { EXPECT_EQ(path_line(lone_path()), line_of_one_leg); }

TEST(PathJson, LineIsTheCorpusFormat) {
    const auto json = nlohmann::json::parse(path_line(sample_path()));
    EXPECT_EQ(json["path_id"], "9f3a11c04be7d210");
    EXPECT_EQ(json["legs"].size(), 5u);
    EXPECT_EQ(json["legs"][1]["vni"], 100);
    EXPECT_TRUE(json["legs"][2]["vni"].is_null());
    EXPECT_TRUE(json["legs"][1]["first_ns"].is_number_integer());
    EXPECT_EQ(json["legs"][1]["first_ns"], sample_time_ns + 40'000);
    EXPECT_EQ(json["links"][2]["kind"], "fullnat");
    EXPECT_EQ(json["links"][2]["evidence"][0], (nlohmann::json{{"by", "isn_reverse"}, {"bits", 32.0}}));
    EXPECT_EQ(json["links"][2]["delta"]["to_server"], 4'294'966'296u);
    EXPECT_EQ(json["links"][1]["delay"]["to_client"]["error_ns"], 1'000);
    EXPECT_FALSE(json.contains("unlinked"));
}

TEST(PathJson, DocumentHoldsTheLines) {
    v1::PathList list = sample_list();
    list.set_partial("row limit");
    const auto json = nlohmann::json::parse(path_document(list));
    EXPECT_EQ(json["paths"].size(), 2u);
    EXPECT_EQ(json["partial"], "row limit");
    EXPECT_EQ(nlohmann::json::parse(path_document(v1::PathList()))["paths"].size(), 0u);
}

TEST(PathSummary, WhatIsAbnormal) {
    v1::Path path = sample_path();
    EXPECT_THAT(abnormalities(path), testing::ElementsAre("3 retransmissions"));
    path.mutable_legs(3)->set_end("reset");
    path.mutable_links(1)->set_grade("C");
    for (v1::PathLeg& leg : *path.mutable_legs()) leg.clear_to_client();
    EXPECT_THAT(abnormalities(path), testing::ElementsAre("reset", "no answer seen", "link of grade C"));
    EXPECT_EQ(worst_grade(path), "C");
}

TEST(PathSummary, RelayIsNotMeasuredAndItsResetsStayBehindIt) {
    v1::Path path = sample_path();
    path.mutable_links(3)->set_kind("relay");
    EXPECT_EQ(added_delay(path).missing, added_delay(sample_path()).missing + 2);
    path.mutable_legs(3)->clear_to_client();
    path.mutable_legs(4)->set_end("reset");
    EXPECT_THAT(abnormalities(path), testing::ElementsAre("reset behind the relay"));
    path.mutable_legs(1)->set_end("reset");
    EXPECT_THAT(abnormalities(path), testing::ElementsAre("reset"));
}

TEST(PathSummary, CalledAddress) {
    v1::Path path = sample_path();
    EXPECT_EQ(called_address(path), "198.51.100.10:443");
    path.mutable_legs(4)->set_server("198.51.100.10:1");
    EXPECT_EQ(called_address(path), "198.51.100.10:443");
    path.set_proto("icmp");
    EXPECT_EQ(called_address(path), "") << "the echo id is no port";
    EXPECT_EQ(called_address(v1::Path()), "");
}

TEST(Summary, ErrorsOfOneClockDoNotAddUpAndOfTwoClocksDo) {
    v1::Path path;
    for (const char* clock : {"a", "a", "a", "b"}) {
        path.add_legs()->set_clock(clock);
        if (path.legs_size() == 1) continue;
        v1::PathLink& link = *path.add_links();
        link.set_from(static_cast<std::uint32_t>(path.legs_size() - 2));
        link.set_to(static_cast<std::uint32_t>(path.legs_size() - 1));
        v1::PathDelay& delay = *link.add_delays();
        delay.set_direction("to_server");
        delay.set_samples(1);
        delay.set_mean_ns(1000);
        delay.set_error_ns(path.legs_size() == 2 ? 40 : 50);
    }
    const AddedDelay added = added_delay(path);
    EXPECT_EQ(added.sum_ns, 3000);
    EXPECT_EQ(added.error_ns, 50 + 50) << "two links on clock a, one to clock b";
}

TEST(PathView, WhereTheWaysDifferEachIsShownPastTheOther) {
    v1::Path path = sample_path();
    path.mutable_legs(2)->clear_to_client();  // natgw-out carries the way to the server alone
    for (v1::PathLink& link : *path.mutable_links()) {
        v1::PathDelay there;
        for (const v1::PathDelay& delay : link.delays())
            if (delay.direction() == "to_server") there = delay;
        link.clear_delays();
        if (there.samples() > 0) *link.add_delays() = there;
    }
    EXPECT_EQ(added_delay(path).missing, 2u) << "back, between three taps";
    v1::PathSpan& span = *path.add_spans();
    span.set_direction("to_client");
    span.set_from(1);
    span.set_to(3);
    EXPECT_EQ(added_delay(path).missing, 2u);
    EXPECT_THAT(path_view(path, plain, 200), HasSubstr("4 lb-out → 2 tenant: to client  not measured"));
    v1::PathDelay& delay = *span.mutable_delay();
    delay.set_direction("to_client");
    delay.set_mean_ns(55'000);
    delay.set_error_ns(1'000);
    delay.set_samples(3);
    EXPECT_EQ(added_delay(path).missing, 0u);
    EXPECT_EQ(added_delay(path).sum_ns, 21'000 + 39'000 + 55'000);
    const std::string shown = path_view(path, plain, 200);
    EXPECT_THAT(shown, HasSubstr("4 lb-out → 2 tenant: to client  55.0 ±1.0 µs mean"));
    EXPECT_THAT(shown, HasSubstr("natgw-out carries the other way alone"));
}

TEST(PathView, EveryDelayThatIsThereIsShownAndEveryLackHasItsReason) {
    v1::Path path = sample_path();
    add_delay(*path.mutable_links(0), "to_server", 5'000, 100);
    EXPECT_THAT(path_view(path, plain, 200), HasSubstr("to server  5.00 ±0.10 µs mean"));
    EXPECT_EQ(added_delay(path).sum_ns, added_delay(sample_path()).sum_ns) << "from tap to tap alone";
    path.mutable_links(1)->clear_delays();
    path.mutable_legs(1)->set_clock("sensor-b");
    EXPECT_THAT(path_view(path, plain, 200), HasSubstr("not measured: different clocks (sensor-b and sensor-a)"));
    path = sample_path();
    path.mutable_links(2)->set_kind("relay");
    path.mutable_links(2)->clear_delays();
    EXPECT_THAT(path_view(path, plain, 200), HasSubstr("not measured: a relay's two connections share no packets"));
}

TEST(PathView, StampsThatContradictTheirErrorAreSaid) {
    v1::Path path = sample_path();
    path.mutable_links(1)->mutable_delays(0)->set_min_ns(-5'000);
    EXPECT_THAT(path_view(path, plain, 200),
                HasSubstr("below 0, so these time stamps are worse than their error says"));
}

TEST(PathSummary, IdsStayDistinct) {
    v1::PathList list = sample_list();
    EXPECT_EQ(id_prefix_length(list), 8u);
    list.mutable_paths(0)->set_path_id("9f3a11c04be7aaaa");
    EXPECT_EQ(id_prefix_length(list), 13u);
}

TEST(Text, WidthCutAndWrap) {
    EXPECT_EQ(display_width("µs → ✕"), 6u);
    EXPECT_EQ(cut("abcdef", 4), "abc…");
    EXPECT_EQ(cut("µµµµµµ", 4), "µµµ…");
    EXPECT_EQ(cut("abc", 3), "abc");
    EXPECT_EQ(wrap("one two three", 8, "  "), "  one two\n  three\n");
    EXPECT_EQ(with_thousands(1'234'567), "1,234,567");
    EXPECT_EQ(with_thousands(999), "999");
    EXPECT_EQ(bytes_text(999), "999 B");
    EXPECT_EQ(bytes_text(999'600), "1.00 MB");
    EXPECT_EQ(bytes_text(UINT64_MAX), "18.4 EB");
}

}  // namespace
}  // namespace clew::cli
