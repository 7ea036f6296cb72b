// SPDX-License-Identifier: Apache-2.0
// Packets over several workers, and several ports into one: nothing lost, nothing told twice, the same legs.
#include "dataplane/steer.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "dataplane/worker.h"
#include "tests/dataplane/frames.h"
#include "tests/dataplane/legs_told.h"

namespace clew::sensor {
namespace {

using namespace frames;

/// Frames of connections in both directions, half of them in a tunnel that the way back also takes, from one seed.
std::vector<Bytes> conversation(unsigned connections, unsigned rounds) {
    std::vector<Bytes> all;
    std::mt19937 random(7);
    std::vector<std::array<std::uint32_t, 2>> next(connections, {1000, 9000});
    for (unsigned i = 0; i < connections * rounds; ++i) {
        const unsigned c = random() % connections;
        const bool back = random() % 2 != 0;
        const std::string client = "10.0." + std::to_string(c / 200) + "." + std::to_string(1 + c % 200);
        const Bytes payload(random() % 90, 'x');
        Tcp segment{.source = 30000 + c,
                    .destination = 80,
                    .seq = next[c][back],
                    .ack = next[c][!back],
                    .flags = 16,
                    .payload = payload};
        if (back) std::swap(segment.source, segment.destination);
        next[c][back] += static_cast<std::uint32_t>(payload.size());
        const Ip ip{.id = static_cast<std::uint16_t>(i + 1)};
        const Bytes inner =
            back ? ipv4("10.9.9.9", client, ip, tcp(segment)) : ipv4(client, "10.9.9.9", ip, tcp(segment));
        Bytes frame = ethernet(back ? 2 : 1, back ? 1 : 2, 0x0800, inner);
        if (c % 2 == 1) {
            const Bytes outer = udp(40000 + random() % 1000, 4789, vxlan(100 + c % 3, frame));
            frame = ethernet(
                5, 6, 0x0800,
                ipv4(back ? "192.0.2.2" : "192.0.2.1", back ? "192.0.2.1" : "192.0.2.2", {.protocol = 17}, outer));
        }
        all.push_back(std::move(frame));
    }
    return all;
}

/// Lends given frames once, a microsecond apart.
class Frames final : public PacketSource {
  public:
    explicit Frames(const std::vector<Bytes>& frames) : frames_(frames) {}
    std::size_t receive(std::span<Packet> burst) override {
        std::size_t count = 0;
        for (; count < burst.size() && at_ < frames_.size(); ++count, ++at_)
            burst[count] = packet_of(frames_[at_], ns_per_s + static_cast<TimeNs>(at_) * ns_per_us);
        return count;
    }
    void release() override {}
    bool at_end() const override { return at_ == frames_.size(); }
    SourceCounters counters() const override { return {}; }

  private:
    const std::vector<Bytes>& frames_;
    std::size_t at_ = 0;
};

/// What a leg's last record says, but for its id and revision.
std::map<std::string, Leg> ended_legs(std::vector<std::unique_ptr<Worker>>& workers) {
    std::map<std::string, Leg> legs;
    const auto take = [&] {
        for (const auto& worker : workers)
            while (!worker->ring().front().empty()) {
                Leg leg = leg_of(worker->ring().front());
                worker->ring().pop();
                if (leg.phase != LegPhase::ended) continue;
                leg.id = leg.revision = 0;
                const bool fresh = legs.emplace(to_text(leg.client) + ">" + to_text(leg.server), leg).second;
                EXPECT_TRUE(fresh) << "told twice: " << to_text(leg.client);
            }
    };
    for (const auto& worker : workers)
        while (!worker->at_end()) take();
    take();
    return legs;
}

std::map<std::string, Leg> legs_by(std::size_t worker_count, const std::vector<Bytes>& frames) {
    Frames source(frames);
    auto steer = Steer::create({&source}, worker_count, {}, true);
    EXPECT_TRUE(steer);
    std::vector<std::unique_ptr<Worker>> workers;
    for (std::size_t i = 0; i < worker_count; ++i) {
        PipelineSettings settings{.leg_count_max = 1000, .header_count_max = 0};
        settings.worker = static_cast<std::uint16_t>(i);
        auto worker = Worker::create(settings, {&(*steer)->queue(i)}, nullptr);
        EXPECT_TRUE(worker);
        workers.push_back(std::move(*worker));
        workers.back()->start();
    }
    (*steer)->start();
    auto legs = ended_legs(workers);
    for (const auto& worker : workers) worker->stop();
    (*steer)->stop();
    EXPECT_EQ((*steer)->counters().steered, frames.size());
    EXPECT_EQ((*steer)->counters().ring_full, 0u);
    return legs;
}

TEST(Steer, TwoWorkersTellWhatOneTells) {
    const auto frames = conversation(300, 40);
    const auto one = legs_by(1, frames), two = legs_by(2, frames), three = legs_by(3, frames);
    EXPECT_EQ(one.size(), 300u);
    EXPECT_TRUE(one == two);
    EXPECT_TRUE(one == three);
}

TEST(Steer, BothDirectionsAndBothSidesOfATunnelGoTheSameWay) {
    const Bytes there = ipv4("10.0.0.7", "10.0.0.9", {}, tcp({.source = 4000, .destination = 80}));
    const Bytes back = ipv4("10.0.0.9", "10.0.0.7", {}, tcp({.source = 80, .destination = 4000}));
    const Bytes tunnel = ethernet(
        1, 2, 0x0800,
        ipv4("192.0.2.1", "192.0.2.2", {.protocol = 17}, udp(5, 4789, vxlan(7, ethernet(3, 4, 0x0800, back)))));
    Decapped decapped;
    const std::uint32_t hash = steer_hash(packet_of(ethernet(1, 2, 0x0800, there)), {}, decapped);
    EXPECT_EQ(steer_hash(packet_of(ethernet(9, 8, 0x0800, back)), {}, decapped), hash);
    EXPECT_EQ(steer_hash(packet_of(tunnel), {}, decapped), hash);
    const Bytes other = ipv4("10.0.0.7", "10.0.0.9", {}, tcp({.source = 4001, .destination = 80}));
    EXPECT_NE(steer_hash(packet_of(ethernet(1, 2, 0x0800, other)), {}, decapped), hash);
}

TEST(Steer, AFullRingIsCountedAndLongFramesAreCut) {
    SteeredQueue queue;
    ASSERT_TRUE(queue.allocate());
    const Bytes frame = ethernet(1, 2, 0x0800, Bytes(3000, 'x'));
    for (std::size_t i = 0; i < steer_frame_count_max; ++i) ASSERT_TRUE(queue.push(packet_of(frame)));
    EXPECT_FALSE(queue.push(packet_of(frame)));
    std::array<Packet, 2> burst;
    ASSERT_EQ(queue.receive(burst), 2u);
    EXPECT_EQ(burst[0].captured_length, steer_frame_bytes_max);
    EXPECT_EQ(burst[0].wire_length, frame.size());
    queue.release();
    EXPECT_TRUE(queue.push(packet_of(frame)));
}

TEST(TimeMerge, PortsAreMergedInTimeAndTheLateAreKept) {
    TimeMerge merge(3);
    const auto lend = [&](std::size_t source, std::initializer_list<TimeNs> times) {
        std::size_t i = 0;
        for (const TimeNs time : times) {
            merge.room(source)[i] = {};
            merge.room(source)[i].tap = static_cast<TapId>(source);
            merge.room(source)[i++].time_ns = time;
        }
        merge.set_count(source, times.size());
    };
    lend(0, {10, 20, 40});
    lend(1, {});
    lend(2, {5, 20, 30});
    std::vector<std::pair<TimeNs, TapId>> order;
    for (const Packet& packet : merge.merge()) order.emplace_back(packet.time_ns, packet.tap);
    EXPECT_EQ(order, (std::vector<std::pair<TimeNs, TapId>>{{5, 2}, {10, 0}, {20, 0}, {20, 2}, {30, 2}, {40, 0}}));
    lend(0, {});
    lend(1, {1});  // late: behind what was given before
    lend(2, {50});
    EXPECT_EQ(merge.merge().size(), 2u);
    EXPECT_EQ(merge.merge()[0].time_ns, 1);
}

}  // namespace
}  // namespace clew::sensor
