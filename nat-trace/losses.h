// SPDX-License-Identifier: Apache-2.0
// Tells losses apart: for every part of a direction's stream, how often each tap of the path saw it. A tap must have
// been passed as often as any tap farther on saw the part, and once where it was acknowledged: what it saw less is a
// gap in its capture. Where fewer copies passed the next tap, the network lost them between the two. Also where an
// opening died, who sent a reset, and loops. Pure.
#pragma once

#include <vector>

#include "nat-trace/path.h"
#include "nat-trace/window.h"

namespace clew {

/// Fills in `path`'s losses, openings, resets, and its links' and legs' counts of them. `legs` are the path's, in
/// order; links are filled in already.
void tell_losses(const LegWindow& window, const std::vector<LegIndex>& legs, Path& path);

/// One part of `tell_losses`: a transport connection is the legs [first, last] of the path.
void tell_opening(const LegWindow& window, const std::vector<LegIndex>& legs, std::size_t first, std::size_t last,
                  Path& path);
void tell_icmp_errors(const LegWindow& window, const std::vector<LegIndex>& legs, std::size_t first, std::size_t last,
                      Path& path);
void tell_resets(const LegWindow& window, const std::vector<LegIndex>& legs, std::size_t first, std::size_t last,
                 Path& path);

}  // namespace clew
