// SPDX-License-Identifier: Apache-2.0
// The search of paths by time and filter, newest first, in their latest revision.
#pragma once

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/store.h"
#include "wire/path.pb.h"

namespace clew::store {

/// `partial` is set when count_max cut the list, or when query_timeout_ms passed (the list is then empty).
Result<v1::PathList> search_paths(ClickHouseClient& client, const StoreSettings& settings, const PathQuery& query);

}  // namespace clew::store
