// SPDX-License-Identifier: Apache-2.0
// A capture filter (pcap-filter(7)) as a caller wrote it: whether it is one, before any sensor is asked.
#pragma once

#include <string>

#include "nat-trace/result.h"

namespace clew::control {

/// A mistake is one sentence, of kind usage. From any thread. An empty expression takes every packet.
Result<void> check_capture_filter(const std::string& expression);

}  // namespace clew::control
