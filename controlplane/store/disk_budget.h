// SPDX-License-Identifier: Apache-2.0
// What the store's rows take of the disk, and that the oldest leave when it is more than they may. Rows stand by the
// hour in which they came, in every table: an hour leaves whole. Callable from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "nat-trace/result.h"

namespace clew::store {

class ClickHouseClient;
struct StoreSettings;

struct DiskUse {
    std::uint64_t bytes = 0;       ///< of all rows, roll-ups and addresses included, as they lie on the disk
    std::uint32_t oldest_s = 0;    ///< begin of the oldest hour that has rows, in seconds since 1970; 0: there are none
    std::uint32_t hour_count = 0;  ///< hours that have rows
    std::uint32_t hours_left = 0;  ///< those that just left
};

class DiskBudget {
  public:
    DiskBudget(ClickHouseClient& client, const StoreSettings& settings) : client_(client), settings_(settings) {}

    /// The oldest hours leave until the rest is within settings.bytes_max, but for the newest; what is there then. No
    /// roll-up may be in the making.
    Result<DiskUse> keep() const;

  private:
    struct Part;
    Result<std::vector<Part>> parts() const;
    Result<void> drop(const Part& part) const;
    ClickHouseClient& client_;
    const StoreSettings& settings_;
};

}  // namespace clew::store
