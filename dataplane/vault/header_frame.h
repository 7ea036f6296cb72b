// SPDX-License-Identifier: Apache-2.0
// A frame built back from a header record: Ethernet, VLAN tags, the innermost IP header and the transport header. What
// the header log does not keep is left out (tunnels, the payload) or 0 (the transport check sum).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/vault/header_record.h"

namespace clew::vault {

/// Replaces `frame`. A VLAN stack is built back where nothing but VLAN tags encapsulates. Every address and MAC is as
/// the packet bore it, in its direction.
void build_frame(const LegLabel& leg, const HeaderRecord& record, std::vector<std::uint8_t>& frame);

/// Bytes of the frame as sent, without the tunnels that build_frame() leaves out, and with the Ethernet header that it
/// gives to packets of a capture without any.
std::uint32_t built_wire_length(const LegLabel& leg, const HeaderRecord& record);

/// Where build_frame() puts the IP header.
std::size_t built_ip_offset(const LegLabel& leg);

/// A packet as it was kept without its tunnels: Ethernet (and the VLAN tags, where nothing else encapsulates) as
/// build_frame() makes it, and the frame from its innermost IP header on. Replaces `to`.
void strip_tunnels(const LegLabel& leg, const HeaderRecord& record, std::span<const std::uint8_t> frame,
                   std::vector<std::uint8_t>& to);

/// There is more around the IP header than Ethernet and VLAN tags.
bool has_tunnels(const LegLabel& leg);

}  // namespace clew::vault
