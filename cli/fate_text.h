// SPDX-License-Identifier: Apache-2.0
// What became of a path's packets, in words: for `clew path show`'s "attention" and under each hop.
#pragma once

#include <string>
#include <vector>

#include "wire/path.pb.h"

namespace clew::cli {

/// Sentences on openings that failed, resets and loops, worst first; empty when all went well.
std::vector<std::string> fate_sentences(const v1::Path& path);

/// What got lost on one link, a line a direction: "to server  2 lost on the wire (2.90 kB), sent again".
std::vector<std::string> link_loss_lines(const v1::PathLink& link);

/// What the tap missed of a direction: ", 3 parts not captured (4.34 kB)"; empty when nothing.
std::string missed_text(const v1::PathFlow& flow);

}  // namespace clew::cli
