// SPDX-License-Identifier: Apache-2.0
// Two legs weighed against each other, for a person who asks why they are linked or are not. Pure.
#pragma once

#include <vector>

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

/// Legs of other paths that could have stood beside one, those that more speaks for first.
struct Rivals {
    std::vector<LegId> legs;
    bool more = false;             ///< there are more than were wanted, or than were looked at
    std::size_t keys_crowded = 0;  ///< of the leg's: so many legs share each that none of them is followed
};

/// How much speaks for the two being one connection, by whichever way does most.
float best_bits(const PairVerdict& verdict);

/// The evidence only; paths and reasons are the caller's.
PairVerdict weigh_pair(const LegWindow& window, const EvidenceLimits& limits, LegIndex a, LegIndex b);

}  // namespace clew
