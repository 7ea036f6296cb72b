// SPDX-License-Identifier: Apache-2.0
// Makes the roll-ups of closed hours out of the paths' rows, and tells which may be read. A making writes rows under a
// step of its own and then marks it: what an ended one left counts nowhere, and the next of that hour deletes it.
// Callable from any thread, but only one maker a store at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nat-trace/result.h"
#include "nat-trace/time.h"

namespace clew::store {

class ClickHouseClient;
struct ClickHouseCall;
struct RollupTable;
struct StoreSettings;

/// Hours of arrival that roll-ups answer: from_s … open_s; what came since is in rows alone. Seconds since 1970.
struct RolledRange {
    std::uint32_t from_s = 0;
    std::uint32_t open_s = 0;
};

/// An hour that has rows. step 0: not made.
struct HourOfPaths {
    std::uint32_t hour_s = 0;
    std::int64_t block = 0;  ///< the highest number of a part: each insert has a higher one
    std::uint64_t step = 0;
    std::int64_t made_block = 0, made_seen = 0;
    std::uint64_t again = 0;
    bool stale = false;  ///< made, and then rows came to it or to an hour before it
};

class Rollup {
  public:
    static constexpr std::uint32_t hour_s = 3600;
    static constexpr std::uint32_t late_insert_s_max = 120;  ///< an hour counts as over so long after its end

    Rollup(ClickHouseClient& client, const StoreSettings& settings) : client_(client), settings_(settings) {}

    /// Hours that are over and must be made, in order: first those that rows still came to and those after them,
    /// oldest first; then those never made, newest first.
    Result<std::vector<std::uint32_t>> due(std::uint32_t now_s) const;
    /// Makes one; whatever is made of it already is replaced. `now` gives its step a number.
    Result<void> make(std::uint32_t hour_s, TimeNs now) const;
    /// The hours made, without a gap, from the first that can have paths of since_ns on. None where that one is not.
    Result<std::optional<RolledRange>> rolled(TimeNs since_ns) const;

  private:
    Result<std::vector<HourOfPaths>> hours() const;
    Result<void> clear(std::uint32_t hour_s, std::uint64_t step) const;
    Result<void> fill(const RollupTable& table, std::uint32_t hour_s, std::uint64_t step) const;
    ClickHouseCall statement(std::string sql) const;

    ClickHouseClient& client_;
    const StoreSettings& settings_;
};

/// A condition that holds for one row a path of those that `condition` picks: its latest revision, by the row's place,
/// so that a row that was stored twice counts once. Places hold within one question only, which reads one snapshot of
/// the table. What FINAL answers, without its merge of all columns.
std::string latest_rows_sql(const std::string& condition);

/// What the rows of later hours do to the sums of earlier ones.
struct RowsOfHours {
    std::string earlier, later;  ///< conditions on rows

    /// The condition for the rows of `later` that are the newest of their path, in either; or for those of `earlier`
    /// that were and no longer are.
    std::string sql(bool added) const;
};

}  // namespace clew::store
