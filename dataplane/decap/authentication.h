// SPDX-License-Identifier: Apache-2.0
// The authentication header (RFC 4302) behind IPv4: no layer, skipped as IPv6's extension headers are.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

CLEW_RARE_STEP Next step_authentication(Walk& walk) {
    if (!walk.has(8)) return walk.refuse(Reason::ip_truncated);
    const std::uint32_t length = (walk.at()[1] + 2u) * 4;
    if (!walk.has(length)) return walk.refuse(Reason::ip_truncated);
    if (length > walk.found.transport_length) return walk.refuse(Reason::ip_header_bad);
    walk.found.protocol = walk.at()[0];
    walk.found.transport_length -= length;
    walk.offset += length;
    return Next::ip_protocol;
}

}  // namespace clew::sensor::decap_layers
