// SPDX-License-Identifier: Apache-2.0
// From a report of the probe tcp_socket to a leg. Pure and free of libbpf: bytes in, leg out.
//
// What such a leg says: addresses as in the socket's own network namespace; client = the side that called connect().
// A flow's packets are TCP segments (a large send counts as what it is cut into), its `bytes` are 0: the kernel counts
// no IP lengths. payload_bytes of the own direction hold retransmissions, those of the other come once and in order.
// Handshake times are the socket's: connect() just before its SYN, the SYN-ACK's arrival, the final ACK's arrival; for
// a server the SYN-ACK's departure is the kernel's round-trip measurement back from there. A connection found at the
// start has no handshake times, and begins when it was found.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "bpf/clock_offset.h"
#include "bpf/tcp_socket/tcp_socket_event.h"
#include "nat-trace/leg.h"

namespace clew::agent {

/// The kernel measures the handshake's round trip in µs, between stamps that are rounded too.
constexpr DurationNs socket_time_error_ns = 2 * ns_per_us;

struct SocketLegContext {
    std::uint64_t run = 0;  ///< hash of the observer's name and start time: makes leg ids unique
    TapId tap = 0;
    ClockOffset clock;
};

/// The value for SocketLegContext::run.
std::uint64_t run_hash(std::string_view observer, TimeNs started_ns);

/// Copies a report out of bytes from the kernel; nothing when length or a field is none that the probe writes.
std::optional<tcp_socket_event> decode_tcp_socket_event(std::span<const std::byte> bytes);

/// `event` must come from decode_tcp_socket_event.
Leg to_leg(const tcp_socket_event& event, const SocketLegContext& context);

}  // namespace clew::agent
