// SPDX-License-Identifier: Apache-2.0
// The delays of one burst: each is added to its leg's cold part while the next burst is parsed, when that part has been
// fetched, or before a leg is reported. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/leg_parts.h"
#include "dataplane/leg_table.h"
#include "dataplane/packet.h"
#include "nat-trace/prefetch.h"

namespace clew::sensor {

enum class DelayKind : std::uint8_t { rtt_of_low = 0, rtt_of_high = 1, response = 2 };

class FoundDelays {
  public:
    /// At most two for a packet, and add_all() before the next burst_packet_count_max packets.
    void note(LegTable& legs, LegNumber leg, DelayKind kind, DurationNs delay) {
        prefetch_line(&place_of(legs.tcp(leg), kind));
        delays_[count_++] = {leg, kind, static_cast<std::uint8_t>(delay_bin_of(delay)), delay};
    }

    /// Also before a leg is reported or ends.
    void add_all(LegTable& legs, LegParts& parts) {
        for (std::size_t i = 0; i < count_; ++i)
            parts.add_delay(place_of(legs.tcp(delays_[i].leg), delays_[i].kind), delays_[i].delay_ns, delays_[i].bin);
        count_ = 0;
    }

  private:
    struct Found {
        LegNumber leg = leg_none;
        DelayKind kind = DelayKind::response;
        std::uint8_t bin = 0;
        DurationNs delay_ns = 0;
    };

    static LegDelays& place_of(TcpLeg& leg, DelayKind kind) {
        if (kind == DelayKind::response) return leg.response;
        return leg.sides[static_cast<std::size_t>(kind)].rtt;
    }

    std::array<Found, 2 * burst_packet_count_max> delays_;
    std::size_t count_ = 0;
};

}  // namespace clew::sensor
