// SPDX-License-Identifier: Apache-2.0
// TCP analysis between the vocabulary's value and its message. Pure.
#pragma once

#include "nat-trace/result.h"
#include "nat-trace/tcp_analysis.h"
#include "wire/leg.pb.h"

namespace clew::wire {

void encode(const TcpAnalysis& analysis, v1::TcpAnalysis& message);

/// Fails with the field that is out of range.
Result<TcpAnalysis> decode(const v1::TcpAnalysis& message);

}  // namespace clew::wire
