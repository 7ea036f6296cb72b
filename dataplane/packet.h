// SPDX-License-Identifier: Apache-2.0
// A packet as a source lends it, and the source concept: everything behind it is the same live and from a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "nat-trace/leg.h"
#include "nat-trace/time.h"

namespace clew::sensor {

/// What a packet's first byte is: the header that the link gives it.
enum class LinkType : std::uint8_t {
    ethernet,
    raw_ip,          ///< IPv4 or IPv6 at once
    linux_cooked,    ///< LINKTYPE_LINUX_SLL: 16 bytes, the EtherType in the last two
    linux_cooked_2,  ///< LINKTYPE_LINUX_SLL2: 20 bytes, the EtherType in the first two
    loopback,        ///< LINKTYPE_NULL and LOOP: 4 bytes, IP behind them
    cisco_hdlc,      ///< LINKTYPE_C_HDLC: 4 bytes, the EtherType in the last two
    ppp,             ///< LINKTYPE_PPP and PPP_HDLC
};

/// Borrowed: `bytes` stays valid until the source's next receive() or release(). Starts at the outermost header, which
/// `link` names.
struct Packet {
    const std::uint8_t* bytes = nullptr;
    std::uint32_t captured_length = 0;
    std::uint32_t wire_length = 0;  ///< at least captured_length
    TimeNs time_ns = 0;
    TapId tap = 0;
    TimeSource time_source = TimeSource::unknown;
    LinkType link = LinkType::ethernet;
    std::uint32_t time_error_ns = 0;  ///< how late time_ns may be: stamps are never early
};

constexpr std::size_t burst_packet_count_max = 64;

/// What the capture layer itself lost or refused, cumulative.
struct SourceCounters {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t missed_by_nic = 0;      ///< no room in the receive ring
    std::uint64_t dropped_by_kernel = 0;  ///< AF_XDP and AF_PACKET queues
    std::uint64_t errors = 0;
};

/// One queue of one tap. Used by one thread.
class PacketSource {
  public:
    virtual ~PacketSource() = default;
    /// Lends up to burst.size() packets; returns how many. 0 = nothing there now, or at_end().
    virtual std::size_t receive(std::span<Packet> burst) = 0;
    /// Gives the last burst's packets back.
    virtual void release() = 0;
    /// True once a finite source (a file) is used up; its failure, if any, is in error_sentence().
    virtual bool at_end() const { return false; }
    virtual std::string error_sentence() const { return {}; }
    virtual SourceCounters counters() const = 0;
};

}  // namespace clew::sensor
