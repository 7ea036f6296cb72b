// SPDX-License-Identifier: Apache-2.0
// The counters as OpenMetrics text: own ones by name, observers' ones by observer and tap. Never a label per address.
#pragma once

#include <string>

#include "wire/path.pb.h"

namespace clew::control {

constexpr const char* open_metrics_content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";

std::string to_open_metrics(const v1::Status& status);

}  // namespace clew::control
