// SPDX-License-Identifier: Apache-2.0
// The part of the filter language that a sensor's vault can be asked by: terms joined by "and", each about a leg's
// addresses, ports, VLAN or tunnel ids, or protocol.
//
//   ip.addr == 10.0.0.7 and tcp.port == 443 and vxlan.vni == 100      10.0.0.7:443      udp
#pragma once

#include <string_view>

#include "nat-trace/result.h"
#include "wire/leg.pb.h"

namespace clew::control {

/// An empty text takes every leg. A mistake is one sentence that says what can be asked.
Result<v1::LegChoice> parse_leg_choice(std::string_view text);

}  // namespace clew::control
