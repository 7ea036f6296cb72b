// SPDX-License-Identifier: Apache-2.0
// What tshark's dissection says of a capture's frames, in the words that both sides of a comparison can make: the
// encapsulations with ids and outer ends, and the innermost packet.
#pragma once

#include <string>
#include <vector>

#include "dataplane/decap.h"
#include "dataplane/packet.h"

namespace clew::sensor {

struct FrameWords {
    std::string stack;      ///< "vlan 7 / vxlan 100 192.0.2.1>192.0.2.2"
    std::string mac;        ///< innermost Ethernet header, "source>destination"; empty: none
    std::string inner;      ///< "10.0.0.1:4000>10.0.0.2:80 6", "… fragment"; empty: no IP packet inside
    std::string protocols;  ///< tshark's only, "eth:ethertype:ip:tcp"

    std::string text() const { return stack + " | " + mac + " | " + inner; }
};

bool tshark_is_there();

/// One entry a frame of the file, or nothing when tshark failed. Reassembly is off: a frame is what is in it.
std::vector<FrameWords> frames_by_tshark(const std::string& path);

/// The same by decap.
FrameWords frame_by_decap(const Packet& packet, const DecapSettings& settings);

}  // namespace clew::sensor
