// SPDX-License-Identifier: Apache-2.0
// The first 256 bytes of a direction's stream, put together from its first packets and hashed over fixed lengths, not
// before somebody asks or they are all there; a PROXY header at the very start is left out and handed back. Buffers
// come from a fixed pool (LegParts). One thread.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/fingerprint/proxy_header.h"
#include "dataplane/leg_parts.h"
#include "dataplane/leg_state.h"

namespace clew::sensor {

enum HeadState : std::uint8_t {
    head_undecided = 0,  ///< it may yet begin with a PROXY header
    head_body = 1,
    head_complete = 2,
};

/// Adds payload that lies `offset` bytes behind the stream's start. The result's state is `found` when a PROXY header
/// was completed by this very payload. Bytes behind a hole are left out: they count when they come again in order.
ProxyHeader add_to_head(ColdFlow& flow, LegParts& parts, std::uint32_t offset, std::span<const std::uint8_t> payload);

/// The stream proper begins `offset` behind the start: what came before was said to a proxy, or by it.
void restart_head(ColdFlow& flow, LegParts& parts, std::uint32_t offset);

/// Hashes what came since: before the head is told, and before its buffer is given back.
void settle_head(ColdFlow& flow, LegParts& parts);

/// The head of a datagram protocol: its first datagram's payload.
void set_datagram_head(ColdFlow& flow, std::span<const std::uint8_t> payload);

}  // namespace clew::sensor
