// SPDX-License-Identifier: Apache-2.0
// The order of one connection's legs from client to server: by time, by TTL in both directions, by address continuity,
// with sockets at the ends. Pure.
#pragma once

#include <span>

#include "nat-trace/window.h"

namespace clew {

/// Weight for `a` standing on the client's side of `b`; negative for the other way round, 0 for no opinion.
double upstream_weight(const LegWindow& window, const WindowLeg& a, const WindowLeg& b);

/// Sorts the legs of one transport connection, at most chain_leg_count_max, from client to server.
void order_chain(const LegWindow& window, std::span<LegIndex> legs);

}  // namespace clew
