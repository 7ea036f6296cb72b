// SPDX-License-Identifier: Apache-2.0
// Connections that proxies join: which stands before which, and whether one has several others before or behind it (a
// kept connection that carries many clients' requests belongs to no single one of them, and is left alone).
#pragma once

#include "nat-trace/chains.h"

namespace clew {

/// Joins `connections` (each in order) by the neighbourhood's relay edges into paths; what no edge joins passes
/// unchanged.
void join_relays(LegWindow& window, const Neighbourhood& around, const Chains& connections, Chains& out);

}  // namespace clew
