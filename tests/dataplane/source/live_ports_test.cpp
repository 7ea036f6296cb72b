// SPDX-License-Identifier: Apache-2.0
// Live sources on veth pairs in a network namespace of the test's own: N frames sent, N seen, stamped by the kernel.
#include "dataplane/source/live_ports.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/dataplane/frames.h"

namespace clew::sensor {
namespace {

using namespace frames;

constexpr unsigned frame_count = 2000;

bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

/// A pair <name>0 and <name>1; IPv6 is off so that the kernel itself sends nothing.
bool make_pair(const std::string& name) {
    for (const char* end : {"default", "all"})
        std::ofstream(std::string("/proc/sys/net/ipv6/conf/") + end + "/disable_ipv6") << "1";
    return run("ip link add " + name + "0 type veth peer name " + name + "1") && run("ip link set " + name + "0 up") &&
           run("ip link set " + name + "1 up");
}

void send_frames(const std::string& interface, unsigned count) {
    const int raw = socket(AF_PACKET, SOCK_RAW, 0);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    ASSERT_EQ(bind(raw, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    for (unsigned i = 0; i < count; ++i) {
        const Bytes frame =
            ethernet(1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {}, tcp({.seq = i, .payload = Bytes(i % 1200, 'x')})));
        ASSERT_EQ(send(raw, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
    }
    close(raw);
}

constexpr std::uint32_t kernel_stamp_error_ns = 7000;

struct Seen {
    unsigned frames = 0;
    unsigned in_order = 0;
    unsigned kernel_stamps = 0;  // with the error that was configured
    TimeNs first_ns = 0, last_ns = 0;
};

/// Receives until `count` frames came or nothing comes any more.
Seen receive_frames(PacketSource& source, unsigned count) {
    Seen seen;
    std::array<Packet, burst_packet_count_max> burst;
    for (int quiet = 0; quiet < 500 && seen.frames < count;) {
        const std::size_t got = source.receive(burst);
        for (std::size_t i = 0; i < got; ++i) {
            const Packet& packet = burst[i];
            const std::uint32_t seq =
                packet.captured_length >= 42
                    ? (packet.bytes[38] << 24 | packet.bytes[39] << 16 | packet.bytes[40] << 8 | packet.bytes[41])
                    : 0;
            seen.in_order += seq == seen.frames && packet.captured_length == 54 + seq % 1200;
            seen.kernel_stamps +=
                packet.time_source == TimeSource::kernel && packet.time_error_ns == kernel_stamp_error_ns;
            if (seen.frames++ == 0) seen.first_ns = packet.time_ns;
            seen.last_ns = packet.time_ns;
        }
        if (got != 0) source.release();
        quiet = got == 0 ? quiet + 1 : 0;
        if (got == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return seen;
}

TEST(LivePorts, EveryFrameIsSeenInOrderAndStampedWhenItCame) {
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
        GTEST_SKIP() << "SKIPPED: needs root for a network namespace of its own; AF_XDP and AF_PACKET stay untested";
    ASSERT_TRUE(make_pair("snsx") && make_pair("snsp"));
    auto ports = LivePorts::open({{{SourceKind::af_xdp, "snsx0"}, 0, 1, kernel_stamp_error_ns},
                                  {{SourceKind::af_packet, "snsp0"}, 1, 1, kernel_stamp_error_ns}},
                                 {false, 128});
    ASSERT_TRUE(ports) << ports.error().sentence;
    for (const std::string& remark : (*ports)->remarks()) std::printf("%s\n", remark.c_str());
    ASSERT_EQ((*ports)->sources().size(), 2u);
    for (const LiveSource& live : (*ports)->sources()) {
        std::array<Packet, 1> none;
        EXPECT_EQ(live.source->receive(none), 0u);
        const TimeNs before = real_time_ns();
        send_frames(live.tap == 0 ? "snsx1" : "snsp1", frame_count);
        const TimeNs after = real_time_ns();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));  // a sleeping loop
        const Seen seen = receive_frames(*live.source, frame_count);
        EXPECT_EQ(seen.frames, frame_count) << "tap " << live.tap;
        EXPECT_EQ(seen.in_order, frame_count);
        EXPECT_EQ(live.source->counters().packets, frame_count);
        if (live.tap == 0) {
            EXPECT_EQ(seen.kernel_stamps, frame_count) << "AF_XDP";
        }
        if (seen.kernel_stamps == frame_count) {
            EXPECT_GE(seen.first_ns, before);
            EXPECT_LE(seen.last_ns, after + ns_per_ms);
            EXPECT_LT(seen.first_ns, seen.last_ns);
        } else {
            std::printf("tap %u is stamped when polled\n", live.tap);
        }
    }
    auto missing = LivePorts::open({{{SourceKind::af_xdp, "nosuch0"}, 0, 1}}, {false, 128});
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().sentence.find("nosuch0"), std::string::npos);
    ASSERT_EQ(std::system("ip link add snsa type veth && ip addr add 192.0.2.1/24 dev snsa"), 0);
    auto own = LivePorts::open({{{SourceKind::af_xdp, "snsa"}, 0, 1}}, {false, 128});
    ASSERT_FALSE(own) << "AF_XDP would take the host's own frames away";
    EXPECT_NE(own.error().sentence.find("192.0.2.1"), std::string::npos) << own.error().sentence;
    ports->reset();
    EXPECT_TRUE(run("! ip link show snsx0 | grep -q xdp")) << "the XDP program is off again";
}

}  // namespace
}  // namespace clew::sensor
