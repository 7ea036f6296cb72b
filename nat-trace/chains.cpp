// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/chains.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nat-trace/order.h"
#include "nat-trace/relays.h"

namespace clew {
namespace {

constexpr std::uint16_t no_place = 0xffff;

std::size_t other_end(const Edge& e, std::size_t end) { return e.a == end ? e.b : e.a; }

std::uint8_t saturate(float value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F)); }

}  // namespace

std::span<const std::uint32_t> ChainMaker::edges_at(std::size_t place) const {
    return std::span(edges_).subspan(edges_begin_[place], edges_begin_[place + 1] - edges_begin_[place]);
}

void ChainMaker::weigh() {
    const std::size_t places = around_->legs.size();
    weighed_.clear();
    edges_begin_.assign(places + 2, 0);
    for (const Edge& e : around_->edges) {
        if (e.relay) continue;
        ++edges_begin_[e.a + std::size_t{2}];
        ++edges_begin_[e.b + std::size_t{2}];
        weighed_.push_back({e, 0, 0});
    }
    for (std::size_t n = 2; n < edges_begin_.size(); ++n) edges_begin_[n] += edges_begin_[n - 1];
    edges_.resize(2 * weighed_.size());
    for (std::uint32_t n = 0; n < weighed_.size(); ++n) {
        edges_[edges_begin_[weighed_[n].edge.a + std::size_t{1}]++] = n;
        edges_[edges_begin_[weighed_[n].edge.b + std::size_t{1}]++] = n;
    }
    for (Weighed& w : weighed_) {
        look_for_rivals(w, w.edge.a, w.edge.b);
        look_for_rivals(w, w.edge.b, w.edge.a);
    }
}

const ChainMaker::Weighed* ChainMaker::between(std::size_t a, std::size_t b) const {
    for (const std::uint32_t n : edges_at(a))
        if (other_end(weighed_[n].edge, a) == b) return &weighed_[n];
    return nullptr;
}

/// Other legs that could stand where `there` stands, seen from `here`: on the same tap, on the same side, strangers
/// to it.
void ChainMaker::look_for_rivals(Weighed& w, std::size_t here, std::size_t there) const {
    const auto edges = edges_at(here);
    if (edges.size() < 2) return;
    for (const std::uint32_t n : edges) {
        const std::size_t rival = other_end(weighed_[n].edge, here);
        if (rival == there || leg(rival).tap != leg(there).tap ||
            around_->verified[rival] == around_->verified[there] || between(rival, there) != nullptr)
            continue;
        const double x = upstream_weight(window_, leg(here), leg(there));
        const double y = upstream_weight(window_, leg(here), leg(rival));
        if (x * y < 0) continue;
        w.best_rival = w.rivals == 0 ? weighed_[n].edge.bits : std::max(w.best_rival, weighed_[n].edge.bits);
        ++w.rivals;
    }
}

/// The surest first; equal ones in an order that does not depend on which leg came first.
void ChainMaker::join_by_worth() {
    by_worth_.resize(weighed_.size());
    for (std::uint32_t n = 0; n < by_worth_.size(); ++n) by_worth_[n] = n;
    const auto ids = [this](const Edge& e) {
        return std::pair(std::min(leg(e.a).id, leg(e.b).id), std::max(leg(e.a).id, leg(e.b).id));
    };
    std::sort(by_worth_.begin(), by_worth_.end(), [&](std::uint32_t x, std::uint32_t y) {
        const Edge& e = weighed_[x].edge;
        const Edge& f = weighed_[y].edge;
        return e.bits != f.bits ? e.bits > f.bits : ids(e) < ids(f);
    });
    for (const std::uint32_t n : by_worth_) {
        const Weighed& w = weighed_[n];
        if (w.rivals == 0 || w.edge.bits >= w.best_rival + margin_bits_min) {
            join(w.edge);
        } else if (std::fabs(w.edge.bits - w.best_rival) < margin_bits_min) {
            window_.leg(around_->legs[w.edge.a]).ambiguous = true;
            window_.leg(around_->legs[w.edge.b]).ambiguous = true;
        }
    }
}

/// An edge of few bits joins two groups only if none of their other legs contradicts it.
void ChainMaker::join(const Edge& edge) {
    const std::uint16_t a = group_of_[edge.a];
    const std::uint16_t b = group_of_[edge.b];
    if (a == b || (edge.bits < verified_bits_min && !holds_across(edge, a, b))) return;
    for (std::uint16_t place = b; place != no_place; place = next_[place]) group_of_[place] = a;
    next_[last_[a]] = b;
    last_[a] = last_[b];
}

bool ChainMaker::holds_across(const Edge& edge, std::size_t a, std::size_t b) const {
    float worst = edge.against;
    for (std::size_t i = a; i != no_place; i = next_[i])
        for (std::size_t j = b; j != no_place; j = next_[j])
            worst = std::min(worst, same_connection(window_, leg(i), leg(j), limits_).against);
    return edge.bits - edge.against + worst >= accept_bits(leg(edge.a), leg(edge.b), edge.is_explicit);
}

/// One transport connection's legs in order, with the margins of its links.
void ChainMaker::write_connection() {
    if (legs_.size() > 1) order_chain(window_, legs_);
    for (const LegIndex i : legs_) connections_.add({i, false, 0, 0});
    const auto chain = connections_.open_chain();
    for (std::size_t n = 0; n + 1 < chain.size(); ++n) {
        const Weighed* w = between(around_->place_of(chain[n].leg), around_->place_of(chain[n + 1].leg));
        if (w == nullptr || w->rivals == 0) continue;
        chain[n].rivals = saturate(static_cast<float>(w->rivals));
        chain[n].margin_bits = saturate(w->edge.bits - w->best_rival);
    }
    connections_.close();
}

void ChainMaker::write_connections() {
    connections_.clear();
    for (std::uint16_t group = 0; group < around_->legs.size(); ++group) {
        if (group_of_[group] != group) continue;
        legs_.clear();
        for (std::uint16_t place = group; place != no_place; place = next_[place])
            legs_.push_back(around_->legs[place]);
        if (legs_.size() <= chain_leg_count_max) {
            write_connection();
            continue;
        }
        for (const LegIndex i : legs_) {
            window_.leg(i).ambiguous = true;
            connections_.add({i, false, 0, 0});
            connections_.close();
        }
    }
}

void ChainMaker::make(const Neighbourhood& around, Chains& out) {
    around_ = &around;
    const std::size_t places = around.legs.size();
    for (const LegIndex i : around.legs) window_.leg(i).ambiguous = around.keys_cut > 0 && window_.leg(i).ambiguous;
    group_of_.resize(places);
    last_.resize(places);
    next_.assign(places, no_place);
    for (std::size_t n = 0; n < places; ++n) group_of_[n] = last_[n] = static_cast<std::uint16_t>(n);
    weigh();
    join_by_worth();
    write_connections();
    out.clear();
    join_relays(window_, around, connections_, out);
}

}  // namespace clew
