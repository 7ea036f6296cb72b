// SPDX-License-Identifier: Apache-2.0
// Names from the inventory, put to the gateways that were found. Pure.
#pragma once

#include <vector>

#include "controlplane/control_config.h"
#include "wire/path.pb.h"

namespace clew::control {

/// A gateway is called what the first entry says whose address it is known by, or else writes or serves. The list gets
/// the entries too: what is asked of the store names instances by their addresses alone.
void name_gateways(const std::vector<GatewayName>& names, v1::GatewayList& list);

}  // namespace clew::control
