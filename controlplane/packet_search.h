// SPDX-License-Identifier: Apache-2.0
// Packets out of the vaults of all sensors, without a path: asked by addresses, ports, tunnel ids, time and capture
// filter. A page at a time, in the order of time. Callable from any thread.
#pragma once

#include <string>

#include "controlplane/frame_wish.h"
#include "nat-trace/result.h"
#include "nat-trace/time.h"
#include "wire/collector.h"
#include "wire/path.pb.h"

namespace clew::control {

struct PacketsWanted {
    TimeNs from = 0, to = 0;  ///< 0 = no bound
    std::string filter;       ///< controlplane/leg_choice_text.h
    std::string bpf;          ///< on the innermost IP packet; empty: any
    std::uint32_t count_max = 0;
    FrameWish wish;
};

class PacketSearch {
  public:
    static constexpr std::uint32_t count_max = 50'000;           ///< of one page
    static constexpr std::uint64_t frame_bytes_max = 24u << 20;  ///< of one observer, a page
    static constexpr std::uint32_t ask_timeout_ms = 10'000;      ///< of one observer
    static constexpr std::size_t asks_at_once = 16;

    explicit PacketSearch(wire::Collector& collector) : collector_(collector) {}

    /// What could not be had is said in `partial`; next_ns tells whether there is more.
    Result<v1::CapturedPacketList> find(const PacketsWanted& wanted) const;

  private:
    wire::Collector& collector_;
};

}  // namespace clew::control
