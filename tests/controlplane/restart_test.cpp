// SPDX-License-Identifier: Apache-2.0
#include "controlplane/restart.h"

#include <gtest/gtest.h>

namespace clew::control {
namespace {

v1::Path path(const std::string& id, const std::vector<std::string>& legs, TimeNs last_ns = 1000) {
    v1::Path result;
    result.set_path_id(id);
    for (const std::string& leg : legs) {
        v1::PathLeg& out = *result.add_legs();
        out.set_leg_id(leg);
        out.set_last_ns(last_ns);
    }
    return result;
}

TEST(Restart, RevisionsGrowFromOneStartToTheNext) {
    const TimeNs now = 1'900'000'000 * ns_per_s;
    EXPECT_GT(revision_base(now + ns_per_s), revision_base(now) + 3);
    EXPECT_GT(revision_base(now), 0u);
    EXPECT_EQ(revision_base(0), 0u);
}

TEST(Restart, PathsFoundAgainStay) {
    Restart restart({path("p1", {"a", "b"})}, {"a", "b"}, 500);
    EXPECT_TRUE(restart.admit(path("p1", {"a", "b"})));
    EXPECT_TRUE(restart.finish(7).empty());
}

TEST(Restart, APathWhoseLegsMovedIsRetracted) {
    Restart restart({path("p1", {"a"}), path("p2", {"b"})}, {"a", "b"}, 500);
    EXPECT_TRUE(restart.admit(path("p1", {"a", "b"})));
    const auto retractions = restart.finish(7);
    ASSERT_EQ(retractions.size(), 1u);
    EXPECT_EQ(retractions[0].path_id(), "p2");
    EXPECT_EQ(retractions[0].merged_into(), "p1");
    EXPECT_TRUE(retractions[0].retracted());
    EXPECT_EQ(retractions[0].revision(), 7u);
}

TEST(Restart, APathWhoseLegsHaveNotComeAgainYetStays) {
    Restart restart({path("p1", {"a", "b"})}, {}, 500);
    EXPECT_TRUE(restart.finish(7).empty());
}

TEST(Restart, APartOfAPathWhoseOtherLegsLeftTheWindowIsNotStored) {
    v1::Path old = path("p1", {"a", "b"});
    old.mutable_legs(0)->set_last_ns(100);  // long over: not refilled
    Restart restart({old}, {"b"}, 500);
    EXPECT_FALSE(restart.admit(path("p9", {"b"})));
    EXPECT_TRUE(restart.admit(path("p9", {"b", "c"})));
    EXPECT_TRUE(restart.finish(7).empty());
    EXPECT_FALSE(restart.admit(path("p9", {"b"})));
}

}  // namespace
}  // namespace clew::control
