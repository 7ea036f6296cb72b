// SPDX-License-Identifier: Apache-2.0
// The bursts of several sources as one, in order of time; of equal times the earlier source's first. What a source
// lends late goes behind what was merged before: nothing is held back and nothing is dropped. One thread.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "dataplane/packet.h"

namespace clew::sensor {

class TimeMerge {
  public:
    explicit TimeMerge(std::size_t source_count)
        : lent_(source_count * burst_packet_count_max),
          merged_(source_count > 1 ? lent_.size() : 0),
          counts_(source_count),
          at_(source_count) {}

    /// Room for one source's burst.
    std::span<Packet> room(std::size_t source) {
        return {lent_.data() + source * burst_packet_count_max, burst_packet_count_max};
    }
    void set_count(std::size_t source, std::size_t count) { counts_[source] = count; }

    /// All that was lent, until the next room() is filled.
    std::span<const Packet> merge() {
        if (counts_.size() == 1) return {lent_.data(), counts_[0]};
        std::fill(at_.begin(), at_.end(), std::size_t{0});
        for (std::size_t total = 0;; ++total) {
            const std::size_t source = earliest();
            if (source == counts_.size()) return {merged_.data(), total};
            merged_[total] = room(source)[at_[source]++];
        }
    }

  private:
    /// The source whose next packet is the oldest; counts_.size() when all are through.
    std::size_t earliest() {
        std::size_t found = counts_.size();
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            if (at_[i] == counts_[i]) continue;
            if (found == counts_.size() || room(i)[at_[i]].time_ns < room(found)[at_[found]].time_ns) found = i;
        }
        return found;
    }

    std::vector<Packet> lent_;
    std::vector<Packet> merged_;
    std::vector<std::size_t> counts_;
    std::vector<std::size_t> at_;
};

}  // namespace clew::sensor
