// SPDX-License-Identifier: Apache-2.0
// One question of an overview to the store: the paths of a range and filter, and what cut the answer.
#pragma once

#include <optional>
#include <string>

#include "controlplane/store/address_paths.h"
#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/filter.h"
#include "controlplane/store/native_block.h"
#include "controlplane/store/overview.h"
#include "controlplane/store/rollup.h"

namespace clew::store {

/// SQL that yields text from an IPv6 column as people write it.
std::string ip_sql(const std::string& column);
/// SQL of the bucket's number that `first_ns` falls in.
std::string bucket_sql();

/// SQL of the bucket's number that a roll-up's `first_minute` falls in.
std::string minute_bucket_sql();
/// SQL of a path's hops, [(node, next node, position), …], and of its facets, [(field, value), …] with ('', '') first.
std::string hops_sql();
std::string facet_pairs_sql();

/// Which of the paths are counted.
struct CountedPart {
    std::uint32_t one_in = 0;  ///< of so many path ids one, a power of 2; 0: of how many is estimated, and said here
    bool light = false;        ///< counting a path costs little: all are, where rows by address tell them
};

class OverviewAsk {
  public:
    OverviewAsk(ClickHouseClient& client, const StoreSettings& settings) : client_(client), settings_(settings) {}

    /// Runs "SELECT select FROM paths … WHERE range and filter tail". {since}, {until} and {step} are bound. On a limit
    /// the answer is empty and `partial` says so. All are counted where `part` is null.
    Result<std::string> ask(const OverviewQuery& query, const std::string& select, const std::string& tail,
                            std::string& partial, const std::string& joined = {}, CountedPart* part = nullptr) const;

    /// Which part of the range roll-ups answer; none where the question must read rows: it has a filter, its range is
    /// not of whole minutes and an hour or more, or no hour of its beginning is made.
    std::optional<RolledRange> rolled(const OverviewQuery& query) const;
    /// Runs "SELECT select FROM the roll-ups of the range, and what rows of the hours not made yet add and take away
    /// tail". The table's columns stand for the paths'.
    Result<std::string> ask_rolled(const OverviewQuery& query, const RolledRange& range, const RollupTable& table,
                                   const std::string& select, const std::string& tail, std::string& partial) const;

  private:
    Result<std::uint32_t> estimate_one_in(const OverviewQuery& query, const SqlCondition& filter,
                                          const std::optional<AddressRows>& made) const;
    Result<std::string> run(ClickHouseCall call, const OverviewQuery& query, std::string& partial) const;
    ClickHouseClient& client_;
    const StoreSettings& settings_;
};

/// One more reason why an answer is not whole.
void add_reason(std::string& partial, const std::string& sentence);

/// A RowReader must have come to its end well.
Result<void> whole(const RowReader& row);

}  // namespace clew::store
