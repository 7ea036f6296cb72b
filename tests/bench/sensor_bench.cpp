// SPDX-License-Identifier: Apache-2.0
// The sensor's path from memory: decap, leg table, fingerprint, header ring. Frames of 64 to 128 bytes of TCP, half of
// them in VXLAN, over a number of active legs that all have their first packets behind them, in an order that no cache
// or prefetcher can guess. Frames are laid into packet buffers as a NIC would (written just before, 2304 bytes apart,
// so mostly in the last-level cache); that is not timed. The figure is the time for one packet.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/pipeline.h"
#include "nat-trace/check.h"
#include "tests/dataplane/frames.h"

namespace {

using namespace clew::sensor;
using namespace clew::sensor::frames;

struct Nowhere final : LegSink {
    bool offer(const clew::Leg&) override { return true; }
};

constexpr std::size_t frame_room_bytes = 128;

/// One frame for each leg in fixed places, and the order in which they come.
struct Traffic {
    explicit Traffic(std::uint32_t legs) : bytes(legs * frame_room_bytes), lengths(legs), order(legs) {
        for (std::uint32_t leg = 0; leg < legs; ++leg) {
            const Bytes frame = frame_of(leg);
            CLEW_CHECK(frame.size() <= frame_room_bytes);
            std::copy(frame.begin(), frame.end(), bytes.begin() + static_cast<std::ptrdiff_t>(leg * frame_room_bytes));
            lengths[leg] = static_cast<std::uint32_t>(frame.size());
            order[leg] = leg;
        }
        std::shuffle(order.begin(), order.end(), std::mt19937(1));
    }

    static std::string address(std::uint32_t net, std::uint32_t host) {
        return std::to_string(net) + "." + std::to_string(host >> 16 & 255) + "." + std::to_string(host >> 8 & 255) +
               "." + std::to_string(host & 255);
    }

    static Bytes frame_of(std::uint32_t leg) {
        const bool tunnel = leg % 2 == 1;
        const Bytes payload(tunnel ? leg % 25 : 10 + leg % 65, 'p');
        const Bytes inside = ipv4(address(10, leg / 16), address(11, leg % 64), {.id = static_cast<std::uint16_t>(leg)},
                                  tcp({.source = 1024 + leg % 60000,
                                       .destination = 443,
                                       .seq = leg,
                                       .ack = 1,
                                       .flags = ack,
                                       .payload = payload}));
        if (!tunnel) return ethernet(1, 2, 0x0800, inside);
        const Bytes outer = udp(49152 + leg % 8192, 4789, vxlan(100 + leg % 32, ethernet(3, 4, 0x0800, inside)));
        return ethernet(1, 2, 0x0800, ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, outer));
    }

    std::vector<std::uint8_t> bytes;
    std::vector<std::uint32_t> lengths;
    std::vector<std::uint32_t> order;
};

/// Lays frames into buffers in that order; sequence numbers and IP-IDs move on, so that nothing looks like a
/// repetition.
class Player {
  public:
    static constexpr std::size_t buffer_count = 4096, buffer_bytes = 2304, burst_count = 32;

    explicit Player(Traffic& traffic)
        : traffic_(traffic),
          buffers_(buffer_count * buffer_bytes),
          packets_(buffer_count),
          rounds_(traffic.order.size()) {}

    void fill() {
        for (std::size_t i = 0; i < buffer_count; ++i) {
            const std::uint32_t leg = traffic_.order[at_];
            at_ = at_ + 1 == traffic_.order.size() ? 0 : at_ + 1;
            std::uint8_t* to = buffers_.data() + i * buffer_bytes;
            std::copy_n(traffic_.bytes.data() + std::size_t{leg} * frame_room_bytes, frame_room_bytes, to);
            const std::size_t ip = leg % 2 == 1 ? 64 : 14;  // of the inner packet
            const std::uint32_t seq = __builtin_bswap32(rounds_[leg]++ * 128u);
            std::memcpy(to + ip + 24, &seq, sizeof seq);
            to[ip + 5] = static_cast<std::uint8_t>(rounds_[leg]);
            packets_[i].bytes = to;
            packets_[i].captured_length = packets_[i].wire_length = traffic_.lengths[leg];
            packets_[i].time_ns = now_ += 67;  // 15 million packets a second
        }
    }

    void play(Pipeline& pipeline) const {
        for (std::size_t i = 0; i < buffer_count; i += burst_count) {
            pipeline.receive({packets_.data() + i, burst_count});
            pipeline.advance(packets_[i].time_ns);
        }
    }

  private:
    Traffic& traffic_;
    std::size_t at_ = 0;
    clew::TimeNs now_ = 1'000'000 * clew::ns_per_s;
    std::vector<std::uint8_t> buffers_;
    std::vector<Packet> packets_;
    std::vector<std::uint32_t> rounds_;
};

std::uint64_t count_of(const Pipeline& pipeline, std::string_view name) {
    for (const NamedCount& count : pipeline.counters())
        if (count.name == name) return count.value;
    return 0;
}

/// Of this thread: other load of the machine is left out, but for what it does to caches.
double processor_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void ns_per_packet(benchmark::State& state, std::uint32_t legs) {
    Nowhere sink;
    PipelineSettings settings;
    settings.leg_count_max = legs + legs / 4;
    settings.populate_memory = true;
    auto pipeline = Pipeline::create(settings, sink);
    CLEW_CHECK(pipeline);
    Traffic traffic(legs);
    Player player(traffic);
    for (std::uint64_t sent = 0; sent < 17ull * legs; sent += Player::buffer_count) {  // the studied packets go by
        player.fill();
        player.play(**pipeline);
    }
    double seconds = 0;
    for (auto _ : state) {
        player.fill();
        const double begin = processor_seconds();
        player.play(**pipeline);
        const double took = processor_seconds() - begin;
        state.SetIterationTime(took);
        seconds += took;
    }
    CLEW_CHECK(count_of(**pipeline, "legs_started") == legs && count_of(**pipeline, "packets_mirrored_twice") == 0);
    const double packets = static_cast<double>(state.iterations()) * Player::buffer_count;
    state.counters["value"] = seconds * 1e9 / packets;
    state.SetLabel(
        "ns; decap, leg table, fingerprint and header ring from memory, bursts of 32, half in VXLAN, 64-128 B frames, "
        "thread CPU time");
}

BENCHMARK_CAPTURE(ns_per_packet, legs_10k, 10'000)
    ->Name("sensor.ns_per_packet.legs_10k")
    ->UseManualTime()
    ->Iterations(500);
BENCHMARK_CAPTURE(ns_per_packet, legs_100k, 100'000)
    ->Name("sensor.ns_per_packet.legs_100k")
    ->UseManualTime()
    ->Iterations(500);
BENCHMARK_CAPTURE(ns_per_packet, legs_1m, 1'000'000)
    ->Name("sensor.ns_per_packet.legs_1m")
    ->UseManualTime()
    ->Iterations(500);

}  // namespace

BENCHMARK_MAIN();
