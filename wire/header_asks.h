// SPDX-License-Identifier: Apache-2.0
// Requests for packet headers that wait for their replies. Many threads ask and wait, the collector's thread answers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "nat-trace/result.h"
#include "wire/leg.pb.h"

namespace clew::wire {

class HeaderAsks {
  public:
    struct Outgoing {
        std::string observer;
        v1::HeaderRequest request;
    };

    /// Files the request; the collector's thread must be woken to send it.
    std::uint64_t file(const std::string& observer, v1::HeaderRequest request);
    /// Waits for the last reply. What came until then is returned as partial when time is up; none at all is
    /// unreachable. `left` (may be empty) is looked at every look_ms: whether who asked has left. A request that nobody
    /// waits for any more is withdrawn: the collector's thread must be woken to send that.
    Result<v1::HeaderReply> wait(std::uint64_t request_id, std::uint32_t timeout_ms, const std::function<bool()>& left);
    static constexpr std::uint32_t look_ms = 100;

    std::vector<Outgoing> take_outgoing();
    void reply(const std::string& observer, v1::HeaderReply part);
    void refuse(std::uint64_t request_id, const std::string& sentence);

  private:
    struct Ask {
        std::string observer;
        std::uint32_t header_count_max = 0;
        v1::HeaderReply reply;
        std::string refusal;
        bool done = false;
    };
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, Ask> asks_;
    std::vector<Outgoing> outgoing_;
};

}  // namespace clew::wire
