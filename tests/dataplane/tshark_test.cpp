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
#include "tests/dataplane/frames.h"
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

using namespace frames;

Bytes in_ipv4(unsigned protocol, const Bytes& inside) {
    return ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = protocol}, inside));
}
Bytes in_ipv6(unsigned next, const Bytes& inside) {
    return ethernet(1, 2, 0x86dd, ipv6("2001:db8::1", "2001:db8::2", next, inside));
}
Bytes in_udp(unsigned port, const Bytes& inside) { return in_ipv4(17, udp(50000, port, inside)); }

/// What the real captures lack: every other encapsulation that tshark reads without being configured for it.
std::vector<Bytes> frames_of_every_kind() {
    const Bytes packet = ipv4("10.0.0.7", "10.0.0.9", {}, tcp({})),
                packet6 = ipv6("2001:db8::7", "2001:db8::9", 6, tcp({}));
    Bytes frame = ethernet(5, 6, 0x0800, packet);
    const std::uint8_t known_vendor[] = {0x00, 0x0c, 0x29};  // tshark tells pseudowires by the vendor of the addresses
    std::copy(std::begin(known_vendor), std::end(known_vendor), frame.begin());
    std::copy(std::begin(known_vendor), std::end(known_vendor), frame.begin() + 6);
    const auto segments = [](std::uint8_t next) { return join({next, 2, 4, 0, 0, 0, 0, 0}, ip_bytes("2001:db8::9")); };
    const Bytes session = {0x20, 7, 0, 0x21, 0, 0, 0x10, 0, 0, 0, 0x80, 0x0a};
    return {in_udp(4789, join({0x88, 0, 0, 17, 0, 0, 100, 0}, frame)),
            in_udp(4790, join({0x0c, 0, 0, 1, 0, 0, 7, 0}, packet)),
            in_udp(4790, join({0x0c, 0, 0, 2, 0, 0, 7, 0}, packet6)),
            in_udp(4790, join({0x0c, 0, 0, 3, 0, 0, 7, 0}, frame)),
            in_udp(4790, join({0x0c, 0, 0, 4, 0, 0, 7, 0}, nsh(99, 3, frame))),
            in_udp(4790, join({0x0c, 0, 0, 5, 0, 0, 7, 0}, mpls(16, true, packet))),
            in_udp(6081, geneve(5, 0x86dd, Bytes(8), packet6)),
            in_udp(4754, gre(0x2000, 0x0800, 77, packet)),
            in_udp(6635, mpls(17, false, mpls(18, true, packet6))),
            in_udp(2152, join({0x34, 0xff, 0, 52, 0, 1, 2, 3, 0, 0, 0, 0x85, 1, 0x10, 9, 0}, packet)),
            in_udp(1701, join({0, 2, 0, 5, 0, 6, 0xff, 3, 0, 0x21}, packet)),
            ethernet(1, 2, 0x894f, nsh(99, 4, nsh(98, 1, packet))),
            in_ipv4(47, gre(0xa000, 0x6558, 0xabcd12, frame)),
            in_ipv4(47, gre(0, 0x8847, 0, mpls(16, true, packet))),
            in_ipv4(47, gre(0, 0x894f, 0, nsh(5, 1, packet))),
            in_ipv4(47, gre(0, 0x883e, 0, packet)),
            in_ipv4(47, gre(0, 0x883e, 0, join({1, 2, 3, 4}, packet))),
            in_ipv4(47, join({0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 192, 0, 2, 9, 0, 0, 0, 0}, packet)),
            in_ipv4(47, gre(0, 0x88be, 0, frame)),
            in_ipv4(47, gre(0x1000, 0x88be, 0, join({0x10, 7, 8, 0x20, 0, 0, 0, 3}, frame))),
            in_ipv4(47, gre(0x1000, 0x22eb, 0, join(session, frame))),
            ethernet(1, 2, 0x8847, mpls(1000, false, mpls(16, true, packet))),
            ethernet(1, 2, 0x8847, mpls(16, true, join({0, 0, 0, 0}, frame))),
            ethernet(1, 2, 0x8847, mpls(16, true, frame)),
            in_ipv4(137, mpls(17, true, packet)),
            ethernet(1, 2, 0x8864, join({0x11, 0, 0x12, 0x34, 0, 62, 0, 0x57}, packet6)),
            in_ipv6(43, join(segments(41), packet6)),
            in_ipv6(43, join(segments(4), packet)),
            in_ipv6(43, join(segments(143), frame)),
            in_ipv6(143, frame),
            in_ipv4(97, join({0x30, 0}, frame)),
            in_ipv4(4, packet),
            in_ipv4(41, packet6),
            in_ipv6(4, packet),
            in_ipv6(41, packet6),
            ethernet(1, 2, 0x88e7, join({0, 0, 0x30, 0x39}, frame)),
            ethernet(1, 2, 0x8926, join({0x80, 1, 0, 2, 8, 0}, packet)),
            ethernet(1, 2, 0x8909, join({1, 1, 0, 1, 0, 9, 8, 0}, packet)),
            ethernet(1, 2, 48, join({0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, packet)),
            in_ipv4(51, join({6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, tcp({})))};
}

TEST(TsharkComparison, HandWrittenFramesOfEveryKindAreEqual) {
    if (!tshark_is_there()) GTEST_SKIP() << "SKIPPED: tshark is not installed";
    Together ours(DLT_EN10MB);
    for (const Bytes& frame : frames_of_every_kind()) {
        const Packet packet = packet_of(frame);
        ours.captures.add(packet);
        ours.frames.push_back(frame_by_decap(packet, {}));
        ours.names.push_back("hand-written frame " + std::to_string(ours.names.size() + 1));
        EXPECT_NE(ours.frames.back().inner, "") << ours.names.back();
    }
    EXPECT_EQ(count_different(ours), 0u);
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
