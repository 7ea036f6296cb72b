// SPDX-License-Identifier: Apache-2.0
// A connection may be several legs of a block: before and behind a gateway, or one a direction. What its first leg
// began with is what the next one is likely to begin with.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/hash.h"
#include "dataplane/vault/header_record.h"
#include "dataplane/vault/host_clocks.h"
#include "dataplane/vault/leg_track.h"

namespace clew::vault {

/// Where each side of a connection began.
struct LegLink {
    std::uint64_t key = 0;
    std::array<std::uint32_t, 2> seq{}, after{};  ///< of the first packet, and behind it; or the first acknowledgement
    std::array<bool, 2> known{};
    std::array<HostClock, 2> clocks;  ///< as TSval and TSecr tell

    bool whole() const { return known[0] && known[1]; }
    void note(const HeaderRecord& record, std::uint32_t after_first) {
        const unsigned own = record.side, other = own ^ 1;
        if (!known[own]) seq[own] = record.seq, after[own] = after_first, known[own] = true;
        if (!known[other] && record.ack != 0) seq[other] = after[other] = record.ack, known[other] = true;
    }
};

/// By addresses and ports; a later connection takes the place of one that falls on the same.
class LegLinks {
  public:
    /// The connection's link, which tells the track what it knows of it.
    LegLink& start(const LegLabel& leg, LegTrack& track) {
        std::uint64_t words[4];
        std::memcpy(words, leg.low.bytes.data(), 16);
        std::memcpy(words + 2, leg.high.bytes.data(), 16);
        std::uint64_t key = std::uint64_t{leg.port_low} << 32 | std::uint64_t{leg.port_high} << 8 | leg.protocol;
        for (const std::uint64_t word : words) key = sensor::mix(key ^ word);
        LegLink& link = links_[(key >> 32) % link_count];
        if (link.key != key) {
            link = {};
            link.key = key;
            return link;
        }
        for (unsigned i = 0; i < 2; ++i) {
            track.side[i].next_seq = link.seq[i];
            track.side[i].after_last = link.after[i];
            track.side[i].linked = link.known[i];
        }
        return link;
    }

  private:
    static constexpr std::size_t link_count = 512;
    std::array<LegLink, link_count> links_;
};

}  // namespace clew::vault
