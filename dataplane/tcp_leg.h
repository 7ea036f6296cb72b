// SPDX-License-Identifier: Apache-2.0
// The cold part of a leg's TCP analysis: what was skipped, what was selectively acknowledged, and the result so far.
#pragma once

#include <array>
#include <cstdint>

#include "nat-trace/tcp_analysis.h"

namespace clew::sensor {

/// Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4).
inline bool seq_before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

/// [from, to) of a sequence space.
struct SeqRange {
    std::uint32_t from;
    std::uint32_t to;
};

constexpr std::uint8_t hole_count_max = 4;  ///< of one side; the oldest is forgotten for a fifth
constexpr std::uint8_t sack_count_max = 4;  ///< RFC 2018: as many blocks as options have room for

/// Of one side's segments.
struct TcpSide {
    TcpFlowAnalysis result;
    std::array<SeqRange, hole_count_max> holes;  ///< skipped, may still come; in the order in which they were skipped
    std::array<SeqRange, sack_count_max> sacks;  ///< blocks of the last acknowledgement this side sent
    SeqRange gap;  ///< with gap_known: the last range that was acknowledged and had not been seen
    std::uint8_t hole_count;
    std::uint8_t sack_count;
    bool hole_forgotten;  ///< there were more than hole_count_max: what fills one cannot be told for certain
    bool gap_known;
};

/// All zero is a leg of which nothing is known.
struct TcpLeg {
    std::array<TcpSide, 2> sides;
    DelayStatistics response;
    TimeNs syn_ns;      ///< the last SYN
    TimeNs syn_ack_ns;  ///< the last SYN-ACK
    DurationNs handshake_server;
    DurationNs handshake_client;
    DurationNs handshake;
    ResetOrigin reset_origin;
    std::uint8_t reset_side;
    std::int16_t reset_ttl_ahead;
    bool reset_ip_id_apart;
};

}  // namespace clew::sensor
