// SPDX-License-Identifier: Apache-2.0
// One question of an overview to the store: the paths of a range and filter, and what cut the answer.
#pragma once

#include <string>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/native_block.h"
#include "controlplane/store/overview.h"

namespace clew::store {

/// SQL that yields text from an IPv6 column as people write it.
std::string ip_sql(const std::string& column);
/// SQL of the bucket's number that `first_ns` falls in.
std::string bucket_sql();

class OverviewAsk {
  public:
    OverviewAsk(ClickHouseClient& client, const StoreSettings& settings) : client_(client), settings_(settings) {}

    /// Runs "SELECT select FROM paths … WHERE range and filter tail". {since}, {until} and {step} are bound. On a limit
    /// the answer is empty and `partial` says so.
    Result<std::string> ask(const OverviewQuery& query, const std::string& select, const std::string& tail,
                            std::string& partial, const std::string& joined = {}) const;

  private:
    ClickHouseClient& client_;
    const StoreSettings& settings_;
};

/// A RowReader must have come to its end well.
Result<void> whole(const RowReader& row);

}  // namespace clew::store
