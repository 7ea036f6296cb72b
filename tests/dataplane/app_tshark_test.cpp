// SPDX-License-Identifier: Apache-2.0
// The application of every leg of real captures, beside what tshark calls the same connection's packets. tshark reads
// whole conversations and knows ports; Clew reads the first payloads. Uses CLEW_SHARED or ../shared, and tshark.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include <pcap/pcap.h>

#include "dataplane/pipeline.h"
#include "dataplane/source/pcap_file.h"
#include "tests/dataplane/tshark_frames.h"

namespace clew::sensor {
namespace {

/// Both directions of a connection, in one order.
std::string connection(std::string a, std::string b, const std::string& protocol) {
    if (b < a) std::swap(a, b);
    return a + ">" + b + " " + protocol;
}

std::string end_text(const Endpoint& end) { return to_text(end.ip) + " " + std::to_string(end.port); }

struct Named final : LegSink {
    std::map<std::string, App> apps;
    bool offer(const Leg& leg) override {
        if (leg.phase != LegPhase::ended || (leg.protocol != Protocol::tcp && leg.protocol != Protocol::udp))
            return true;
        App& app = apps[connection(end_text(leg.client), end_text(leg.server),
                                   std::to_string(static_cast<int>(leg.protocol)))];
        if (leg.app != App::unknown) app = leg.app;
        return true;
    }
};

/// One capture: what the sensor's legs are called, and where its frames are among all of its linktype.
struct Capture {
    std::string name;
    std::map<std::string, App> apps;
    std::size_t first = 0, end = 0;
};

Capture read_capture(PcapFile& file, const std::string& name, MergedCapture& merged, std::size_t first) {
    Named sink;
    std::size_t end = first;
    auto pipeline = Pipeline::create({.leg_count_max = 20'000, .header_count_max = 0}, sink);
    EXPECT_TRUE(pipeline);
    std::array<Packet, burst_packet_count_max> burst;
    while (!file.at_end()) {
        const std::size_t count = file.receive(burst);
        for (std::size_t i = 0; i < count; ++i) merged.add(burst[i]);
        end += count;
        (*pipeline)->receive({burst.data(), count});
        file.release();
    }
    (*pipeline)->flush();
    return {name, sink.apps, first, end};
}

/// Every name of ours among the protocols that tshark found behind the innermost TCP or UDP header.
void add_names(const FrameWords& frame, std::map<std::string, std::set<App>>& named) {
    const std::string& inner = frame.inner;
    const std::size_t middle = inner.find('>'), end = inner.rfind(' ');
    const std::string protocol = inner.substr(end + 1);
    if (middle == std::string::npos || (protocol != "6" && protocol != "17")) return;
    const std::string key = connection(inner.substr(0, middle), inner.substr(middle + 1, end - middle - 1), protocol);
    std::set<App>& apps = named[key];
    const std::size_t transport = frame.protocols.find(protocol == "6" ? ":tcp" : ":udp");
    std::string rest = transport == std::string::npos ? "" : frame.protocols.substr(transport + 4);
    for (std::size_t at = 0; at < rest.size();) {
        const std::size_t stop = std::min(rest.find(':', at), rest.size());
        if (const App app = app_of(rest.substr(at, stop - at)); app != App::unknown) apps.insert(app);
        at = stop + 1;
    }
}

struct Score {
    unsigned same = 0, other = 0, clew_alone = 0, tshark_alone = 0;
};
using Scores = std::map<App, Score>;

void print(std::string_view name, const Score& score) {
    std::printf("%-12s same %4u  another name %3u  clew alone %3u  tshark alone %3u\n", std::string(name).c_str(),
                score.same, score.other, score.clew_alone, score.tshark_alone);
}

/// Adds a capture's legs to the scores; what differs is printed.
void compare(const Capture& capture, std::map<std::string, std::set<App>>& theirs, Scores& scores) {
    for (const auto& [key, app] : capture.apps) {
        const std::set<App>& names = theirs[key];
        if (app == App::unknown && names.empty()) continue;
        const bool same = names.contains(app);
        Score& score = scores[app != App::unknown ? app : *names.begin()];
        score.same += same;
        score.other += !same && app != App::unknown && !names.empty();
        score.clew_alone += names.empty();
        score.tshark_alone += app == App::unknown;
        if (same) continue;
        std::string words;
        for (const App their : names) words += " " + std::string(to_text(their));
        std::printf("%s %s: clew '%s', tshark '%s'\n", capture.name.c_str(), key.c_str(),
                    std::string(to_text(app)).c_str(), words.c_str());
    }
}

/// The captures of one linktype in the folder.
void compare_all(const std::filesystem::path& folder, int linktype, Scores& scores) {
    MergedCapture merged(linktype);
    std::vector<Capture> captures;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (!entry.path().extension().string().starts_with(".pcap")) continue;
        auto file = PcapFile::open(entry.path(), 0);
        if (!file || (*file)->linktype() != linktype) continue;
        const std::size_t first = captures.empty() ? 0 : captures.back().end;
        captures.push_back(read_capture(**file, entry.path().filename(), merged, first));
    }
    if (captures.empty()) return;
    const auto frames = merged.dissected();
    ASSERT_EQ(frames.size(), captures.back().end);
    for (const Capture& capture : captures) {
        std::map<std::string, std::set<App>> theirs;
        for (std::size_t i = capture.first; i < capture.end; ++i) add_names(frames[i], theirs);
        compare(capture, theirs, scores);
    }
}

TEST(AppsBesideTshark, LegsOfRealCapturesAreCalledAlike) {
    const char* given = std::getenv("CLEW_SHARED");
    const std::filesystem::path folder = std::filesystem::path(given ? given : "../shared") / "pcaps";
    if (!std::filesystem::is_directory(folder))
        GTEST_SKIP() << "SKIPPED: no captures at " << folder << "; set CLEW_SHARED";
    if (!tshark_is_there()) GTEST_SKIP() << "SKIPPED: tshark is not installed";
    Scores scores;
    for (const int linktype : {DLT_EN10MB, DLT_RAW, DLT_LINUX_SLL}) compare_all(folder, linktype, scores);
    Score all;
    for (const auto& [app, score] : scores) {
        print(to_text(app), score);
        all.same += score.same, all.other += score.other;
        all.clew_alone += score.clew_alone, all.tshark_alone += score.tshark_alone;
    }
    print("all", all);
    EXPECT_GT(all.same, 0u);
    EXPECT_LE(all.other * 100, all.same) << "at most 1 % are called otherwise";
    EXPECT_GE(all.same * 100, (all.same + all.tshark_alone) * 90) << "at least 90 % of what tshark names is named";
}

}  // namespace
}  // namespace clew::sensor
