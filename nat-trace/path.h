// SPDX-License-Identifier: Apache-2.0
// A path: the chain of legs from client to server, with the links between them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "nat-trace/fate.h"
#include "nat-trace/leg.h"
#include "nat-trace/link.h"

namespace clew {

/// Stays the same while links are mended. Never 0.
using PathId = std::uint64_t;

/// Why a leg stands alone.
enum class Unlinked : std::uint8_t {
    linked = 0,  ///< it does not
    no_candidate = 1,
    ambiguous = 2,
    one_way = 3,
    capture_gap = 4,
    evicted = 5,
    unsupported = 6,
    clock = 7,
    folded = 8,
};

/// What a path keeps of each of its legs: what a person reads, and nothing the engine alone needs.
struct PathLeg {
    LegId leg = 0;
    TapId tap = 0;
    ClockId clock = 0;  ///< of its tap; a number within the path's source
    Observer observer = Observer::mirror;
    Endpoint client;
    Endpoint server;
    Segment segment;
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    LegPhase phase = LegPhase::opened;
    LegEnd end = LegEnd::none;
    Process process;
    App app = App::unknown;
    std::array<char, server_name_bytes_max> server_name{};
    struct Counters {
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
        std::uint32_t retransmissions = 0;
        std::uint8_t ttl = 0;
        bool has_isn = false;
        std::uint32_t isn = 0;
        std::uint32_t missed = 0;        ///< packets, or parts of the stream, that passed and were not captured
        std::uint64_t missed_bytes = 0;  ///< of the stream
        LoopSeen loop;                   ///< laps == 0: none
    };
    std::array<Counters, direction_count> flows{};
};

/// Two taps that follow each other in one direction alone: what stands between them carries the other one.
struct WaySpan {
    Direction direction = Direction::to_server;
    std::uint16_t from = 0;  ///< index into Path.legs, on the client's side of `to`
    std::uint16_t to = 0;
    SegmentDelay delay;  ///< samples == 0: not known
};

struct Path {
    PathId id = 0;
    std::uint32_t revision = 0;            ///< grows with every change
    bool retracted = false;                ///< its legs went to other paths; nothing else is filled in
    PathId merged_into = 0;                ///< where to, when retracted
    Protocol protocol = Protocol::tcp;     ///< of all legs; icmp also for echoes that a NAT64 makes of ICMPv6's
    Unlinked unlinked = Unlinked::linked;  ///< set for a path of one leg
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    std::vector<PathLeg> legs;        ///< client to server
    std::vector<Link> links;          ///< links[i] joins legs[i] and legs[i+1]
    std::vector<WaySpan> spans;       ///< where the two ways differ; neighbours' delays are in `links`
    std::vector<LossCase> losses;     ///< by direction and place in the stream; at most loss_case_count_max
    std::uint32_t losses_untold = 0;  ///< further ones: counted in links and legs alone
    bool losses_partial = false;      ///< a tap could not keep note of all: the counts are lower bounds
    std::vector<Opening> openings;    ///< TCP: one for each transport connection whose SYN was seen
    std::vector<ResetSender> resets;
    std::vector<IcmpReport> icmp_errors;
};

std::string_view to_text(Unlinked reason);  ///< "no-candidate", …: as the corpus format names them

}  // namespace clew
