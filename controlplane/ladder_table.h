// SPDX-License-Identifier: Apache-2.0
// A ladder as flat arrays, for readers that draw many packets: a tenth of the bytes, and nothing to parse.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "nat-trace/ladder.h"
#include "wire/overview.pb.h"
#include "wire/path.pb.h"

namespace clew::control {

/// `head` without its rows; `legs`: which cell of a row stands in each of its columns; `delay_errors_ns`: of each
/// column the ± of what passes from the one before it, -1 where it is not known.
v1::LadderTable to_table(const v1::Ladder& head, std::span<const LadderRow> rows, std::span<const std::size_t> legs,
                         std::span<const double> delay_errors_ns);

/// The table as docs/LADDER_TABLE.md says: its arrays one behind the other, and nothing to decode.
std::string to_bytes(v1::LadderTable table);

}  // namespace clew::control
