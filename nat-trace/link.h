// SPDX-License-Identifier: Apache-2.0
// A link: two neighbouring legs joined, with what the middlebox between them did, and why we believe it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "nat-trace/clocks.h"
#include "nat-trace/leg.h"

namespace clew {

/// What stands between two legs.
enum class LinkKind : std::uint8_t {
    forward = 0,  ///< nothing but TTL, MAC or tunnel changes
    snat = 1,
    dnat = 2,
    fullnat = 3,  ///< both ends rewritten
    nat64 = 4,
    relay = 5,  ///< a proxy that ends the transport connection
};

/// A: explicit, or at least 64 verified bits. B: at least 32 bits. C: statistical. D: a guess by configuration alone.
enum class Grade : std::uint8_t { a = 0, b = 1, c = 2, d = 3 };

/// One line of the ledger: what was compared, and how many bits it speaks for (or, negative, against) one connection.
enum class EvidenceBy : std::uint8_t {
    isn_forward = 0,     ///< the client's ISN is the same on both legs
    isn_reverse = 1,     ///< the server's ISN is the same on both legs
    seq_ack_pair = 2,    ///< the same (seq, ack, length) was seen on both legs
    constant_delta = 3,  ///< seq differs by one constant over all compared samples of a direction
    payload_head = 4,    ///< the same first bytes of the stream
    payload_sample = 5,  ///< the same payload bytes in sampled packets
    toa = 6,             ///< the TOA option names the other leg's client
    proxy_header = 7,    ///< the PROXY header names the other leg's client
    request_id = 8,
    traceparent = 9,
    forwarded_for = 10,
    tls_random = 11,
    dns_query = 12,
    quic_cid = 13,
    http_request = 14,
    icmp_echo = 15,    ///< the same echo sequence numbers and payloads
    same_client = 16,  ///< client address and port unchanged
    same_server = 17,
    tcp_options = 18,  ///< timestamps, MSS, window scale, lengths
    ip_id = 19,
    same_process = 20,  ///< both sockets belong to one process
    timing = 21,        ///< order and distance in time
    ttl = 22,
    tunnel = 23,         ///< same inner addresses, other encapsulation
    contradiction = 24,  ///< something that should have survived did not
    known_proxy = 25,    ///< whoever opened the connection behind opens such for others all the time
    asked_target = 26,   ///< the client told its proxy to connect to the other leg's server
    dns_question = 27,   ///< a forwarder asked the same name and type anew
};

struct Evidence {
    EvidenceBy by = EvidenceBy::isn_forward;
    float bits = 0;
};

/// The lines of one link, in the order in which they were weighed. Holds at most `line_count_max`; of more, the first.
struct Ledger {
    static constexpr std::size_t line_count_max = 18;
    using value_type = Evidence;
    using const_iterator = const Evidence*;

    std::array<Evidence, line_count_max> lines{};
    std::uint8_t count = 0;

    void add(const Evidence& line) {
        if (count < line_count_max) lines[count++] = line;
    }
    const Evidence* begin() const { return lines.data(); }
    const Evidence* end() const { return lines.data() + count; }
    std::size_t size() const { return count; }
};

/// What a segment between two taps added. `error_ns` is the ± of every number here; samples == 0 means not known.
struct SegmentDelay {
    DurationNs min_ns = 0;
    DurationNs mean_ns = 0;
    DurationNs max_ns = 0;
    DurationNs error_ns = 0;
    std::uint32_t samples = 0;
};

/// What the middlebox took off or put on, seen by comparing the two legs. A bit set.
enum class MiddleboxChange : std::uint16_t {
    stripped_timestamps = 1,
    added_toa = 2,
    stripped_toa = 4,
    changed_mss = 8,
    added_proxy_header = 16,
    entered_tunnel = 32,
    left_tunnel = 64,
    changed_ip_id = 128,
    kept_timestamps = 512,     ///< the option stood in both SYNs
    answered_handshake = 256,  ///< SYN proxy: the server-side SYN came after the client's handshake
};

/// What got lost between the two legs' taps in one direction.
struct SegmentLoss {
    std::uint32_t lost = 0;  ///< copies lost on the wire, sent again
    std::uint64_t lost_bytes = 0;
    std::uint32_t unknown = 0;  ///< seen before and not behind, neither acknowledged nor sent again
    std::uint64_t unknown_bytes = 0;
};

/// `from` is on the client's side of `to`.
struct Link {
    LegId from = 0;
    LegId to = 0;
    LinkKind kind = LinkKind::forward;
    Grade grade = Grade::d;
    float bits = 0;                                     ///< sum of the evidence
    float margin_bits = 0;                              ///< distance to the best rival; equals bits when there was none
    std::uint32_t rivals = 0;                           ///< other legs that were considered for the same place
    std::uint16_t changes = 0;                          ///< MiddleboxChange bits
    std::array<bool, direction_count> has_delta{};      ///< a constant sequence offset is known for the direction
    std::array<std::int64_t, direction_count> delta{};  ///< seq at `to` minus seq at `from`, modulo 2^32, as 0…2^32-1
    std::array<SegmentDelay, direction_count>
        delay{};  ///< per direction: time at the later tap minus time at the earlier
    std::array<SegmentLoss, direction_count> loss{};
    /// Known where the legs' taps have two clocks: what `to`'s shows more than `from`'s at the first packet of `from`.
    ClockOffset clock;
    std::int64_t clock_drift_ppb = 0;  ///< how much that grows until the last one, ns a second
    Ledger evidence;
};

std::string_view to_text(LinkKind kind);             ///< "forward", "snat", …: as the corpus format names them
std::string_view to_text(Grade grade);               ///< "A" … "D"
std::string_view to_text(EvidenceBy by);             ///< "isn_forward", …
std::string to_text_changes(std::uint16_t changes);  ///< "stripped timestamps, added TOA"; empty when none

}  // namespace clew
