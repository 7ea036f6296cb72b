// SPDX-License-Identifier: Apache-2.0
// What the taps' TCP analysis says of a path, for its row in the store: the engine does not keep the analysis, so the
// few figures of each leg that are searched by stand here. Bounded: of more legs than that, those not reported for
// longest are forgotten, and a path that is told anew then says less. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "nat-trace/leg.h"
#include "wire/path.pb.h"

namespace clew::control {

class TcpDigests {
  public:
    explicit TcpDigests(std::size_t leg_count_max) : young_count_max_(leg_count_max / 2 + 1) {}

    /// A report of a leg: its figures only grow, so reports may come in any order. Sockets and other protocols have
    /// none.
    void take(const Leg& leg);
    /// Fills `tcp` from the path's legs; leaves it absent where none of them is known.
    void fill(v1::Path& path) const;

    std::size_t size() const { return young_.size() + old_.size(); }

  private:
    static constexpr std::size_t count_kinds = 7;
    struct Digest {
        std::int64_t initial_rtt_ns = 0;
        std::array<std::uint32_t, count_kinds> counts{};
    };
    static Digest digest_of(const TcpAnalysis& tcp);
    static void merge(const Digest& from, Digest& to);

    std::size_t young_count_max_;
    std::unordered_map<LegId, Digest> young_, old_;  ///< young_ takes reports; full, it becomes old_
};

}  // namespace clew::control
