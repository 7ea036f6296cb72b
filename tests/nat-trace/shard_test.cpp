// SPDX-License-Identifier: Apache-2.0
// Several linkers together find what one finds alone.
#include "nat-trace/shard.h"

#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "nat-trace/engine.h"
#include "tests/sim/region_world.h"
#include "tests/sim/score.h"

namespace clew {
namespace {

/// Legs and kinds of every live path. Bits are left out: how common a value is depends on what else a linker sees.
using Shape = std::multiset<std::vector<std::string>>;

class Linkers {
  public:
    Linkers(const sim::Region& region, std::uint32_t count) : counts_(count) {
        for (std::uint32_t n = 0; n < count; ++n) {
            engines_.emplace_back(EngineLimits{});
            for (const Tap& tap : region.taps) engines_.back().add_tap(tap);
        }
    }
    void add(std::uint32_t shard, const Leg& leg) {
        engines_[shard].add(leg);
        ++counts_[shard];
    }
    void tick(TimeNs now) {
        for (Engine& engine : engines_) {
            engine.tick(now);
            sim::keep_latest(engine.drain(), live_);
        }
    }
    Shape finish() {
        for (Engine& engine : engines_) {
            engine.finish();
            sim::keep_latest(engine.drain(), live_);
        }
        Shape out;
        for (const auto& [id, path] : live_) {
            std::vector<std::string> line;
            for (const PathLeg& leg : path.legs) line.push_back(std::to_string(leg.leg));
            for (const Link& link : path.links) line.emplace_back(to_text(link.kind));
            out.insert(line);
        }
        return out;
    }
    const std::vector<std::size_t>& counts() const { return counts_; }

  private:
    std::vector<Engine> engines_;
    std::vector<std::size_t> counts_;
    std::map<PathId, Path> live_;
};

Shape run(const sim::Region& region, std::uint32_t count, ShardCounters* counters = nullptr,
          std::vector<std::size_t>* shares = nullptr) {
    Linkers linkers(region, count);
    ShardRouter router(count, ShardLimits{});
    const auto deliver = [&](std::uint32_t shard, const Leg& leg) { linkers.add(shard, leg); };
    TimeNs next_tick = 0;
    for (const Leg& leg : region.legs_in_time()) {
        router.add(leg, leg.last_ns);
        if (leg.last_ns < next_tick) continue;
        next_tick = leg.last_ns + 100 * ns_per_ms;
        router.release(leg.last_ns, deliver);
        linkers.tick(leg.last_ns);
    }
    router.flush(deliver);
    if (counters != nullptr) *counters = router.counters();
    if (shares != nullptr) *shares = linkers.counts();
    return linkers.finish();
}

class ShardTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ShardTest, FourLinkersFindWhatOneFinds) {
    sim::RegionSettings settings;
    settings.seed = GetParam();
    settings.journeys = 2'000;
    settings.journeys_per_second = 500;
    const sim::Region region = sim::make_region(settings);
    ShardCounters counters;
    std::vector<std::size_t> shares;
    const Shape four = run(region, 4, &counters, &shares);
    EXPECT_EQ(four, run(region, 1));
    std::cout << counters.legs << " legs, " << counters.seams << " seams, " << counters.keys_unbound
              << " keys too common\n";
    for (const std::size_t share : shares) {
        EXPECT_GT(share, counters.legs / 8) << "the work is spread";
        EXPECT_LT(share, counters.legs / 2);
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ShardTest, testing::Range<std::uint64_t>(1, 7));

TEST(ShardRouters, ALegGoesToOneLinkerForEver) {
    sim::RegionSettings settings;
    settings.journeys = 300;
    const sim::Region region = sim::make_region(settings);
    ShardRouter router(4, ShardLimits{});
    std::map<LegId, std::uint32_t> went;
    const auto deliver = [&](std::uint32_t shard, const Leg& leg) {
        const auto [at, is_new] = went.emplace(leg.id, shard);
        EXPECT_EQ(at->second, shard);
    };
    for (int round = 0; round < 3; ++round)
        for (const Leg& leg : region.legs_in_time()) {
            router.add(leg, leg.last_ns + round * ns_per_s);
            router.release(leg.last_ns + round * ns_per_s, deliver);
        }
    router.flush(deliver);
    EXPECT_EQ(went.size(), region.legs_in_time().size());
}

TEST(ShardRouters, AKeyThatACrowdSharesBindsNoMore) {
    ShardRouter router(4, ShardLimits{});
    std::set<std::uint32_t> shards;
    for (LegId id = 1; id <= 2000; ++id) {
        Leg leg;
        leg.id = id;
        leg.client = {IpAddress::from_v4(0x0a000000 + static_cast<std::uint32_t>(id)), 40000};
        leg.flow(Direction::to_server).isn_from = IsnFrom::syn;
        leg.flow(Direction::to_server).isn = 0x2a2a2a2a;
        router.add(leg, static_cast<TimeNs>(id));
    }
    router.flush([&](std::uint32_t shard, const Leg&) { shards.insert(shard); });
    EXPECT_EQ(shards.size(), 4u);
    EXPECT_EQ(router.counters().keys_unbound, 1u);
}

TEST(ShardRouters, HeldLegsAreBounded) {
    ShardLimits limits;
    limits.held_leg_count_max = 10;
    ShardRouter router(2, limits);
    std::size_t delivered = 0;
    for (LegId id = 1; id <= 50; ++id) {
        Leg leg;
        leg.id = id;
        router.add(leg, 1000);
        router.release(1000, [&](std::uint32_t, const Leg&) { ++delivered; });
    }
    EXPECT_EQ(delivered, 40u);
    EXPECT_EQ(router.counters().released_early, 40u);
}

}  // namespace
}  // namespace clew
