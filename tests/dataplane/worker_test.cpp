// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "tests/dataplane/frames.h"
#include "tests/dataplane/legs_told.h"

namespace clew::sensor {
namespace {

using namespace frames;

/// A finite source of one SYN for each of `count` ports.
class Syns final : public PacketSource {
  public:
    explicit Syns(unsigned count) : count_(count) {}
    std::size_t receive(std::span<Packet> burst) override {
        frames_.clear();
        std::size_t given = 0;
        for (; given < burst.size() && sent_ < count_; ++given, ++sent_) {
            frames_.push_back(ethernet(
                1, 2, 0x0800, ipv4("10.0.0.7", "10.0.0.9", {}, tcp({.source = 1024 + sent_ % 60000, .seq = sent_}))));
            burst[given] = packet_of(frames_.back(), ns_per_s + sent_ * ns_per_us);
        }
        return given;
    }
    void release() override { frames_.clear(); }
    bool at_end() const override { return sent_ == count_; }
    SourceCounters counters() const override { return {}; }

  private:
    unsigned count_;
    unsigned sent_ = 0;
    std::vector<Bytes> frames_;
};

TEST(Worker, AFilesLegsAllReachASlowReaderAndItsHeadersCanBeAskedMeanwhile) {
    constexpr unsigned count = 20'000;  // several times what the ring holds
    Syns source(count);
    auto worker = Worker::create({.leg_count_max = 1000, .header_count_max = 5000}, {&source}, nullptr);
    ASSERT_TRUE(worker) << worker.error().sentence;
    (*worker)->start();
    std::set<LegId> ended;
    LegId some = 0;
    while (ended.size() < count) {
        const std::string_view record = (*worker)->ring().front();
        if (record.empty()) {
            std::this_thread::yield();
            continue;
        }
        const Leg leg = leg_of(record);
        if (leg.phase == LegPhase::ended) ended.insert(leg.id);
        some = leg.id;
        (*worker)->ring().pop();
        if (ended.size() % 1000 == 0) {
            std::string partial;
            (*worker)->pipeline().headers({&some, 1}, 0, 0, 10, partial);
            (*worker)->pipeline().counters();
        }
    }
    while (!(*worker)->at_end()) std::this_thread::yield();
    (*worker)->stop();
    EXPECT_TRUE((*worker)->ring().front().empty());
}

Leg a_leg(LegId id) {
    Leg leg;
    leg.id = id;
    leg.client = {IpAddress::from_v4(0x0a000001), 1};
    leg.server = {IpAddress::from_v4(0x0a000002), 2};
    leg.first_ns = leg.last_ns = 1;
    leg.hint_count = static_cast<std::uint8_t>(id % hint_count_max);  // records of several lengths
    for (std::size_t i = 0; i < leg.hint_count; ++i) leg.hints[i].kind = HintKind::request_id;
    return leg;
}

TEST(LegRing, FullIsAnAnswerAndOrderIsKept) {
    LegRing ring(0);
    LegId pushed = 0;
    while (ring.push(a_leg(pushed + 1))) ++pushed;
    EXPECT_GT(pushed, 2u);
    EXPECT_FALSE(ring.push(a_leg(pushed + 1)));
    for (LegId id = 1; id <= pushed; ++id) {
        EXPECT_EQ(leg_of(ring.front()).id, id);
        ring.pop();
    }
    EXPECT_TRUE(ring.front().empty());
}

TEST(LegRing, RecordsAreWholeAllTheWayRound) {
    LegRing ring(100'000);
    LegId pushed = 0, popped = 0;
    for (int turn = 0; turn < 200; ++turn) {
        for (int i = 0; i < 37; ++i) pushed += ring.push(a_leg(pushed + 1)) ? 1 : 0;
        for (int i = 0; i < 35 && !ring.front().empty(); ++i) {
            const Leg leg = leg_of(ring.front());
            ring.pop();
            ASSERT_EQ(leg.id, ++popped);
            ASSERT_EQ(leg.hint_count, popped % hint_count_max);
        }
    }
    EXPECT_GT(popped, 1000u);
}

}  // namespace
}  // namespace clew::sensor
