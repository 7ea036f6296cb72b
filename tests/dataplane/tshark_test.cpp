// SPDX-License-Identifier: Apache-2.0
// Decap against tshark's dissection of the same frames, frame by frame: encapsulations with ids and outer ends, inner
// MAC pair, inner addresses, protocol and ports. Real captures that nobody here wrote: CLEW_SHARED or ../shared.
// docs/TUNNELS.md tells the known differences.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <pcap/pcap.h>

#include "dataplane/source/pcap_file.h"
#include "tests/dataplane/tshark_frames.h"

namespace clew::sensor {
namespace {

/// The captures of one linktype, and what decap says of each frame.
struct Together {
    explicit Together(int linktype) : captures(linktype) {}

    void add(PcapFile& from, const std::string& name) {
        std::array<Packet, burst_packet_count_max> burst;
        for (std::size_t number = 1; !from.at_end();) {
            const std::size_t count = from.receive(burst);
            for (std::size_t i = 0; i < count; ++i) {
                captures.add(burst[i]);
                frames.push_back(frame_by_decap(burst[i], {}));
                names.push_back(name + " frame " + std::to_string(number++));
            }
            from.release();
        }
    }

    MergedCapture captures;
    std::vector<FrameWords> frames;
    std::vector<std::string> names;
};

/// How many frames are told differently; each is printed.
std::size_t count_different(Together& ours) {
    const auto theirs = ours.captures.dissected();
    EXPECT_EQ(ours.frames.size(), theirs.size());
    std::size_t different = 0;
    for (std::size_t i = 0; i < std::min(ours.frames.size(), theirs.size()); ++i) {
        if (ours.frames[i].text() == theirs[i].text()) continue;
        ++different;
        std::printf("%s (%s)\n  clew   %s  %s\n  tshark %s\n", ours.names[i].c_str(),
                    theirs[i].protocols.substr(0, 120).c_str(), ours.frames[i].text().c_str(),
                    ours.frames[i].protocols.c_str(), theirs[i].text().c_str());
    }
    return different;
}

TEST(TsharkComparison, StacksAndInnerPacketsOfRealCapturesAreEqual) {
    const char* given = std::getenv("CLEW_SHARED");
    const std::filesystem::path folder = std::filesystem::path(given ? given : "../shared") / "pcaps";
    if (!std::filesystem::is_directory(folder))
        GTEST_SKIP() << "SKIPPED: no captures at " << folder << "; set CLEW_SHARED";
    if (!tshark_is_there()) GTEST_SKIP() << "SKIPPED: tshark is not installed";
    std::size_t frames = 0, different = 0, encapsulated = 0, files = 0;
    for (const int linktype : {DLT_EN10MB, DLT_RAW, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_NULL, DLT_C_HDLC, DLT_PPP}) {
        Together captures(linktype);
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (!entry.path().extension().string().starts_with(".pcap")) continue;
            auto file = PcapFile::open(entry.path(), 0);
            if (!file || (*file)->linktype() != linktype) continue;
            captures.add(**file, entry.path().filename());
            ++files;
        }
        frames += captures.frames.size();
        for (const FrameWords& frame : captures.frames) encapsulated += !frame.stack.empty();
        if (!captures.frames.empty()) different += count_different(captures);
    }
    std::printf("%zu captures, %zu frames, %zu with encapsulation, %zu different\n", files, frames, encapsulated,
                different);
    EXPECT_GT(frames, 0u);
    EXPECT_LE(different * 1000, frames) << "at least 99.9 % of the frames are told alike";
}

}  // namespace
}  // namespace clew::sensor
