// SPDX-License-Identifier: Apache-2.0
// The sensor's path from memory, whole: receive, decap, leg table, TCP analysis, fingerprint, header record, expiry and
// leg records, over a number of active legs that all have their studied first packets behind them. The figure is the
// time of this thread for one packet. Beside it, of the same run: receiving from the same source alone, headers
// touched.
#include <benchmark/benchmark.h>

#include <ctime>
#include <fstream>
#include <memory>
#include <string>

#include "dataplane/pipeline.h"
#include "nat-trace/check.h"
#include "tests/bench/ring_source.h"
#include "tests/bench/sensor_traffic.h"

namespace {

using namespace clew::sensor;

constexpr std::size_t burst_count = 32;
constexpr std::uint32_t studied_rounds = 32;  // more than a side's studied packets and payloads, on both sides

struct Nowhere final : LegSink {
    bool offer(const clew::Leg&) override { return true; }
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

/// A pipeline with its legs running. Made once for a number of legs: a million studied legs take a while.
struct Running {
    explicit Running(std::uint32_t legs) : traffic(legs), source(traffic) {
        PipelineSettings settings;
        settings.leg_count_max = legs + legs / 16;
        settings.populate_memory = true;
        auto made = Pipeline::create(settings, sink);
        CLEW_CHECK(made);
        pipeline = std::move(*made);
        traffic.set_only_data_rounds(studied_rounds);
        traffic.set_only_data(true);
        for (std::uint64_t sent = 0; sent < std::uint64_t{studied_rounds} * legs; sent += MemorySource::buffer_count) {
            source.fill();
            run(source);
        }
        traffic.set_only_data(false);
    }

    /// The same pipeline over another source, and that source alone with its packets' headers touched.
    void run(PacketSource& from) {
        while (const std::size_t count = from.receive(burst)) {
            pipeline->receive({burst.data(), count});
            from.release();
            pipeline->advance(burst[count - 1].time_ns);
        }
    }
    void receive_alone(PacketSource& from) {
        while (const std::size_t count = from.receive(burst)) {
            for (std::size_t i = 0; i < count; ++i) __builtin_prefetch(burst[i].bytes);
            for (std::size_t i = 0; i < count; ++i) touched += burst[i].bytes[12];
            from.release();
        }
    }

    Nowhere sink;
    Traffic traffic;
    MemorySource source;
    std::unique_ptr<Pipeline> pipeline;
    std::array<Packet, burst_count> burst;
    unsigned touched = 0;
};

bool fits(std::uint32_t legs) {
    PipelineSettings settings;
    settings.leg_count_max = legs + legs / 16;
    std::ifstream meminfo("/proc/meminfo");
    std::string key, rest;
    std::size_t kb = 0;
    while (meminfo >> key >> kb && std::getline(meminfo, rest))
        if (key == "MemAvailable:") return Pipeline::memory_bytes(settings) + (std::size_t{1} << 30) < kb << 10;
    return true;
}

/// One at a time: the largest takes most of a machine. Null where there is not enough memory.
Running* running(std::uint32_t legs) {
    static std::unique_ptr<Running> one;
    if (one && one->traffic.legs() == legs) return one.get();
    one.reset();
    if (fits(legs)) one = std::make_unique<Running>(legs);
    return one.get();
}

void ns_per_packet(benchmark::State& state, std::uint32_t legs) {
    Running* const made = running(legs);
    if (!made) return state.SkipWithError("not enough memory on this machine for so many legs");
    Running& sensor = *made;
    double seconds = 0;
    for (auto _ : state) {
        sensor.source.fill();
        const double begin = processor_seconds();
        sensor.run(sensor.source);
        const double took = processor_seconds() - begin;
        state.SetIterationTime(took);
        seconds += took;
    }
    CLEW_CHECK(count_of(*sensor.pipeline, "legs_started") == legs);
    CLEW_CHECK(count_of(*sensor.pipeline, "packets_mirrored_twice") == 0);
    state.counters["value"] = seconds * 1e9 / (static_cast<double>(state.iterations()) * MemorySource::buffer_count);
    state.SetLabel(
        "ns; receive, decap, leg table, TCP analysis, fingerprint, header record, leg records; from memory, bursts of "
        "32, half in VXLAN, 64-128 B frames, thread CPU time");
}

/// Both by turns from a DPDK port over a ring in memory.
void ratio_to_receive(benchmark::State& state, std::uint32_t legs) {
    static const std::unique_ptr<RingSource> ring = RingSource::create();
    if (!ring) return state.SkipWithError("DPDK does not start here");
    Running* const made = running(legs);
    if (!made) return state.SkipWithError("not enough memory on this machine for so many legs");
    Running& sensor = *made;
    Traffic others(legs);  // what is only received must not be missing from the connections
    double whole = 0, alone = 0;
    for (auto _ : state) {
        ring->fill(sensor.traffic);
        const double begin = processor_seconds();
        sensor.run(ring->source());
        const double took = processor_seconds() - begin;
        state.SetIterationTime(took);
        whole += took;
        ring->fill(others);
        const double second = processor_seconds();
        sensor.receive_alone(ring->source());
        alone += processor_seconds() - second;
    }
    benchmark::DoNotOptimize(sensor.touched);
    const double packets = static_cast<double>(state.iterations()) * RingSource::packet_count;
    state.counters["value"] = whole / alone;
    state.counters["whole_ns"] = whole * 1e9 / packets;
    state.counters["receive_ns"] = alone * 1e9 / packets;
    state.SetLabel(
        "x; all of that for a packet to receiving it alone, headers touched, by turns from one net_ring port");
}

BENCHMARK_CAPTURE(ns_per_packet, legs_100k, 100'000)
    ->Name("sensor.ns_per_packet.legs_100k")
    ->UseManualTime()
    ->Iterations(500);
BENCHMARK_CAPTURE(ratio_to_receive, legs_100k, 100'000)
    ->Name("sensor.ratio_to_receive")
    ->UseManualTime()
    ->Iterations(500);
BENCHMARK_CAPTURE(ns_per_packet, legs_1m, 1'000'000)
    ->Name("sensor.ns_per_packet.legs_1m")
    ->UseManualTime()
    ->Iterations(500);
BENCHMARK_CAPTURE(ns_per_packet, legs_10m, 10'000'000)
    ->Name("sensor.ns_per_packet.legs_10m")
    ->UseManualTime()
    ->Iterations(500);

}  // namespace

BENCHMARK_MAIN();
