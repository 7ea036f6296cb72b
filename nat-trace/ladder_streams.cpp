// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/ladder_streams.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <unordered_map>

namespace clew {
namespace {

constexpr std::uint16_t checked_bytes = 64;       ///< of a payload, in its check
constexpr std::size_t alike_count_max = 32;       ///< segments before the proxy that one behind it is held against
constexpr std::size_t lone_vote_pairs_max = 64;   ///< one pair alone counts where chance hardly makes one among so many
constexpr std::size_t votes_a_contradiction = 4;  ///< more than so many each

using Segments = std::vector<const StreamSegment*>;

std::uint32_t key_of(const StreamSegment& s) {
    return std::uint32_t{s.payload_check} << 16 | std::min(s.length, checked_bytes);
}

bool can_follow(const StreamSegment& front, const StreamSegment& back) {
    return back.direction == Direction::to_server ? front.time_ns <= back.time_ns + relay_early_ns
                                                  : back.time_ns <= front.time_ns + relay_early_ns;
}

std::optional<std::uint32_t> shift_between(const Segments& fronts, const Segments& backs) {
    std::unordered_map<std::uint32_t, Segments> alike;
    std::unordered_map<std::uint32_t, const StreamSegment*> at_offset;
    for (const StreamSegment* front : fronts) {
        if (Segments& list = alike[key_of(*front)]; list.size() < alike_count_max) list.push_back(front);
        at_offset.emplace(front->offset, front);
    }
    std::unordered_map<std::uint32_t, std::size_t> votes;
    for (const StreamSegment* back : backs)
        if (const auto found = alike.find(key_of(*back)); found != alike.end())
            for (const StreamSegment* front : found->second)
                if (can_follow(*front, *back)) ++votes[back->offset - front->offset];
    const auto size_of = [](std::uint32_t shift) { return std::abs(std::int64_t{static_cast<std::int32_t>(shift)}); };
    const auto best = std::max_element(votes.begin(), votes.end(), [&](const auto& a, const auto& b) {
        if (a.second != b.second) return a.second < b.second;
        return size_of(a.first) != size_of(b.first) ? size_of(a.first) > size_of(b.first) : a.first > b.first;
    });
    if (best == votes.end()) return std::nullopt;
    const auto [shift, vote_count] = *best;
    if (vote_count == 1 && fronts.size() * backs.size() > lone_vote_pairs_max) return std::nullopt;
    std::size_t contradictions = 0;
    for (const StreamSegment* back : backs) {
        const auto front = at_offset.find(back->offset - shift);
        if (front == at_offset.end()) continue;
        const bool comparable = std::min(front->second->length, checked_bytes) == std::min(back->length, checked_bytes);
        contradictions += comparable && front->second->payload_check != back->payload_check;
    }
    if (vote_count <= contradictions * votes_a_contradiction) return std::nullopt;
    return shift;
}

}  // namespace

LadderStreams::LadderStreams(std::size_t transport_count) {
    for (auto& places : places_)
        for (std::size_t t = 0; t < transport_count; ++t) places.push_back({t, 0});
}

void LadderStreams::find(const std::vector<StreamSegment>& segments) {
    for (std::size_t d = 0; d < direction_count; ++d) {
        std::vector<Place>& places = places_[d];
        std::vector<Segments> of_transport(places.size());
        for (const StreamSegment& s : segments)
            if (static_cast<std::size_t>(s.direction) == d && s.length != 0 && s.payload_check != 0)
                of_transport.at(s.transport).push_back(&s);
        for (Segments& list : of_transport)
            std::stable_sort(list.begin(), list.end(),
                             [](const StreamSegment* a, const StreamSegment* b) { return a->time_ns < b->time_ns; });
        for (std::size_t t = 1; t < places.size(); ++t)
            if (const auto shift = shift_between(of_transport[t - 1], of_transport[t]))
                places[t] = {places[t - 1].stream, places[t - 1].shift + *shift};
    }
}

std::size_t LadderStreams::stream_of(std::size_t transport, Direction direction) const {
    return places_[static_cast<std::size_t>(direction)][transport].stream;
}

std::uint32_t LadderStreams::shift_of(std::size_t transport, Direction direction) const {
    return places_[static_cast<std::size_t>(direction)][transport].shift;
}

}  // namespace clew
