// SPDX-License-Identifier: Apache-2.0
// From a neighbourhood to chains: rivals are weighed against each other, what is left is joined, ordered from client to
// server, and connections joined by a proxy are put one after the other. A pure function of the legs in the
// neighbourhood.
#pragma once

#include <vector>

#include "nat-trace/neighbourhood.h"

namespace clew {

constexpr float margin_bits_min = 4;             ///< the best must be so much better than its rival
constexpr float verified_bits_min = 64;          ///< an edge of less is held against all legs that it would join
constexpr std::size_t chain_leg_count_max = 48;  ///< more legs in one connection are taken for a mistake

/// One leg of a chain, and how sure its link to the next one is.
struct ChainLeg {
    LegIndex leg = no_leg;
    bool relay_next = false;
    std::uint8_t rivals = 0;
    std::uint8_t margin_bits = 0;
};
using Chain = std::vector<ChainLeg>;

/// Divides the neighbourhood into chains; a leg that stands alone is a chain of one. Sets the legs' `ambiguous`.
void make_chains(LegWindow& window, const EvidenceLimits& limits, const Neighbourhood& around, std::vector<Chain>& out);

}  // namespace clew
