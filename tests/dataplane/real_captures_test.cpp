// SPDX-License-Identifier: Apache-2.0
// Real captures that nobody here wrote: every one is read to its end, and what tshark sees as plain TCP or UDP over IP
// (the inner ends, packet by packet) is what the sensor's legs hold. Uses CLEW_SHARED or ../shared, and tshark.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "dataplane/pipeline.h"
#include "dataplane/source/pcap_file.h"

namespace clew::sensor {
namespace {

using Counts = std::map<std::string, std::uint64_t>;  ///< by protocol and both ends, lower text first

std::string tuple(const std::string& protocol, std::string a, std::string b) {
    if (b < a) std::swap(a, b);
    return protocol + " " + a + " " + b;
}

struct Counting final : LegSink {
    Counts counts;
    bool offer(const Leg& leg) override {
        if (leg.phase != LegPhase::ended || (leg.protocol != Protocol::tcp && leg.protocol != Protocol::udp))
            return true;
        counts[tuple(std::string(to_text(leg.protocol)), to_text(leg.client), to_text(leg.server))] +=
            leg.flows[0].packets + leg.flows[1].packets + leg.duplicates;
        return true;
    }
};

Counts by_sensor(PcapFile& file) {
    Counting sink;
    auto pipeline = Pipeline::create({.leg_count_max = 20'000, .header_count_max = 0}, sink);
    EXPECT_TRUE(pipeline);
    std::array<Packet, burst_packet_count_max> burst;
    while (!file.at_end()) {
        const std::size_t count = file.receive(burst);
        (*pipeline)->receive({burst.data(), count});
        file.release();
    }
    (*pipeline)->flush();
    return sink.counts;
}

/// The stacks whose last addresses and ports are the innermost ones; `occurrence=l` then gives exactly those.
bool is_plain(const std::string& stack) {
    for (const char* strange :
         {"icmp", "gtp", "ppp", "mpls", "erspan", "nsh", "teredo", "l2tp", "capwap", "ipv6:", "sctp", "esp"})
        if (stack.find(strange) != std::string::npos) return false;
    return stack.starts_with("eth:") && stack.find(":ip:") != std::string::npos;
}

/// Fails (false) when some packet is of a kind that this comparison cannot judge.
bool by_tshark(const std::string& path, Counts& counts) {
    const std::string command =
        "tshark -r '" + path +
        "' -T fields -E separator='|' -E occurrence=l -o ip.defragment:FALSE -o tcp.desegment_tcp_streams:FALSE "
        "-e frame.protocols -e ip.src -e ip.dst -e ip.frag_offset -e tcp.srcport -e tcp.dstport "
        "-e udp.srcport -e udp.dstport 2>/dev/null";
    FILE* pipe = popen(command.c_str(), "r");
    if (!pipe) return false;
    bool judged = true;
    char line[4096];
    while (std::fgets(line, sizeof line, pipe)) {
        std::array<std::string, 8> field;
        std::istringstream words(line);
        for (std::string& word : field) std::getline(words, word, '|');
        while (!field[7].empty() && field[7].back() < ' ') field[7].pop_back();
        if (!field[3].empty() && field[3] != "0") judged = false;  // tshark knows no ports of it, we find its leg
        const bool tcp = !field[4].empty(), udp = !field[6].empty();
        if (!tcp && !udp) continue;
        judged = judged && is_plain(field[0]) && !(tcp && udp && field[0].rfind(":tcp") < field[0].rfind(":udp"));
        const std::size_t port = tcp ? 4 : 6;
        ++counts[tuple(tcp ? "tcp" : "udp", field[1] + ":" + field[port], field[2] + ":" + field[port + 1])];
    }
    return pclose(pipe) == 0 && judged;
}

TEST(RealCaptures, LegsAreWhatTsharkSees) {
    const char* given = std::getenv("CLEW_SHARED");
    const std::filesystem::path folder = std::filesystem::path(given ? given : "../shared") / "pcaps";
    if (!std::filesystem::is_directory(folder))
        GTEST_SKIP() << "SKIPPED: no captures at " << folder << "; set CLEW_SHARED";
    const bool tshark = std::system("tshark --version > /dev/null 2>&1") == 0;
    unsigned read = 0, refused = 0, compared = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (!entry.path().extension().string().starts_with(".pcap")) continue;
        auto file = PcapFile::open(entry.path(), 0);
        if (!file) {
            EXPECT_FALSE(file.error().sentence.empty());
            ++refused;
            continue;
        }
        const Counts ours = by_sensor(**file);
        ++read;
        Counts theirs;
        if (!tshark || compared == 40 || entry.file_size() > 60'000 || !(*file)->error_sentence().empty()) continue;
        if (!by_tshark(entry.path(), theirs)) continue;
        ++compared;
        EXPECT_EQ(ours, theirs) << entry.path();
    }
    std::printf("%u captures read, %u refused with a sentence, %u compared with tshark%s\n", read, refused, compared,
                tshark ? "" : " (tshark is not installed: SKIPPED)");
    EXPECT_GT(read, 0u);
}

}  // namespace
}  // namespace clew::sensor
