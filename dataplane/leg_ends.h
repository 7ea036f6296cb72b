// SPDX-License-Identifier: Apache-2.0
// A packet's inner ends as a leg's key holds them: the lower address (then port) first. Pure.
#pragma once

#include <utility>

#include "dataplane/bytes.h"
#include "dataplane/decap.h"
#include "dataplane/hash.h"
#include "dataplane/leg_state.h"
#include "dataplane/transport.h"

namespace clew::sensor {

/// In full, of a packet that `side` sent.
inline LegAddresses addresses_of(const std::uint8_t* frame, const Decapped& decapped, Side side) {
    const std::uint8_t* at = frame + decapped.addresses_offset;
    LegAddresses addresses;
    if (decapped.v6)
        addresses = {IpAddress::from_v6_bytes(at), IpAddress::from_v6_bytes(at + 16)};
    else
        addresses = {IpAddress::from_v4_bytes(at), IpAddress::from_v4_bytes(at + 4)};
    if (side == 1) std::swap(addresses.low, addresses.high);
    return addresses;
}

/// Both ends into the key, in sorted order; says which side sent this. `source` and `other`: 4 bytes in network order,
/// or 16 with `v6`. The seed keeps strangers from choosing digests.
inline Side sort_ends(const std::uint8_t* source, const std::uint8_t* other, std::uint32_t source_port,
                      std::uint32_t other_port, bool v6, std::uint64_t seed, LegKey& key) {
    key.v6 = v6;
    bool high_first;
    if (v6) {
        const int order = compare_addresses<16>(source, other);
        high_first = order > 0 || (order == 0 && source_port > other_port);
        const std::uint64_t other_seed = mix(seed);
        const std::uint8_t* low = high_first ? other : source;
        const std::uint8_t* high = high_first ? source : other;
        key.addresses = fold(load_be64(low) ^ seed, load_be64(low + 8) ^ other_seed) +
                        fold(load_be64(high) ^ other_seed, load_be64(high + 8) ^ seed);
    } else {
        const std::uint64_t a = load_be32(source), b = load_be32(other);
        high_first = (a << 16 | source_port) > (b << 16 | other_port);
        key.addresses = high_first ? b << 32 | a : a << 32 | b;
    }
    key.ports = high_first ? other_port << 16 | source_port : source_port << 16 | other_port;
    return high_first ? 1 : 0;
}

inline Side set_ends(const std::uint8_t* frame, const Decapped& decapped, const Transport& transport,
                     std::uint64_t seed, LegKey& key) {
    const std::uint8_t* addresses = frame + decapped.addresses_offset;
    return sort_ends(addresses, addresses + (decapped.v6 ? 16 : 4), transport.source_port, transport.destination_port,
                     decapped.v6, seed, key);
}

/// Of ends that stand elsewhere than in the packet's own headers. Both are of one IP version.
inline Side set_ends(const Endpoint& source, const Endpoint& destination, std::uint64_t seed, LegKey& key) {
    const std::size_t v4_at = source.ip.is_v4() ? 12 : 0;
    return sort_ends(source.ip.bytes.data() + v4_at, destination.ip.bytes.data() + v4_at, source.port, destination.port,
                     v4_at == 0, seed, key);
}

}  // namespace clew::sensor
