// SPDX-License-Identifier: Apache-2.0
// Back connections that an HTTP proxy shares between fronts, and those that are one front's own.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nat-trace/engine.h"
#include "tests/sim/journey.h"

namespace clew {
namespace {

using sim::Journey;
using sim::Truth;

constexpr TimeNs noon = 1'700'000'000 * ns_per_s;

/// What was asked on one connection, and when: by numbers.
struct Asked {
    int request;
    DurationNs after;
};

class SharedBackTest : public testing::Test {
  protected:
    SharedBackTest() {
        tenant = engine.add_tap({"tenant", "one"});
        edge = engine.add_tap({"edge", "one"});
        truth = Journey::tcp(world, "10.0.0.2:40001", "198.51.100.10:80", noon)
                    .tap(tenant)
                    .proxy("10.1.0.1:40001", "10.2.0.5:8080")
                    .tap(edge)
                    .done();
        for (Leg& leg : truth.legs) {
            leg.hint_count = 0;
            leg.end = LegEnd::fin;
            for (Flow& flow : leg.flows) flow.head = StreamHead{};
        }
    }
    Leg& front() { return truth.legs[0]; }
    Leg& back() { return truth.legs[1]; }

    static void ask(Leg& leg, const std::vector<Asked>& asked, bool ids = true) {
        for (const Asked& a : asked) {
            Hint hint;
            hint.time_ns = noon + a.after;
            hint.kind = HintKind::http_request;
            hint.length = 8;
            hint.bytes[0] = static_cast<std::uint8_t>(a.request);
            leg.add_hint(hint);
            if (!ids) continue;
            hint.kind = HintKind::request_id;
            hint.length = 16;
            leg.add_hint(hint);
        }
    }
    /// The back connection lives so long, from when it was opened.
    void set_back(DurationNs begun, DurationNs over) {
        const DurationNs later = noon + begun - back().first_ns;
        for (Flow& flow : back().flows) {
            for (TimeNs* t : {&flow.first_ns, &flow.last_ns, &flow.syn_ns, &flow.first_ack_ns, &flow.first_payload_ns})
                *t += *t != 0 ? later : 0;
            for (std::size_t n = 0; n < flow.sample_count; ++n) flow.samples[n].time_ns += later;
        }
        back().first_ns += later;
        back().last_ns = noon + over;
    }
    /// So that what the back one does not show may have been missed.
    void miss_bytes() {
        back().flow(Direction::to_server).marks.skip(back().flow(Direction::to_server).isn, 100, noon);
    }
    std::size_t links() {
        front().last_ns = noon + 100 * ns_per_ms;
        for (const Leg& leg : truth.legs) engine.add(leg);
        engine.finish();
        std::size_t count = 0;
        for (const Path& path : engine.drain())
            if (!path.retracted) count += path.links.size();
        return count;
    }

    Engine engine{EngineLimits{}};
    sim::World world{11};
    TapId tenant, edge;
    Truth truth;
};

constexpr DurationNs ms = ns_per_ms;

TEST_F(SharedBackTest, AllThatWasAskedCameThroughOneConnection) {
    ask(front(), {{1, ms}, {2, 50 * ms}});
    ask(back(), {{1, 2 * ms}, {2, 51 * ms}});
    set_back(ms + ms / 2, 100 * ms);
    EXPECT_EQ(links(), 1u);
}

TEST_F(SharedBackTest, FrontAskedOnAfterTheBackOneWasClosed) {
    ask(front(), {{1, ms}, {2, 50 * ms}});
    ask(back(), {{1, 2 * ms}});
    miss_bytes();
    set_back(ms + ms / 2, 10 * ms);
    EXPECT_EQ(links(), 0u);
}

TEST_F(SharedBackTest, TheSameAskedTwiceHasTwoIdsBehindAProxyThatGivesThem) {
    ask(front(), {{1, ms}}, false);
    ask(back(), {{1, 2 * ms}});
    Hint id = back().hints[1];  // the client sees the first alone, in its answer
    id.direction = Direction::to_client;
    front().add_hint(id);
    id.direction = Direction::to_server;
    id.bytes[0] = 77;
    id.time_ns += 10 * ms;
    back().add_hint(id);
    set_back(ms + ms / 2, 100 * ms);
    EXPECT_EQ(links(), 1u);
}

TEST_F(SharedBackTest, Http2CarriesTheSameRequestOfAnotherClientToo) {
    ask(front(), {{1, ms}});
    ask(back(), {{1, 2 * ms}});
    Hint id = back().hints[1];
    id.bytes[0] = 77;
    id.time_ns += 10 * ms;
    back().add_hint(id);
    back().app = App::http2;
    set_back(ms + ms / 2, 100 * ms);
    EXPECT_EQ(links(), 0u);
}

TEST_F(SharedBackTest, Http2OfOneClientAlone) {
    ask(front(), {{1, ms}, {2, 20 * ms}});
    ask(back(), {{1, 2 * ms}, {2, 21 * ms}});
    back().app = front().app = App::http2;
    set_back(ms + ms / 2, 100 * ms);
    EXPECT_EQ(links(), 1u);
}

TEST_F(SharedBackTest, AnotherOfTheFrontsRequestsIsNotThere) {
    ask(front(), {{1, ms}, {2, 30 * ms}});
    ask(back(), {{1, 2 * ms}});
    set_back(ms + ms / 2, 100 * ms);
    EXPECT_EQ(links(), 0u);
}

TEST_F(SharedBackTest, FrontHadAskedBeforeTheBackOneBegan) {
    ask(front(), {{1, ms}, {2, 50 * ms}});
    ask(back(), {{2, 51 * ms}});
    miss_bytes();
    set_back(50 * ms + ms / 2, 100 * ms);
    EXPECT_EQ(links(), 0u);
}

TEST_F(SharedBackTest, BackOneCarriedMoreThanTheFrontAsked) {
    ask(front(), {{1, ms}}, true);
    ask(back(), {{1, 2 * ms}, {2, 30 * ms}}, true);
    set_back(ms + ms / 2, 100 * ms);
    EXPECT_EQ(links(), 0u);
}

TEST_F(SharedBackTest, BackOneStoodBeforeTheFrontCame) {
    Hint id;  // answers alone show it, a moment apart
    id.kind = HintKind::request_id;
    id.direction = Direction::to_client;
    id.length = 16;
    for (Leg* leg : {&front(), &back()}) {
        id.time_ns = noon + 10 * ms - (leg == &back() ? 100 * ns_per_us : 0);
        leg->add_hint(id);
        leg->flow(Direction::to_server) = Flow{};
    }
    set_back(-300 * ms, 100 * ms);
    EXPECT_EQ(links(), 0u);
}

TEST_F(SharedBackTest, BackOneOpenedAheadIsItsOnlyFrontsOwn) {
    ask(front(), {{1, ms}, {2, 50 * ms}});
    ask(back(), {{1, 2 * ms}, {2, 51 * ms}});
    set_back(-300 * ms, 100 * ms);
    EXPECT_EQ(links(), 1u);
}

TEST_F(SharedBackTest, BackOneOpenedAheadMayHaveCarriedWhatWasMissed) {
    ask(front(), {{1, ms}, {2, 50 * ms}});
    ask(back(), {{1, 2 * ms}, {2, 51 * ms}});
    set_back(-300 * ms, 100 * ms);
    miss_bytes();
    EXPECT_EQ(links(), 0u);
}

TEST_F(SharedBackTest, AProcessThatAcceptedLateDoesNotMakeItsBackOneOlder) {
    truth = Journey::tcp(world, "10.0.0.2:40001", "198.51.100.10:80", noon)
                .tap(tenant)
                .socket(tenant, 1, 7, "haproxy")
                .http_proxy("10.1.0.1:40001", "10.2.0.5:8080", "id-one")
                .socket(tenant, 1, 7, "haproxy")
                .tap(edge)
                .done();
    for (Leg& leg : truth.legs)
        if (leg.observer == Observer::socket && leg.socket_role == SocketRole::server)
            leg.first_ns += 50 * ms, leg.flow(Direction::to_client).syn_ns = 0;
    EXPECT_EQ(links(), truth.legs.size() - 1);
}

TEST_F(SharedBackTest, RequestThatTheTapMissedSaysNothing) {
    ask(front(), {{1, ms}, {2, 30 * ms}});
    ask(back(), {{1, 2 * ms}});
    set_back(ms + ms / 2, 100 * ms);
    miss_bytes();
    EXPECT_EQ(links(), 1u);
}

}  // namespace
}  // namespace clew
