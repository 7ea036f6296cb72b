// SPDX-License-Identifier: Apache-2.0
// Live sources: DPDK's environment and its ports behind AF_XDP, AF_PACKET and PCI. No DPDK type leaves this header.
// One object a process; made, and destroyed, on the main thread. It owns the sources; workers borrow them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/packet.h"
#include "dataplane/source/source_spec.h"
#include "nat-trace/result.h"

namespace clew::sensor {

struct LivePortRequest {
    SourceSpec spec;
    TapId tap = 0;
    std::uint16_t queues = 1;
    std::uint32_t kernel_stamp_error_ns = 0;  ///< how late a kernel stamp may be; goes into Packet::time_error_ns
};

struct LiveMemory {
    bool huge_pages_auto = true;
    std::uint32_t mb = 256;
};

/// One queue of one tap.
struct LiveSource {
    TapId tap = 0;
    PacketSource* source = nullptr;
};

class LivePorts {
  public:
    static Result<std::unique_ptr<LivePorts>> open(const std::vector<LivePortRequest>& requests,
                                                   const LiveMemory& memory);
    virtual ~LivePorts() = default;  ///< stops the ports and takes XDP programs off; no worker may run any more

    virtual const std::vector<LiveSource>& sources() const = 0;
    virtual const std::vector<std::string>& remarks() const = 0;  ///< sentences worth telling at start

    /// Bytes of packet buffers that these requests need out of LiveMemory::mb.
    static std::size_t memory_bytes(const std::vector<LivePortRequest>& requests);
};

/// Real time, as live sources stamp with; about 25 ns.
TimeNs real_time_ns();

}  // namespace clew::sensor
