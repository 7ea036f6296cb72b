// SPDX-License-Identifier: Apache-2.0
// Answers the control plane's questions for headers out of the vault, on a thread of its own: one question after the
// other, at most question_count_max waiting, each bounded by its count. Store and appenders are borrowed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "dataplane/vault/header_look_back.h"
#include "wire/leg.pb.h"

namespace clew::sensor {

using HeaderReplier = std::function<void(const v1::HeaderReply&)>;

constexpr std::size_t header_reply_count_max = 2048;       ///< headers in one reply message
constexpr std::size_t header_request_count_max = 200'000;  ///< headers given for one request

std::size_t header_count_of(const v1::HeaderRequest& request);

/// Replies with `count` headers, in as many messages as that takes; `fill` encodes the i-th.
void reply_in_parts(std::size_t count, const std::string& partial, const HeaderReplier& reply,
                    const std::function<void(std::size_t, v1::PacketHeader&)>& fill);

class HeaderAnswers {
  public:
    static constexpr std::size_t question_count_max = 32;

    HeaderAnswers(const vault::BlockStore& store, std::vector<vault::HeaderAppender*> logs, std::uint64_t bytes_max);
    ~HeaderAnswers() { stop(); }

    /// Any thread. Replies later, from this object's thread; at once when too many questions wait.
    void answer(const v1::HeaderRequest& request, HeaderReplier reply);
    void stop();  ///< breaks the question in hand off; those that wait are not answered

    std::vector<v1::Counter> count() const;

  private:
    struct Question {
        v1::HeaderRequest request;
        HeaderReplier reply;
    };
    void run();
    void answer_now(const Question& question) const;

    const vault::BlockStore& store_;
    std::vector<vault::HeaderAppender*> logs_;
    std::uint64_t bytes_max_;
    vault::HeaderLookBack look_back_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Question> waiting_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace clew::sensor
