// SPDX-License-Identifier: Apache-2.0
// The engine's book of what was out of the ordinary in legs' streams: marks, resets, loops. Few legs have any, so it
// lies beside the window. One thread.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "nat-trace/leg.h"

namespace clew {

constexpr std::size_t odd_leg_count_max = 262'144;  ///< legs with an entry; of later ones nothing is kept, counted

struct OddFlow {
    std::vector<StreamMark> marks;
    std::uint16_t marks_forgotten = 0;
    bool has_acked = false;
    std::uint32_t acked = 0;  ///< what the other side acknowledged last of this direction, as written at the tap
    ResetSeen reset;
    LoopSeen loop;
    IcmpErrorSeen icmp_error;
};

struct OddLeg {
    std::array<OddFlow, direction_count> flows;
    const OddFlow& flow(Direction d) const { return flows[static_cast<std::size_t>(d)]; }
};

class StreamBook {
  public:
    /// Takes a leg's report: what is odd of it replaces what was known.
    void note(const Leg& report);
    void forget(LegId leg);
    /// Exchanges a leg's directions.
    void turn_round(LegId leg);
    const OddLeg* find(LegId leg) const {
        if (legs_.empty()) return nullptr;
        const auto at = legs_.find(leg);
        return at == legs_.end() ? nullptr : &at->second;
    }
    std::uint64_t refused() const { return refused_; }
    std::size_t memory_bytes() const {
        return legs_.bucket_count() * sizeof(void*) + legs_.size() * (sizeof(OddLeg) + node_overhead_bytes) +
               mark_bytes_;
    }

  private:
    static constexpr std::size_t node_overhead_bytes = 32;
    static std::size_t mark_bytes(const OddLeg& leg) {
        return (leg.flows[0].marks.capacity() + leg.flows[1].marks.capacity()) * sizeof(StreamMark);
    }

    std::size_t mark_bytes_ = 0;
    std::unordered_map<LegId, OddLeg> legs_;
    std::uint64_t refused_ = 0;
};

}  // namespace clew
