// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/chains.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nat-trace/order.h"
#include "nat-trace/relays.h"

namespace clew {
namespace {

struct Weighed {
    Edge edge;
    float best_rival = 0;
    std::uint32_t rivals = 0;
};

class Weighing {
  public:
    Weighing(LegWindow& window, const Neighbourhood& around) : window_(window), around_(around) {
        edges_at_.resize(around.legs.size());
        for (const Edge& e : around.edges) {
            if (e.relay) continue;
            edges_at_[e.a].push_back(static_cast<std::uint32_t>(weighed_.size()));
            edges_at_[e.b].push_back(static_cast<std::uint32_t>(weighed_.size()));
            weighed_.push_back({e, 0, 0});
        }
        for (Weighed& w : weighed_) {
            look_for_rivals(w, w.edge.a, w.edge.b);
            look_for_rivals(w, w.edge.b, w.edge.a);
        }
    }

    /// The surest first; equal ones in an order that does not depend on which leg came first.
    std::vector<Weighed> by_worth() const {
        std::vector<Weighed> sorted = weighed_;
        const auto ids = [this](const Edge& e) {
            return std::pair(std::min(leg(e.a).id, leg(e.b).id), std::max(leg(e.a).id, leg(e.b).id));
        };
        std::sort(sorted.begin(), sorted.end(), [&](const Weighed& x, const Weighed& y) {
            return x.edge.bits != y.edge.bits ? x.edge.bits > y.edge.bits : ids(x.edge) < ids(y.edge);
        });
        return sorted;
    }

    bool holds(const Weighed& w) const { return w.rivals == 0 || w.edge.bits >= w.best_rival + margin_bits_min; }

    const Weighed* between(std::size_t a, std::size_t b) const {
        for (const std::uint32_t n : edges_at_[a])
            if (other_end(weighed_[n].edge, a) == b) return &weighed_[n];
        return nullptr;
    }

  private:
    static std::size_t other_end(const Edge& e, std::size_t end) { return e.a == end ? e.b : e.a; }
    const WindowLeg& leg(std::size_t place) const { return window_.leg(around_.legs[place]); }

    /// Other legs that could stand where `there` stands, seen from `here`: on the same tap, on the same side, strangers
    /// to it.
    void look_for_rivals(Weighed& w, std::size_t here, std::size_t there) {
        if (edges_at_[here].size() < 2) return;
        for (const std::uint32_t n : edges_at_[here]) {
            const std::size_t rival = other_end(weighed_[n].edge, here);
            if (rival == there || leg(rival).tap != leg(there).tap ||
                around_.verified[rival] == around_.verified[there] || between(rival, there) != nullptr)
                continue;
            const double x = upstream_weight(window_, leg(here), leg(there));
            const double y = upstream_weight(window_, leg(here), leg(rival));
            if (x * y < 0) continue;
            w.best_rival = w.rivals == 0 ? weighed_[n].edge.bits : std::max(w.best_rival, weighed_[n].edge.bits);
            ++w.rivals;
        }
    }

    LegWindow& window_;
    const Neighbourhood& around_;
    std::vector<Weighed> weighed_;
    std::vector<std::vector<std::uint32_t>> edges_at_;
};

/// Joins legs, the surest first. An edge of few bits joins two groups only if none of their other legs contradicts it.
class Joining {
  public:
    Joining(const LegWindow& window, const EvidenceLimits& limits, const Neighbourhood& around)
        : window_(window),
          limits_(limits),
          around_(around),
          group_of_(around.legs.size()),
          members_(around.legs.size()) {
        for (std::size_t n = 0; n < around.legs.size(); ++n) {
            group_of_[n] = n;
            members_[n] = {around.legs[n]};
        }
    }

    void join(const Edge& edge) {
        const std::size_t a = group_of_[edge.a];
        const std::size_t b = group_of_[edge.b];
        if (a == b || (edge.bits < verified_bits_min && !holds_across(edge, a, b))) return;
        for (const LegIndex i : members_[b]) group_of_[around_.place_of(i)] = a;
        members_[a].insert(members_[a].end(), members_[b].begin(), members_[b].end());
        members_[b].clear();
    }

    std::vector<std::vector<LegIndex>> take_members() { return std::move(members_); }

  private:
    bool holds_across(const Edge& edge, std::size_t a, std::size_t b) const {
        float worst = edge.against;
        for (const LegIndex i : members_[a])
            for (const LegIndex j : members_[b])
                worst = std::min(worst, same_connection(window_, window_.leg(i), window_.leg(j), limits_).against);
        const float least =
            accept_bits(window_.leg(around_.legs[edge.a]), window_.leg(around_.legs[edge.b]), edge.is_explicit);
        return edge.bits - edge.against + worst >= least;
    }

    const LegWindow& window_;
    const EvidenceLimits& limits_;
    const Neighbourhood& around_;
    std::vector<std::size_t> group_of_;
    std::vector<std::vector<LegIndex>> members_;
};

std::uint8_t saturate(float value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F)); }

/// One transport connection's legs in order, with the margins of its links.
Chain chain_of(const LegWindow& window, const Neighbourhood& around, const Weighing& weighing,
               std::vector<LegIndex> legs) {
    if (legs.size() > 1) order_chain(window, legs);
    Chain chain;
    for (const LegIndex i : legs) chain.push_back({i, false, 0, 0});
    for (std::size_t n = 0; n + 1 < chain.size(); ++n) {
        const Weighed* w = weighing.between(around.place_of(chain[n].leg), around.place_of(chain[n + 1].leg));
        if (w == nullptr || w->rivals == 0) continue;
        chain[n].rivals = saturate(static_cast<float>(w->rivals));
        chain[n].margin_bits = saturate(w->edge.bits - w->best_rival);
    }
    return chain;
}

}  // namespace

void make_chains(LegWindow& window, const EvidenceLimits& limits, const Neighbourhood& around,
                 std::vector<Chain>& out) {
    out.clear();
    for (const LegIndex i : around.legs) window.leg(i).ambiguous = around.keys_cut > 0 && window.leg(i).ambiguous;
    const Weighing weighing(window, around);
    Joining joining(window, limits, around);
    for (const Weighed& w : weighing.by_worth()) {
        if (weighing.holds(w)) {
            joining.join(w.edge);
        } else if (std::fabs(w.edge.bits - w.best_rival) < margin_bits_min) {
            window.leg(around.legs[w.edge.a]).ambiguous = true;
            window.leg(around.legs[w.edge.b]).ambiguous = true;
        }
    }
    std::vector<std::vector<LegIndex>> members = joining.take_members();
    std::vector<Chain> connections;
    for (std::vector<LegIndex>& legs : members) {
        if (legs.empty()) continue;
        if (legs.size() <= chain_leg_count_max) {
            connections.push_back(chain_of(window, around, weighing, std::move(legs)));
            continue;
        }
        for (const LegIndex i : legs) {
            window.leg(i).ambiguous = true;
            connections.push_back({ChainLeg{i, false, 0, 0}});
        }
    }
    join_relays(window, around, connections, out);
}

}  // namespace clew
