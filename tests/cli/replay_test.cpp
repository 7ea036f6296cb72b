// SPDX-License-Identifier: Apache-2.0
#include "cli/replay.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "cli/merged_captures.h"
#include "tests/cli/api_fixture.h"
#include "tests/cli/sample_capture.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

const Endpoint client = endpoint("10.0.0.7:40112");
const Endpoint snat = endpoint("203.0.113.9:5521");
const Endpoint server = endpoint("198.51.100.10:80");
constexpr TimeNs start = 1'700'000'000 * ns_per_s;

class Replay : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = testing::TempDir() + "clew-replay-test-" + std::to_string(getpid());
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& name) const { return folder_ + "/" + name; }
    void write_text(const std::string& name, const std::string& text) const {
        std::ofstream(file(name), std::ios::binary) << text;
    }

    /// A tenant's connection inside VXLAN 100, and the same behind its SNAT.
    void write_snat_corpus() const {
        write_capture(file("tenant.pcap"), connection(client, server, 64, 100, start));
        write_capture(file("edge.pcap"), connection(snat, server, 63, 0, start + 20'000));
        write_text("region.json", R"({"taps": [{"name": "tenant", "file": "tenant.pcap", "clock": "a"},
                                               {"name": "edge", "file": "edge.pcap", "clock": "a"}]})");
    }

    std::vector<Json> paths(const Outcome& outcome) const {
        std::vector<Json> lines;
        std::istringstream text(outcome.out);
        for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
        return lines;
    }

    std::string folder_;
};

TEST_F(Replay, ConnectionBeforeAndAfterSnatIsOnePath) {
    write_snat_corpus();
    const Outcome outcome = run({"replay", folder_, "--format", "jsonl"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const std::vector<Json> lines = paths(outcome);
    ASSERT_EQ(lines.size(), 1u) << outcome.out;
    const Json& path = lines[0];
    EXPECT_EQ(path["proto"], "tcp");
    ASSERT_EQ(path["legs"].size(), 2u);
    EXPECT_EQ(path["legs"][0]["tap"], "tenant");
    EXPECT_EQ(path["legs"][0]["client"], "10.0.0.7:40112");
    EXPECT_EQ(path["legs"][0]["server"], "198.51.100.10:80");
    EXPECT_EQ(path["legs"][0]["vni"], 100);
    EXPECT_EQ(path["legs"][0]["first_ns"], start);
    EXPECT_EQ(path["legs"][1]["tap"], "edge");
    EXPECT_EQ(path["legs"][1]["client"], "203.0.113.9:5521");
    EXPECT_TRUE(path["legs"][1]["vni"].is_null());
    ASSERT_EQ(path["links"].size(), 1u);
    EXPECT_EQ(path["links"][0]["kind"], "snat");
    EXPECT_EQ(path["links"][0]["grade"], "A");
    EXPECT_EQ(path["links"][0]["delay"]["to_server"]["mean_ns"], 20'000);
    EXPECT_THAT(outcome.err, HasSubstr("2 taps, 16 packets, 2 legs, 1 path (0 of a single leg)"));
}

TEST_F(Replay, NamedTapsDoTheSame) {
    write_snat_corpus();
    const Outcome folder = run({"replay", folder_, "--format", "jsonl"});
    const Outcome named = run({"replay", "--tap", "tenant=" + file("tenant.pcap"), "--tap", "edge=" + file("edge.pcap"),
                               "--clock", "tenant=a", "--clock", "edge=a", "--format", "jsonl"});
    EXPECT_EQ(named.code, 0) << named.err;
    EXPECT_EQ(named.out, folder.out);
}

TEST_F(Replay, ExplainsTwoLegsOfTheCaptures) {
    write_snat_corpus();
    const std::vector<Json> lines = paths(run({"replay", folder_, "--format", "jsonl"}));
    ASSERT_EQ(lines.size(), 1u);
    std::vector<std::string> legs;
    for (const Json& leg : lines[0].at("legs")) legs.push_back(leg.at("leg_id"));
    const Outcome why = run({"replay", folder_, "--explain", legs.at(0), legs.at(1)});
    EXPECT_EQ(why.code, 0) << why.err;
    EXPECT_THAT(why.out, HasSubstr("isn_forward"));
    EXPECT_THAT(why.out, HasSubstr("both stand in one path"));
    EXPECT_THAT(run({"replay", folder_, "--explain", legs.at(0), "00000000000000ff"}).err,
                HasSubstr("no leg of these captures"));
    EXPECT_THAT(run({"replay", folder_, "--explain", legs.at(0), "edge"}).err, HasSubstr("16 hex digits"));
}

TEST_F(Replay, SameFilesGiveTheSameBytes) {
    std::vector<Frame> tenant, edge;
    for (std::uint32_t i = 0; i < 50; ++i) {
        const TimeNs at = start + i * 700'000;
        Endpoint from = client, to = snat;
        from.port = static_cast<std::uint16_t>(20'000 + i);
        to.port = static_cast<std::uint16_t>(30'000 + i);
        const std::uint32_t isn = 2'654'435'761u * (i + 1);
        for (Frame& frame : connection(from, server, 64, 100, at, isn)) tenant.push_back(std::move(frame));
        for (Frame& frame : connection(to, server, 63, 0, at + 20'000, isn)) edge.push_back(std::move(frame));
    }
    const auto by_time = [](const Frame& a, const Frame& b) { return a.time_ns < b.time_ns; };
    std::stable_sort(tenant.begin(), tenant.end(), by_time);
    std::stable_sort(edge.begin(), edge.end(), by_time);
    write_snat_corpus();
    write_capture(file("tenant.pcap"), tenant);
    write_capture(file("edge.pcap"), edge);
    const Outcome first = run({"replay", folder_, "--format", "jsonl"});
    const Outcome second = run({"replay", folder_, "--format", "jsonl"});
    EXPECT_EQ(first.code, 0) << first.err;
    EXPECT_EQ(first.out, second.out);
    EXPECT_EQ(paths(first).size(), 50u);
    std::set<std::string> legs;
    for (const Json& path : paths(first))
        for (const Json& leg : path["legs"]) EXPECT_TRUE(legs.insert(leg["leg_id"]).second) << "a leg in two paths";
    EXPECT_EQ(legs.size(), 100u);
}

TEST_F(Replay, ClocksHoursApart) {
    write_snat_corpus();
    constexpr DurationNs hours = 3 * 3'600 * ns_per_s;
    write_capture(file("edge.pcap"), connection(snat, server, 63, 0, start + hours));
    write_text(
        "region.json",
        R"({"taps": [{"name": "tenant", "file": "tenant.pcap", "clock": "a"}, {"name": "edge", "file": "edge.pcap", "clock": "b"}]})");
    const Outcome outcome = run({"replay", folder_, "--format", "jsonl"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    std::size_t legs = 0;
    for (const Json& path : paths(outcome)) legs += path["legs"].size();
    EXPECT_EQ(legs, 2u);
}

TEST_F(Replay, LegWithoutNeighbourStandsAloneAndSaysWhy) {
    write_capture(file("a.pcap"), connection(client, server, 64, 0, start));
    const Outcome outcome = run({"replay", "--tap", "a=" + file("a.pcap"), "--format", "jsonl"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    ASSERT_EQ(paths(outcome).size(), 1u);
    EXPECT_EQ(paths(outcome)[0]["unlinked"], "no-candidate");
    const Outcome table = run({"replay", "--tap", "a=" + file("a.pcap")}, 120);
    EXPECT_THAT(table.out, HasSubstr("unlinked: no-candidate"));
    EXPECT_EQ(Json::parse(run({"replay", "--tap", "a=" + file("a.pcap"), "--format", "json"}).out)["paths"].size(), 1u);
}

TEST_F(Replay, CutCaptureIsPartial) {
    write_snat_corpus();
    std::filesystem::resize_file(file("edge.pcap"), std::filesystem::file_size(file("edge.pcap")) - 20);
    const Outcome outcome = run({"replay", folder_, "--format", "jsonl"});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_EQ(paths(outcome).size(), 1u);
    EXPECT_THAT(outcome.err, HasSubstr("edge.pcap' cannot be read beyond its packet 7"));
}

TEST_F(Replay, FilesThatAreNoCaptures) {
    write_snat_corpus();
    const auto sentence = [&](int code) {
        const Outcome outcome = run({"replay", folder_, "--format", "jsonl"});
        EXPECT_EQ(outcome.code, code) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        return outcome.err;
    };
    write_text("edge.pcap", "");
    EXPECT_THAT(sentence(1), HasSubstr("tap edge: the capture file"));
    write_text("edge.pcap", "this is no capture file at all, is it");
    EXPECT_THAT(sentence(1), HasSubstr("edge.pcap"));
    std::filesystem::remove(file("edge.pcap"));
    EXPECT_THAT(sentence(1), HasSubstr("No such file or directory"));
    write_capture(file("edge.pcap"), {}, DLT_IEEE802_11);
    EXPECT_THAT(sentence(1), HasSubstr("linktype"));
}

TEST_F(Replay, NothingInTheCaptures) {
    write_capture(file("a.pcap"), {});
    const Outcome empty = run({"replay", "--tap", "a=" + file("a.pcap")});
    EXPECT_EQ(empty.code, 3);
    EXPECT_THAT(empty.err, HasSubstr("the captures hold no packets"));
    write_capture(file("a.pcap"), {{start, Bytes(60, 0xff)}, {start, {1, 2, 3}}});
    const Outcome garbage = run({"replay", "--tap", "a=" + file("a.pcap")});
    EXPECT_EQ(garbage.code, 3);
    EXPECT_THAT(garbage.err, HasSubstr("no TCP, UDP or ICMP connection was found in 2 packets"));
}

TEST_F(Replay, Usage) {
    const std::vector<std::vector<std::string>> mistakes = {{},
                                                            {"--tap", "edge"},
                                                            {"--tap", "=edge.pcap"},
                                                            {"--tap", "edge="},
                                                            {"--tap", "a=x", "--tap", "a=y"},
                                                            {"--tap", "a=x", "--clock", "b=c"},
                                                            {folder_, "--tap", "a=x"}};
    for (std::vector<std::string> arguments : mistakes) {
        arguments.insert(arguments.begin(), "replay");
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.code, 2) << outcome.err;
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
    const Outcome missing = run({"replay", folder_});
    EXPECT_EQ(missing.code, 1);
    EXPECT_THAT(missing.err, HasSubstr("a corpus folder has one. For captures without it use --tap NAME=FILE"));
}

TEST_F(Replay, MergeGoesByTimeAndTiesByTheOrderOfTheTaps) {
    std::map<std::string, std::vector<TimeNs>> times = {{"a", {5, 10, 10, 40}}, {"b", {1, 10, 20, 30}}, {"c", {}}};
    std::vector<TapFile> taps;
    for (const auto& [name, stamps] : times) {
        std::vector<Frame> frames;
        for (const TimeNs time : stamps) frames.push_back({start + time, Bytes(60, 0)});
        write_capture(file(name + ".pcap"), frames);
        taps.push_back({name, file(name + ".pcap"), "x"});
    }
    Result<MergedCaptures> merged = MergedCaptures::open(taps, {0, 1, 2});
    ASSERT_TRUE(merged) << merged.error().sentence;
    EXPECT_EQ(merged->start_spread_ns(), 4);
    std::vector<std::pair<TimeNs, TapId>> seen;
    while (merged->advance()) {
        EXPECT_GT(merged->time_ns(), 0);
        for (const sensor::Packet& packet : merged->take(start + 25))
            seen.emplace_back(packet.time_ns - start, packet.tap);
    }
    EXPECT_THAT(seen, testing::ElementsAre(std::pair{1, 1}, std::pair{5, 0}, std::pair{10, 0}, std::pair{10, 0},
                                           std::pair{10, 1}, std::pair{20, 1}, std::pair{30, 1}, std::pair{40, 0}));
}

TEST_F(Replay, MergeOfMoreThanABurst) {
    std::vector<Frame> even, odd;
    for (int i = 0; i < 1'000; ++i) (i % 2 ? odd : even).push_back({start + i, Bytes(60, 0)});
    write_capture(file("even.pcap"), even);
    write_capture(file("odd.pcap"), odd);
    Result<MergedCaptures> merged =
        MergedCaptures::open({{"even", file("even.pcap"), "x"}, {"odd", file("odd.pcap"), "x"}}, {0, 1});
    ASSERT_TRUE(merged);
    TimeNs expected = start;
    while (merged->advance())
        for (const sensor::Packet& packet : merged->take(INT64_MAX)) EXPECT_EQ(packet.time_ns, expected++);
    EXPECT_EQ(expected, start + 1'000);
}

}  // namespace
}  // namespace clew::cli
