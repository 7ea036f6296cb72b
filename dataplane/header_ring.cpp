// SPDX-License-Identifier: Apache-2.0
#include "dataplane/header_ring.h"

#include <algorithm>

namespace clew::sensor {

/// Copies one header; false when the writer may have been at its slot since.
bool HeaderRing::read(std::uint64_t number, PacketHeader& header) const {
    const Slot& slot = slots_[number % slots_.size()];
    Words words;
    // Each word read with acquire from a release store: whoever saw a newer word also sees the newer `started_`.
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = slot[i].load(std::memory_order_acquire);
    if (started_.load(std::memory_order_relaxed) > number + slots_.size()) return false;
    header = std::bit_cast<PacketHeader>(words);
    return true;
}

std::vector<PacketHeader> HeaderRing::copy(std::span<const LegId> legs, TimeNs from, TimeNs to, std::size_t count_max,
                                           std::string& partial) const {
    std::vector<PacketHeader> headers;
    if (slots_.size() == 0) {
        partial = "this sensor keeps no packet headers (header_count_max is 0)";
        return headers;
    }
    std::vector<LegId> wanted(legs.begin(), legs.end());
    std::sort(wanted.begin(), wanted.end());
    const std::uint64_t end = appended_.load(std::memory_order_acquire);
    const std::uint64_t begin = end > slots_.size() ? end - slots_.size() : 0;
    bool oldest_known = false, overwritten = false;
    TimeNs oldest_ns = 0;
    PacketHeader header;
    for (std::uint64_t number = begin; number < end; ++number) {
        if (!read(number, header)) {
            overwritten = true;
            continue;
        }
        if (!oldest_known) oldest_ns = header.time_ns;
        oldest_known = true;
        if (!std::binary_search(wanted.begin(), wanted.end(), header.leg)) continue;
        if ((from != 0 && header.time_ns < from) || (to != 0 && header.time_ns > to)) continue;
        if (headers.size() == count_max) {
            partial = "more than " + std::to_string(count_max) + " packet headers: the newest are left out";
            return headers;
        }
        headers.push_back(header);
    }
    if ((begin > 0 || overwritten) && (from == 0 || from < oldest_ns))
        partial =
            "the header ring no longer holds packets this old: it keeps the newest " + std::to_string(slots_.size());
    return headers;
}

}  // namespace clew::sensor
