// SPDX-License-Identifier: Apache-2.0
// Legs that stand alone, grouped by why, where and which protocol, with some of them as examples. Pure.
#pragma once

#include "wire/path.pb.h"

namespace clew::control {

constexpr int unlinked_example_count_max = 3;  ///< of one group

/// `paths`: of one leg each, as the store gives them; others are passed over.
v1::UnlinkedList group_unlinked(const v1::PathList& paths);

}  // namespace clew::control
