// SPDX-License-Identifier: Apache-2.0
// The control plane's API as the verbs use it. Every failure is one sentence with the exit code that fits it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "controlplane/http/http.h"
#include "nat-trace/result.h"
#include "nat-trace/time.h"
#include "wire/overview.pb.h"
#include "wire/path.pb.h"

namespace clew::cli {

constexpr const char* api_url_default = "http://127.0.0.1:7480";
constexpr std::uint32_t api_path_count_max = 10'000;
constexpr std::uint32_t api_timeout_ms = 15'000;

/// In which form packets are wanted.
struct FrameForm {
    bool frames = false;  ///< none otherwise
    bool headers_only = false, strip_tunnels = false;
    std::uint32_t snap_length = 0;  ///< 0: not cut
};

struct PacketsRequest {
    TimeNs since_ns = 0;
    TimeNs until_ns = 0;  ///< 0 = now
    std::string filter, bpf;
    std::uint32_t count_max = 10'000;
    FrameForm form;
};

struct PathsRequest {
    TimeNs since_ns = 0;
    TimeNs until_ns = 0;  ///< 0 = now and later
    std::string filter;
    std::uint32_t count_max = 100;
    bool abnormal_first = false;  ///< else the newest
};

struct OverviewRequest {
    TimeNs since_ns = 0;
    TimeNs until_ns = 0;  ///< 0 = now
    std::string filter;
};

struct RecordRequest {
    std::string bpf, tap;  ///< empty: any
    DurationNs duration = 0;
    std::uint32_t snap_length = 0;  ///< 0 = all of each packet
};

/// One connection to one control plane; one thread at a time.
class ApiClient {
  public:
    static Result<ApiClient> create(const std::string& url, std::uint32_t timeout_ms = api_timeout_ms);

    Result<v1::PathList> paths(const PathsRequest& request);
    /// `id`: 16 hex digits, or at least 4 where they fit only one path of the last day.
    Result<v1::Path> path(const std::string& id);
    /// Times: 0 = no bound.
    Result<v1::Ladder> ladder(const std::string& id, TimeNs from_ns, TimeNs to_ns, const FrameForm& form = {});
    /// One page out of all vaults; its next_ns is the next one's since_ns.
    Result<v1::CapturedPacketList> packets(const PacketsRequest& request);
    /// At all sensors, or those that have the tap.
    Result<v1::RecordingList> record(const RecordRequest& request);
    Result<v1::RecordingList> end_recording(const std::string& id);
    Result<v1::Status> status();
    Result<v1::LinkRivals> rivals(const std::string& leg);                                    ///< 16 hex digits
    Result<v1::LinkExplanation> explain(const std::string& leg_a, const std::string& leg_b);  ///< 16 hex digits each
    Result<v1::UnlinkedList> unlinked(TimeNs since_ns, TimeNs until_ns, const std::string& filter);
    Result<v1::GatewayList> gateways();
    Result<v1::IncidentList> incidents(const OverviewRequest& request);
    Result<v1::Topology> topology(const OverviewRequest& request, std::uint32_t node_count_max);
    /// `before_ns`: where the other time begins.
    Result<v1::TimeComparison> compare(const OverviewRequest& request, TimeNs before_ns);

  private:
    ApiClient(std::string url, std::unique_ptr<http::Client> client)
        : url_(std::move(url)), client_(std::move(client)) {}
    Result<std::string> send(const std::string& target, const char* method);
    template <typename Message>
    Result<Message> get_message(const std::string& target, const char* method = "GET");

    std::string url_;
    std::unique_ptr<http::Client> client_;
};

}  // namespace clew::cli
