// SPDX-License-Identifier: Apache-2.0
// Which legs a look-back is about: some by their ids, or all that everything given here fits. Plain value.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "dataplane/vault/header_record.h"
#include "dataplane/vault/key_filter.h"

namespace clew::vault {

struct Network {
    IpAddress ip;
    std::uint8_t bits = 128;  ///< of the 128; an IPv4 network's have the 96 before them

    bool is_one() const { return bits == 128; }
    bool holds(const IpAddress& other) const;
};

struct LegChoice {
    std::unordered_set<LegId> legs;        ///< empty: any
    std::vector<Network> networks;         ///< each holds one of the leg's ends
    std::vector<std::uint16_t> ports;      ///< each is one of its ports
    std::vector<std::uint32_t> layer_ids;  ///< each is the id of one of its VLANs or tunnels
    std::uint8_t protocol = 0;             ///< IANA; 0: any

    bool wants(const LegLabel& leg) const;
    /// Keys that a block with one of these legs has, those of few blocks first.
    KeyGroups keys() const;
};

}  // namespace clew::vault
