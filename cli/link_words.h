// SPDX-License-Identifier: Apache-2.0
// Why two legs are linked, or are not, in words: `clew link explain`.
#pragma once

#include <string>

#include "cli/paint.h"
#include "wire/path.pb.h"

namespace clew::cli {

/// Every link of a path; for a path of one leg, why it stands alone.
std::string path_explained(const v1::Path& path, const Paint& paint, std::size_t columns);

/// The link between the path's legs `from` and `from + 1`.
std::string link_explained(const v1::Path& path, int from, const Paint& paint, std::size_t columns);

/// Two legs that are in no common path, or not neighbours in it.
std::string legs_explained(const v1::LinkExplanation& explanation, const Paint& paint, std::size_t columns);

}  // namespace clew::cli
