// SPDX-License-Identifier: Apache-2.0
// Packets for a vault that is to grow large: TCP connections of 40 packets in VXLAN, 500 at a time, one packet a
// microsecond, so that a connection takes 20 ms. Clients, ports and tenants come again as in a region.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/decap.h"
#include "dataplane/packet.h"
#include "dataplane/transport.h"
#include "dataplane/vault/leg_labels.h"

namespace clew::vault {

/// One packet and its leg. Its bytes stay until the next.
struct TrafficPacket {
    sensor::Packet packet;
    sensor::Decapped decapped;
    sensor::Transport transport;
    std::uint32_t leg = 0;
    std::uint8_t side = 0;  ///< 0: sent by the client
};

class VaultTraffic {
  public:
    static constexpr std::uint32_t at_a_time = 500, packets_of_leg = 40, tenant_count = 1000;
    static constexpr TimeNs leg_time_ns = TimeNs{at_a_time} * packets_of_leg * ns_per_us;

    /// Payloads are cut out of the captures in the folder, or are noise that compresses to a half.
    explicit VaultTraffic(const std::string& captures);

    /// Packet after packet. Without payloads the bytes behind the headers are whatever was there.
    const TrafficPacket& next(bool with_payload);
    std::uint64_t count() const { return count_; }

    static LegLabel label(std::uint32_t leg);
    /// When the leg's first packets come.
    static TimeNs begin_of(std::uint32_t leg) { return ns_per_s + static_cast<TimeNs>(leg / at_a_time) * leg_time_ns; }

  private:
    struct Side {
        std::uint32_t seq = 0;
        std::uint16_t ip_id = 0;
    };
    void put16(std::size_t at, std::uint32_t value);
    void put32(std::size_t at, std::uint32_t value);
    void write_headers(std::uint32_t place, std::size_t length);

    std::vector<std::uint8_t> pool_, frame_;
    std::size_t head_ = 0;
    std::uint64_t count_ = 0;
    std::array<std::array<Side, 2>, at_a_time> sides_{};
    TrafficPacket now_;
};

}  // namespace clew::vault
