// SPDX-License-Identifier: Apache-2.0
// Gateways' profiles and verdicts on two legs, to their messages.
#pragma once

#include "nat-trace/engine.h"
#include "nat-trace/gateway_book.h"
#include "nat-trace/verdict.h"
#include "wire/path.pb.h"

namespace clew::wire {

/// All gateways of the book, the busiest first.
v1::GatewayList to_message(const GatewayBook& book);

void encode_event(const GatewayEvent& event, v1::GatewayEvent& message);

/// Tells for SYNs that went out of sight which gateway they were sent to.
void name_gateways(const Path& path, const GatewayBook& book, v1::Path& message);

/// Both legs must be known.
v1::LinkExplanation to_message(const PairVerdict& verdict, const Engine& engine);

}  // namespace clew::wire
