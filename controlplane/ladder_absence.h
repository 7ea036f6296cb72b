// SPDX-License-Identifier: Apache-2.0
// Why a ladder has no rows, as far as the observers' status tells. Pure.
#pragma once

#include <string>
#include <vector>

#include "nat-trace/time.h"
#include "wire/path.pb.h"

namespace clew::control {

struct LadderAbsence {
    std::string why;           ///< LadderTable.empty says which words there are
    TimeNs kept_since_ns = 0;  ///< where it is "old"
};

/// `answered`: an observer of the path's taps did; `time_chosen`: packets were asked for of a part of the path's time.
LadderAbsence why_no_rows(const v1::Path& path, const std::vector<v1::ObserverStatus>& observers, bool answered,
                          bool time_chosen);

}  // namespace clew::control
