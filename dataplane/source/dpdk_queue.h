// SPDX-License-Identifier: Apache-2.0
// One receive queue of one DPDK port as a source. Used by one thread, but for counters(). Holds no DPDK type.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/packet.h"

struct rte_mbuf;

namespace clew::sensor {

/// Where packets get their time from. Each falls back on the poll's time for a packet that carries none.
enum class StampPolicy : std::uint8_t {
    poll,            ///< when the burst was polled; the error is the time since the poll before
    driver_or_poll,  ///< the driver's time-stamp field, in ns of real time (AF_PACKET: the kernel's)
    xdp_metadata,    ///< in front of the frame, by our XDP program
};

class DpdkQueue final : public PacketSource {
  public:
    DpdkQueue(std::uint16_t port, std::uint16_t queue, TapId tap, StampPolicy stamps,
              std::uint32_t kernel_stamp_error_ns);

    std::size_t receive(std::span<Packet> burst) override;
    void release() override;
    SourceCounters counters() const override;

  private:
    void stamp(Packet& packet, const rte_mbuf& buffer, TimeNs polled, std::uint32_t poll_error_ns) const;
    TimeNs stamped_by_xdp(const rte_mbuf& buffer) const;
    TimeNs stamped_by_driver(const rte_mbuf& buffer) const;

    std::uint16_t port_;
    std::uint16_t queue_;
    TapId tap_;
    StampPolicy stamps_;
    std::uint32_t kernel_stamp_error_ns_;
    int stamp_offset_ = -1;         ///< the driver's time-stamp field in a buffer
    std::uint64_t stamp_flag_ = 0;  ///< set where it is filled in
    DurationNs tai_offset_ns_ = 0;  ///< TAI minus real time, whole seconds
    TimeNs tai_measured_ns_ = 0;
    TimeNs last_empty_ns_ = 0;  ///< when the queue was last known to be drained
    bool thread_known_ = false;
    std::array<rte_mbuf*, burst_packet_count_max> buffers_{};
    std::uint16_t held_ = 0;
    std::atomic<std::uint64_t> packets_{0};
    std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace clew::sensor
