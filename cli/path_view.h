// SPDX-License-Identifier: Apache-2.0
// One path in full for a person: every hop as written there, and between the hops what changed, why they belong
// together, and what it cost.
#pragma once

#include <string>
#include <vector>

#include "cli/paint.h"
#include "wire/path.pb.h"

namespace clew::cli {

std::string path_view(const v1::Path& path, const Paint& paint, std::size_t columns);

/// What the middlebox did, seen by comparing both legs, a phrase each.
std::vector<std::string> change_lines(const v1::PathLeg& from, const v1::PathLeg& to, const v1::PathLink& link);

std::string bytes_text(std::uint64_t bytes);       ///< "812 B", "1.43 kB", "2.10 GB"
std::string tunnel_text(const v1::PathLeg& leg);   ///< "vlan 7 / vxlan 100 (192.0.2.1 > 192.0.2.2)"; empty when none
std::string evidence_text(const std::string& by);  ///< "isn_forward" → "same initial sequence number of the client"

}  // namespace clew::cli
