// SPDX-License-Identifier: Apache-2.0
// Whole corpora: deterministic, complete, and sound in the eyes of an independent analyser (tshark, where there is
// one).
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/sim/corpus/relay.h"
#include "tests/sim/corpus/truth.h"
#include "tests/sim/corpus/world.h"

namespace clew::corpus {
namespace {

namespace fs = std::filesystem;

class Folder {
  public:
    explicit Folder(const std::string& name)
        : path_(fs::temp_directory_path() / ("clew-sim-" + name + "-" + std::to_string(getpid()))) {
        fs::create_directories(path_);
    }
    ~Folder() { fs::remove_all(path_); }
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

void make(const Folder& folder, const std::string& conditions, std::uint64_t connections, std::uint64_t seed,
          const std::string& without = "") {
    WorldSettings settings;
    for (const ClassSpec& spec : class_specs())
        if (spec.name != without) settings.classes.push_back(&spec);
    ASSERT_EQ(set_conditions(conditions, settings.conditions), "");
    settings.connections = connections;
    settings.seed = seed;
    settings.directory = folder.path();
    ASSERT_EQ(World(settings).run(), "");
}

std::string content(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
}

TEST(Corpus, SameSeedGivesTheSameBytes) {
    const Folder a("a"), b("b"), c("c");
    make(a, "clocks,loss,reorder", 130, 5);
    make(b, "clocks,loss,reorder", 130, 5);
    make(c, "clocks,loss,reorder", 130, 6);
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(a.path())) {
        ++files;
        const fs::path name = entry.path().filename();
        EXPECT_EQ(content(entry.path()), content(b.path() / name)) << name;
        if (name != "region.json") {
            EXPECT_NE(content(entry.path()), content(c.path() / name)) << name;
        }
    }
    EXPECT_GE(files, 6u);
}

TEST(Corpus, EveryConditionGivesTruth) {
    for (const ConditionName& condition : condition_names()) {
        const Folder folder("conditions");
        make(folder, std::string(condition.name), 2 * class_specs().size(), 3);
        const std::string truth = content(folder.path() / "truth.jsonl");
        EXPECT_GT(std::count(truth.begin(), truth.end(), '\n'), 40) << condition.name;
    }
}

TEST(Corpus, TellsWhatWasInjected) {
    const Folder folder("injected");
    make(folder, "network-loss,loss,clocks", 3 * class_specs().size(), 11);
    const std::string injected = content(folder.path() / "injected.jsonl");
    for (const char* what : {"clock", "network-loss", "capture-gap", "reset", "loop"})
        EXPECT_NE(injected.find(std::string("{\"what\": \"") + what + "\""), std::string::npos) << what;
}

TEST(Corpus, UnknownConditionIsNamed) {
    Conditions conditions;
    EXPECT_EQ(set_conditions("loss,rain", conditions), "rain");
    EXPECT_TRUE(conditions.loss);
}

/// Lines that tshark prints for packets matching `filter` in `file`.
std::string tshark(const fs::path& file, const std::string& filter) {
    const std::string command =
        "tshark -r '" + file.string() +
        "' -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE -Y '" + filter +
        "' -T fields -e frame.number -e _ws.col.Info 2>/dev/null";
    std::string out;
    std::array<char, 4096> part;
    FILE* pipe = popen(command.c_str(), "r");
    while (pipe != nullptr && std::fgets(part.data(), part.size(), pipe) != nullptr) out += part.data();
    if (pipe != nullptr) pclose(pipe);
    return out;
}

TEST(Corpus, AnIndependentAnalyserFindsNothingOdd) {
    if (std::system("tshark --version >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "SKIPPED: tshark is not installed, so no independent analyser looked at the frames";
    const Folder folder("tshark");
    make(folder, "", 3 * class_specs().size(), 7, "loop");
    for (const auto& entry : fs::directory_iterator(folder.path())) {
        if (entry.path().extension() != ".pcap") continue;
        EXPECT_EQ(
            tshark(
                entry.path(),
                "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 || icmp.checksum.status==0"),
            "")
            << entry.path();
        EXPECT_EQ(tshark(entry.path(), "_ws.malformed"), "") << entry.path();
        EXPECT_EQ(tshark(entry.path(),
                         "tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order || "
                         "tcp.analysis.duplicate_ack || tcp.analysis.zero_window"),
                  "")
            << entry.path();
    }
}

TEST(Truth, MiddleboxesWithoutATapBetweenThemAreOneHop) {
    EXPECT_EQ(joined_kind("snat", "dnat"), "fullnat");
    EXPECT_EQ(joined_kind("forward", "dnat"), "dnat");
    EXPECT_EQ(joined_kind("snat", "snat"), "snat");
    EXPECT_EQ(joined_kind("snat", "relay"), "relay");
    EXPECT_EQ(joined_kind("nat64", "dnat"), "nat64");
}

TEST(Relay, WritesAndReadsProxyHeaders) {
    const End source{Ip::parse("10.0.0.7"), 40112}, destination{Ip::parse("198.51.100.10"), 80};
    EXPECT_EQ(proxy_v1_header(source, destination), "PROXY TCP4 10.0.0.7 198.51.100.10 40112 80\r\n");
    const std::string v2 = proxy_v2_header(source, destination);
    EXPECT_EQ(v2.size(), 28u);
    EXPECT_EQ(proxy_header_length(v2 + "GET /"), 28u);
    EXPECT_EQ(proxy_header_length(v2.substr(0, 20)), 0u);
    EXPECT_EQ(proxy_header_length(proxy_v1_header(source, destination) + "x"), 44u);
}

}  // namespace
}  // namespace clew::corpus
