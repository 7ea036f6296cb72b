// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/verdict.h"

#include <algorithm>

#include "nat-trace/classify.h"

namespace clew {

float best_bits(const PairVerdict& verdict) {
    return std::max({verdict.same.evidence.bits, verdict.relayed[0].evidence.bits, verdict.relayed[1].evidence.bits});
}

PairVerdict weigh_pair(const LegWindow& window, const EvidenceLimits& limits, LegIndex a, LegIndex b) {
    PairVerdict out;
    const WindowLeg& x = window.leg(a);
    const WindowLeg& y = window.leg(b);
    out.known[0] = out.known[1] = true;
    out.same.evidence = same_connection(window, x, y, limits);
    out.same.bits_needed = accept_bits(x, y, out.same.evidence.is_explicit);
    out.relayed[0].evidence = relayed(window, x, y, limits);
    out.relayed[1].evidence = relayed(window, y, x, limits);
    out.kind = kind_of(x, y);
    out.changes = changes_of(window, x, y, out.kind, match_samples(x, y, out.kind));
    return out;
}

}  // namespace clew
