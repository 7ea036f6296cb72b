// SPDX-License-Identifier: Apache-2.0
// Who began a conversation of datagrams between two ports that nobody knows: every tap takes whoever it saw first, and
// a tap of one direction alone, or one that began to look in the middle, takes the wrong one. Of all taps that saw the
// same two ends the earliest packet tells, and the others' legs are turned round. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "nat-trace/leg.h"

namespace clew {

constexpr DurationNs conversation_gap_ns_max = 60 * ns_per_s;  ///< after such silence the ends may speak anew

/// Exchanges the leg's two sides: ends, directions, MACs and outer ends.
void turn_round(Leg& leg);
void turn_round(Segment& segment);

class TurnBook {
  public:
    /// Only the first packet told who is the client.
    static bool is_doubtful(const Leg& report) {
        return report.protocol == Protocol::udp && report.client_by == ClientBy::first_packet &&
               report.observer != Observer::socket;
    }

    /// Takes a new doubtful leg in. Says whether it must be turned round, and adds to `others` those that must be, now
    /// that this one is earlier.
    bool add(const Leg& report, std::vector<LegId>& others);
    /// A leg that add() took leaves; `segment` and ends of either way round.
    void forget(LegId leg, const Endpoint& one, const Endpoint& other, const Segment& segment);

    std::size_t memory_bytes() const;

  private:
    struct Conversation {
        Endpoint client;
        LegId earliest = 0;
        TimeNs first_ns = 0;
        TimeNs last_ns = 0;
        std::vector<LegId> legs;  ///< all with this client by now
    };
    static std::uint64_t key_of(const Endpoint& one, const Endpoint& other, const Segment& segment);

    std::unordered_map<std::uint64_t, Conversation> conversations_;
};

}  // namespace clew
