// SPDX-License-Identifier: Apache-2.0
// Why a leg stands alone, as far as the leg and the window tell. Pure.
#pragma once

#include "nat-trace/path.h"
#include "nat-trace/window.h"

namespace clew {

/// So many legs of one tap sharing what a leg could be linked by are told as one of many alike.
constexpr std::uint32_t folded_count_min = 64;

Unlinked reason_alone(const LegWindow& window, const WindowLeg& leg);

}  // namespace clew
