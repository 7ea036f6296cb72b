// SPDX-License-Identifier: Apache-2.0
// A leg as the engine's window holds it: a compact value of fixed size. The window's pools hold what only few have.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "nat-trace/clocks.h"
#include "nat-trace/leg.h"
#include "nat-trace/name_pool.h"

namespace clew {

/// A leg's place in the window. Stays while the leg is held; used again after it left.
using LegIndex = std::uint32_t;
constexpr LegIndex no_leg = 0xffff'ffff;

/// An offset in ns from a leg's first packet; unknown when it is not known or beyond 4.29 s.
using TimeOffset = std::uint32_t;
constexpr TimeOffset time_offset_unknown = 0xffff'ffff;

constexpr std::size_t window_sample_count_max = 3;  ///< of the leg's samples, so many are kept
constexpr std::size_t key_slot_count = 12;          ///< keys under which one leg can be found

struct WindowSample {
    TimeOffset time = time_offset_unknown;
    std::uint32_t hash = 0;  ///< Sample::payload_hash, each half folded to 16 bits; 0 = not known
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint16_t length = 0;
    std::uint16_t ip_id = 0;

    bool is_cut() const { return (hash & 1) != 0; }  ///< less was captured than sent
    std::uint16_t prefix() const { return static_cast<std::uint16_t>(hash >> 16); }
    /// As far as both were captured. Of what is not known nothing is the same.
    bool same_payload(const WindowSample& other) const {
        if (hash == 0 || other.hash == 0 || length != other.length) return false;
        return is_cut() || other.is_cut() ? prefix() == other.prefix() : hash == other.hash;
    }
};

/// One direction of a leg.
struct WindowFlow {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint32_t retransmissions = 0;
    std::uint32_t isn = 0;
    std::uint32_t next_seq = 0;
    std::uint32_t first_tsval = 0;
    TimeOffset syn = time_offset_unknown;
    TimeOffset first_ack = time_offset_unknown;
    std::uint16_t mss = 0;
    std::uint16_t first_ip_id = 0;
    std::uint8_t window_scale = 0xff;
    std::uint8_t first_ttl = 0;
    /// Of the first packet with payload; else of the last packet or, if none came back, of the first.
    std::uint8_t data_ttl = 0;
    std::uint8_t syn_count = 0;
    bool has_isn = false;
    bool has_timestamps = false;
    bool sack_permitted = false;
    std::uint8_t sample_count = 0;
    std::uint16_t head_length = 0;  ///< bytes of the stream's (or first datagram's) head, at most 256
    std::uint32_t head = 0;         ///< their hash, folded; 0 = not known
    std::array<WindowSample, window_sample_count_max> samples{};
};

/// An explicit signal as the engine compares it.
struct WindowHint {
    HintKind kind = HintKind::none;
    Direction direction = Direction::to_server;
    bool has_destination = false;
    std::uint32_t next = no_leg;  ///< of the same leg
    std::uint64_t value = 0;      ///< hash of the value's bytes
    Endpoint source;  ///< TOA and PROXY: the client it names; X-Forwarded-For, Forwarded: the address; asked_target:
                      ///< it, of a name without an address; dns_query: its name and type, as an address
    Endpoint destination;  ///< PROXY: the server it names
    TimeNs time_ns = 0;
};

/// Whether no tap saw the leg's connection nearer to the client, and if so whether it looks like what a proxy opened.
enum class HeadOfChain : std::uint8_t { no = 0, of_its_own = 1, behind_proxy = 2 };

/// Whether an address is known to open connections for others.
enum class KnownProxy : std::uint8_t { no = 0, likely = 1, sure = 2 };

/// A value of a leg that others may share: of `isn` and `head` (of the stream) there are two, one for each direction.
enum class Shared : std::uint8_t { isn = 0, head = 2, server = 4, client = 5, syn_ip_id = 6 };
constexpr std::size_t shared_value_count = 7;

/// How many legs of a leg's tap share a value with it, itself counted; at most 255. As it was when last looked up.
struct Sharers {
    std::array<std::uint8_t, shared_value_count> counts{};
    std::uint8_t epoch = 0;  ///< when it was looked up

    std::uint32_t of(Shared value) const { return counts[static_cast<std::size_t>(value)]; }
    std::uint32_t of(Shared value, Direction d) const {
        return counts[static_cast<std::size_t>(value) + static_cast<std::size_t>(d)];
    }
};

/// One leg in the window. 0 = not known holds for times as in Leg.
struct WindowLeg {
    LegId id = 0;  ///< 0 = the place is free
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    std::array<std::uint32_t, key_slot_count> keys{};  ///< under which it is found (keys.h), sorted
    Endpoint client;
    Endpoint server;
    std::uint32_t revision = 0;
    std::uint32_t segment = 0;
    std::uint32_t process = no_leg;
    std::uint32_t server_name = no_name;  ///< of the window's names
    std::uint32_t first_hint = no_leg;
    std::uint32_t time_error_ns = 0;
    TapId tap = 0;
    ClockId clock = 0;
    Protocol protocol = Protocol::tcp;
    Observer observer = Observer::mirror;
    LegPhase phase = LegPhase::opened;
    LegEnd end = LegEnd::none;
    ClientBy client_by = ClientBy::first_packet;
    SocketRole socket_role = SocketRole::none;
    App app = App::unknown;
    std::uint8_t key_count = 0;

    // where it stands among the paths
    std::uint8_t names_given = 0;  ///< how many paths took their id from this leg
    std::uint8_t rivals = 0;       ///< of the link to the next leg
    std::uint8_t margin_bits = 0;
    bool dirty = false;      ///< waits to be linked
    bool settled = false;    ///< waited long enough for its neighbours
    bool ambiguous = false;  ///< has rivals that nothing tells apart
    HeadOfChain head = HeadOfChain::no;
    bool relay_next = false;  ///< a proxy stands between it and the next leg of its path
    std::uint32_t path = no_leg;
    LegIndex next_in_path = no_leg;

    Sharers sharers;

    std::array<WindowFlow, direction_count> flows{};

    const WindowFlow& flow(Direction d) const { return flows[static_cast<std::size_t>(d)]; }
    bool is_socket() const { return observer == Observer::socket; }
    bool same_ends(const WindowLeg& other) const { return client == other.client && server == other.server; }
    /// The absolute time of an offset; 0 when it is unknown.
    TimeNs at(TimeOffset offset) const { return offset == time_offset_unknown ? 0 : first_ns + offset; }
};

}  // namespace clew
