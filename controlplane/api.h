// SPDX-License-Identifier: Apache-2.0
// The HTTP API, GET only, and the console's files; answers are wire/path.proto's and wire/overview.proto's messages,
// sent as their canonical JSON with the proto field names.
//     /api/v1/openapi.json           every address below, its parameters, limits and answers
//     /api/v1/status, fields         Status, FilterFieldList
//     /api/v1/paths                  PathList    since_ns until_ns filter limit oldest_first abnormal_first cursor
//     /api/v1/legs                   LegList     the same: the legs of those paths, one by one
//     /api/v1/paths/{id}             Path        id: 16 hex digits, or at least 4 where they are unique in the last day
//     /api/v1/paths/{id}/ladder      Ladder      from_ns to_ns frames (1: each cell with its packet or its headers);
//                                                …/ladder_table is the same as arrays, without frames
//     /api/v1/packets                CapturedPacketList   since_ns until_ns filter bpf limit: out of all vaults
//     /api/v1/paths/{id}/pcap        pcapng      from_ns to_ns aligned …: what `clew pcap` writes, made while it is
//     read /api/v1/links/explain          LinkExplanation   a b: two legs' ids, 16 hex digits each /api/v1/links/rivals
//     LinkRivals        leg: its id; which other legs could stand beside it /api/v1/unlinked               UnlinkedList
//     since_ns until_ns filter /api/v1/gateways               GatewayList       what the linker learnt of each gateway
//     /api/v1/gateway_groups, histogram, facets, services, topology, clocks, incidents   since_ns until_ns filter …
//     /api/v1/compare                TimeComparison    the same and before_ns: figures at two times, side by side
//     /api/v1/events                 server-sent: the status once a second
//     /metrics, /healthz, /          OpenMetrics; ok, or 503 and why not; the console
// A mistake of the caller is 400, an unknown thing 404, a silent store or observer 503; always an ApiError sentence.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "controlplane/api_route.h"
#include "controlplane/console_files.h"
#include "controlplane/http/http.h"
#include "controlplane/packet_search.h"
#include "controlplane/shared_answers.h"
#include "controlplane/store/overview.h"
#include "controlplane/store/store.h"
#include "nat-trace/result.h"
#include "wire/leg.pb.h"
#include "wire/path.pb.h"

namespace clew::control {

/// What the API shows besides the store; all callable from several threads.
struct ApiSources {
    std::function<v1::Status()> status;
    std::function<Result<v1::Ladder>(const v1::Path&, TimeNs from_ns, TimeNs to_ns, const FrameWish&)> ladder;
    std::function<TimeNs()> now;
    std::function<Result<v1::LinkExplanation>(LegId a, LegId b)> explain;
    std::function<Result<v1::LinkRivals>(LegId leg)> rivals;
    std::function<v1::GatewayList()> gateways;
    std::function<Result<v1::CapturedPacketList>(const PacketsWanted&)> packets = {};
    std::function<Result<v1::RecordingList>(const v1::Recording&)> record = {};
    std::function<Result<v1::LadderTable>(const v1::Path&, TimeNs from_ns, TimeNs to_ns, std::uint32_t row_max)>
        ladder_table = {};
    ConsoleFiles console = {};
};

class Api {
  public:
    static constexpr std::uint32_t path_count_max = 10'000;
    static constexpr std::uint32_t path_count_default = 100;
    static constexpr std::uint64_t path_bytes_max = 16ull << 20;  ///< of an answer's paths, as they are stored
    static constexpr std::uint32_t unlinked_path_count_max =
        20'000;  ///< of so many, the newest, the reasons are counted
    static constexpr std::uint32_t ladder_json_row_count_max = 20'000;
    static constexpr std::size_t prefix_digits_min = 4;
    static constexpr DurationNs prefix_search_ns = 24 * 3600 * ns_per_s;
    static constexpr std::uint32_t prefix_search_count_max = 10'000;
    static constexpr DurationNs event_period_ns = ns_per_s;
    static constexpr std::string_view pcap_path = "paths/{id}/pcap";

    Api(store::Store& store, ApiSources sources);

    http::Response answer(const http::Request& request) const;  ///< from any thread
    const std::vector<ApiRoute>& routes() const { return routes_; }

  private:
    using Answer = std::function<Result<std::string>(const std::string& id, const ApiArguments& arguments)>;

    void add(ApiRoute route, Answer answer);
    std::optional<http::Response> refuse_method(const http::Request& request, std::string_view path) const;
    void add_path_routes();
    void add_link_routes();
    void add_packet_routes();
    void add_recording_routes();
    void add_overview_routes();
    void add_pcap_route();
    template <typename Message>
    void add_overview(std::string_view path, std::string_view summary, std::vector<ApiParameter> more,
                      Result<Message> (store::Overview::*ask)(const store::OverviewQuery&) const);
    Result<const store::Overview*> overview() const;
    Result<http::Response> route(const http::Target& target) const;
    Result<v1::PathList> paths(const ApiArguments& arguments) const;
    Result<v1::Path> path_with_legs(const std::string& id) const;
    Result<v1::Ladder> ladder(const std::string& id, const ApiArguments& arguments, const FrameWish& wish) const;
    Result<v1::LinkExplanation> explain(const ApiArguments& arguments) const;
    Result<v1::UnlinkedList> unlinked(const ApiArguments& arguments) const;
    Result<std::string> incidents(const ApiArguments& arguments) const;
    void add_example_paths(const std::string& filter, TimeNs until_ns, v1::IncidentList& list) const;
    Result<std::string> compare(const ApiArguments& arguments) const;
    Result<std::string> gateway_groups(const ApiArguments& arguments) const;
    Result<v1::GatewayGroupList> shared_gateways(store::OverviewQuery query) const;
    Result<v1::Path> find(const std::string& id) const;
    Result<std::string> full_id(const std::string& prefix) const;
    void add_analysis(v1::Path& path) const;
    Result<http::Response> pcap(const std::string& id, const ApiArguments& arguments) const;
    http::Response events() const;

    store::Store& store_;
    ApiSources sources_;
    std::vector<ApiRoute> routes_;
    std::vector<Answer> answers_;  ///< of routes_, in the same order
    std::string open_api_;
    mutable SharedAnswers<v1::GatewayGroupList> gateways_asked_;
};

}  // namespace clew::control
