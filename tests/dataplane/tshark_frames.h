// SPDX-License-Identifier: Apache-2.0
// What tshark's dissection says of a capture's frames, in the words that both sides of a comparison can make: the
// encapsulations with ids and outer ends, and the innermost packet.
#pragma once

#include <string>
#include <vector>

#include "dataplane/decap.h"
#include "dataplane/packet.h"

struct pcap;
struct pcap_dumper;

namespace clew::sensor {

struct FrameWords {
    std::string stack;      ///< "vlan 7 / vxlan 100 192.0.2.1>192.0.2.2"
    std::string mac;        ///< innermost Ethernet header, "source>destination"; empty: none
    std::string inner;      ///< "10.0.0.1:4000>10.0.0.2:80 6", "… fragment"; empty: no IP packet inside
    std::string protocols;  ///< tshark's only, "eth:ethertype:ip:tcp"

    std::string text() const { return stack + " | " + mac + " | " + inner; }
};

bool tshark_is_there();

/// Frames of many captures of one linktype in one file, so that tshark starts once. The file goes with it.
class MergedCapture {
  public:
    explicit MergedCapture(int linktype);
    ~MergedCapture();
    MergedCapture(const MergedCapture&) = delete;
    MergedCapture& operator=(const MergedCapture&) = delete;

    void add(const Packet& packet);
    /// One entry a frame in the order they were added, or nothing when tshark failed. Reassembly is off: a frame is
    /// what is in it. Once, behind the last add().
    std::vector<FrameWords> dissected();

  private:
    std::string path_;
    pcap* capture_;
    pcap_dumper* file_;
};

/// The same by decap.
FrameWords frame_by_decap(const Packet& packet, const DecapSettings& settings);

}  // namespace clew::sensor
