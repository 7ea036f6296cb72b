// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/turn_book.h"

#include <algorithm>
#include <utility>

#include "nat-trace/window.h"

namespace clew {

void turn_round(Segment& segment) {
    std::swap(segment.client_mac, segment.server_mac);
    for (std::size_t n = 0; n < segment.layer_count; ++n)
        std::swap(segment.layers[n].client_end, segment.layers[n].server_end);
}

void turn_round(Leg& leg) {
    std::swap(leg.client, leg.server);
    std::swap(leg.flows[0], leg.flows[1]);
    std::swap(leg.tcp.flows[0], leg.tcp.flows[1]);
    for (std::size_t n = 0; n < leg.hint_count; ++n) leg.hints[n].direction = opposite(leg.hints[n].direction);
    turn_round(leg.segment);
}

std::uint64_t TurnBook::key_of(const Endpoint& one, const Endpoint& other, const Segment& segment) {
    const std::uint64_t ends = hash_of(one) + hash_of(other);  // either way round
    const std::optional<std::uint32_t> tenant = overlay_id(segment);
    return mix_bits(ends ^ (tenant ? mix_bits(*tenant + std::uint64_t{1}) : 0));
}

bool TurnBook::add(const Leg& report, std::vector<LegId>& others) {
    Conversation& talk = conversations_[key_of(report.client, report.server, report.segment)];
    const bool goes_on = !talk.legs.empty() && report.first_ns <= talk.last_ns + conversation_gap_ns_max &&
                         talk.first_ns <= report.last_ns + conversation_gap_ns_max;
    if (!goes_on) talk = {report.client, report.id, report.first_ns, report.last_ns, {}};
    const bool earlier = std::pair(report.first_ns, report.id) < std::pair(talk.first_ns, talk.earliest);
    if (earlier && report.client != talk.client) {
        others.insert(others.end(), talk.legs.begin(), talk.legs.end());
        talk.client = report.client;
    }
    if (earlier) talk.first_ns = report.first_ns, talk.earliest = report.id;
    talk.last_ns = std::max(talk.last_ns, report.last_ns);
    talk.legs.push_back(report.id);
    return report.client != talk.client;
}

void TurnBook::forget(LegId leg, const Endpoint& one, const Endpoint& other, const Segment& segment) {
    const auto talk = conversations_.find(key_of(one, other, segment));
    if (talk == conversations_.end()) return;
    std::erase(talk->second.legs, leg);
    if (talk->second.legs.empty()) conversations_.erase(talk);
}

std::size_t TurnBook::memory_bytes() const {
    constexpr std::size_t node_overhead_bytes = 32;
    std::size_t bytes = conversations_.bucket_count() * sizeof(void*);
    for (const auto& [key, talk] : conversations_)
        bytes += sizeof(talk) + node_overhead_bytes + talk.legs.capacity() * sizeof(LegId);
    return bytes;
}

}  // namespace clew
