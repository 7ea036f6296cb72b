// SPDX-License-Identifier: Apache-2.0
// What the sensor keeps of a leg: a hot part of two cache lines that every packet touches, and cold parts that only a
// leg's first packets, oddities, delays and reports touch (ColdLeg here, TcpLeg in dataplane/tcp_leg.h). Flows are held
// by side, not by direction: which end is the client may be learnt later. Side 0: packets from the lower address (then
// port) to the higher; side 1: the others.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/fingerprint/asked_target.h"
#include "dataplane/segment_table.h"
#include "dataplane/tcp_leg.h"
#include "nat-trace/leg.h"

namespace clew::sensor {

using LegNumber = std::uint32_t;  ///< a leg's place in the table
constexpr LegNumber leg_none = 0xffff'ffff;
using Side = std::uint8_t;

/// What makes a leg one leg. The segment implies the tap. IPv4: `addresses` is both; IPv6: a digest of both, and the
/// addresses themselves are in ColdLeg.
struct LegKey {
    std::uint64_t addresses = 0;  ///< low address << 32 | high address
    std::uint32_t ports = 0;      ///< low's << 16 | high's
    SegmentNumber segment = segment_none;
    std::uint8_t protocol = 0;
    bool v6 = false;

    std::uint16_t port_low() const { return static_cast<std::uint16_t>(ports >> 16); }
    std::uint16_t port_high() const { return static_cast<std::uint16_t>(ports); }
    bool operator==(const LegKey& other) const {
        return ((addresses ^ other.addresses) | (ports ^ other.ports) | (segment ^ other.segment) |
                (protocol ^ other.protocol) | (v6 ^ other.v6)) == 0;
    }
};

/// Both inner addresses in full.
struct LegAddresses {
    IpAddress low;
    IpAddress high;

    bool operator==(const LegAddresses&) const = default;
};

/// How many first packets of a side are looked at closely.
constexpr std::uint8_t studied_packet_count = 15;

/// A time in steps of 16 ns, which wraps after 4.8 hours: enough for the age of what a living leg waits for.
struct ShortTime {
    std::uint32_t low;
    std::uint8_t high;

    static constexpr DurationNs step_ns = 16;
};

/// What TCP analysis keeps of a side between packets; a bit set. The low four bits are the side's window scale.
enum TcpSideBits : std::uint8_t {
    tcp_scale_mask = 0x0f,
    tcp_scale_unknown = 0x0f,
    tcp_window_unscaled = 0x10,  ///< the last window was in a SYN
    tcp_sent_keep_alive = 0x20,  ///< the last segment was one
    tcp_sent_probe = 0x40,       ///< the last segment was a zero-window probe
    tcp_rtt_pending = 0x80,      ///< a segment that ends at rtt_seq was sent at rtt_low, rtt_high
};

struct HotFlow {
    std::uint32_t packets;        ///< wraps into ColdFlow::packets_wrapped
    std::uint32_t bytes;          ///< since they were last moved into the cold part
    std::uint32_t payload_bytes;  ///< likewise
    std::uint32_t next_seq;
    std::uint32_t last_ack;
    std::uint32_t rtt_seq;
    std::uint32_t rtt_low;      ///< a ShortTime in two pieces
    std::uint32_t advance_low;  ///< when next_seq last moved on
    std::uint8_t rtt_high;
    std::uint8_t advance_high;
    std::uint16_t window;  ///< as last written
    std::uint16_t last_ip_id;
    std::uint8_t tcp_bits;        ///< TcpSideBits
    std::uint8_t duplicate_acks;  ///< in a row, at most 255
    std::uint8_t last_ttl;
    TcpFlags flags_seen;
    std::uint8_t packets_to_study;
    std::uint8_t payloads_to_study;

    bool is_studied() const { return (packets_to_study | payloads_to_study) != 0; }
    void set_bits(unsigned bits) { tcp_bits = static_cast<std::uint8_t>(tcp_bits | bits); }
    void clear_bits(unsigned bits) { tcp_bits = static_cast<std::uint8_t>(tcp_bits & ~bits); }
};
static_assert(sizeof(HotFlow) == 44);

/// What every packet must know of its leg; a bit set.
enum LegState : std::uint8_t {
    leg_client_is_high = 1,    ///< side 1 sends to the server
    leg_changed = 2,           ///< packets since the last report
    leg_sleeping = 4,          ///< its deadline is the idle time-out: the next packet must set a nearer one
    leg_closed = 8,            ///< TCP: reset, or FIN on every side that was seen
    leg_has_holes = 16,        ///< TCP: TcpLeg may hold sequence ranges that were skipped
    leg_awaits_response = 32,  ///< TCP: the client sent payload, the server none since
    leg_has_news = 64,         ///< since the last report there was more than packets that were just what was expected
};

struct alignas(64) HotLeg {
    std::uint64_t addresses;  ///< the LegKey, without its padding
    std::uint32_t ports;
    SegmentNumber segment;
    std::uint8_t protocol;  ///< 0: this place of the table is free
    bool v6;
    LegState state_bits;
    ClientBy told_by;
    std::uint32_t generation;     ///< how often this place was given away: with the place, it makes the leg's id
    std::array<TimeNs, 2> times;  ///< of each side's last packet; 0: none
    std::array<HotFlow, 2> flows;

    LegKey key() const { return {addresses, ports, segment, protocol, v6}; }
    void set_key(const LegKey& key) {
        addresses = key.addresses;
        ports = key.ports;
        segment = key.segment;
        protocol = key.protocol;
        v6 = key.v6;
    }
    bool is_tcp() const { return protocol == static_cast<std::uint8_t>(Protocol::tcp); }
    TimeNs last_ns() const { return times[0] > times[1] ? times[0] : times[1]; }
    bool is(LegState bit) const { return (state_bits & bit) != 0; }
    void set(LegState bit) { state_bits = static_cast<LegState>(state_bits | bit); }
    void clear(LegState bit) { state_bits = static_cast<LegState>(state_bits & ~bit); }
    Side client_side() const { return is(leg_client_is_high) ? 1 : 0; }
    ClientBy client_by() const { return told_by; }
    void set_client(Side side, ClientBy by) {
        side == 1 ? set(leg_client_is_high) : clear(leg_client_is_high);
        told_by = by;
    }
};
static_assert(sizeof(HotLeg) == 128);

/// The packet of a side that last was out of the ordinary.
struct RememberedPacket {
    std::uint32_t seq;
    std::uint16_t ip_id;
    std::uint8_t ttl;  ///< 0: none yet
};

/// Four stream-head hashes, as in StreamHead.
struct HeadHashes {
    std::uint64_t hash_16;
    std::uint64_t hash_64;
    std::uint64_t hash_256;
    std::uint64_t hash_all;
};

/// What the hot part does not hold of a side; the meaning of a name is that in Flow. Two cache lines, the first of
/// which is about the handshake. Rare things are parts (LegParts).
struct alignas(64) ColdFlow {
    TimeNs first_ns;
    TimeNs first_payload_ns;
    TimeNs syn_ns;
    TimeNs first_ack_ns;
    std::uint32_t isn;
    std::uint32_t syn_count;
    std::uint32_t first_tsval;
    std::uint16_t mss;
    std::uint16_t syn_window;
    std::uint16_t first_ip_id;
    std::uint8_t first_ttl;
    IsnFrom isn_from;
    std::uint8_t window_scale_told;  ///< window_scale + 1, so that none is 0
    bool sack_permitted;
    bool has_timestamps;
    std::uint8_t sample_count;
    std::uint8_t head_done;  ///< HeadState
    bool in_http_head;       ///< an HTTP head began and its end has not come
    std::uint8_t scans;      ///< payloads in which the application was looked for
    PartNumber oddities;     ///< FlowOddities
    HeadHashes head;         ///< second line
    std::uint16_t head_length;
    std::uint16_t head_held;  ///< bytes in its buffer
    std::uint16_t packets_wrapped;
    std::uint32_t head_start;  ///< bytes before the head: of a PROXY header, or said to a proxy or by it
    PartNumber head_buffer;    ///< while the head is not complete
    RememberedPacket remembered;
    std::uint32_t bytes_moved;          ///< out of the hot part, in hot_bytes_moved
    std::uint32_t payload_bytes_moved;  ///< likewise
};
static_assert(sizeof(ColdFlow) == 128);
constexpr std::uint32_t hot_bytes_moved = 1u << 31;

struct alignas(64) ColdLeg {
    LegAddresses addresses;
    TimeNs first_ns;
    TimeNs reported_ns;  ///< 0: never
    TimeNs due_ns;       ///< when the next report is wanted; 0: when it changes
    std::uint32_t revision;
    std::uint32_t duplicates;
    TcpHandshake handshake;
    std::uint32_t time_error_ns;
    PartNumber hints;  ///< the newest
    PartNumber names;
    PartNumber http2;       ///< Http2Talk, while it is read
    std::uint16_t swapped;  ///< SegmentKey::swapped of packets of side 0
    TimeSource time_source;
    std::uint8_t hint_count;
    App app;
    Asking asking;  ///< of a proxy
    std::array<ColdFlow, 2> flows;
    std::array<std::array<Sample, sample_count_max>, 2> samples;  ///< last: those beyond sample_count are never cleared
};
static_assert(sizeof(ColdLeg) == 640);

}  // namespace clew::sensor
