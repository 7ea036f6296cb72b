// SPDX-License-Identifier: Apache-2.0
// What became of a path's packets on their way: what was lost and where, where an opening died, who sent the reset.
// Plain values; legs are told by their place in Path::legs, and no_place is beyond the taps at that end.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "nat-trace/leg.h"

namespace clew {

constexpr std::int16_t no_place = -1;

enum class LossFate : std::uint8_t {
    network = 0,      ///< lost on the wire between the two legs: it was sent again
    capture_gap = 1,  ///< it passed the leg's tap (it was acknowledged, or seen farther on), and the tap did not see it
    unknown = 2,      ///< seen before, not behind, never acknowledged and never sent again
};

/// One part of a stream, or a SYN or SYN-ACK, or (not TCP) a number of datagrams.
struct LossCase {
    Direction direction = Direction::to_server;
    LossFate fate = LossFate::unknown;
    bool handshake = false;            ///< a SYN or SYN-ACK
    std::int16_t from_leg = no_place;  ///< in the direction of travel; capture_gap: the leg itself
    std::int16_t to_leg = no_place;    ///< likewise
    std::uint32_t offset = 0;          ///< TCP: of the first byte, from the ISN (the SYN is 0, the first byte is 1)
    std::uint32_t bytes = 0;           ///< of sequence space; 0 for datagrams
    std::uint32_t times = 0;           ///< copies lost or not captured; datagrams: how many
};
constexpr std::size_t loss_case_count_max = 64;  ///< told one by one in one path

enum class OpeningFate : std::uint8_t {
    answered = 0,     ///< the server's SYN-ACK came back to the tap nearest to the client
    refused = 1,      ///< answered by a reset
    unanswered = 2,   ///< the SYN went out of sight behind from_leg, and nothing answered
    answer_lost = 3,  ///< the SYN-ACK was seen at from_leg and not at to_leg, nearer to the client
    unreachable = 4,  ///< answered by an ICMP error
};

/// The opening of one transport connection of the path: legs first_leg … last_leg, between relays.
struct Opening {
    std::int16_t first_leg = 0;
    std::int16_t last_leg = 0;
    OpeningFate fate = OpeningFate::answered;
    std::int16_t from_leg = no_place;
    std::int16_t to_leg = no_place;
    std::uint32_t syn_count = 0;  ///< SYNs seen at the tap nearest to the client
};

enum class ResetBy : std::uint8_t { client = 0, server = 1, relay = 2, middlebox = 3 };

/// The first reset of one direction of one transport connection.
struct ResetSender {
    Direction direction = Direction::to_server;
    ResetBy by = ResetBy::client;
    std::int16_t from_leg = no_place;  ///< middlebox: it stands between these, in the direction of travel
    std::int16_t to_leg = no_place;    ///< the first leg that saw it
    bool certain = false;              ///< TTLs, or the taps that saw it and those that did not, leave one answer
    TimeNs time_ns = 0;                ///< at to_leg
};

/// An ICMP error about packets of one direction, as the tap nearest to who sent it saw it.
struct IcmpReport {
    Direction direction = Direction::to_server;  ///< of the packets that it is about
    std::int16_t leg = no_place;
    IcmpErrorSeen error;
    bool v6 = false;
};

/// "destination unreachable (port)", "time exceeded", …: RFC 792, RFC 4443.
std::string_view icmp_error_text(bool v6, std::uint8_t type, std::uint8_t code);

std::string_view to_text(LossFate fate);     ///< "network", "capture-gap", "unknown"
std::string_view to_text(OpeningFate fate);  ///< "answered", …
std::string_view to_text(ResetBy by);        ///< "client", …

}  // namespace clew
