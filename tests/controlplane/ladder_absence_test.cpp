// SPDX-License-Identifier: Apache-2.0
#include "controlplane/ladder_absence.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clew::control {
namespace {

constexpr TimeNs path_last_ns = 5'000;

v1::Path path_at(const std::vector<std::string>& observers) {
    v1::Path path;
    for (const std::string& observer : observers) {
        v1::PathLeg& leg = *path.add_legs();
        leg.set_observer(observer);
        leg.set_tap("edge");
        leg.set_last_ns(path_last_ns);
    }
    return path;
}

struct Log {
    TimeNs oldest_ns = 0;
    std::uint64_t dropped = 0;
};

v1::ObserverStatus sensor(const std::string& tap, const Log* log) {
    v1::ObserverStatus observer;
    observer.set_connected(true);
    observer.add_taps(tap);
    const auto add = [&observer](const char* name, std::uint64_t value) {
        v1::StatusCounter& counter = *observer.add_counters();
        counter.set_name(name);
        counter.set_value(value);
    };
    add("packets", 7);
    if (log == nullptr) return observer;
    add("vault_headers", 3);
    add("vault_headers_oldest_ns", static_cast<std::uint64_t>(log->oldest_ns));
    add("vault_headers_dropped_disk_full", log->dropped);
    return observer;
}

TEST(LadderAbsenceTest, SocketsSeeNoPackets) {
    EXPECT_EQ(why_no_rows(path_at({"socket"}), {sensor("edge", nullptr)}, true, true).why, "sockets");
    EXPECT_NE(why_no_rows(path_at({"socket", "mirror"}), {sensor("edge", nullptr)}, true, false).why, "sockets");
}

TEST(LadderAbsenceTest, WhereNobodyAnswersNothingElseIsKnown) {
    EXPECT_EQ(why_no_rows(path_at({"mirror"}), {sensor("edge", nullptr)}, false, true).why, "away");
}

TEST(LadderAbsenceTest, APartOfTheTimeMayHaveNone) {
    EXPECT_EQ(why_no_rows(path_at({"mirror"}), {sensor("edge", nullptr)}, true, true).why, "time");
}

TEST(LadderAbsenceTest, WithoutAHeaderLogTheNewestAreKeptOnly) {
    EXPECT_EQ(why_no_rows(path_at({"mirror"}), {sensor("edge", nullptr)}, true, false).why, "ring");
    const Log other{.oldest_ns = 1};
    EXPECT_EQ(why_no_rows(path_at({"mirror"}), {sensor("edge", nullptr), sensor("core", &other)}, true, false).why,
              "ring")
        << "another tap's log is no log of this path";
}

TEST(LadderAbsenceTest, AHeaderLogThatBeginsBehindThePathSaysSinceWhen) {
    const Log late{.oldest_ns = path_last_ns + 1}, later{.oldest_ns = path_last_ns + 9, .dropped = 3};
    const LadderAbsence absence =
        why_no_rows(path_at({"mirror"}), {sensor("edge", &later), sensor("edge", &late)}, true, false);
    EXPECT_EQ(absence.why, "old");
    EXPECT_EQ(absence.kept_since_ns, path_last_ns + 1);
}

TEST(LadderAbsenceTest, HeadersThatWereDroppedMayBeThose) {
    const Log dropping{.oldest_ns = 1, .dropped = 2}, whole{.oldest_ns = 1}, empty{};
    EXPECT_EQ(why_no_rows(path_at({"mirror"}), {sensor("edge", &dropping)}, true, false).why, "dropped");
    EXPECT_EQ(why_no_rows(path_at({"mirror"}), {sensor("edge", &whole)}, true, false).why, "unknown");
    EXPECT_EQ(why_no_rows(path_at({"mirror"}), {sensor("edge", &empty)}, true, false).why, "unknown");
}

}  // namespace
}  // namespace clew::control
