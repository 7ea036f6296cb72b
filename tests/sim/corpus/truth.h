// SPDX-License-Identifier: Apache-2.0
// What really happened, as a line of truth.jsonl: the legs that were captured, and what stands between them.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/corpus/connection.h"

namespace clew::corpus {

/// `tap_names` by tap number. Empty when no tap saw anything of the connection.
std::string truth_line(const Connection& connection, const std::vector<std::string>& tap_names);

/// The kind of two or more middleboxes with no tap between them.
std::string joined_kind(const std::string& first, const std::string& second);

}  // namespace clew::corpus
