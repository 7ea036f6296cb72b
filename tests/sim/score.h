// SPDX-License-Identifier: Apache-2.0
// How right the engine's paths are, as the corpus format defines it: over pairs of legs, neighbours, order and kinds.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "nat-trace/path.h"
#include "tests/sim/journey.h"

namespace clew::sim {

struct Score {
    std::size_t pairs = 0, pairs_right = 0;
    std::size_t pairs_ab = 0, pairs_ab_right = 0;  ///< linked neighbours of grade A or B
    std::size_t neighbours = 0, neighbours_found = 0, kinds_right = 0;
    std::size_t whole = 0, in_order = 0;

    double precision() const { return ratio(pairs_right, pairs); }
    double precision_ab() const { return ratio(pairs_ab_right, pairs_ab); }
    double recall() const { return ratio(neighbours_found, neighbours); }
    double order() const { return ratio(in_order, whole); }
    double kind() const { return ratio(kinds_right, neighbours_found); }
    static double ratio(std::size_t part, std::size_t all) {
        return all == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(all);
    }
};

/// By kind of journey, and under "all". `paths` are the live ones, by id.
std::map<std::string, Score> score(const std::vector<Truth>& truths, const std::map<PathId, Path>& paths);

/// Takes drained paths into the live ones: later revisions replace, retracted ones leave.
void keep_latest(std::vector<Path> drained, std::map<PathId, Path>& live);

std::string to_text(const std::map<std::string, Score>& scores);

}  // namespace clew::sim
