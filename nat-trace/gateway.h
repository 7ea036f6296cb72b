// SPDX-License-Identifier: Apache-2.0
// What a middlebox was learnt to do to packets: which fields survive it, what it adds, how long it takes, what it
// loses. A gateway is what stands between two taps and is known there by the address its packets are sent to: its
// tunnel end, its MAC address, or, where neither is written, its own IP address. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "nat-trace/path.h"

namespace clew {

/// What can be told of a gateway by one word each. Kept on disk by number (wire/gateway_state.proto).
enum class GatewayTrait : std::uint8_t {
    kind = 0,             ///< LinkKind
    client_sequence = 1,  ///< the client's sequence numbers: kept, shifted
    server_sequence = 2,
    timestamps = 3,   ///< option in the SYN: kept, stripped
    toa = 4,          ///< none, added, stripped
    ip_id = 5,        ///< kept, changed
    client_port = 6,  ///< where it rewrites the client's address: kept, changed
    mss = 7,          ///< kept, changed
    handshake = 8,    ///< passed on, or answered by itself (SYN proxy)
    ttl = 9,          ///< hops that it takes off, 7 for seven and more
};
constexpr std::size_t gateway_trait_count = 10;
constexpr std::size_t trait_value_count = 8;
constexpr std::uint8_t trait_unknown = 0xff;

std::string_view to_text(GatewayTrait trait);                          ///< "client-sequence", …
std::string trait_value_text(GatewayTrait trait, std::uint8_t value);  ///< "shifted", "snat", "2"

constexpr std::size_t trait_recent_count = 32;  ///< links that a trait's present value is told from
constexpr std::size_t trait_recent_min = 16;
constexpr unsigned trait_share_percent = 90;  ///< of them must agree

struct TraitRecord {
    std::array<std::uint64_t, trait_value_count> counts{};
    std::array<std::uint8_t, trait_recent_count> recent{};
    std::uint64_t total = 0;
    std::uint8_t settled = trait_unknown;  ///< what nearly all recent links show; unknown while they differ
};

/// Delays on a logarithmic scale, four steps an octave; two of them add up.
struct DelayHistogram {
    static constexpr std::size_t bin_count = 128;
    std::array<std::uint32_t, bin_count> bins{};
    std::uint64_t count = 0;
    DurationNs min_ns = 0;
    DurationNs max_ns = 0;
    DurationNs error_ns = 0;  ///< the largest ± of what was added

    void add(DurationNs delay, DurationNs error);
    void merge(const DelayHistogram& other);
    DurationNs quantile(double share) const;  ///< of the bin's upper edge, within min … max; 0 when empty
};

struct GatewayEvent {
    TimeNs time_ns = 0;  ///< of the link that decided it
    std::string what;    ///< a trait's name, or "delay to_server"
    std::string before;
    std::string after;
};

constexpr std::size_t gateway_address_count_max = 64;  ///< of a pool, of services, of backends
constexpr std::size_t gateway_event_count_max = 16;    ///< the last ones

/// Distinct addresses, the first ones seen; `more` counts sightings of others.
struct AddressSet {
    std::vector<IpAddress> addresses;
    std::uint64_t more = 0;
    void add(const IpAddress& ip);
};

struct Gateway {
    std::uint64_t id = 0;
    std::string from_tap;  ///< by name; on the client's side
    std::string to_tap;
    std::string known_by;  ///< "tunnel end 192.0.2.1", "MAC 02:00:5e:10:00:01", "address 198.51.100.1"
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    std::uint64_t links = 0;
    std::array<TraitRecord, gateway_trait_count> traits{};
    AddressSet pool;      ///< client addresses that it writes
    AddressSet services;  ///< server addresses that it rewrites (VIPs)
    AddressSet backends;  ///< and what it writes instead
    std::array<DelayHistogram, direction_count> delay;
    std::array<DurationNs, direction_count> usual_delay_ns{};  ///< median of some delays; 0: too few yet
    std::array<std::uint64_t, direction_count> packets{};      ///< at the tap before it, in the direction of travel
    std::array<std::uint64_t, direction_count> lost{};
    std::uint64_t resets = 0;      ///< that it sent
    std::uint64_t syns_eaten = 0;  ///< openings that were seen before it and not behind
    std::deque<GatewayEvent> events;

    const TraitRecord& trait(GatewayTrait t) const { return traits[static_cast<std::size_t>(t)]; }
};

}  // namespace clew
