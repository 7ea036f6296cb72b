// SPDX-License-Identifier: Apache-2.0
// What a ladder's rows are marked with, once they are lined up. Names are Wireshark's (tcp.analysis.*) where it has
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nat-trace/ladder.h"
#include "nat-trace/ladder_streams.h"
#include "nat-trace/path_clocks.h"

namespace clew {

/// What a segment takes of the sequence space: SYN and FIN count one.
std::uint32_t sequence_length(const PacketHeader& header);

/// A row with its place in the stream. Offsets count from the initial sequence number of its direction.
struct PlacedRow {
    LadderRow* row = nullptr;
    std::size_t transport = 0;  ///< which transport connection of the path: relays divide it
    std::size_t group = 0;      ///< rows of one group are one segment, or retransmissions of one another
    std::uint32_t offset = 0;
    std::uint32_t length = 0;  ///< in sequence space
    std::uint32_t ack_offset = 0;
    bool has_ack = false;
    std::size_t stream = 0;           ///< transports with the same bytes are one stream (ladder_streams.h)
    std::uint32_t stream_offset = 0;  ///< in that
};

/// `rows` are in the order of time. Marks resets, zero windows, keep-alives, duplicates, and for cells that were not
/// seen why: lost on the wire, or a gap of the capture. `legs_transport`: of each leg of the path.
void mark_ladder(std::vector<PlacedRow>& rows, const std::vector<std::size_t>& legs_transport,
                 const LadderStreams& streams, const PathClocks& clocks, bool tcp);

}  // namespace clew
