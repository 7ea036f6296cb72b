// SPDX-License-Identifier: Apache-2.0
// Which side of a leg is the client: by its SYN, by a known service's port, by who spoke first. Pure.
#pragma once

#include "dataplane/leg_state.h"
#include "dataplane/transport.h"

namespace clew::sensor {

/// Before anything is known of a leg but its first packet, sent by `side`.
void guess_client(HotLeg& hot, const Transport& transport, Side side);

/// A SYN or SYN-ACK tells the client for certain.
void learn_client(HotLeg& hot, const Transport& transport, Side side);

}  // namespace clew::sensor
