// SPDX-License-Identifier: Apache-2.0
// A fixed run of the sensor's path for counting its instructions: callgrind collects inside clew_measured_part alone.
// Prints how many packets that was. tests/bench/instructions.py runs it and compares.
#include <array>
#include <cstdio>

#include "dataplane/pipeline.h"
#include "nat-trace/check.h"
#include "tests/bench/sensor_traffic.h"

using namespace clew::sensor;

namespace {

constexpr std::uint32_t leg_count = 2048;
constexpr std::uint32_t studied_rounds = 32;
constexpr int measured_fills = 4;

struct Nowhere final : LegSink {
    bool offer(const clew::Leg&) override { return true; }
};

}  // namespace

/// Named for callgrind's --toggle-collect.
extern "C" [[gnu::noinline]] void clew_measured_part(MemorySource& source, Pipeline& pipeline) {
    std::array<Packet, 32> burst;
    while (const std::size_t count = source.receive(burst)) {
        pipeline.receive({burst.data(), count});
        source.release();
        pipeline.advance(burst[count - 1].time_ns);
    }
}

int main() {
    Nowhere sink;
    PipelineSettings settings;
    settings.leg_count_max = 4096;
    settings.header_count_max = 4096;
    auto pipeline = Pipeline::create(settings, sink);
    CLEW_CHECK(pipeline);
    Traffic traffic(leg_count);
    MemorySource source(traffic);
    traffic.set_only_data_rounds(studied_rounds);
    traffic.set_only_data(true);
    std::array<Packet, 32> burst;
    for (std::uint32_t sent = 0; sent < studied_rounds * leg_count; sent += MemorySource::buffer_count) {
        source.fill();
        while (const std::size_t count = source.receive(burst)) (*pipeline)->receive({burst.data(), count});
    }
    traffic.set_only_data(false);
    for (int i = 0; i < measured_fills; ++i) {
        source.fill();
        clew_measured_part(source, **pipeline);
    }
    std::printf("%zu\n", measured_fills * MemorySource::buffer_count);
    return 0;
}
