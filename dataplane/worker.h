// SPDX-License-Identifier: Apache-2.0
// A worker: one poll-mode thread over its sources, merged in time, and its pipeline, run to completion. Idle, it backs
// off: spins a little, then sleeps in growing steps up to idle_sleep_us_max.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/leg_ring.h"
#include "dataplane/packet.h"
#include "dataplane/packet_trace.h"
#include "dataplane/pipeline.h"
#include "dataplane/time_merge.h"

namespace clew::sensor {

constexpr unsigned idle_spin_count = 64;
constexpr unsigned idle_sleep_us_max = 200;
constexpr std::size_t worker_ring_bytes = std::size_t{4} << 20;  ///< of leg records: some thousand

/// A polling thread's rest: spins a little, then sleeps longer and longer.
class IdleWait {
  public:
    void worked() { rounds_ = 0; }
    void wait();

  private:
    unsigned rounds_ = 0;
};

class Worker final : private LegSink {
  public:
    /// `now` reads the taps' clock; null for files: then the last packet's time is the time. Sources are borrowed.
    static Result<std::unique_ptr<Worker>> create(const PipelineSettings& settings, std::vector<PacketSource*> sources,
                                                  TimeNs (*now)());
    ~Worker() override;

    /// The first packets' journeys are told there; before start(). Borrowed.
    void trace(PacketTrace* trace) { trace_ = trace; }

    void start();
    /// Asks the thread to stop, flushes all legs into the ring (whose reader must go on until this returns), joins.
    void stop();
    /// All sources are files, and they are used up and flushed.
    bool at_end() const { return at_end_.load(std::memory_order_acquire); }

    Pipeline& pipeline() { return *pipeline_; }
    LegRing& ring() { return ring_; }
    static std::size_t memory_bytes(const PipelineSettings& settings);

  private:
    Worker(std::vector<PacketSource*> sources, TimeNs (*now)());
    bool offer(const Leg& leg) override;
    void run();
    std::size_t poll();
    bool sources_used_up() const;

    std::vector<PacketSource*> sources_;
    TimeNs (*now_)();
    TimeNs latest_ns_ = 0;
    PacketTrace* trace_ = nullptr;
    LegRing ring_;
    std::unique_ptr<Pipeline> pipeline_;
    TimeMerge merge_;
    bool may_wait_ = false;  ///< a full ring is waited for: files, and the flush at the end
    std::atomic<bool> stop_{false};
    std::atomic<bool> at_end_{false};
    std::thread thread_;
};

}  // namespace clew::sensor
