// SPDX-License-Identifier: Apache-2.0
// A frame built back from a header record: Ethernet, VLAN tags, the innermost IP header and the transport header. What
// the header log does not keep is left out (tunnels, the payload) or 0 (the transport check sum).
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/vault/header_record.h"

namespace clew::vault {

/// Replaces `frame`. A VLAN stack is built back where nothing but VLAN tags encapsulates. Every address and MAC is as
/// the packet bore it, in its direction.
void build_frame(const LegLabel& leg, const HeaderRecord& record, std::vector<std::uint8_t>& frame);

/// Bytes of the frame as sent, without the tunnels that build_frame() leaves out.
std::uint32_t built_wire_length(const LegLabel& leg, const HeaderRecord& record);

}  // namespace clew::vault
