// SPDX-License-Identifier: Apache-2.0
// Paths for a person: one line a path where the terminal is wide enough, two where it is not. What is wrong is marked.
#pragma once

#include <cstddef>
#include <string>

#include "cli/paint.h"
#include "wire/path.pb.h"

namespace clew::cli {

std::string path_table(const v1::PathList& list, const Paint& paint, std::size_t columns);

}  // namespace clew::cli
