// SPDX-License-Identifier: Apache-2.0
// A ladder as flat arrays, for readers that draw many packets: a tenth of the bytes, and nothing to parse.
#pragma once

#include "wire/overview.pb.h"
#include "wire/path.pb.h"

namespace clew::control {

v1::LadderTable to_table(const v1::Ladder& ladder);

}  // namespace clew::control
