// SPDX-License-Identifier: Apache-2.0
// Where a tap's packets come from, as configured: "af_xdp:eth1", "af_packet:eth1", "pci:0000:03:00.1", "pcap:FILE".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nat-trace/result.h"

namespace clew::sensor {

enum class SourceKind : std::uint8_t { af_xdp, af_packet, pci, pcap };

struct SourceSpec {
    SourceKind kind = SourceKind::af_xdp;
    std::string target;  ///< interface, PCI address or file
};

/// The error's sentence is a problem and its remedy, to stand behind the key's name.
Result<SourceSpec> parse_source(std::string_view text);
std::string to_text(const SourceSpec& spec);

}  // namespace clew::sensor
