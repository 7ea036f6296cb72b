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

/// `head` without its rows; `legs`: which cell of a row stands in each of its columns.
v1::LadderTable to_table(const v1::Ladder& head, std::span<const LadderRow> rows, std::span<const std::size_t> legs);

/// The table as docs/LADDER_TABLE.md says: its arrays one behind the other, and nothing to decode.
std::string to_bytes(v1::LadderTable table);

}  // namespace clew::control
