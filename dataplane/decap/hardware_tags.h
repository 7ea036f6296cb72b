// SPDX-License-Identifier: Apache-2.0
// Tags that switches put in for themselves: VN-Tag (802.1BR's forerunner, EtherType 0x8926) and Cisco metadata
// (security groups, 0x8909). They name no segment, so they are skipped and no layer.
#pragma once

#include "dataplane/decap/walk.h"

namespace clew::sensor::decap_layers {

inline Next skip_tag(Walk& walk, std::uint32_t tag_bytes) {
    if (!walk.has(tag_bytes + 2)) return walk.refuse(Reason::vlan_truncated);
    walk.offset += tag_bytes + 2;
    return walk.to_ethertype(load_be16(walk.bytes + walk.offset - 2));
}

CLEW_RARE_STEP Next step_vntag(Walk& walk) { return skip_tag(walk, 4); }

CLEW_RARE_STEP Next step_cisco_metadata(Walk& walk) { return skip_tag(walk, 6); }

}  // namespace clew::sensor::decap_layers
