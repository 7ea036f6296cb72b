// SPDX-License-Identifier: Apache-2.0
// The store as the control plane uses it: legs and paths in, legs and paths out. Behind it ClickHouse's HTTP interface,
// served by `clew-store` (embedded engine) or by a cluster. Methods may be called from any thread; each waits for its
// answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nat-trace/leg.h"
#include "nat-trace/result.h"
#include "wire/leg.pb.h"
#include "wire/path.pb.h"

namespace clew::store {

constexpr std::uint64_t embedded_bytes_max = 50ull << 30;  ///< of the disk, where nothing else is said

struct StoreSettings {
    std::string url;            ///< "http://127.0.0.1:8123": a running server. Empty: start clew-store as a child
    std::string store_program;  ///< path of clew-store, when url is empty
    std::string library;        ///< path of libchdb.so, when url is empty
    std::string directory;      ///< where the embedded store keeps its files, when url is empty
    std::string database = "clew";
    std::string cluster;  ///< name of the ClickHouse cluster behind url: tables are replicated. Empty: one server
    std::uint64_t memory_bytes_max = 2ull << 30;  ///< embedded store
    std::uint32_t retention_hours = 72;
    std::uint64_t bytes_max = 0;  ///< of the disk, for all rows: beyond it the oldest hours leave; 0: no limit
    std::uint32_t query_timeout_ms = 10'000;
    /// Where more paths of an hour and more than these are to be counted row by row, histograms and facets count a
    /// part: those of one in 2, 4, 8, … path ids, which are random. Counts are multiplied; the answer's `one_in` says
    /// so.
    std::uint64_t counted_paths_max = 16'000;
    std::uint32_t edge_count_max = 20'000;          ///< of a topology, before nodes are put together; more is said
    std::uint32_t clock_pair_count_max = 1'000;     ///< likewise
    std::uint32_t clock_point_count_max = 100'000;  ///< of all pairs over time; likewise
};

/// A leg with the run and batch it came in, so that re-sent batches are known after a restart.
struct StoredLeg {
    Leg leg;
    std::string tap;  ///< its name
    std::string clock;
    std::string observer;
    std::int64_t started_ns = 0;
    std::uint64_t sequence = 0;
};

/// A leg by its id; its first packet's time tells where it is kept.
struct LegWanted {
    LegId id = 0;
    TimeNs first_ns = 0;
};

/// What a person asked for. `filter` is Clew's filter language (controlplane/store/filter.h); empty takes all.
struct PathQuery {
    TimeNs since_ns = 0;
    TimeNs until_ns = 0;  ///< 0 = now and later
    std::string filter;
    std::uint32_t count_max = 100;
    bool oldest_first = false;
    std::string cursor = {};  ///< PathList.next of the answer before, for the paths behind it; empty: from the start
    bool abnormal_first = false;  ///< the worst first, then the newest (controlplane/store/path_trouble.h)
    std::uint64_t bytes_max = 0;  ///< of the paths of one answer as they are stored, one at least; 0: no limit
};

class DiskBudget;
class Overview;
class Rollup;

class Store {
  public:
    /// Connects (starts the child first where url is empty), makes database and tables. One sentence when it cannot.
    static Result<std::unique_ptr<Store>> open(const StoreSettings& settings);
    virtual ~Store() = default;  ///< ends the child it started, cleanly

    /// Durable and visible when it returns; up to 100,000 legs are there whole or not at all. A batch must be whole
    /// within one call, the batches of a run in order. A leg stored twice is one leg.
    virtual Result<void> insert_legs(const std::vector<StoredLeg>& legs) = 0;
    virtual Result<void> insert_paths(const std::vector<v1::Path>& paths) = 0;

    /// Highest stored batch of a run; 0 when none.
    virtual Result<std::uint64_t> last_sequence(const std::string& observer, std::int64_t started_ns) = 0;

    /// Latest revision of every leg whose last packet is at or after `since_ns`, oldest first: refills the engine after
    /// a restart. The newest count_max when there are more.
    virtual Result<std::vector<StoredLeg>> legs_since(TimeNs since_ns, std::size_t count_max) = 0;

    /// Latest revisions of these legs, in no order; those that are not there (any more) are left out.
    virtual Result<std::vector<Leg>> find_legs(const std::vector<LegWanted>& wanted) = 0;

    /// Latest revision of paths that are not retracted, newest first where nothing else is asked for; fills `partial`
    /// when a limit cut it.
    virtual Result<v1::PathList> find_paths(const PathQuery& query) = 0;
    /// The latest revision, also of a path that was retracted (its `merged_into` tells where its legs went).
    virtual Result<std::optional<v1::Path>> find_path(const std::string& path_id) = 0;

    /// What is computed over many paths; lives as long as the store. Null where the store cannot.
    virtual const Overview* overview() const { return nullptr; }

    /// What makes the sums that overviews over hours read; lives as long as the store. Null where the store has none.
    virtual const Rollup* rollup() const { return nullptr; }

    /// What keeps rows within settings.bytes_max; lives as long as the store. Null where the store has none.
    virtual const DiskBudget* disk_budget() const { return nullptr; }

    virtual Result<void> ping() = 0;
};

}  // namespace clew::store
