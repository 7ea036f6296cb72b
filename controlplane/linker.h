// SPDX-License-Identifier: Apache-2.0
// Drives the engine: batches in, paths out to the path writer. Own thread; the engine is touched by no other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "controlplane/batch_queue.h"
#include "controlplane/path_writer.h"
#include "controlplane/restart.h"
#include "controlplane/store/store.h"
#include "controlplane/tcp_digests.h"
#include "nat-trace/engine.h"
#include "nat-trace/gateway_book.h"
#include "nat-trace/verdict.h"
#include "wire/gateway_state.h"

namespace clew::control {

struct LinkerCounters {
    EngineCounters engine;
    std::uint64_t legs_refilled = 0;     ///< from the store, at start
    std::uint64_t legs_without_tap = 0;  ///< more taps than an engine can have: not linked
    std::uint64_t drains_put_off = 0;    ///< paths stayed in the engine because too many waited for the store
};

class Linker {
  public:
    static constexpr std::uint32_t tick_every_ms = 100;
    static constexpr std::uint32_t gateways_every_ticks = 20;
    static constexpr std::uint32_t gateways_kept_every_ticks = 600;
    static constexpr std::uint32_t explain_timeout_ms = 3'000;
    static constexpr std::size_t rival_count_max = 8;
    static constexpr std::size_t question_count_max = 64;  ///< waiting to be answered
    static constexpr std::size_t tap_count_max = 60'000;
    static constexpr DurationNs clock_lead_ns_max = 10 * ns_per_s;  ///< a tap's clock further ahead does not drive time

    Linker(const EngineLimits& limits, BatchQueue& queue, PathWriter& paths);
    ~Linker();  ///< links what waits, hands the paths on, joins. Close the queue before.

    /// Before start(): what the store remembers. `since_ns`: the time from which on `legs` are complete.
    void refill(const std::vector<store::StoredLeg>& legs, const std::vector<v1::Path>& paths, TimeNs since_ns);
    /// Before start(): what was learnt of gateways before.
    void restore(wire::LearntGateways learnt);
    /// Before start(): who takes what is learnt (wire/gateway_state.h), now and then and at the end, on the linker's
    /// thread.
    void keep_gateways(std::function<void(std::string)> keep) { keep_gateways_ = std::move(keep); }
    void start();

    LinkerCounters counters() const;  ///< from any thread

    /// Two legs of the window weighed against each other; from any thread, answered within a tick.
    Result<v1::LinkExplanation> explain(LegId a, LegId b);
    /// Legs of other paths that could stand beside this one, weighed; from any thread, answered within a tick.
    Result<v1::LinkRivals> rivals(LegId leg);
    /// The profiles as of at most gateways_every_ticks ago; from any thread.
    v1::GatewayList gateways() const;

  private:
    /// What the linker's thread answers when it has a moment.
    using Question = std::function<void()>;
    template <typename Message>
    Result<Message> ask(std::function<Result<Message>()> answer);
    void answer_questions();
    Result<v1::LinkExplanation> explained(LegId a, LegId b) const;
    Result<v1::LinkRivals> rivals_of(LegId leg) const;
    void show_gateways();
    void hand_over_gateways();
    void run();
    void take(const ReceivedBatch& batch);
    bool add(Leg leg, const std::string& tap, const std::string& clock);
    void tick();
    void hand_on();
    void finish_restart(TimeNs now);

    DurationNs restart_settle_ns_;
    BatchQueue& queue_;
    PathWriter& paths_;
    Engine engine_;
    TcpDigests tcp_digests_;
    std::unordered_map<std::string, TapId> taps_;
    std::uint32_t revision_base_;
    std::unique_ptr<Restart> restart_;
    TimeNs restart_done_at_ns_ = 0;
    TimeNs latest_ns_ = 0;
    LinkerCounters counters_;
    mutable std::mutex mutex_;
    LinkerCounters shown_;
    GatewayBook gateways_;
    std::function<void(std::string)> keep_gateways_;
    std::uint32_t ticks_since_kept_ = 0;
    std::uint32_t ticks_since_shown_ = gateways_every_ticks;
    std::shared_ptr<const v1::GatewayList> gateways_shown_ = std::make_shared<v1::GatewayList>();
    std::vector<Question> questions_;
    bool closed_ = false;  ///< no more questions are answered
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace clew::control
