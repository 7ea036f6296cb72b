// SPDX-License-Identifier: Apache-2.0
// The whole pipeline on raw frames: the input is a row of frames, each with two bytes of length, two of time and a tap.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dataplane/pipeline.h"
#include "nat-trace/check.h"

namespace {

struct Counting final : clew::sensor::LegSink {
    std::uint64_t packets = 0;
    bool offer(const clew::Leg& leg) override {
        CLEW_CHECK(leg.id != 0 && leg.revision != 0 && leg.hint_count <= clew::hint_count_max);
        CLEW_CHECK(leg.segment.layer_count <= clew::layer_count_max);
        for (const clew::Flow& flow : leg.flows) CLEW_CHECK(flow.sample_count <= clew::sample_count_max);
        if (leg.phase == clew::LegPhase::ended) packets += leg.flows[0].packets + leg.flows[1].packets + leg.duplicates;
        return true;
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
    using namespace clew::sensor;
    Counting sink;
    auto pipeline = Pipeline::create({.leg_count_max = 8, .segment_count_max = 4, .header_count_max = 32}, sink);
    CLEW_CHECK(pipeline);
    clew::TimeNs now = 1'000 * clew::ns_per_s;
    std::vector<std::uint8_t> frame;
    while (size >= 5) {
        const std::size_t length = std::min<std::size_t>(input[0] << 8 | input[1], size - 5);
        const clew::DurationNs step = input[2] << 8 | input[3];
        now += step * step * 1000;
        Packet packet;
        packet.tap = input[4] & 3;
        packet.wire_length = static_cast<std::uint32_t>(length + (input[4] >> 2));
        frame.assign(input + 5, input + 5 + length);  // a block of its own, so that any read beyond it is seen
        frame.shrink_to_fit();
        packet.bytes = frame.data();
        packet.captured_length = static_cast<std::uint32_t>(length);
        packet.time_ns = now;
        (*pipeline)->receive({&packet, 1});
        (*pipeline)->advance(now);
        input += 5 + length;
        size -= 5 + length;
    }
    (*pipeline)->flush();
    std::uint64_t on_legs = 0;
    for (const NamedCount& count : (*pipeline)->counters())
        if (count.name == "packets_on_legs") on_legs = count.value;
    CLEW_CHECK(on_legs == sink.packets);
    return 0;
}
