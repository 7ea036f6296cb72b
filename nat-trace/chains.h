// SPDX-License-Identifier: Apache-2.0
// From a neighbourhood to chains: rivals are weighed against each other, what is left is joined, ordered from client to
// server, and connections joined by a proxy are put one after the other. A pure function of the legs in the
// neighbourhood.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nat-trace/neighbourhood.h"

namespace clew {

constexpr float margin_bits_min = 4;             ///< the best must be so much better than its rival
constexpr float verified_bits_min = 64;          ///< an edge of less is held against all legs that it would join
constexpr std::size_t chain_leg_count_max = 48;  ///< more legs in one connection are taken for a mistake

/// One leg of a chain, and how sure its link to the next one is.
struct ChainLeg {
    LegIndex leg = no_leg;
    bool relay_next = false;
    std::uint8_t rivals = 0;
    std::uint8_t margin_bits = 0;
};
using Chain = std::span<const ChainLeg>;

/// Several chains, one behind the other in one place that is used again. A chain is filled leg by leg and then closed.
class Chains {
  public:
    std::size_t size() const { return ends_.size(); }
    Chain operator[](std::size_t n) const {
        const std::size_t begin = n == 0 ? 0 : ends_[n - 1];
        return {legs_.data() + begin, ends_[n] - begin};
    }
    void clear() {
        legs_.clear();
        ends_.clear();
    }
    void add(const ChainLeg& leg) { legs_.push_back(leg); }
    void add(Chain chain) { legs_.insert(legs_.end(), chain.begin(), chain.end()); }
    ChainLeg& last() { return legs_.back(); }
    void close() { ends_.push_back(static_cast<std::uint32_t>(legs_.size())); }
    /// The legs of the chain that is being filled.
    std::span<ChainLeg> open_chain() { return std::span(legs_).subspan(ends_.empty() ? 0 : ends_.back()); }

  private:
    std::vector<ChainLeg> legs_;
    std::vector<std::uint32_t> ends_;
};

/// Divides neighbourhoods into chains; holds only memory that is used again.
class ChainMaker {
  public:
    ChainMaker(LegWindow& window, const EvidenceLimits& limits) : window_(window), limits_(limits) {}

    /// A leg that stands alone is a chain of one. Sets the legs' `ambiguous`.
    void make(const Neighbourhood& around, Chains& out);

  private:
    /// An edge inside one connection, and the others that could stand in its place.
    struct Weighed {
        Edge edge;
        float best_rival = 0;
        std::uint32_t rivals = 0;
    };

    const WindowLeg& leg(std::size_t place) const { return window_.leg(around_->legs[place]); }
    void weigh();
    void look_for_rivals(Weighed& w, std::size_t here, std::size_t there) const;
    const Weighed* between(std::size_t a, std::size_t b) const;
    std::span<const std::uint32_t> edges_at(std::size_t place) const;
    void join_by_worth();
    void join(const Edge& edge);
    bool holds_across(const Edge& edge, std::size_t a, std::size_t b) const;
    void write_connections();
    void write_connection();

    LegWindow& window_;
    EvidenceLimits limits_;
    const Neighbourhood* around_ = nullptr;
    std::vector<Weighed> weighed_;
    std::vector<std::uint32_t> edges_;        ///< numbers in weighed_, by place
    std::vector<std::uint32_t> edges_begin_;  ///< a place's edges are [begin[place], begin[place + 1])
    std::vector<std::uint32_t> by_worth_;
    std::vector<std::uint16_t> group_of_;  ///< by place; the number of a group is the place of one of its legs
    std::vector<std::uint16_t> next_;      ///< the next place of the same group
    std::vector<std::uint16_t> last_;      ///< of a group
    std::vector<LegIndex> legs_;           ///< of the connection that is being written
    Chains connections_;
};

}  // namespace clew
