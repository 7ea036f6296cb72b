// SPDX-License-Identifier: Apache-2.0
// A socket's leg as one line of JSON, for people and tests (clew-agent --print).
#pragma once

#include <string>

#include "nat-trace/leg.h"

namespace clew::agent {

/// No newline at the end. Numbers that are not known are left out; leg ids are 16 hex digits.
std::string to_json_line(const Leg& leg);

}  // namespace clew::agent
