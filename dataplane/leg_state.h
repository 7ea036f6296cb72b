// SPDX-License-Identifier: Apache-2.0
// What the sensor keeps of a leg: a hot part of two cache lines that every packet touches, and a cold part that only a
// leg's first packets, oddities and reports touch. Flows are held by side, not by direction: which end is the client
// may be learnt later. Side 0: packets from the lower address (then port) to the higher; side 1: the others.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/segment_table.h"
#include "nat-trace/leg.h"

namespace clew::sensor {

using LegNumber = std::uint32_t;  ///< a leg's place in the table
constexpr LegNumber leg_none = 0xffff'ffff;
using Side = std::uint8_t;

/// What makes a leg one leg; compared and hashed as bytes.
struct LegKey {
    IpAddress low;
    IpAddress high;
    std::uint16_t port_low = 0;
    std::uint16_t port_high = 0;
    SegmentNumber segment = segment_none;
    TapId tap = 0;
    std::uint8_t protocol = 0;
    std::uint8_t unused = 0;

    bool operator==(const LegKey&) const = default;
};
static_assert(sizeof(LegKey) == 44 && std::has_unique_object_representations_v<LegKey>);

/// How many first packets and payloads of a side are looked at closely.
constexpr std::uint8_t studied_packet_count = 15;
constexpr std::uint8_t studied_payload_count = 15;

struct HotFlow {
    std::uint64_t bytes;
    std::uint64_t payload_bytes;
    TimeNs last_ns;
    std::uint32_t packets;  ///< wraps into ColdFlow::packets_wrapped
    std::uint32_t next_seq;
    std::uint32_t last_ack;
    std::uint8_t last_ttl;
    TcpFlags flags_seen;
    std::uint8_t packets_to_study : 4;
    std::uint8_t payloads_to_study : 4;
    std::uint8_t of_leg;  ///< side 0: LegState bits; side 1: ClientBy
};
static_assert(sizeof(HotFlow) == 40);

/// What every packet must know of its leg; a bit set.
enum LegState : std::uint8_t {
    leg_client_is_high = 1,  ///< side 1 sends to the server
    leg_changed = 2,         ///< packets since the last report
    leg_sleeping = 4,        ///< its deadline is the idle time-out: the next packet must set a nearer one
    leg_closed = 8,          ///< TCP: reset, or FIN on every side that was seen
    leg_has_gap = 16,        ///< TCP: ColdFlow::gap_* may hold sequence ranges that were skipped
};

struct alignas(64) HotLeg {
    LegKey key;
    std::uint32_t
        generation;  ///< how often this place of the table was given away: with the place, it makes the leg's id
    std::array<HotFlow, 2> flows;

    TimeNs last_ns() const { return flows[0].last_ns > flows[1].last_ns ? flows[0].last_ns : flows[1].last_ns; }
    bool is(LegState bit) const { return (flows[0].of_leg & bit) != 0; }
    void set(LegState bit) { flows[0].of_leg = static_cast<std::uint8_t>(flows[0].of_leg | bit); }
    void clear(LegState bit) { flows[0].of_leg = static_cast<std::uint8_t>(flows[0].of_leg & ~bit); }
    Side client_side() const { return is(leg_client_is_high) ? 1 : 0; }
    ClientBy client_by() const { return static_cast<ClientBy>(flows[1].of_leg); }
    void set_client(Side side, ClientBy by) {
        side == 1 ? set(leg_client_is_high) : clear(leg_client_is_high);
        flows[1].of_leg = static_cast<std::uint8_t>(by);
    }
};
static_assert(sizeof(HotLeg) == 128);

/// The packet of a side that last was out of the ordinary.
struct RememberedPacket {
    std::uint32_t seq;
    std::uint16_t ip_id;
    std::uint8_t ttl;  ///< 0: none yet
};

/// `flow` holds what the hot part does not; its bytes, next_seq and so on are filled in for a report.
struct ColdFlow {
    Flow flow;
    std::uint32_t packets_wrapped;
    std::uint32_t gap_from;  ///< a sequence range that was skipped and may still come; empty when from == to
    std::uint32_t gap_to;
    RememberedPacket remembered;
    std::uint32_t head_buffer;  ///< of StreamBuffers, while the head is not complete
    std::uint32_t head_start;   ///< bytes of a PROXY header before the head
    std::uint16_t head_held;    ///< bytes in that buffer
    std::uint8_t head_done;     ///< HeadState
    bool in_http_head;          ///< an HTTP head began and its end has not come
    std::uint8_t scans;         ///< payloads in which the application was looked for
};

struct ColdLeg {
    LegId id;
    std::uint32_t revision;
    std::uint32_t duplicates;
    std::uint32_t time_error_ns;
    std::uint16_t swapped;  ///< SegmentKey::swapped of packets of side 0
    TimeSource time_source;
    std::uint8_t hint_count;
    App app;
    std::array<char, server_name_bytes_max> server_name;
    std::array<char, alpn_bytes_max> alpn;
    TimeNs first_ns;
    TimeNs reported_ns;  ///< 0: never
    TimeNs due_ns;       ///< when the next report is wanted; 0: when it changes
    std::array<ColdFlow, 2> flows;
    std::array<Hint, hint_count_max> hints;  ///< Hint::direction holds the side
};

}  // namespace clew::sensor
