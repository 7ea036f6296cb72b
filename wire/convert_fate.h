// SPDX-License-Identifier: Apache-2.0
// What became of a path's packets, to its message.
#pragma once

#include "nat-trace/path.h"
#include "wire/path.pb.h"

namespace clew::wire {

/// Fills in losses, openings, resets, and the links' and legs' counts. The message's legs and links are there already.
void encode_fates(const Path& path, v1::Path& message);

}  // namespace clew::wire
