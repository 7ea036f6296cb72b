// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "tests/dataplane/frames.h"

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
        const Leg* leg = (*worker)->ring().front();
        if (!leg) {
            std::this_thread::yield();
            continue;
        }
        if (leg->phase == LegPhase::ended) ended.insert(leg->id);
        some = leg->id;
        (*worker)->ring().pop();
        if (ended.size() % 1000 == 0) {
            std::string partial;
            (*worker)->pipeline().headers({&some, 1}, 0, 0, 10, partial);
            (*worker)->pipeline().counters();
        }
    }
    while (!(*worker)->at_end()) std::this_thread::yield();
    (*worker)->stop();
    EXPECT_EQ((*worker)->ring().front(), nullptr);
}

TEST(LegRing, FullIsAnAnswerAndOrderIsKept) {
    LegRing ring(3);
    Leg leg;
    for (leg.id = 1; leg.id <= 3; ++leg.id) EXPECT_TRUE(ring.push(leg));
    EXPECT_FALSE(ring.push(leg));
    for (LegId id = 1; id <= 3; ++id) {
        ASSERT_NE(ring.front(), nullptr);
        EXPECT_EQ(ring.front()->id, id);
        ring.pop();
    }
    EXPECT_EQ(ring.front(), nullptr);
}

}  // namespace
}  // namespace clew::sensor
