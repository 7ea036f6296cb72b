// SPDX-License-Identifier: Apache-2.0
// Statements to a ClickHouse HTTP interface, over kept connections; starts and restarts clew-store where the store is
// embedded. Methods may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/http/http.h"
#include "controlplane/store/store.h"
#include "controlplane/store/store_process.h"

namespace clew::store {

/// One statement. Everything sent this way must be safe to send twice: it is, when the store's process died meanwhile.
struct ClickHouseCall {
    std::string sql;
    std::string_view data;                                        ///< of an INSERT
    std::vector<std::pair<std::string, std::string>> parameters;  ///< for {name:Type}; escaped (escape_parameter)
    std::vector<std::pair<std::string, std::string>> settings;
    std::string database;  ///< empty: the server's default
    /// A question of a person, which changes nothing: query_timeout_ms holds, and it ends when the request that this
    /// thread answers (http::AnswerScope) has lost its asker; the call then fails.
    bool bounded = false;
    bool once = false;  ///< not safe to send twice: fails where the store's process died meanwhile
};

/// What the server said: `code` is ClickHouse's error code, 0 when it went well.
struct ClickHouseReply {
    int code = 0;
    std::string body;
};

constexpr int clickhouse_timeout_exceeded = 159;

class ClickHouseClient {
  public:
    static Result<std::unique_ptr<ClickHouseClient>> connect(const StoreSettings& settings);

    /// Fails with ErrorKind::unreachable when no answer came. An answer that is an error of the server is a reply with
    /// a code; must_succeed makes it a failure.
    Result<ClickHouseReply> call(const ClickHouseCall& call);
    Result<std::string> must_succeed(const ClickHouseCall& call);
    Result<void> ping();

    pid_t store_pid();  ///< of the child; -1 where there is none

  private:
    struct Place {
        std::string url;
        std::string key;
        std::uint64_t generation = 0;
    };
    struct KeptClient {
        std::unique_ptr<http::Client> client;
        std::uint64_t generation = 0;
        bool bounded = false;
    };

    explicit ClickHouseClient(const StoreSettings& settings) : settings_(settings) {}
    Result<Place> place();  ///< (re)starts the child where it is not running
    Result<KeptClient> take_client(const Place& place, bool bounded);
    Result<http::Response> send(const http::Request& request, bool bounded, bool once = false);
    bool child_running();
    void await_child_end();
    http::Request to_request(const ClickHouseCall& call) const;

    const StoreSettings settings_;
    std::mutex child_mutex_;
    std::unique_ptr<StoreProcess> child_;
    std::uint64_t generation_ = 0;
    std::mutex clients_mutex_;
    std::vector<KeptClient> clients_;  ///< idle ones
};

}  // namespace clew::store
