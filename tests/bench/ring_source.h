// SPDX-License-Identifier: Apache-2.0
// The benchmark's traffic through a DPDK port over a ring in memory (net_ring): what every live packet passes, but for
// the NIC. One object a process; holds no DPDK type.
#pragma once

#include <memory>

#include "dataplane/packet.h"
#include "tests/bench/sensor_traffic.h"

namespace clew::sensor {

class RingSource {
  public:
    static constexpr std::size_t packet_count = 4096;

    /// Null when DPDK does not start here.
    static std::unique_ptr<RingSource> create();
    virtual ~RingSource() = default;

    /// Writes the next packets into packet buffers and puts these into the ring.
    virtual void fill(Traffic& traffic) = 0;
    virtual PacketSource& source() = 0;
};

}  // namespace clew::sensor
