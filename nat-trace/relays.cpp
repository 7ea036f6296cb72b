// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/relays.h"

#include <algorithm>
#include <cstdlib>

namespace clew {
namespace {

constexpr float stream_margin_bits = 8;  // between proxies' connections that only bytes and time tell apart
constexpr float row_bits_min = 64;       // of what joins two proxies' connections beyond doubt
constexpr std::size_t nobody = static_cast<std::size_t>(-1);

template <typename At>
LegIndex first_on_a_tap(const LegWindow& window, At from, At end) {
    const At at = std::find_if(from, end, [&](const ChainLeg& l) { return !window.leg(l.leg).is_socket(); });
    return at == end ? no_leg : at->leg;
}

/// Of the connection's legs one is the head: that nearest to whoever opened it.
void note_head(LegWindow& window, Chain connection, HeadOfChain head) {
    const LegIndex opened = first_on_a_tap(window, connection.begin(), connection.end());
    for (const ChainLeg& l : connection) window.note_head(l.leg, l.leg == opened ? head : HeadOfChain::no);
}

void note_lonely_heads(LegWindow& window, const Chains& connections) {
    for (std::size_t c = 0; c < connections.size(); ++c) note_head(window, connections[c], HeadOfChain::of_its_own);
}

/// What tells front from back where an id alone is shared.
class Orientation {
  public:
    Orientation(const LegWindow& window, Chain front, Chain back)
        : window_(window),
          front_(front),
          back_(back),
          by_(legs_to_compare()),
          common_(common_time(window, *by_.first, *by_.second)) {}

    /// Positive: `front` stands on the client's side of `back`.
    double weight() const { return by_forwarded_for() + by_start() + by_wait() + by_ids() + by_process(); }

  private:
    using Legs = std::pair<const WindowLeg*, const WindowLeg*>;
    /// A leg of each chain whose times are compared: of one clock, where there are such.
    Legs legs_to_compare() const {
        for (const ChainLeg& f : front_)
            for (const ChainLeg& b : back_)
                if (window_.leg(f.leg).clock == window_.leg(b.leg).clock)
                    return {&window_.leg(f.leg), &window_.leg(b.leg)};
        return {&window_.leg(front_.front().leg), &window_.leg(back_.front().leg)};
    }
    ClockId clock_of(Chain chain) const { return (chain.data() == front_.data() ? by_.first : by_.second)->clock; }

    template <typename F>
    void each_hint(Chain chain, F&& take) const {
        for (const ChainLeg& l : chain) window_.each_hint(window_.leg(l.leg), take);
    }

    double by_forwarded_for() const { return 10.0 * (names_client(back_, front_) - names_client(front_, back_)); }
    int names_client(Chain holder, Chain other) const {
        bool named = false;
        each_hint(holder, [&](const WindowHint& h) {
            if (h.kind != HintKind::forwarded_for) return;
            for (const ChainLeg& l : other) named |= window_.leg(l.leg).client.ip == h.source.ip;
            // A PROXY header told the other's proxy who the client is.
            each_hint(other, [&](const WindowHint& o) {
                named |= o.kind == HintKind::proxy_source && o.source.ip == h.source.ip;
            });
        });
        return named ? 1 : 0;
    }

    TimeNs start(Chain chain) const {
        TimeNs first = (chain.data() == front_.data() ? by_.first : by_.second)->first_ns;
        for (const ChainLeg& l : chain)
            if (window_.leg(l.leg).clock == clock_of(chain)) first = std::min(first, window_.leg(l.leg).first_ns);
        return first;
    }
    /// How long the chain's first answer came after its question, or else after its handshake, the longest of its legs;
    /// 0 = not known.
    DurationNs wait(Chain chain, bool from_handshake) const {
        DurationNs longest = 0;
        for (const ChainLeg& l : chain) {
            const WindowLeg& leg = window_.leg(l.leg);
            const WindowFlow& c = leg.flow(Direction::to_server);
            const WindowFlow& s = leg.flow(Direction::to_client);
            if (s.sample_count == 0 || (!from_handshake && c.sample_count == 0)) continue;
            const TimeNs begun = leg.at(from_handshake ? s.syn : c.samples[0].time);
            const TimeNs answered = leg.at(s.samples[0].time);
            if (begun != 0 && answered > begun) longest = std::max(longest, answered - begun);
        }
        return longest;
    }
    /// The front question comes before the back one and the front answer after it, whatever the clocks say; so do the
    /// handshakes, but for a back connection that was opened before anybody asked.
    double by_wait() const {
        if (one_clock()) return 0;
        for (const bool from_handshake : {false, true}) {
            const DurationNs f = wait(front_, from_handshake);
            const DurationNs b = wait(back_, from_handshake);
            if (f != 0 && b != 0 && f != b) return f > b ? 4 : -4;
        }
        return 0;
    }
    bool one_clock() const { return by_.first->clock == by_.second->clock; }
    double by_start() const {
        // Clocks of one region rarely stand far apart: better than no order at all.
        const auto later = common_.later(start(front_), start(back_), common_.error_ns);
        const double weight = common_.known && (one_clock() || later.clear) ? 3 : 0.5;
        return later.by > 0 ? weight : later.by < 0 ? -weight : 0;
    }

    struct IdTimes {
        TimeNs request = 0;
        TimeNs response = 0;

        void add(const WindowHint& h) {
            TimeNs& t = h.direction == Direction::to_server ? request : response;
            t = t == 0 ? h.time_ns : std::min(t, h.time_ns);
        }
        bool knows_all_of(const IdTimes& other) const {
            return (request != 0 || other.request == 0) && (response != 0 || other.response == 0);
        }
    };
    IdTimes id_times(Chain chain, const WindowHint& id) const {
        IdTimes by_all, by_one_clock;
        for (const ChainLeg& l : chain)
            window_.each_hint(window_.leg(l.leg), [&](const WindowHint& h) {
                if (h.kind != id.kind || h.value != id.value) return;
                by_all.add(h);
                if (window_.leg(l.leg).clock == clock_of(chain)) by_one_clock.add(h);
            });
        return by_one_clock.knows_all_of(by_all) ? by_one_clock : by_all;
    }
    /// By the first id that both carry and that tells.
    double by_ids() const {
        double weight = 0;
        each_hint(front_, [&](const WindowHint& h) {
            if (weight == 0 && names_request(h.kind)) weight = by_id(h);
        });
        return weight;
    }
    double by_id(const WindowHint& id) const {
        const IdTimes f = id_times(front_, id);
        const IdTimes b = id_times(back_, id);
        if (f.request != 0 && b.request != 0) return in_turn(f.request, b.request - common_.likely_ns);
        // An answer comes from behind.
        if (f.request == 0 && b.request == 0 && f.response != 0 && b.response != 0)
            return in_turn(b.response - common_.likely_ns, f.response);
        // Only the proxy's own request has the id; the client sees it in the answer, if at all.
        if (f.request == 0 && b.request != 0) return 8;
        if (b.response != 0 && f.request != 0) return -8;
        return 0;
    }

    double in_turn(TimeNs first, TimeNs second) const {
        return !common_.known || first == second ? 0 : first < second ? 5 : -5;
    }

    double by_process() const { return 8.0 * (one_process(front_, back_) - one_process(back_, front_)); }
    int one_process(Chain before, Chain behind) const {
        const WindowLeg& x = window_.leg(before.back().leg);
        const WindowLeg& y = window_.leg(behind.front().leg);
        const Process* p = window_.process(x);
        const Process* q = window_.process(y);
        return p != nullptr && q != nullptr && x.tap == y.tap && p->pid == q->pid ? 1 : 0;
    }

    const LegWindow& window_;
    Chain front_;
    Chain back_;
    Legs by_;
    CommonTime common_;  ///< of by_: the legs of one chain may differ in their clocks
};

struct Joint {
    std::size_t front = 0;
    std::size_t back = 0;
    float bits = 0;
    bool named = false;     ///< by a PROXY header, which says who is who
    bool by_id = false;     ///< by an id that both carry
    bool rare = false;      ///< by what identifies
    bool sided = false;     ///< which is the front is known
    bool by_proxy = false;  ///< only since whoever opened the back one is known as a proxy
};

class RelayGraph {
  public:
    RelayGraph(LegWindow& window, const Neighbourhood& around, const Chains& connections)
        : window_(window), connections_(connections) {
        std::vector<std::size_t> connection_of(around.legs.size());
        for (std::size_t c = 0; c < connections.size(); ++c)
            for (const ChainLeg& l : connections[c]) connection_of[around.place_of(l.leg)] = c;
        for (const Edge& e : around.edges)
            if (e.relay) add(connection_of[e.a], connection_of[e.b], e);
        for (Joint& j : joints_)
            if (!j.named && !j.sided && Orientation(window, connections[j.front], connections[j.back]).weight() < 0)
                std::swap(j.front, j.back);
        std::erase_if(joints_, [&](const Joint& j) {
            if (j.named) return false;
            if (!is_shared(j)) return !j.by_id && !may_join(j);
            say_ambiguous(j.front);
            say_ambiguous(j.back);
            return true;
        });
    }

    /// For each connection the one behind it, where there is exactly one.
    std::vector<std::size_t> choose() {
        std::vector<std::size_t> behind(connections_.size(), nobody);
        std::vector<std::size_t> before(connections_.size(), nobody);
        for (std::size_t c = 0; c < connections_.size(); ++c) {
            behind[c] = nearest(c, true);
            before[c] = nearest(c, false);
        }
        for (std::size_t c = 0; c < connections_.size(); ++c)
            if (behind[c] != nobody && before[behind[c]] != c) behind[c] = nobody;
        note_heads(behind);
        for (std::size_t c = 0; c < connections_.size(); ++c)
            if (behind[c] != nobody && !is_credible(c, behind[c])) behind[c] = nobody;
        return behind;
    }

  private:
    void add(std::size_t front, std::size_t back, const Edge& edge) {
        if (front == back) return;
        for (Joint& j : joints_) {
            const bool alike = j.front == front && j.back == back;
            if (!alike && !(j.front == back && j.back == front)) continue;
            if (edge.oriented && edge.is_explicit && !j.named)
                j = {front, back, std::max(j.bits, edge.bits), true, j.by_id, j.rare, true};
            j.bits = std::max(j.bits, edge.bits);
            j.by_id |= edge.is_explicit;
            j.rare |= edge.rare;
            j.by_proxy &= edge.by_proxy;
            if (edge.sided && !j.named) j.front = front, j.back = back, j.sided = true;
            return;
        }
        joints_.push_back({front, back, edge.bits, edge.oriented && edge.is_explicit, edge.is_explicit, edge.rare,
                           edge.sided, edge.by_proxy});
    }

    /// A proxy stands between the last leg of the one and the first of the other: strangers that say the same at the
    /// same time are told apart there.
    bool may_join(const Joint& j) const {
        Chain front = connections_[j.front];
        const LegIndex last = first_on_a_tap(window_, front.rbegin(), front.rend());
        const LegIndex first = opened_leg(j.back);
        if (last == no_leg || first == no_leg) return true;
        // A proxy has addresses of its own, or takes the client's as it came to it: not as it was farther away.
        const IpAddress& opener = window_.leg(first).client.ip;
        const auto is_opener = [&](const ChainLeg& l) { return window_.leg(l.leg).client.ip == opener; };
        if (window_.leg(last).client.ip != opener && std::any_of(front.begin(), front.end(), is_opener)) return false;
        // Who was reached by a service's address does not open connections to that address: both are the service's.
        const Endpoint& service = window_.leg(first).server;
        const auto is_service = [&](const ChainLeg& l) { return window_.leg(l.leg).server == service; };
        if (window_.leg(last).server != service && std::any_of(front.begin(), front.end(), is_service)) return false;
        return may_be_relayed(window_, window_.leg(told_leg(front, last)), window_.leg(first));
    }

    /// The last leg that shows what the client told its proxy, if any: a tap of the answers alone cannot tell what the
    /// proxy says of itself from what it passes on.
    LegIndex told_leg(Chain front, LegIndex otherwise) const {
        const auto told = std::find_if(front.rbegin(), front.rend(), [&](const ChainLeg& l) {
            return window_.has_hint(window_.leg(l.leg), HintKind::asked_target);
        });
        return told == front.rend() ? otherwise : told->leg;
    }

    /// The connection's leg nearest to whoever opened it.
    LegIndex opened_leg(std::size_t c) const {
        return first_on_a_tap(window_, connections_[c].begin(), connections_[c].end());
    }

    void note_heads(const std::vector<std::size_t>& behind) {
        std::vector<bool> has_front(connections_.size(), false);
        for (const std::size_t b : behind)
            if (b != nobody) has_front[b] = true;
        for (std::size_t c = 0; c < connections_.size(); ++c)
            note_head(window_, connections_[c], has_front[c] ? HeadOfChain::behind_proxy : HeadOfChain::of_its_own);
    }

    /// What many say joins two connections only where most of what the opener opens finds its other half so: of
    /// strangers that come one inside the other by chance, few do.
    bool is_credible(std::size_t c, std::size_t behind) {
        const Joint& j = *joint(c, behind);
        const LegIndex opened = opened_leg(behind);
        if (j.named || j.by_id || j.rare || opened == no_leg || is_proxys(opened)) return true;
        say_ambiguous(c);
        say_ambiguous(behind);
        window_.defer(opened, KnownProxy::likely);
        return false;
    }

    bool is_proxys(LegIndex opened) const { return window_.known_proxy(window_.leg(opened)) != KnownProxy::no; }

    void say_ambiguous(std::size_t c) {
        for (const ChainLeg& l : connections_[c]) window_.leg(l.leg).ambiguous = true;
    }

    bool is_shared(const Joint& j) const {
        for (const ChainLeg& f : connections_[j.front])
            for (const ChainLeg& b : connections_[j.back]) {
                const WindowLeg& front = window_.leg(f.leg);
                const WindowLeg& back = window_.leg(b.leg);
                if (carries_others(window_, front, back)) return true;
                // A proxy may open connections before anybody asks; whom it was for in the end the ids say.
                if (stood_before(window_, front, back) && !(j.by_id && serves_alone(window_, front, back))) return true;
            }
        return false;
    }

    const Joint* joint(std::size_t a, std::size_t b) const {
        for (const Joint& j : joints_)
            if ((j.front == a && j.back == b) || (j.front == b && j.back == a)) return &j;
        return nullptr;
    }

    /// Of several proxies in a row all share one id, and the nearest is next. Of several strangers none is.
    std::size_t nearest(std::size_t c, bool behind) {
        std::vector<std::size_t> others;
        float best = 0;
        std::size_t best_other = nobody;
        const auto ends_at_c = [&](const Joint& j) { return (behind ? j.front : j.back) == c; };
        const bool by_itself =
            std::any_of(joints_.begin(), joints_.end(), [&](const Joint& j) { return ends_at_c(j) && !j.by_proxy; });
        for (const Joint& j : joints_) {
            if (!ends_at_c(j) || (by_itself && j.by_proxy)) continue;
            others.push_back(behind ? j.back : j.front);
            if (j.bits > best) best = j.bits, best_other = others.back();
        }
        if (others.empty()) return nobody;
        std::erase_if(others, [&](std::size_t o) {
            return joint(c, o)->bits + margin_of(*joint(c, o)) <= best && !stand_in_a_row(o, best_other);
        });
        std::size_t near = others[0];
        for (const std::size_t o : others) {
            if (o == near) continue;
            const Joint* between = joint(near, o);
            if (between == nullptr) {
                others.push_back(c);
                for (const std::size_t rival : others) say_ambiguous(rival);
                return nobody;
            }
            if ((behind ? between->back : between->front) == near) near = o;
        }
        return near;
    }

    /// A signal joins the two: they are several proxies in a row, of which the time makes one look better than another.
    bool stand_in_a_row(std::size_t o, std::size_t other) const {
        const Joint* j = joint(o, other);
        return o == other || (j != nullptr && (j->named || j->by_id || j->bits >= row_bits_min));
    }

    /// An id is as good as another; a PROXY header that names an address used twice is decided by the time.
    static float margin_of(const Joint& j) { return j.named ? margin_bits_min : j.by_id ? 1e6F : stream_margin_bits; }

    LegWindow& window_;
    const Chains& connections_;
    std::vector<Joint> joints_;
};

}  // namespace

void join_relays(LegWindow& window, const Neighbourhood& around, const Chains& connections, Chains& out) {
    if (std::none_of(around.edges.begin(), around.edges.end(), [](const Edge& e) { return e.relay; })) {
        note_lonely_heads(window, connections);
        out = connections;
        return;
    }
    const std::vector<std::size_t> behind = RelayGraph(window, around, connections).choose();
    std::vector<bool> has_before(connections.size(), false);
    for (const std::size_t b : behind)
        if (b != nobody) has_before[b] = true;
    std::vector<bool> used(connections.size(), false);
    for (const bool heads_first : {true, false})
        for (std::size_t c = 0; c < connections.size(); ++c) {
            if (used[c] || (heads_first && has_before[c])) continue;
            // A ring of proxies (no head) is cut where the walk comes back.
            for (std::size_t at = c; at != nobody && !used[at]; at = behind[at]) {
                if (at != c) out.last().relay_next = true;
                used[at] = true;
                out.add(connections[at]);
            }
            out.close();
        }
}

}  // namespace clew
