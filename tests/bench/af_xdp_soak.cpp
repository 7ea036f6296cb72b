// SPDX-License-Identifier: Apache-2.0
// AF_XDP line by line: sends frames through a veth pair in a network namespace of its own at a steady rate, and
// accounts for every one: sent = seen by the worker + counted as dropped. af_xdp_soak [SECONDS [FRAMES_A_SECOND]],
// root. Exit 0 when nothing is unaccounted for, 1 when something is, 77 when it cannot run here.
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "dataplane/source/live_ports.h"
#include "dataplane/worker.h"
#include "tests/bench/sensor_traffic.h"

using namespace clew::sensor;
using Clock = std::chrono::steady_clock;

namespace {

constexpr unsigned batch_frames = 64;
constexpr std::uint32_t leg_count = 10'000;

bool run(const char* command) { return std::system(command) == 0; }

bool make_pair() {
    for (const char* end : {"default", "all"})
        std::ofstream(std::string("/proc/sys/net/ipv6/conf/") + end + "/disable_ipv6") << "1";
    return run("ip link add soak0 type veth peer name soak1") && run("ip link set soak0 up") &&
           run("ip link set soak1 up");
}

/// Frames that the kernel took for sending.
std::uint64_t send_steadily(double seconds, double frames_a_second) {
    const int raw = socket(AF_PACKET, SOCK_RAW, 0);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex("soak1"));
    if (bind(raw, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 0;
    Traffic traffic(leg_count);
    std::vector<std::array<std::uint8_t, 256>> frames(batch_frames);
    std::array<mmsghdr, batch_frames> messages{};
    std::array<iovec, batch_frames> pieces{};
    const auto begin = Clock::now();
    std::uint64_t sent = 0;
    const auto total = static_cast<std::uint64_t>(seconds * frames_a_second);
    while (sent < total) {
        const auto due =
            begin + std::chrono::nanoseconds(static_cast<long>(static_cast<double>(sent) / frames_a_second * 1e9));
        std::this_thread::sleep_until(due);
        for (unsigned i = 0; i < batch_frames; ++i) {
            pieces[i] = {frames[i].data(), traffic.next(frames[i].data())};
            messages[i].msg_hdr.msg_iov = &pieces[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        for (unsigned done = 0; done < batch_frames;) {
            const int now = sendmmsg(raw, messages.data() + done, batch_frames - done, 0);
            if (now > 0) done += static_cast<unsigned>(now);
        }
        sent += batch_frames;
    }
    close(raw);
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    std::printf("sent %lu frames in %.1f s: %.0f a second\n", sent, took, static_cast<double>(sent) / took);
    return sent;
}

std::uint64_t count_of(const Pipeline& pipeline, std::string_view name) {
    for (const NamedCount& count : pipeline.counters())
        if (count.name == name) return count.value;
    return 0;
}

int account(std::uint64_t sent, const PacketSource& source, const Pipeline& pipeline) {
    const SourceCounters counters = source.counters();
    const std::uint64_t seen = count_of(pipeline, "packets_received");
    const std::uint64_t dropped = counters.missed_by_nic + counters.dropped_by_kernel + counters.errors;
    const auto missing = static_cast<std::int64_t>(sent - seen - dropped);
    std::printf("seen %lu, of them on legs %lu; counted as dropped %lu; unaccounted %ld\n", seen,
                count_of(pipeline, "packets_on_legs"), dropped, missing);
    return missing == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 60;
    const double rate = argc > 2 ? std::strtod(argv[2], nullptr) : 100'000;
    if (argc > 3 || !(seconds > 0) || !(rate > 0)) {
        std::fprintf(stderr, "usage: af_xdp_soak [SECONDS [PACKETS_PER_SECOND]], both above 0\n");
        return 2;
    }
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0 || !make_pair()) {
        std::printf("Skipped: needs root for a network namespace of its own\n");
        return 77;
    }
    auto ports = LivePorts::open({{{SourceKind::af_xdp, "soak0"}, 0, 1, 0}}, {false, 128});
    if (!ports) {
        std::printf("af_xdp_soak: %s\n", ports.error().sentence.c_str());
        return 1;
    }
    PacketSource* source = (*ports)->sources()[0].source;
    PipelineSettings settings;
    settings.leg_count_max = 2 * leg_count;
    settings.populate_memory = true;
    auto worker = Worker::create(settings, {source}, real_time_ns);
    if (!worker) return 1;
    (*worker)->start();
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done) {
            while (!(*worker)->ring().front().empty()) (*worker)->ring().pop();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    const std::uint64_t sent = send_steadily(seconds, rate);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const int code = account(sent, *source, (*worker)->pipeline());
    (*worker)->stop();
    done = true;
    reader.join();
    return code;
}
