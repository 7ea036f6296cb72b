// SPDX-License-Identifier: Apache-2.0
// A day of traffic, with time as a parameter: nothing leaks, the counts add up, a full table is counted.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "dataplane/pipeline.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

using namespace frames;

constexpr DurationNs day_ns = 24 * 3600 * ns_per_s;

struct Told final : LegSink {
    std::uint64_t ended = 0, packets = 0, duplicates = 0;
    std::map<LegId, LegPhase> phases;
    bool offer(const Leg& leg) override {
        const auto [at, fresh] = phases.emplace(leg.id, leg.phase);
        EXPECT_NE(fresh ? LegPhase::opened : at->second, LegPhase::ended) << "told after its end";
        at->second = leg.phase;
        if (leg.phase != LegPhase::ended) return true;
        ++ended;
        packets += leg.flows[0].packets + leg.flows[1].packets;
        duplicates += leg.duplicates;
        phases.erase(at);
        return true;
    }
};

std::map<std::string, std::uint64_t> counts_of(const Pipeline& pipeline) {
    std::map<std::string, std::uint64_t> counts;
    for (const NamedCount& count : pipeline.counters()) counts[std::string(count.name)] = count.value;
    return counts;
}

/// Short and long connections, requests, pings; some of what real networks break.
Bytes any_frame(std::mt19937& random, std::uint32_t step) {
    const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
    const std::string client = "10." + std::to_string(below(4)) + ".0." + std::to_string(1 + below(250));
    const std::string server = "10.9.9." + std::to_string(1 + below(5));
    const bool back = below(2) != 0;
    const unsigned client_port = 1024 + below(300);
    Bytes inner;
    unsigned protocol = 6;
    switch (below(8)) {
        case 0:
            protocol = 17;
            inner = back ? udp(53, client_port, Bytes(20, 'd')) : udp(client_port, 53, Bytes(20, 'd'));
            break;
        case 1:
            protocol = 1;
            inner = icmp_echo(!back, below(20), step, {});
            break;
        default: {
            const unsigned flags[] = {16, 16, 16, 24, 24, 2, 18, 17, 4};
            inner = tcp({.source = back ? 80 : client_port,
                         .destination = back ? client_port : 80,
                         .seq = below(1u << 31),
                         .ack = below(1u << 31),
                         .flags = flags[below(9)],
                         .payload = Bytes(below(60), 'x')});
        }
    }
    const Ip ip{.protocol = protocol, .id = static_cast<std::uint16_t>(step)};
    Bytes packet = back ? ipv4(server, client, ip, inner) : ipv4(client, server, ip, inner);
    if (below(50) == 0) packet.resize(below(static_cast<std::uint32_t>(packet.size())));
    Bytes frame = ethernet(back ? 2 : 1, back ? 1 : 2, 0x0800, packet);
    if (below(3) == 0)
        frame = ethernet(5, 6, 0x0800,
                         ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, udp(5, 4789, vxlan(below(90), frame))));
    return frame;
}

TEST(ADay, NothingLeaksAndEveryPacketIsAccountedFor) {
    std::mt19937 random(static_cast<std::uint32_t>(printed_seed()));
    Told told;
    PipelineSettings settings{.leg_count_max = 200, .segment_count_max = 32, .header_count_max = 1000};
    auto pipeline = Pipeline::create(settings, told);
    ASSERT_TRUE(pipeline);
    constexpr std::uint32_t steps = 300'000;
    TimeNs now = 1'700'000'000 * ns_per_s;
    for (std::uint32_t step = 0; step < steps; ++step) {
        now += static_cast<DurationNs>(random() % (2 * static_cast<std::uint64_t>(day_ns) / steps));
        if (step % 5000 == 0) now += 400 * ns_per_s;  // a night's quiet: everything expires
        Bytes frame = any_frame(random, step);
        const unsigned copies = random() % 100 == 0 ? 2 : 1;
        for (unsigned i = 0; i < copies; ++i) {
            const Packet packet = packet_of(frame, now);
            (*pipeline)->receive({&packet, 1});
        }
        (*pipeline)->advance(now);
    }
    (*pipeline)->flush();
    auto counts = counts_of(**pipeline);
    std::uint64_t refused = 0;
    for (const NamedCount& count : (*pipeline)->counters())
        for (const char* where :
             {"truncated", "unsupported", "bad", "fragments", "not_echo", "too_many", "segments_full"})
            if (count.name.find(where) != std::string_view::npos) {
                refused += count.value;
                break;
            }
    EXPECT_EQ(counts["packets_received"], counts["packets_on_legs"] + refused);
    EXPECT_EQ(counts["packets_on_legs"], told.packets + told.duplicates) << "every packet is told with a leg";
    EXPECT_EQ(counts["packets_mirrored_twice"], told.duplicates);
    EXPECT_EQ(counts["legs_started"], counts["legs_ended"]);
    EXPECT_EQ(counts["legs_started"], told.ended);
    EXPECT_TRUE(told.phases.empty()) << "a leg was opened and never ended";
    EXPECT_GT(counts["legs_evicted"], 0u);
    EXPECT_GT(counts["segments_full"], 0u);
}

}  // namespace
}  // namespace clew::sensor
