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

namespace clew::sensor {

constexpr DurationNs duplicate_window_ns = 100 * ns_per_us;

class DuplicateFilter {
  public:
    static constexpr std::size_t entry_count = 8192;

    bool allocate(bool populate) { return entries_.allocate(entry_count, populate); }
    static std::size_t memory_bytes() { return FixedArray<Entry>::memory_bytes(entry_count); }

    bool seen_just_now(LegId leg, Side side, const Decapped& decapped, const Transport& transport, TimeNs now) {
        const std::uint64_t digest = digest_of(leg, side, decapped, transport);
        Entry& entry = entries_[digest % entry_count];
        const DurationNs age = now - entry.time_ns;
        if (entry.digest == digest && age <= duplicate_window_ns && age >= -duplicate_window_ns)
            return can_be_told(decapped, transport);
        entry = {digest, now};
        return false;
    }

  private:
    struct Entry {
        std::uint64_t digest;
        TimeNs time_ns;
    };

    /// Without an IP-ID, bare ACKs may rightly be the same: a receiver repeats them.
    static bool can_be_told(const Decapped& decapped, const Transport& transport) {
        constexpr TcpFlags syn_fin_reset = 0x07;
        return decapped.ip_id != 0 || decapped.protocol != static_cast<std::uint8_t>(Protocol::tcp) ||
               transport.payload_length != 0 || (transport.flags & syn_fin_reset) != 0;
    }

    static std::uint64_t digest_of(LegId leg, Side side, const Decapped& decapped, const Transport& transport) {
        const std::uint64_t numbers = std::uint64_t{transport.seq} << 32 | transport.ack;
        const std::uint64_t header = std::uint64_t{decapped.ip_id} << 48 | std::uint64_t{transport.checksum} << 32 |
                                     std::uint64_t{decapped.ttl} << 24 | std::uint64_t{transport.flags} << 16 |
                                     (transport.payload_length & 0xffff);
        return mix(leg + side * 0x9e3779b97f4a7c15ull + numbers * 0xff51afd7ed558ccdull) ^
               mix(header ^ transport.window);
    }

    FixedArray<Entry> entries_;
};

}  // namespace clew::sensor
