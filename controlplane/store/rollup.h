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

/// Hours of arrival that roll-ups answer: from_s … open_s, and slices of those after them: open_s … sliced_s; what came
/// since is in rows alone. Seconds since 1970.
struct RolledRange {
    std::uint32_t from_s = 0;
    std::uint32_t open_s = 0;
    std::uint32_t sliced_s = 0;
    std::vector<std::uint64_t> hour_steps = {}, slice_steps = {};  ///< of the makings that count
};

/// An hour that has rows, or a slice of one. step 0: not made.
struct HourOfPaths {
    std::uint32_t hour_s = 0;
    std::int64_t block = 0;  ///< the highest number of an insert: each has a higher one
    std::uint64_t step = 0;
    std::int64_t made_block = 0, made_seen = 0;
    std::uint64_t again = 0;
    bool stale = false;  ///< made, and then rows came to it or to an hour before it
};

class Rollup {
  public:
    static constexpr std::uint32_t hour_s = 3600;
    static constexpr std::uint32_t late_insert_s_max = 120;  ///< an hour counts as over so long after its end
    static constexpr std::uint32_t slice_s = 300;
    static constexpr std::uint32_t late_slice_s_max = 10;  ///< and a slice of one that is not over so long after its

    Rollup(ClickHouseClient& client, const StoreSettings& settings) : client_(client), settings_(settings) {}

    /// Hours that are over and must be made, in order: first those that rows still came to and those after them,
    /// oldest first; then those never made, newest first.
    Result<std::vector<std::uint32_t>> due(std::uint32_t now_s) const;
    /// Makes one; whatever is made of it already is replaced. `now` gives its step a number.
    Result<void> make(std::uint32_t hour_s, TimeNs now) const;
    /// Slices of the hours not made yet that must be made, oldest first; of the last two hours that have rows.
    Result<std::vector<std::uint32_t>> due_slices(std::uint32_t now_s) const;
    Result<void> make_slice(std::uint32_t slice_s, TimeNs now) const;
    /// The hours made, without a gap, from the first that can have paths of since_ns on, and the slices made behind
    /// them, without a gap. None where the first hour is not made.
    Result<std::optional<RolledRange>> rolled(TimeNs since_ns) const;

  private:
    struct Kind;  ///< hours or slices
    static const Kind hour_kind, slice_kind;

    Result<std::vector<HourOfPaths>> hours() const;
    Result<std::vector<HourOfPaths>> slices(const std::vector<HourOfPaths>& hours) const;
    Result<std::vector<HourOfPaths>> read_hours(const ClickHouseCall& call) const;
    Result<void> make(const Kind& kind, const std::vector<HourOfPaths>& all, std::uint32_t begin_s, std::int64_t seen,
                      TimeNs now) const;  ///< `seen`: the highest block before `all`
    Result<void> clear(const Kind& kind, std::uint32_t begin_s, std::uint64_t step) const;
    Result<void> fill(const Kind& kind, const RollupTable& table, std::uint32_t begin_s, std::uint64_t step) const;
    Result<void> drop_slices(const std::vector<HourOfPaths>& hours, std::uint32_t before_s) const;
    ClickHouseCall statement(std::string sql) const;

    ClickHouseClient& client_;
    const StoreSettings& settings_;
};

/// A condition that holds for one row a path of those that `condition` picks: its latest revision, by the row's place,
/// so that a row that was stored twice counts once. Places hold within one question only, which reads one snapshot of
/// the table. What FINAL answers, without its merge of all columns.
std::string latest_rows_sql(const std::string& condition);
/// The same, looking only at paths of which a row matches: as quick where all do, and much quicker where few do.
std::string latest_rows_sql(const std::string& condition, const std::string& matching);

/// What the rows of later hours do to the sums of earlier ones.
struct RowsOfHours {
    std::string earlier, later;  ///< conditions on rows

    std::string both() const { return "((" + earlier + ") OR (" + later + "))"; }
    /// The condition for the rows of `later` that are the newest of their path, in either, and for those of `earlier`
    /// that were and no longer are. The paths' ids are read once.
    std::string counted_sql() const;
};

}  // namespace clew::store
