// SPDX-License-Identifier: Apache-2.0
// Proxies that their client tells where to.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "nat-trace/engine.h"
#include "tests/nat-trace/leg_views.h"
#include "tests/sim/journey.h"

namespace clew {
namespace {

using sim::Journey;
using sim::Truth;

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

class ToldProxyTest : public testing::Test {
  protected:
    ToldProxyTest() { start_anew(); }
    void start_anew() {
        engine = Engine(EngineLimits{});
        tenant = engine.add_tap({"tenant", "one"});
        edge = engine.add_tap({"edge", "one"});
    }

    /// Both sides say `words`, behind what the proxy was told.
    Truth proxied(int n, std::string_view target, std::uint64_t words) {
        const std::string port = std::to_string(40'000 + n), number = std::to_string(n + 2);
        Truth truth = Journey::tcp(world, "10.0.0." + number + ":" + port, "198.51.100." + number + ":1080",
                                   noon + n * 300 * ns_per_us)
                          .tap(tenant)
                          .proxy("10.1.0." + number + ":" + port, target)
                          .tap(edge)
                          .done();
        for (Leg& leg : truth.legs) {
            leg.hint_count = 0;
            for (std::size_t d = 0; d < direction_count; ++d) {
                leg.flows[d].head.length = 200;
                leg.flows[d].head.hash_all = (words + d) * 0x9e3779b97f4a7c15ULL;
            }
        }
        // The proxy passes the answer on some time after it came.
        Leg& front = truth.legs[0];
        Flow& answer = front.flow(Direction::to_client);
        for (std::size_t k = 0; k < answer.sample_count; ++k) answer.samples[k].time_ns += ns_per_ms;
        front.last_ns += ns_per_ms;
        return truth;
    }

    static void tell(Leg& front, std::string_view target, DurationNs after = 100) {
        const Endpoint end = sim::at(target);
        Hint hint;
        hint.kind = HintKind::asked_target;
        hint.length = 18;
        std::copy(end.ip.bytes.begin(), end.ip.bytes.end(), hint.bytes.begin());
        hint.bytes[16] = static_cast<std::uint8_t>(end.port >> 8);
        hint.bytes[17] = static_cast<std::uint8_t>(end.port);
        hint.time_ns = front.first_ns + after;
        front.add_hint(hint);
    }

    std::vector<Path> run(const std::vector<Truth>& truths) { return paths_of(engine, truths); }
    static bool is_one(const Path& path, const Truth& truth) {
        return path.legs.size() == 2 && path.legs[0].leg == truth.legs[0].id && path.legs[1].leg == truth.legs[1].id;
    }

    Engine engine{EngineLimits{}};
    sim::World world{11};
    TapId tenant = 0, edge = 0;
};

TEST_F(ToldProxyTest, TwoThatSayTheSameAtOnceAreToldApartByWhereTheyWantedTo) {
    for (const bool told : {false, true}) {
        start_anew();
        std::vector<Truth> truths = {proxied(0, "10.2.0.5:6379", 7), proxied(1, "10.2.0.6:6379", 7)};
        if (told) {
            tell(truths[0].legs[0], "10.2.0.5:6379");
            tell(truths[1].legs[0], "10.2.0.6:6379");
        }
        const auto paths = run(truths);
        if (!told) {
            for (const Path& path : paths) EXPECT_FALSE(is_one(path, truths[0])) << "nothing tells them apart";
            continue;
        }
        ASSERT_EQ(paths.size(), 2u);
        for (const Path& path : paths) {
            EXPECT_TRUE(is_one(path, truths[0]) || is_one(path, truths[1]));
            ASSERT_EQ(path.links.size(), 1u);
            EXPECT_TRUE(std::any_of(path.links[0].evidence.begin(), path.links[0].evidence.end(),
                                    [](const Evidence& e) { return e.by == EvidenceBy::asked_target && e.bits > 0; }));
        }
    }
}

TEST_F(ToldProxyTest, NothingIsOpenedBeforeItIsAskedFor) {
    for (const bool late : {false, true}) {
        start_anew();
        Truth truth = proxied(0, "10.2.0.5:6379", 7);
        tell(truth.legs[0], "10.2.0.5:6379", late ? 20 * ns_per_ms : 100);
        EXPECT_EQ(run({truth}).size(), late ? 2u : 1u);
    }
}

}  // namespace
}  // namespace clew
