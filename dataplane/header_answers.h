// SPDX-License-Identifier: Apache-2.0
// Answers the control plane's questions for headers and packets out of the vault, on threads of its own: at most
// look_back_count_max at a time, at most question_count_max waiting, each bounded by its count and its bytes. Stores
// and appenders are borrowed.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "dataplane/packet_recorder.h"
#include "dataplane/vault/header_look_back.h"
#include "dataplane/vault/packet_look_back.h"
#include "dataplane/vault/streamed_answer.h"
#include "wire/leg.pb.h"

namespace clew::sensor {

using HeaderReplier = std::function<void(const v1::HeaderReply&)>;

constexpr std::size_t header_reply_count_max = 2048;       ///< headers in one reply message
constexpr std::size_t header_reply_bytes_max = 1u << 20;   ///< of frames in one reply message
constexpr std::size_t header_request_count_max = 200'000;  ///< headers given for one request
constexpr std::size_t packed_reply_count_max = 16'384;     ///< packed headers in one reply message
constexpr std::size_t packed_request_count_max = 500'000;  ///< packed headers given for one request
constexpr std::uint64_t frame_request_bytes_max = 64u << 20;

std::size_t header_count_of(const v1::HeaderRequest& request);

/// Replies with `count` headers, in as many messages as that takes; `fill` encodes the i-th. `last` is what the last
/// message says besides.
void reply_in_parts(std::size_t count, v1::HeaderReply last, const HeaderReplier& reply,
                    const std::function<void(std::size_t, v1::PacketHeader&)>& fill);
/// The same of what others follow: no message is the last.
void reply_before_last(std::size_t count, const HeaderReplier& reply,
                       const std::function<void(std::size_t, v1::PacketHeader&)>& fill);

/// A vault's logs and what they may take of the disk. The packet log may be missing.
struct VaultLogs {
    const vault::BlockStore* header_store = nullptr;
    const vault::BlockStore* packet_store = nullptr;
    std::vector<vault::HeaderAppender*> headers;
    std::vector<vault::PacketAppender*> packets;
    std::uint64_t header_bytes_max = 0, packet_bytes_max = 0;
    std::vector<std::string> taps;       ///< names by number
    PacketRecorder* recorder = nullptr;  ///< of the packet log
    TimeNs (*now)() = nullptr;           ///< for it
};

/// What `clew vault status` shows: counters of both logs, with their English text.
std::vector<v1::Counter> count(const VaultLogs& logs);

class HeaderAnswers {
  public:
    static constexpr std::size_t look_back_count_max = 4;  ///< at a time: each may hold all that one request is given
    static constexpr std::size_t question_count_max = 32;  ///< that wait for them

    explicit HeaderAnswers(VaultLogs logs);
    ~HeaderAnswers() { stop(); }

    /// Any thread. Replies later, from one of this object's threads; at once when too many questions wait. A withdrawal
    /// ends the question of its id, if it waits or is in hand, without a reply.
    void answer(const v1::HeaderRequest& request, HeaderReplier reply);
    void stop();  ///< breaks the questions in hand off, whose answers say so; those that wait are not answered

    bool is_stopping() const { return stop_.load(std::memory_order_relaxed); }

    /// Recordings that are over end by being counted.
    std::vector<v1::Counter> count() const;

  private:
    struct Waiting {
        v1::HeaderRequest request;
        HeaderReplier reply;
    };
    /// What one thread answers now.
    struct InHand {
        std::uint64_t request_id = 0;         ///< 0: nothing
        std::atomic<bool> withdrawn{false};   ///< that one
        std::atomic<bool> broken_off{false};  ///< withdrawn, or this object stops
    };
    void run(InHand& in_hand);
    void withdraw(std::uint64_t request_id);
    void record(const v1::Recording& wanted, const HeaderReplier& reply) const;
    void answer_now(const Waiting& waiting, const InHand& in_hand) const;
    void stream(const v1::HeaderRequest& request, const vault::Question& question, const vault::TakePart& take) const;

    VaultLogs logs_;
    vault::HeaderLookBack header_look_back_;
    std::optional<vault::PacketLookBack> packet_look_back_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Waiting> waiting_;
    std::atomic<std::uint64_t> answered_{0}, withdrawn_{0}, refused_{0};
    std::atomic<bool> stop_{false};
    std::array<InHand, look_back_count_max> in_hand_;
    std::vector<std::thread> threads_;
};

}  // namespace clew::sensor
