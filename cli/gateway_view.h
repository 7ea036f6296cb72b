// SPDX-License-Identifier: Apache-2.0
// Gateways' profiles for a person: one line each, or one in full.
#pragma once

#include <string>

#include "cli/paint.h"
#include "wire/path.pb.h"

namespace clew::cli {

std::string gateways_table(const v1::GatewayList& list, const Paint& paint, std::size_t columns);

std::string gateway_view(const v1::Gateway& gateway, const Paint& paint, std::size_t columns);

}  // namespace clew::cli
