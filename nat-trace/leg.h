// SPDX-License-Identifier: Apache-2.0
// A leg: one connection as seen on one segment of one tap, with its counters, its fingerprint and, for a socket,
// its process. A plain value of fixed size: it travels through rings by copy and never points anywhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "nat-trace/address.h"
#include "nat-trace/app.h"
#include "nat-trace/segment.h"
#include "nat-trace/stream_marks.h"
#include "nat-trace/tcp_analysis.h"
#include "nat-trace/time.h"

namespace clew {

/// Unique over all observers and restarts: a hash of the observer's name, its start time, and a running number. Never
/// 0.
using LegId = std::uint64_t;

/// A tap's number within one engine or one sensor (the wire and the store use names).
using TapId = std::uint16_t;

enum class Protocol : std::uint8_t { icmp = 1, tcp = 6, udp = 17, icmpv6 = 58 };  // IANA protocol numbers
constexpr bool is_icmp(Protocol p) { return p == Protocol::icmp || p == Protocol::icmpv6; }

enum class Direction : std::uint8_t { to_server = 0, to_client = 1 };
constexpr std::size_t direction_count = 2;
constexpr Direction opposite(Direction d) {
    return d == Direction::to_server ? Direction::to_client : Direction::to_server;
}

/// Who saw the leg.
enum class Observer : std::uint8_t { mirror = 0, nic = 1, socket = 2 };

/// A leg is reported when it is new, again as it goes on, and once at its end. Each report is a full snapshot.
enum class LegPhase : std::uint8_t { opened = 0, updated = 1, ended = 2 };

enum class LegEnd : std::uint8_t {
    none = 0,
    fin = 1,
    reset = 2,
    idle = 3,     ///< nothing seen for the idle timeout
    evicted = 4,  ///< the table was full, the oldest idle leg left
    flushed = 5,  ///< the observer stopped or the file ended
};

/// How the client's side was told from the server's.
enum class ClientBy : std::uint8_t { first_packet = 0, syn = 1, syn_ack = 2, known_port = 3, socket = 4 };

/// Where an initial sequence number came from. An ack reveals the other side's, so a one-way mirror is enough.
enum class IsnFrom : std::uint8_t { none = 0, syn = 1, peer_ack = 2, socket = 3 };

/// TCP flags as in the header (RFC 9293): FIN 0x01 SYN 0x02 RST 0x04 PSH 0x08 ACK 0x10 URG 0x20 ECE 0x40 CWR 0x80.
using TcpFlags = std::uint8_t;

/// The first bytes of a direction's stream (for UDP and ICMP: of its first datagram's payload), hashed with XXH3-64
/// over fixed lengths, so that it is the same whatever the packets were cut into. A PROXY header is left out and
/// becomes a hint.
struct StreamHead {
    std::uint16_t length = 0;   ///< contiguous bytes seen from the start, at most 256
    std::uint64_t hash_16 = 0;  ///< 0 until 16 bytes were seen
    std::uint64_t hash_64 = 0;
    std::uint64_t hash_256 = 0;
    std::uint64_t hash_all = 0;  ///< over exactly `length` bytes: for streams shorter than a step

    auto operator<=>(const StreamHead&) const = default;
};

/// One packet kept as a sample: for (seq, ack) linking of legs found in the middle and for delay over a segment.
/// Samples are the first packets of a direction that carry payload; empty ones have length 0.
struct Sample {
    TimeNs time_ns = 0;
    std::uint64_t payload_hash = 0;  ///< see payload_hash_of(); 0 = not known
    std::uint32_t seq = 0;  ///< TCP: as in the header. ICMP echo: the echo sequence number. UDP: running number
    std::uint32_t ack = 0;
    std::uint16_t length = 0;  ///< payload length in bytes as sent
    std::uint16_t ip_id = 0;
    std::uint8_t ttl = 0;

    auto operator<=>(const Sample&) const = default;
};
constexpr std::size_t sample_count_max = 4;

/// What two taps compare a payload by, also where one captured less of it: in the upper 32 bits XXH3-64's low half over
/// the first payload_prefix_bytes (over all, where there are fewer), in the lower 32 the same over all that was
/// captured, but for the last bit, which says that less was captured than sent. Never 0.
constexpr std::uint64_t payload_hash_of(std::uint64_t prefix, std::uint64_t all, bool cut) {
    const std::uint64_t hash = prefix << 32 | (all & 0xffff'fffe) | (cut ? 1 : 0);
    return hash == 0 ? 2 : hash;
}
constexpr std::size_t payload_prefix_bytes = 16;

/// What was seen of one direction.
struct Flow {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;  ///< inner IP packet lengths, as sent
    std::uint64_t payload_bytes = 0;
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    TimeNs first_payload_ns = 0;
    std::uint16_t first_ip_id = 0;  ///< IPv4 only
    std::uint8_t first_ttl = 0;     ///< of the first packet (hop limit for IPv6)
    std::uint8_t last_ttl = 0;

    // TCP only from here
    TcpFlags flags_seen = 0;
    IsnFrom isn_from = IsnFrom::none;
    std::uint32_t isn = 0;       ///< this direction's initial sequence number, as written at this tap
    std::uint32_t next_seq = 0;  ///< highest seq + length seen
    std::uint32_t last_ack = 0;
    std::uint32_t retransmissions = 0;
    TimeNs syn_ns = 0;            ///< first SYN (to_server) or SYN-ACK (to_client)
    TimeNs first_ack_ns = 0;      ///< first segment with ACK and without SYN: ends the handshake
    std::uint32_t syn_count = 0;  ///< SYNs or SYN-ACKs seen, with their retransmissions
    std::uint16_t mss = 0;        ///< 0 = option absent
    std::uint16_t syn_window = 0;
    std::uint8_t window_scale = 0xff;  ///< 0xff = option absent
    bool sack_permitted = false;
    bool has_timestamps = false;  ///< timestamps option in the SYN or SYN-ACK
    std::uint32_t first_tsval = 0;
    StreamMarks marks;  ///< parts of the stream that were not seen exactly once
    ResetSeen reset;
    LoopSeen loop;             ///< of any protocol
    IcmpErrorSeen icmp_error;  ///< likewise

    StreamHead head;
    std::uint8_t sample_count = 0;
    std::array<Sample, sample_count_max> samples{};

    auto operator<=>(const Flow&) const = default;
};

/// An explicit signal that a middlebox or a client left in the traffic.
enum class HintKind : std::uint8_t {
    none = 0,
    toa = 1,  ///< TCP option of LVS FULLNAT, or UOA, its like in IP for datagrams; value = client endpoint: 16 bytes IP
              ///< (v4-mapped), 2 bytes port, network order
    proxy_source = 2,  ///< PROXY v1/v2 header; value as for toa: the source it names, then 18 bytes for the destination
    request_id = 3,    ///< HTTP X-Request-ID and its family; value = the id's bytes (cut to hint_bytes_max)
    traceparent = 4,   ///< W3C trace context; value = 16 bytes trace id + 8 bytes parent id
    forwarded_for = 5,    ///< X-Forwarded-For or Forwarded; value = last address, 16 bytes: each proxy adds its own
                          ///< client at the end, so the last is the client of the leg before the proxy that sent this
    tls_random = 6,       ///< ClientHello random; 32 bytes
    dns_query = 7,        ///< value = 2 bytes id, 8 bytes XXH3-64 of the lower-cased qname, 2 bytes qtype
    quic_cid = 8,         ///< destination connection id of the first Initial
    http_request = 9,     ///< XXH3-64 of method, host and URI; 8 bytes
    geneve_options = 10,  ///< of the first packet's innermost Geneve header, as on the wire (cut to hint_bytes_max)
    asked_target = 11,    ///< CONNECT, SOCKS: where the client told its proxy to connect to; 16 bytes IP (v4-mapped), 2
                          ///< bytes port; of a name 8 bytes XXH3-64 in lower case, 2 bytes port
};
constexpr bool names_request(HintKind kind) { return kind == HintKind::request_id || kind == HintKind::traceparent; }
constexpr HintKind hint_kind_last = HintKind::asked_target;
constexpr std::size_t hint_bytes_max = 40;
constexpr std::size_t hint_count_max = 8;
constexpr std::uint8_t studied_payload_count = 15;  ///< of each direction a sensor looks for hints in so many payloads

struct Hint {
    HintKind kind = HintKind::none;
    Direction direction = Direction::to_server;
    std::uint8_t length = 0;
    std::array<std::uint8_t, hint_bytes_max> bytes{};
    TimeNs time_ns = 0;  ///< of the packet that carried it

    std::string_view value() const { return {reinterpret_cast<const char*>(bytes.data()), length}; }
    auto operator<=>(const Hint&) const = default;
};

/// A name out of the payload, NUL-padded: of a longer one the end is kept, which says more.
constexpr std::size_t server_name_bytes_max = 64;
constexpr std::size_t alpn_bytes_max = 16;

/// Which end of its connection a socket is. A relay's two sockets have one each.
enum class SocketRole : std::uint8_t { none = 0, client = 1, server = 2 };  // none: not a socket

/// The process that owns a socket; only legs of Observer::socket have one.
struct Process {
    std::uint32_t pid = 0;  ///< 0 = not known
    std::uint32_t uid = 0;
    std::array<char, 16> command{};  ///< the kernel's comm, NUL-padded

    std::string_view name() const;
    auto operator<=>(const Process&) const = default;
};

/// One connection as seen on one segment of one tap.
struct Leg {
    LegId id = 0;
    std::uint32_t revision = 0;  ///< grows with every report of this leg; a lower one is old news
    LegPhase phase = LegPhase::opened;
    LegEnd end = LegEnd::none;
    Observer observer = Observer::mirror;
    ClientBy client_by = ClientBy::first_packet;
    TapId tap = 0;
    Protocol protocol = Protocol::tcp;
    TimeSource time_source = TimeSource::unknown;
    std::uint32_t time_error_ns = 0;  ///< how late a time stamp of this leg may be, by its tap's own clock
    std::uint32_t duplicates = 0;     ///< packets mirrored twice, dropped and not counted elsewhere
    Endpoint client;                  ///< inner addresses as written at this tap
    Endpoint server;
    Segment segment;
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    std::array<Flow, direction_count> flows{};
    std::uint8_t hint_count = 0;
    std::array<Hint, hint_count_max> hints{};
    Process process;
    SocketRole socket_role = SocketRole::none;              ///< known for every leg of Observer::socket
    App app = App::unknown;                                 ///< told by the first payloads
    std::array<char, server_name_bytes_max> server_name{};  ///< SNI, HTTP Host or DNS question: the first there is
    std::array<char, alpn_bytes_max> alpn{};  ///< the protocol TLS's server chose, else the client's first wish
    TcpAnalysis tcp;                          ///< the engine does not look at it

    const Flow& flow(Direction d) const { return flows[static_cast<std::size_t>(d)]; }
    Flow& flow(Direction d) { return flows[static_cast<std::size_t>(d)]; }

    /// Adds a hint unless the same one is there or there is no room; says whether it was added.
    bool add_hint(const Hint& hint);

    auto operator<=>(const Leg&) const = default;
};
static_assert(std::is_trivially_copyable_v<Leg>);

/// Puts text into a NUL-padded array: its end where it is too long.
template <std::size_t size>
void put_name(std::array<char, size>& to, std::string_view text) {
    if (text.size() > size) text.remove_prefix(text.size() - size);
    to = {};
    for (std::size_t i = 0; i < text.size(); ++i) to[i] = text[i];
}

template <std::size_t size>
std::string_view name_in(const std::array<char, size>& from) {
    std::size_t length = 0;
    while (length < size && from[length] != '\0') ++length;
    return {from.data(), length};
}

std::string_view to_text(Protocol protocol);  ///< "tcp", "udp", "icmp", "icmpv6", or "ip"
std::string_view to_text(Observer observer);
std::string_view to_text(LegEnd end);
std::string_view to_text(HintKind kind);
std::string_view to_text(TimeSource source);

}  // namespace clew
