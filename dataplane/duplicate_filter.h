// SPDX-License-Identifier: Apache-2.0
// Tells a packet that a mirror copied twice: the same leg, direction, TTL, IP-ID, sequence number, length and checksum
// within microseconds. A small direct-mapped memory; one thread. A miss only means that a duplicate is counted.
#pragma once

#include <cstdint>

#include "dataplane/decap.h"
#include "dataplane/fixed_array.h"
#include "dataplane/hash.h"
#include "dataplane/leg_state.h"
#include "dataplane/transport.h"
#include "nat-trace/prefetch.h"

namespace clew::sensor {

constexpr DurationNs duplicate_window_ns = 100 * ns_per_us;

class DuplicateFilter {
  public:
    static constexpr std::size_t entry_count = 8192;

    bool allocate(bool populate) { return entries_.allocate(entry_count, populate); }
    static std::size_t memory_bytes() { return FixedArray<Entry>::memory_bytes(entry_count); }

    /// `leg_hash`: of the leg's key, so that the same packet on another segment is another packet.
    static std::uint64_t digest_of(std::uint32_t leg_hash, Side side, const Decapped& decapped,
                                   const Transport& transport) {
        const std::uint64_t numbers = std::uint64_t{transport.seq} << 32 | transport.ack;
        const std::uint64_t header = std::uint64_t{decapped.ip_id} << 48 | std::uint64_t{transport.checksum} << 32 |
                                     std::uint64_t{decapped.ttl} << 24 | std::uint64_t{transport.flags} << 16 |
                                     (transport.payload_length & 0xffff);
        const std::uint64_t leg = std::uint64_t{leg_hash} << 24 | std::uint64_t{transport.window} << 1 | side;
        return fold(numbers ^ 0x9e3779b97f4a7c15ull, header ^ 0xff51afd7ed558ccdull) ^ leg * 0xbf58476d1ce4e5b9ull;
    }
    void prefetch(std::uint64_t digest) const { prefetch_line(&entries_[place_of(digest)]); }

    bool seen_just_now(std::uint64_t digest, const Decapped& decapped, const Transport& transport, TimeNs now) {
        Entry& entry = entries_[place_of(digest)];
        const auto rest = static_cast<std::uint32_t>(digest >> 32);
        const auto when = static_cast<std::uint32_t>(static_cast<std::uint64_t>(now) / time_step_ns);
        const std::uint32_t age = when - entry.when;  // a little older counts too: ports are merged in bursts
        if (entry.rest == rest && (age <= age_max || -age <= age_max)) return can_be_told(decapped, transport);
        entry = {rest, when};
        return false;
    }

  private:
    static constexpr std::uint64_t time_step_ns = 256;  ///< wraps after 18 minutes: then a chance of 2^-31 to be wrong
    static constexpr std::uint32_t age_max = static_cast<std::uint32_t>(duplicate_window_ns / time_step_ns);
    struct Entry {
        std::uint32_t rest;  ///< the digest's other bits
        std::uint32_t when;
    };
    static std::size_t place_of(std::uint64_t digest) { return digest % entry_count; }

    /// Without an IP-ID, bare ACKs may rightly be the same: a receiver repeats them.
    static bool can_be_told(const Decapped& decapped, const Transport& transport) {
        constexpr TcpFlags syn_fin_reset = 0x07;
        return decapped.ip_id != 0 || decapped.protocol != static_cast<std::uint8_t>(Protocol::tcp) ||
               transport.payload_length != 0 || (transport.flags & syn_fin_reset) != 0;
    }

    FixedArray<Entry> entries_;
};

}  // namespace clew::sensor
