// SPDX-License-Identifier: Apache-2.0
// Two legs weighed against each other, for a person who asks why they are linked or are not. Pure.
#pragma once

#include "nat-trace/evidence.h"
#include "nat-trace/path.h"

namespace clew {

/// One way in which the two could be one connection.
struct Weighing {
    PairEvidence evidence;
    float bits_needed = 0;  ///< before rivals are looked at; 0: there is no such sum, single rules decide
};

struct PairVerdict {
    bool known[2] = {};  ///< the leg is in the window; nothing else is filled in unless both are
    bool same_path = false;
    PathId path[2] = {};
    Unlinked reason[2] = {};  ///< of a leg that stands alone
    PathLeg leg[2];
    LinkKind kind = LinkKind::forward;  ///< by the addresses, if they are one transport connection
    std::uint16_t changes = 0;
    Weighing same;        ///< one transport connection, passed on by gateways
    Weighing relayed[2];  ///< [0] a proxy ended the first's connection and opened the second's; [1] the other way round
};

/// The evidence only; paths and reasons are the caller's.
PairVerdict weigh_pair(const LegWindow& window, const EvidenceLimits& limits, LegIndex a, LegIndex b);

}  // namespace clew
