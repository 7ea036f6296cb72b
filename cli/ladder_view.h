// SPDX-License-Identifier: Apache-2.0
// A ladder for a person (one column a tap, one row a packet) and for programs (one JSON line a row).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/paint.h"
#include "wire/path.pb.h"

namespace clew::cli {

/// Sequence numbers are relative to each tap's own start, so that they read the same on both sides of a gateway that
/// moves them.
struct LadderLook {
    bool fold = false;      ///< runs of plain acknowledgements become one row
    bool absolute = false;  ///< times of day in place of seconds since the first packet
    /// Which transport connection each column is of (path_summary.h): on the other side of a relay a packet is not
    /// missing, it is not meant to be there. Empty: all of one.
    std::vector<unsigned> connections = {};
    std::vector<std::int64_t> delay_errors_ns =
        {};                    ///< the ± of each column's times since the tap before; 0: not known
    std::size_t columns = 80;  ///< of the terminal
};
std::string ladder_view(const v1::Ladder& ladder, const LadderLook& look, const Paint& paint);

/// LadderLook::connections for the columns of a path's ladder.
std::vector<unsigned> connection_of_column(const v1::Ladder& ladder, const v1::Path& path);

/// LadderLook::delay_errors_ns, from the links between neighbouring columns.
std::vector<std::int64_t> delay_error_of_column(const v1::Ladder& ladder, const v1::Path& path);

/// One line a row, each cell with its tap's name; numbers as written at the tap. Every line ends in a newline.
std::string ladder_lines(const v1::Ladder& ladder);
/// {"path_id": …, "rows": [ladder_lines], "partial": "why, or empty"}: one document, one row a line.
std::string ladder_document(const v1::Ladder& ladder);

std::string tcp_flags_text(std::uint32_t flags);  ///< "SYN,ACK"; "-" when none is set

}  // namespace clew::cli
