// SPDX-License-Identifier: Apache-2.0
// A ladder as flat arrays, for readers that draw many packets: a tenth of the bytes, and nothing to parse.
#pragma once

#include <cstddef>
#include <span>

#include "nat-trace/ladder.h"
#include "wire/overview.pb.h"
#include "wire/path.pb.h"

namespace clew::control {

/// `head` without its rows; `legs`: which cell of a row stands in each of its columns.
v1::LadderTable to_table(const v1::Ladder& head, std::span<const LadderRow> rows, std::span<const std::size_t> legs);

}  // namespace clew::control
