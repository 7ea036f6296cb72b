// SPDX-License-Identifier: Apache-2.0
// The ladder: the packets of one path at all its taps, lined up: same packet, one row. Pure: packets and links in, rows
// out.
#pragma once

#include <cstdint>
#include <vector>

#include "nat-trace/leg.h"
#include "nat-trace/path.h"

namespace clew {

/// One packet's header as a sensor's header ring keeps it. TCP fields are as written at the tap, host byte order.
struct PacketHeader {
    LegId leg = 0;
    TimeNs time_ns = 0;
    std::uint32_t seq = 0;  ///< TCP; ICMP echo: its sequence number
    std::uint32_t ack = 0;
    std::uint32_t tsval = 0;  ///< timestamps option; 0 with has_timestamps false
    std::uint32_t tsecr = 0;
    std::uint16_t length = 0;  ///< payload bytes as sent
    std::uint16_t ip_id = 0;
    std::uint16_t window = 0;  ///< as written, not scaled
    std::uint16_t payload_check =
        0;  ///< low 16 bits of XXH3-64 of the payload's first 64 bytes: lines up UDP, ICMP and relays
    TcpFlags flags = 0;
    std::uint8_t ttl = 0;
    Direction direction = Direction::to_server;
    bool has_timestamps = false;

    auto operator<=>(const PacketHeader&) const = default;
};
static_assert(sizeof(PacketHeader) == 48);

/// What a row is marked with besides `retransmission`; bits, as they travel to the console.
using LadderMarks = std::uint8_t;
enum LadderMark : LadderMarks {
    ladder_duplicate = 1,    ///< the same packet came before at a tap: captured or sent twice
    ladder_zero_window = 2,  ///< its sender can take no more
    ladder_reset = 4,
    ladder_keep_alive = 8,  ///< probes a silent connection; no retransmission
};
std::vector<const char*> to_texts(LadderMarks marks);  ///< "duplicate", "zero_window", "reset", "keep_alive"

/// Why a cell was not seen, where that can be told.
enum class Missing : std::uint8_t {
    no,           ///< it was seen, or the leg was not watched then, or a part of its bytes passed in other segments
    lost,         ///< no tap from here on saw it, and it was sent again
    capture_gap,  ///< a tap behind this one saw it, or its receiver acknowledged it
    unknown,      ///< no tap from here on saw it, and nothing tells what became of it
    recut,        ///< all its bytes passed here in other segments: offloads, a middlebox or a proxy cut the stream anew
};
const char* to_text(Missing missing);  ///< "lost", "capture_gap", "unknown", "recut"; empty for no

/// What one tap saw of a row's packet.
struct LadderCell {
    bool seen = false;
    PacketHeader header;
    TimeNs aligned_ns = 0;  ///< its time by the clock of the path's first leg (nat-trace/path_clocks.h)
    bool has_delay = false;
    /// To the previous tap that saw it, in the packet's direction of travel; none where their clocks do not compare.
    DurationNs delay_ns = 0;
    Missing missing = Missing::no;
    std::uint16_t carriers = 0;  ///< recut: so many packets here carried its bytes; the delay is till the last of them
};

struct LadderRow {
    Direction direction = Direction::to_server;
    TimeNs time_ns = 0;           ///< aligned, at the first tap in the direction of travel that saw it
    bool retransmission = false;  ///< the same sequence range came before, at the same tap
    LadderMarks marks = 0;
    std::vector<LadderCell> cells;  ///< one for each leg of the path, client to server
};

/// Lines the packets up. `headers` may come in any order and hold other legs' packets (left out). Rows are in the order
/// of aligned times. Segments that begin at the same byte of a stream share a row although they end elsewhere, and a
/// row's bytes that passed a tap in other segments are told by Missing::recut. So it is across a proxy too where it
/// passes bytes on as they are (nat-trace/ladder_streams.h); across others packets share a row only where their payload
/// is the same.
std::vector<LadderRow> build_ladder(const Path& path, std::vector<PacketHeader> headers);

}  // namespace clew
