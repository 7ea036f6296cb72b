// SPDX-License-Identifier: Apache-2.0
#include "dataplane/source/dpdk_queue.h"

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "dataplane/source/live_ports.h"
#include "dataplane/source/xdp_timestamp.h"

namespace clew::sensor {
namespace {

constexpr DurationNs stamp_age_ns_max = 10 * ns_per_s;  ///< a stamp further off than this is none
constexpr DurationNs tai_interval_ns = ns_per_s;

TimeNs read_clock(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return now.tv_sec * ns_per_s + now.tv_nsec;
}

/// TAI runs with real time, a whole number of seconds ahead (0 where nobody told the kernel).
DurationNs tai_offset() {
    const DurationNs apart = read_clock(CLOCK_TAI) - read_clock(CLOCK_REALTIME);
    return (apart + ns_per_s / 2) / ns_per_s * ns_per_s;
}

bool plausible(TimeNs stamp, TimeNs polled) { return stamp > polled - stamp_age_ns_max && stamp < polled + ns_per_ms; }

}  // namespace

TimeNs real_time_ns() { return read_clock(CLOCK_REALTIME); }

DpdkQueue::DpdkQueue(std::uint16_t port, std::uint16_t queue, TapId tap, StampPolicy stamps,
                     std::uint32_t kernel_stamp_error_ns)
    : port_(port), queue_(queue), tap_(tap), stamps_(stamps), kernel_stamp_error_ns_(kernel_stamp_error_ns) {
    if (stamps == StampPolicy::driver_or_poll) {
        const bool registered = rte_mbuf_dyn_rx_timestamp_register(&stamp_offset_, &stamp_flag_) == 0;
        if (!registered) stamps_ = StampPolicy::poll;
    }
    last_empty_ns_ = real_time_ns();
}

TimeNs DpdkQueue::stamped_by_xdp(const rte_mbuf& buffer) const {
    if (rte_pktmbuf_headroom(&buffer) < sizeof(clew_xdp_stamp)) return 0;
    clew_xdp_stamp stamp;
    std::memcpy(&stamp, rte_pktmbuf_mtod(&buffer, const std::uint8_t*) - sizeof stamp, sizeof stamp);
    return stamp.mark == CLEW_XDP_STAMP_MARK ? static_cast<TimeNs>(stamp.tai_ns) - tai_offset_ns_ : 0;
}

TimeNs DpdkQueue::stamped_by_driver(const rte_mbuf& buffer) const {
    if ((buffer.ol_flags & stamp_flag_) == 0) return 0;
    return static_cast<TimeNs>(*RTE_MBUF_DYNFIELD(&buffer, stamp_offset_, const rte_mbuf_timestamp_t*));
}

void DpdkQueue::stamp(Packet& packet, const rte_mbuf& buffer, TimeNs polled, std::uint32_t poll_error_ns) const {
    TimeNs stamp = 0;
    if (stamps_ == StampPolicy::xdp_metadata) stamp = stamped_by_xdp(buffer);
    if (stamps_ == StampPolicy::driver_or_poll) stamp = stamped_by_driver(buffer);
    const bool stamped = stamp != 0 && plausible(stamp, polled);
    packet.time_ns = stamped ? stamp : polled;
    packet.time_source = stamped ? TimeSource::kernel : TimeSource::poll;
    packet.time_error_ns = stamped ? kernel_stamp_error_ns_ : poll_error_ns;
}

std::size_t DpdkQueue::receive(std::span<Packet> burst) {
    if (!thread_known_) {
        rte_thread_register();  // gives this thread its own cache of packet buffers; does without when it fails
        thread_known_ = true;
    }
    const auto wanted = static_cast<std::uint16_t>(std::min<std::size_t>(burst.size(), buffers_.size()));
    held_ = rte_eth_rx_burst(port_, queue_, buffers_.data(), wanted);
    const TimeNs polled = real_time_ns();
    const auto error_ns = static_cast<std::uint32_t>(std::clamp<DurationNs>(polled - last_empty_ns_, 0, 0xffff'ffff));
    if (held_ < wanted) last_empty_ns_ = polled;
    if (held_ == 0) return 0;
    if (stamps_ == StampPolicy::xdp_metadata && polled - tai_measured_ns_ > tai_interval_ns) {
        tai_offset_ns_ = tai_offset();
        tai_measured_ns_ = polled;
    }
    std::uint64_t bytes = 0;
    for (std::uint16_t i = 0; i < held_; ++i) {
        const rte_mbuf& buffer = *buffers_[i];
        Packet& packet = burst[i];
        packet.bytes = rte_pktmbuf_mtod(&buffer, const std::uint8_t*);
        packet.captured_length = rte_pktmbuf_data_len(&buffer);
        packet.wire_length = rte_pktmbuf_pkt_len(&buffer);
        packet.tap = tap_;
        stamp(packet, buffer, polled, error_ns);
        bytes += packet.wire_length;
    }
    packets_.store(packets_.load(std::memory_order_relaxed) + held_, std::memory_order_relaxed);
    bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
    return held_;
}

void DpdkQueue::release() {
    rte_pktmbuf_free_bulk(buffers_.data(), held_);
    held_ = 0;
}

SourceCounters DpdkQueue::counters() const {
    SourceCounters counters;
    counters.packets = packets_.load(std::memory_order_relaxed);
    counters.bytes = bytes_.load(std::memory_order_relaxed);
    rte_eth_stats port{};
    if (queue_ == 0 && rte_eth_stats_get(port_, &port) == 0) {  // the port's, so told by its first queue alone
        counters.missed_by_nic = port.imissed;
        counters.errors = port.ierrors + port.rx_nombuf;
    }
    return counters;
}

}  // namespace clew::sensor
