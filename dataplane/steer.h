// SPDX-License-Identifier: Apache-2.0
// The software steer: one thread takes packets from sources and gives each to one of several workers by its inner
// addresses and ports, so that both directions of a connection, and both sides of a tunnel, meet at one worker. For
// ports that cannot hash inner headers themselves. Frames are copied into rings of fixed size; a full ring is counted.
// Later fragments carry no ports and go by their addresses.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/decap.h"
#include "dataplane/fixed_array.h"
#include "dataplane/packet.h"
#include "dataplane/time_merge.h"
#include "nat-trace/result.h"

namespace clew::sensor {

constexpr std::size_t steer_frame_count_max = 4096;  ///< in one worker's ring
constexpr std::size_t steer_frame_bytes_max = 2048;  ///< of a frame; the rest is cut off and counted

struct SteerCounters {
    std::uint64_t steered = 0;
    std::uint64_t ring_full = 0;   ///< packets dropped because a worker did not keep up
    std::uint64_t frames_cut = 0;  ///< longer than steer_frame_bytes_max
};

/// The same for both directions and for every tunnel around it.
std::uint32_t steer_hash(const Packet& packet, const DecapSettings& settings, Decapped& decapped);

/// One worker's ring: the steer's thread pushes, the worker's thread receives.
class SteeredQueue final : public PacketSource {
  public:
    bool allocate() { return slots_.allocate(steer_frame_count_max, true); }
    static std::size_t memory_bytes() { return FixedArray<Slot>::memory_bytes(steer_frame_count_max); }

    bool push(const Packet& packet);
    void end() { ended_.store(true, std::memory_order_release); }  ///< nothing more will be pushed

    std::size_t receive(std::span<Packet> burst) override;
    void release() override;
    bool at_end() const override;
    SourceCounters counters() const override { return {}; }  ///< the sources behind the steer count

  private:
    struct alignas(64) Slot {
        Packet packet;
        std::uint8_t bytes[steer_frame_bytes_max];
    };
    static_assert(std::is_trivially_destructible_v<Slot>);

    FixedArray<Slot> slots_;
    std::size_t held_ = 0;
    alignas(64) std::atomic<std::uint64_t> taken_{0};
    alignas(64) std::atomic<std::uint64_t> pushed_{0};
    std::atomic<bool> ended_{false};
};

class Steer {
  public:
    /// Sources are borrowed. `waits`: a full ring is waited for (files), not counted.
    static Result<std::unique_ptr<Steer>> create(std::vector<PacketSource*> sources, std::size_t worker_count,
                                                 const DecapSettings& settings, bool waits);
    ~Steer();
    static std::size_t memory_bytes(std::size_t worker_count) { return worker_count * SteeredQueue::memory_bytes(); }

    PacketSource& queue(std::size_t worker) { return *queues_[worker]; }
    void start();
    void stop();                     ///< joins; what is in the rings stays there for the workers
    SteerCounters counters() const;  ///< from any thread

  private:
    Steer(std::vector<PacketSource*> sources, const DecapSettings& settings, bool waits);
    void run();
    std::size_t poll();
    void give(const Packet& packet);

    std::vector<PacketSource*> sources_;
    std::vector<std::unique_ptr<SteeredQueue>> queues_;
    TimeMerge merge_;
    DecapSettings settings_;
    Decapped decapped_;
    bool waits_;
    std::atomic<std::uint64_t> steered_{0}, ring_full_{0}, frames_cut_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace clew::sensor
