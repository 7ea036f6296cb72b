// SPDX-License-Identifier: Apache-2.0
// The journey of a packet through the sensor, step by step, for a person: what the source lent, what decap took off,
// what the transport header says, and what the pipeline counted of it. For the first packets after start only
// (`clew-sensor --trace N`); it allocates, formats and sends traced packets through the pipeline one by one.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataplane/packet.h"
#include "dataplane/pipeline.h"

namespace clew::sensor {

/// The steps up to the leg table: no state, no effect.
std::string trace_parsing(const Packet& packet, const DecapSettings& settings);

/// Shared by all workers: which packets are still to be traced, and where their words go.
class PacketTrace {
  public:
    /// `tap_names` by TapId. `write` is called with whole packets' words, by any worker, one at a time.
    PacketTrace(std::uint32_t packet_count, DecapSettings settings, std::vector<std::string> tap_names,
                void (*write)(const std::string& words));

    bool over() const { return left_.load(std::memory_order_relaxed) == 0; }
    /// Gives the burst to the pipeline, the traced packets of it one by one.
    void pass(Pipeline& pipeline, std::span<const Packet> burst);

  private:
    bool take(std::uint32_t& number);

    std::uint32_t packet_count_;
    std::atomic<std::uint32_t> left_;
    DecapSettings settings_;
    std::vector<std::string> tap_names_;
    void (*write_)(const std::string& words);
    std::atomic_flag writing_ = ATOMIC_FLAG_INIT;
};

}  // namespace clew::sensor
