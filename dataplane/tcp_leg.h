// SPDX-License-Identifier: Apache-2.0
// The cold part of a leg's TCP analysis: delays and the handshake, which every leg has, and what only some have: what
// was skipped, what was selectively acknowledged, and counts of all that was odd.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/part_pool.h"
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

/// Of one side's segments. A part of LegParts; all zero says the same as none.
struct TcpOddities {
    std::uint64_t capture_gap_bytes;  ///< these as in TcpFlowAnalysis
    std::uint32_t capture_gaps;
    std::uint32_t retransmissions_fast;
    std::uint32_t retransmissions_timeout;
    std::uint32_t retransmissions_spurious;
    std::uint32_t losses_upstream;
    std::uint32_t out_of_order;
    std::uint32_t duplicate_acks;
    std::uint32_t zero_windows;
    std::uint32_t windows_full;
    std::uint32_t keep_alives;
    std::array<SeqRange, hole_count_max> holes;  ///< skipped, may still come; in the order in which they were skipped
    std::array<SeqRange, sack_count_max> sacks;  ///< blocks of the last acknowledgement this side sent
    SeqRange gap;  ///< with gap_known: the last range that was acknowledged and had not been seen
    std::uint8_t hole_count;
    std::uint8_t sack_count;
    bool hole_forgotten;  ///< there were more than hole_count_max: what fills one cannot be told for certain
    bool gap_known;
    std::uint32_t unused;  ///< no padding: told from all zero by its bytes
};
static_assert(sizeof(TcpOddities) == 128);

/// DelayStatistics of one kind in less than a cache line: a leg's delays fall into few of the bins. One that needs more
/// takes a table for all of them (LegParts).
struct LegDelays {
    static constexpr std::size_t bin_count_max = 10;

    std::int64_t sum_ns;
    std::int64_t max_ns;
    std::uint32_t count;
    PartNumber table;
    std::array<std::uint16_t, bin_count_max> counts;
    std::array<std::uint8_t, bin_count_max> bins;
    std::uint8_t bin_count;  ///< 0 with a table
};

struct TcpSide {
    LegDelays rtt;
    PartNumber oddities;
    std::uint32_t resets;
};
static_assert(sizeof(TcpSide) == 64);

/// All zero is a leg of which nothing is known.
struct alignas(64) TcpLeg {
    std::array<TcpSide, 2> sides;
    LegDelays response;
    ResetOrigin reset_origin;
    std::uint8_t reset_side;
    std::int16_t reset_ttl_ahead;
    bool reset_ip_id_apart;
};
static_assert(sizeof(TcpLeg) == 192);

struct TcpHandshake {
    TimeNs syn_ns;      ///< the last SYN
    TimeNs syn_ack_ns;  ///< the last SYN-ACK
    DurationNs server;  ///< as in TcpAnalysis
    DurationNs client;
    DurationNs whole;
};

}  // namespace clew::sensor
