// SPDX-License-Identifier: Apache-2.0
// A gateway book as bytes, whole, so that profiles outlive the program: 8 bytes "CLEWGWS1", 8 bytes XXH3-64 of the rest
// (little endian), a v1::GatewayBookState. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/gateway_book.h"
#include "nat-trace/result.h"

namespace clew::wire {

struct LearntGateways {
    std::vector<Gateway> gateways;  ///< without ids, which GatewayBook::restore() gives
    std::vector<PathId> counted;    ///< paths that they were learnt from
};

std::string encode_gateway_state(const GatewayBook& book);

/// An error where anything is damaged or out of range: the bytes count as a whole or not at all.
Result<LearntGateways> decode_gateway_state(std::string_view bytes);

}  // namespace clew::wire
