// SPDX-License-Identifier: Apache-2.0
// The embedded ClickHouse engine (chDB) on one directory. Each call runs on a connection of its own, made for it (0.1
// ms) and closed after it: settings, the current database and the rest of a cancelled answer cannot reach the next
// call.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/http/departure.h"
#include "controlplane/store/chdb_library.h"
#include "controlplane/store/query_ender.h"
#include "nat-trace/result.h"

namespace clew::store {

struct EmbeddedEngineSettings {
    std::string directory;
    std::string library;                          ///< path of libchdb.so
    std::uint64_t memory_bytes_max = 2ull << 30;  ///< of the whole engine: queries, merges and caches
    std::uint32_t merge_thread_count = 2;
};

using NamedValues = std::vector<std::pair<std::string, std::string>>;

struct EngineCall {
    std::string_view sql;
    std::string_view format = "TabSeparated";  ///< of the answer, or of an insert's data
    std::string_view database = "default";
    NamedValues parameters;                           ///< for {name:Type} in the SQL; values in TabSeparated escaping
    NamedValues settings;                             ///< hold for this call alone
    std::shared_ptr<http::Departure> departure = {};  ///< query() alone: it ends soon after this is left; may be null
};

struct EngineAnswer {
    int error_code = 0;      ///< ClickHouse's; 0 when it went well
    std::string error_text;  ///< "Code: 62. DB::Exception: …"
    std::string body;
    double elapsed_s = 0;
    std::uint64_t rows_read = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t rows_written = 0;
    std::uint64_t bytes_written = 0;
};

/// Methods may be called from any thread. One engine a program: the library allows one directory.
class EmbeddedEngine {
  public:
    /// Opens or makes the store. One sentence with the remedy when the directory is no store or damaged.
    static Result<std::unique_ptr<EmbeddedEngine>> open(const EmbeddedEngineSettings& settings);
    ~EmbeddedEngine();  ///< no call may be running

    EngineAnswer query(const EngineCall& call);
    /// `pieces` are one stream of `call.format`, in order.
    EngineAnswer insert(const EngineCall& call, const std::vector<std::string_view>& pieces);

    /// Ends running queries; inserts too when asked.
    void cancel_all(bool inserts_too);

    /// Parts that were found damaged at the start and set aside, "clew.legs: 2"; empty when none.
    std::string damaged_parts();

  private:
    explicit EmbeddedEngine(const ChdbLibrary& library) : library_(library) {}
    EngineAnswer query_marked(const EngineCall& call);
    ChdbLibrary::Connection* connect();
    void close(ChdbLibrary::Connection* connection);
    EngineAnswer prepare(ChdbLibrary::Connection connection, const EngineCall& call);
    EngineAnswer run(ChdbLibrary::Connection connection, std::string_view sql, std::string_view format,
                     const NamedValues& parameters);
    EngineAnswer take(ChdbLibrary::Answer* answer);

    const ChdbLibrary library_;
    std::vector<std::string> arguments_;
    std::mutex connecting_;
    ChdbLibrary::Connection* kept_ = nullptr;  ///< keeps the engine running while no call does
    std::atomic<std::uint64_t> last_call_{0};
    std::unique_ptr<QueryEnder> ender_;
};

/// A string literal of ClickHouse's SQL.
std::string quoted(std::string_view text);

}  // namespace clew::store
