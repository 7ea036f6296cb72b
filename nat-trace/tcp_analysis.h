// SPDX-License-Identifier: Apache-2.0
// What a leg's TCP tells of delay and loss (docs/TCP_ANALYSIS.md): counts, sums, maxima and histograms that add up over
// legs. Plain values; nothing here is needed to link legs. Times in ns.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "nat-trace/time.h"

namespace clew {

/// Bin 0 holds what is below 2^11 ns (2 µs), the last what is 2^34 ns (17 s) or longer; between them two bins an
/// octave.
constexpr std::size_t delay_bin_count = 48;
constexpr unsigned delay_octave_first = 11;

constexpr std::size_t delay_bin_of(DurationNs delay) {
    if (delay < (DurationNs{1} << delay_octave_first)) return 0;
    const auto value = static_cast<std::uint64_t>(delay);
    const unsigned octave = static_cast<unsigned>(std::bit_width(value)) - 1;
    const std::size_t bin = 1 + (octave - delay_octave_first) * 2 + (value >> (octave - 1) & 1);
    return bin < delay_bin_count ? bin : delay_bin_count - 1;
}

/// The smallest delay that falls into the bin.
constexpr DurationNs delay_bin_floor(std::size_t bin) {
    if (bin == 0) return 0;
    const unsigned octave = delay_octave_first + static_cast<unsigned>(bin - 1) / 2;
    return (DurationNs{1} << octave) + ((bin - 1) % 2 != 0 ? DurationNs{1} << (octave - 1) : 0);
}

/// Delays of one kind. Two of them add up; a bin that is full halves them all, so that their shares stay.
struct DelayStatistics {
    std::uint32_t count = 0;
    std::int64_t sum_ns = 0;
    std::int64_t max_ns = 0;
    std::array<std::uint16_t, delay_bin_count> bins{};

    void add(DurationNs delay) { add(delay, delay_bin_of(delay)); }
    /// `in`: delay_bin_of(delay), for a caller that knows it already.
    void add(DurationNs delay, std::size_t in) {
        ++count;
        sum_ns += delay;
        max_ns = delay > max_ns ? delay : max_ns;
        std::uint16_t& bin = bins[in];
        if (bin == 0xffff)
            for (std::uint16_t& each : bins) each = static_cast<std::uint16_t>(each / 2);
        ++bin;
    }
    void merge(const DelayStatistics& other);
    /// The delay below which a share of them lies (0.5, 0.99, …), straight within its bin and never above max_ns.
    DurationNs quantile(double share) const;
    DurationNs mean() const { return count == 0 ? 0 : sum_ns / count; }

    auto operator<=>(const DelayStatistics&) const = default;
};

/// Of the segments of one direction, by Wireshark's names (tcp.analysis.*).
struct TcpFlowAnalysis {
    DelayStatistics rtt;  ///< from a segment at the tap until it was acknowledged there: tap, receiver, tap
    std::uint32_t retransmissions_fast = 0;      ///< asked for by duplicate ACKs
    std::uint32_t retransmissions_timeout = 0;   ///< the others: the sender's timer ran out
    std::uint32_t retransmissions_spurious = 0;  ///< of bytes that were acknowledged already
    std::uint32_t losses_upstream = 0;  ///< of the fast and time-out ones: the first copy never came by the tap
    std::uint32_t out_of_order = 0;
    std::uint32_t duplicate_acks = 0;
    std::uint32_t zero_windows = 0;
    std::uint32_t windows_full = 0;  ///< segments that fill the receiver's window to its edge
    std::uint32_t keep_alives = 0;
    std::uint32_t resets = 0;
    std::uint32_t capture_gaps = 0;       ///< times that bytes were acknowledged which the tap never saw
    std::uint64_t capture_gap_bytes = 0;  ///< Zeek's missed_bytes

    auto operator<=>(const TcpFlowAnalysis&) const = default;
};

/// Who sent the first reset: hosts keep their TTL, a box in between has its own.
enum class ResetOrigin : std::uint8_t {
    none = 0,
    unknown = 1,   ///< nothing else was seen of that direction
    endpoint = 2,  ///< the TTL is that of the direction's other packets
    between = 3,   ///< another TTL: a firewall, load balancer or the like
};

/// [0] to the server, [1] to the client.
struct TcpAnalysis {
    std::array<TcpFlowAnalysis, 2> flows{};
    DelayStatistics response;         ///< last byte of a request to first byte of its answer
    DurationNs handshake_server = 0;  ///< SYN to SYN-ACK at the tap; 0 = not seen
    DurationNs handshake_client = 0;  ///< SYN-ACK to the ACK that ends the handshake
    DurationNs handshake = 0;         ///< SYN to that ACK: all that a tap knows that sees the client's side alone
    DurationNs first_byte = 0;        ///< client's first payload, or else handshake, to the server's first payload
    ResetOrigin reset_origin = ResetOrigin::none;
    bool reset_by_server = false;      ///< as addressed
    std::int16_t reset_ttl_ahead = 0;  ///< the reset's TTL minus that of the direction's other packets
    bool reset_ip_id_apart = false;    ///< its IP-ID is not near those of the direction's other packets

    auto operator<=>(const TcpAnalysis&) const = default;
};

}  // namespace clew
