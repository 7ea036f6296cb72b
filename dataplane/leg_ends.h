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

/// Both ends into the key, in sorted order; which side sent this. The seed keeps strangers from choosing digests.
inline Side set_ends(const std::uint8_t* frame, const Decapped& decapped, const Transport& transport,
                     std::uint64_t seed, LegKey& key) {
    const std::uint8_t* addresses = frame + decapped.addresses_offset;
    const std::uint32_t source_port = transport.source_port, other_port = transport.destination_port;
    key.v6 = decapped.v6;
    bool high_first;
    if (key.v6) {
        const int order = compare_addresses<16>(addresses, addresses + 16);
        high_first = order > 0 || (order == 0 && source_port > other_port);
        const std::uint64_t other_seed = mix(seed);
        const std::uint8_t* low = high_first ? addresses + 16 : addresses;
        const std::uint8_t* high = high_first ? addresses : addresses + 16;
        key.addresses = fold(load_be64(low) ^ seed, load_be64(low + 8) ^ other_seed) +
                        fold(load_be64(high) ^ other_seed, load_be64(high + 8) ^ seed);
    } else {
        const std::uint64_t source = load_be32(addresses), other = load_be32(addresses + 4);
        high_first = (source << 16 | source_port) > (other << 16 | other_port);
        key.addresses = high_first ? other << 32 | source : source << 32 | other;
    }
    key.ports = high_first ? other_port << 16 | source_port : source_port << 16 | other_port;
    return high_first ? 1 : 0;
}

}  // namespace clew::sensor
