// SPDX-License-Identifier: Apache-2.0
// All legs that could be one path with a given leg, directly or through others, with the evidence between each two of
// them. Found through the keys; keys that too many share are not followed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "nat-trace/evidence.h"
#include "nat-trace/keys.h"
#include "nat-trace/window.h"

namespace clew {

/// Two legs of a neighbourhood, by their places in it.
struct Edge {
    std::uint16_t a = 0;
    std::uint16_t b = 0;
    float bits = 0;
    float against = 0;  ///< the contradictions in it; not positive
    bool is_explicit = false;
    bool relay = false;  ///< `a` stands before a proxy, `b` behind it (ids alone do not say which: see oriented)
    bool oriented = true;
    bool sided = false;     ///< of a relay: time or a name tells which side `a` is on
    bool rare = true;       ///< of a relay: what is shared identifies by itself
    bool by_proxy = false;  ///< of a relay: accepted only since its opener is known as a proxy
};

struct Neighbourhood {
    std::vector<LegIndex> legs;
    /// Of each leg: legs of one number are one connection beyond doubt, joined by as many edges as it takes. Between
    /// them there may be no edge.
    std::vector<std::uint16_t> verified;
    std::vector<Edge> edges;   ///< accepted evidence only
    std::size_t keys_cut = 0;  ///< keys that more legs share than are looked at
    bool cut = false;          ///< there are more legs than are looked at

    std::size_t place_of(LegIndex i) const;  ///< legs.size() when it is not in
    bool has_edge(std::size_t a, std::size_t b) const;
};

struct NeighbourhoodLimits {
    EvidenceLimits evidence;
    std::size_t candidate_count_max = 64;  ///< legs looked at for one key
    std::size_t leg_count_max = 256;       ///< legs in one neighbourhood
};

/// Finds neighbourhoods; holds only memory that is used again.
class Gatherer {
  public:
    Gatherer(LegWindow& window, const KeyIndex& index, const NeighbourhoodLimits& limits)
        : window_(window), index_(index), limits_(limits) {}

    /// Fills `out` with what belongs to `start`. Legs that share a path already are in it, so that a path can be taken
    /// apart.
    void gather(LegIndex start, Neighbourhood& out);

  private:
    void gather_around(LegIndex start);
    void push(LegIndex i);
    std::size_t include(LegIndex i);
    void add_path_of(LegIndex i);
    void expand(std::size_t at);
    bool is_crowded(std::uint32_t key, const WindowLeg& leg) const;
    struct Walk;
    bool find_near(std::uint32_t key, LegIndex me, const WindowLeg& leg);
    const Walk& walk(std::uint32_t key, const WindowLeg& leg);
    void try_pair(std::size_t at, LegIndex other);
    void try_relay(std::size_t at, LegIndex other);
    void add_verified(std::size_t at, LegIndex other);
    bool has_rivals_of_verified() const;
    bool is_rival(std::size_t other, std::size_t place) const;
    void add_edge(std::size_t at, LegIndex other, Edge edge, bool swapped = false);

    LegWindow& window_;
    const KeyIndex& index_;
    NeighbourhoodLimits limits_;
    Neighbourhood* out_ = nullptr;
    bool weighs_all_ = false;
    /// A key that too many legs near this time share.
    struct Crowd {
        std::uint32_t key = 0;
        TimeNs time_ns = 0;
    };
    std::array<Crowd, 1024> crowds_{};  ///< by key: of several the last
    /// What was found under a key around some time: legs of one path share most of their keys.
    struct Walk {
        std::uint32_t key = 0;
        std::uint64_t gathering = 0;  ///< the one it was made in
        TimeNs from_ns = 0;           ///< legs that were over before are not in
        TimeNs to_ns = 0;             ///< nor those that began after
        std::uint32_t begin = 0;      ///< in walked_
        std::uint32_t end = 0;
        bool cut = false;  ///< there are more
    };
    std::array<Walk, 64> walks_{};  ///< by key: of several the last
    std::vector<LegIndex> walked_;  ///< of all walks of this gathering
    std::uint64_t gathering_ = 0;   ///< counts
    std::vector<LegIndex> found_;   ///< under one key
    std::vector<LegIndex> tried_;   ///< with one leg
};

}  // namespace clew
