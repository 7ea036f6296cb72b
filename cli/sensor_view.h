// SPDX-License-Identifier: Apache-2.0
// What sensors do now: rates between two looks at their counters, and every place that dropped anything. Pure.
#pragma once

#include <string>

#include "cli/paint.h"
#include "nat-trace/time.h"
#include "wire/path.pb.h"

namespace clew::cli {

/// `before` and `after`: the same control plane's status, `span` apart. Empty when no sensor is known.
std::string sensor_view(const v1::Status& before, const v1::Status& after, DurationNs span, const Paint& paint,
                        std::size_t columns);

/// One JSON document: for each sensor its counters with value and rate.
std::string sensor_document(const v1::Status& before, const v1::Status& after, DurationNs span);

}  // namespace clew::cli
