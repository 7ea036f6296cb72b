// SPDX-License-Identifier: Apache-2.0
// The HTTP API, GET only; docs in wire/path.proto's messages, sent as their canonical JSON with the proto field names.
//     /api/v1/status                 Status
//     /api/v1/paths                  PathList    since_ns until_ns filter limit oldest_first
//     /api/v1/paths/{id}             Path        id: 16 hex digits, or at least 4 where they are unique in the last day
//     /api/v1/paths/{id}/ladder      Ladder      from_ns to_ns
//     /api/v1/links/explain          LinkExplanation   a b: two legs' ids, 16 hex digits each
//     /api/v1/unlinked               UnlinkedList      since_ns until_ns filter
//     /api/v1/gateways               GatewayList
//     /metrics                       OpenMetrics
//     /healthz                       ok, or 503 and why not
// A mistake of the caller is 400, an unknown thing 404, a silent store or observer 503; always an ApiError sentence.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "controlplane/http/http.h"
#include "controlplane/store/store.h"
#include "nat-trace/result.h"
#include "wire/path.pb.h"

namespace clew::control {

/// What the API shows besides the store; all callable from several threads.
struct ApiSources {
    std::function<v1::Status()> status;
    std::function<Result<v1::Ladder>(const v1::Path&, TimeNs from_ns, TimeNs to_ns)> ladder;
    std::function<TimeNs()> now;
    std::function<Result<v1::LinkExplanation>(LegId a, LegId b)> explain;
    std::function<v1::GatewayList()> gateways;
};

class Api {
  public:
    static constexpr std::uint32_t path_count_max = 10'000;
    static constexpr std::uint32_t path_count_default = 100;
    static constexpr std::uint32_t unlinked_path_count_max =
        20'000;  ///< of so many, the newest, the reasons are counted
    static constexpr std::size_t prefix_digits_min = 4;
    static constexpr DurationNs prefix_search_ns = 24 * 3600 * ns_per_s;
    static constexpr std::uint32_t prefix_search_count_max = 10'000;

    Api(store::Store& store, ApiSources sources) : store_(store), sources_(std::move(sources)) {}

    http::Response answer(const http::Request& request) const;  ///< from any thread

  private:
    Result<std::string> route(const http::Target& target) const;
    Result<std::string> paths(const http::Target& target) const;
    Result<std::string> ladder(const std::string& id, const http::Target& target) const;
    Result<std::string> explain(const http::Target& target) const;
    Result<std::string> unlinked(const http::Target& target) const;
    Result<v1::Path> find(const std::string& id) const;
    Result<std::string> full_id(const std::string& prefix) const;
    void add_analysis(v1::Path& path) const;

    store::Store& store_;
    ApiSources sources_;
};

}  // namespace clew::control
