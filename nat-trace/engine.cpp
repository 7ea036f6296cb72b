// SPDX-License-Identifier: Apache-2.0
// The engine: reports change the window; a tick links what changed, settles what waited, and lets the old leave.
#include "nat-trace/engine.h"

#include <algorithm>
#include <array>
#include <deque>
#include <unordered_map>
#include <utility>

#include "nat-trace/chains.h"
#include "nat-trace/check.h"
#include "nat-trace/classify.h"
#include "nat-trace/keys.h"
#include "nat-trace/neighbourhood.h"
#include "nat-trace/paths.h"
#include "nat-trace/turn_book.h"
#include "nat-trace/verdict.h"
#include "nat-trace/window.h"

namespace clew {
namespace {

constexpr std::size_t expiry_step_min = 1024;  ///< places looked at by one tick
constexpr float clock_bits_min = 64;           ///< of the link that a clock is learnt from
constexpr float relay_clock_bits_min = 40;     ///< likewise, through a proxy
constexpr std::size_t fetched_ahead = 8;  ///< legs whose turn comes are fetched into the cache so far ahead, or twice
constexpr std::size_t expiry_share = 64;  ///< and so much of the window: all of it in 64 ticks

}  // namespace

class Engine::Impl {
  public:
    explicit Impl(const EngineLimits& limits)
        : limits_(limits),
          around_limits_{
              {limits.candidate_distance_ns_max}, limits.candidate_count_max, 2 * limits.candidate_count_max},
          window_(limits.open_leg_count),
          paths_(window_, around_limits_.evidence),
          gatherer_(window_, index_, around_limits_),
          chain_maker_(window_, around_limits_.evidence) {}

    TapId add_tap(const Tap& tap) {
        const auto [it, is_new] = tap_by_name_.try_emplace(tap.name, static_cast<TapId>(taps_.size()));
        if (!is_new) return it->second;
        CLEW_CHECK(taps_.size() < 65'535);
        const auto clock = clocks_.try_emplace(tap.clock, static_cast<std::uint16_t>(clocks_.size())).first->second;
        taps_.push_back(tap);
        clock_of_tap_.push_back(clock);
        return it->second;
    }
    const Tap& tap(TapId id) const {
        CLEW_CHECK(id < taps_.size());
        return taps_[id];
    }

    void expect(LegId id) const { window_.prefetch_id(id); }

    void add(const Leg& report) {
        CLEW_CHECK(report.tap < taps_.size());
        ++counters_.legs_received;
        const bool had_cut = window_.has_cut_samples();
        window_.rest();
        const LegIndex held = window_.find(report.id);
        if (held == no_leg)
            admit(report);
        else if (report.revision <= window_.leg(held).revision)
            ++counters_.legs_old;
        else
            revise(held, report);
        if (had_cut == window_.has_cut_samples()) return;
        // Once: those that came before have to be found as well.
        each_leg([this](LegIndex i) {
            renew_keys(i);
            mark_dirty(i);
        });
    }

    void tick(TimeNs now) {
        now_ = std::max(now_, now);
        link_dirty();
        window_.clocks().learn();
        window_.each_deferred_of_proxies([this](LegIndex i) { mark_dirty(i); });
        settle(false);
        expire();
    }

    void finish() {
        link_dirty();
        if (clocks_.size() > 1) {
            // What was linked before the clocks were known is looked at once more.
            window_.clocks().learn();
            each_leg([this](LegIndex i) { mark_dirty(i); });
            link_dirty();
        }
        settle(true);
        link_dirty();
        window_.each_deferred_of_proxies([this](LegIndex i) { mark_dirty(i); });
        link_dirty();
        // What was common when a path was told may not have been so in the end, and the other way round.
        each_leg([this](LegIndex i) {
            if (!paths_.is_alone(i)) paths_.touch(i);
        });
    }

    void tell(const std::function<void(const Path&)>& take) { paths_.tell(take); }

    const EngineCounters& counters() {
        counters_.legs_in_window = window_.size();
        counters_.stream_notes_refused = window_.streams().refused();
        counters_.links_made = paths_.links_made();
        counters_.links_retracted = paths_.links_retracted();
        return counters_;
    }

    PairVerdict weigh(LegId a, LegId b) const {
        const LegIndex places[2] = {window_.find(a), window_.find(b)};
        PairVerdict out;
        if (places[0] != no_leg && places[1] != no_leg)
            out = weigh_pair(window_, around_limits_.evidence, places[0], places[1]);
        for (std::size_t n = 0; n < 2; ++n) {
            out.known[n] = places[n] != no_leg;
            if (out.known[n]) paths_.tell_leg(places[n], out.path[n], out.reason[n], out.leg[n]);
        }
        out.same_path = out.path[0] != 0 && out.path[0] == out.path[1];
        return out;
    }

    Rivals rivals(LegId id, std::size_t count_max) const {
        Rivals out;
        const LegIndex me = window_.find(id);
        if (me == no_leg) return out;
        std::vector<LegIndex> found;
        window_.each_key(me, [&](std::uint32_t key) {
            if (!add_near(key, me, found)) ++out.keys_crowded;
        });
        std::sort(found.begin(), found.end());
        found.erase(std::unique(found.begin(), found.end()), found.end());
        std::vector<std::pair<float, LegId>> weighed;
        for (const LegIndex other : found)
            weighed.emplace_back(-best_bits(weigh_pair(window_, around_limits_.evidence, me, other)),
                                 window_.id(other));
        std::sort(weighed.begin(), weighed.end());
        out.more = weighed.size() > count_max || out.keys_crowded > 0;
        for (std::size_t n = 0; n < std::min(count_max, weighed.size()); ++n) out.legs.push_back(weighed[n].second);
        return out;
    }

    std::size_t memory_bytes() const {
        return window_.memory_bytes() + index_.memory_bytes() + paths_.memory_bytes() + turns_.memory_bytes() +
               dirty_.capacity() * sizeof(Dirty) + waiting_.size() * sizeof(Waiting);
    }

  private:
    struct Dirty {
        LegIndex leg = no_leg;
        LegId id = 0;
    };
    struct Waiting {
        LegIndex leg = no_leg;
        LegId id = 0;
        TimeNs arrived_ns = 0;  ///< the engine's time when the first report came
    };

    /// Legs of other paths with the key around the leg's time; says false, and adds none, where there are too many.
    bool add_near(std::uint32_t key, LegIndex me, std::vector<LegIndex>& out) const {
        const DurationNs distance = around_limits_.evidence.candidate_distance_ns_max;
        const WindowLeg& leg = window_.leg(me);
        const TimeNs from = leg.first_ns - distance;
        const TimeNs to = leg.last_ns + distance;
        const LegIndex path = leg.path;
        const std::size_t before = out.size();
        bool crowded = false;
        index_.each(key, [&](LegIndex i) {
            const WindowLeg& other = window_.leg(i);
            if (i == me || other.first_ns > to || from > other.last_ns || (path != no_leg && other.path == path))
                return true;
            crowded = out.size() - before == around_limits_.candidate_count_max;
            if (!crowded) out.push_back(i);
            return !crowded;
        });
        if (crowded) out.resize(before);
        return !crowded;
    }

    void admit(const Leg& report) {
        while (window_.size() >= std::max<std::size_t>(1, limits_.leg_count_max)) {
            const std::size_t before = window_.size();
            if (window_.leg(window_.oldest()).dirty) link(window_.oldest());  // it had no tick yet
            leave(window_.oldest(), Unlinked::evicted);
            counters_.legs_evicted += before - window_.size();
            fetch_oldest();
        }
        const LegIndex i =
            window_.insert(TurnBook::is_doubtful(report) ? turned(report) : report, clock_of_tap_[report.tap]);
        WindowLeg& leg = window_.leg(i);
        const LegKeys keys = keys_of(window_, leg);
        index_.prefetch(keys);
        waiting_.push_back({i, leg.id, now_});
        // A path of its own until it is linked, so that every leg always stands in exactly one.
        paths_.assign_alone(i);
        mark_dirty(i);
        index_.insert(i, leg, keys);
        mark_sharers_dirty(i);
    }

    /// The report as its conversation goes; others that went by a later packet are turned round.
    const Leg& turned(const Leg& report) {
        turned_ids_.clear();
        const bool turn = turns_.add(report, turned_ids_);
        for (const LegId id : turned_ids_) {
            const LegIndex other = window_.find(id);
            if (other == no_leg) continue;
            window_.turn_round(other);
            index_.change(other, window_.leg(other), keys_of(window_, window_.leg(other)));
            mark_dirty(other);
            mark_sharers_dirty(other);
            paths_.touch(other);
        }
        return turn ? turned_copy(report) : report;
    }
    const Leg& turned_copy(const Leg& report) {
        turned_ = report;
        turn_round(turned_);
        return turned_;
    }

    void revise(LegIndex i, const Leg& report) {
        const bool was_ended = window_.leg(i).phase == LegPhase::ended;
        const bool turn = TurnBook::is_doubtful(report) && window_.leg(i).client == report.server &&
                          window_.leg(i).server == report.client;
        const bool links_differ = window_.update(i, turn ? turned_copy(report) : report);
        WindowLeg& leg = window_.leg(i);
        const bool ends_now = leg.phase == LegPhase::ended && !was_ended;
        if (links_differ || ends_now) index_.change(i, leg, keys_of(window_, leg));
        if (links_differ || (ends_now && paths_.has_relay(i)) || paths_.is_alone(i)) mark_dirty(i);
        if (links_differ) mark_sharers_dirty(i);
        paths_.touch(i);
    }

    void mark_dirty(LegIndex i) {
        WindowLeg& leg = window_.leg(i);
        if (leg.dirty) return;
        leg.dirty = true;
        dirty_.push_back({i, leg.id});
    }

    /// What a leg is found by depends on how many share it.
    void renew_keys(LegIndex i) {
        window_.renew_sharers(i);
        index_.change(i, window_.leg(i), keys_of(window_, window_.leg(i)));
    }

    void mark_sharers_dirty(LegIndex i) {
        const WindowLeg& leg = window_.leg(i);
        if (!window_.became_common(leg)) return;
        sharers_.clear();
        for (std::size_t n = 0; n < leg.key_count; ++n) {
            std::size_t count = 0;
            index_.each(leg.keys[n], [&](LegIndex other) {
                sharers_.push_back(other);
                return ++count < limits_.candidate_count_max;
            });
        }
        for (const LegIndex other : sharers_) {
            renew_keys(other);
            mark_dirty(other);
        }
    }

    void link_dirty() {
        window_.begin_epoch();
        for (std::size_t n = 0; n < dirty_.size(); ++n) {
            const auto [i, id] = dirty_[n];
            fetch_dirty(n);
            if (window_.id(i) != id || !window_.leg(i).dirty) continue;
            link(i);
            window_.rest();
        }
        dirty_.clear();
    }

    /// A leg whose turn comes is fetched, and of one that comes sooner what it is found by.
    void fetch_dirty(std::size_t n) const {
        if (n + fetched_ahead < dirty_.size()) window_.prefetch(dirty_[n + fetched_ahead].leg);
        if (n + fetched_ahead / 2 >= dirty_.size()) return;
        const WindowLeg& soon = window_.leg(dirty_[n + fetched_ahead / 2].leg);
        if (soon.dirty) index_.prefetch(soon);
    }

    void link(LegIndex i) {
        window_.leg(i).ambiguous = false;
        gatherer_.gather(i, around_);
        counters_.common_keys_skipped += around_.keys_cut + around_.cut;
        chain_maker_.make(around_, chains_);
        paths_.assign(chains_);
        if (clocks_.size() > 1)
            for (std::size_t c = 0; c < chains_.size(); ++c) compare_clocks(chains_[c]);
        // What was cut short is looked at again from the legs that are still to come.
        if (around_.cut)
            window_.leg(i).dirty = false;
        else
            for (const LegIndex leg : around_.legs) window_.leg(leg).dirty = false;
    }

    /// Packets that certainly passed from one leg to the next bound what their clocks differ by.
    void compare_clocks(Chain chain) {
        for (std::size_t n = 0; n + 1 < chain.size(); ++n) {
            const WindowLeg& from = window_.leg(chain[n].leg);
            const WindowLeg& to = window_.leg(chain[n + 1].leg);
            if (from.clock == to.clock || from.is_socket() || to.is_socket()) continue;
            if (chain[n].relay_next) {
                if (relayed(window_, from, to, around_limits_.evidence).key_bits >= relay_clock_bits_min)
                    observe_relay_clocks(window_, window_.clocks(), from, to);
                continue;
            }
            if (same_connection(window_, from, to, around_limits_.evidence).bits >= clock_bits_min)
                observe_clocks(window_.clocks(), from, to);
        }
    }

    void settle(bool all) {
        while (!waiting_.empty()) {
            const auto [i, id, arrived_ns] = waiting_.front();
            if (waiting_.size() > fetched_ahead) window_.prefetch(waiting_[fetched_ahead].leg);
            const bool is_held = window_.id(i) == id;
            if (is_held && !all && arrived_ns + limits_.settle_ns > now_) break;
            waiting_.pop_front();
            if (!is_held) continue;
            window_.rest();
            WindowLeg& leg = window_.leg(i);
            leg.settled = true;
            // Its rivals may have found their own; what made a proxy of two connections may have become common.
            const bool was_blind = clocks_.size() > 1 && paths_.is_alone(i);
            if (leg.ambiguous || leg.relay_next || was_blind) mark_dirty(i);
            if (paths_.is_alone(i))
                paths_.touch(i);  // it is told that nothing was found; others were told when they were
        }
        if (!all) return;
        each_leg([this](LegIndex i) {
            if (window_.leg(i).ambiguous) mark_dirty(i);
        });
    }

    template <typename F>
    void each_leg(F&& take) {
        for (LegIndex i = 0; i < window_.place_count(); ++i)
            if (window_.id(i) != 0) {
                take(i);
                window_.rest();
            }
    }

    bool is_over(LegIndex i) const {
        const PathRecord& path = paths_.of(i);
        LegIndex at = path.first;
        for (std::uint32_t n = path.leg_count; n-- > 0; at = window_.leg(at).next_in_path) {
            const WindowLeg& leg = window_.leg(at);
            if (leg.phase != LegPhase::ended || leg.last_ns + limits_.leg_age_ns_max > now_) return false;
        }
        return true;
    }

    /// A path leaves as a whole, when all its legs have ended and aged. The cursor goes round the window.
    void expire() {
        const std::size_t places = window_.place_count();
        if (places == 0) return;
        const std::size_t steps = std::min(places, std::max(expiry_step_min, places / expiry_share));
        for (std::size_t n = 0; n < steps; ++n) {
            cursor_ = (cursor_ + 1) % static_cast<LegIndex>(places);
            if (!window_.was_over_before(cursor_, now_ - limits_.leg_age_ns_max)) continue;
            window_.rest();
            const WindowLeg& leg = window_.leg(cursor_);
            if (leg.id == 0 || leg.phase != LegPhase::ended || leg.last_ns + limits_.leg_age_ns_max > now_ ||
                !is_over(cursor_))
                continue;
            const std::size_t before = window_.size();
            leave(cursor_, Unlinked::linked);
            counters_.legs_expired += before - window_.size();
        }
    }

    /// The next to leave are fetched while others leave: first they, later what lies beside them.
    void fetch_oldest() {
        for (std::size_t n = 0; n < fetched_ahead; ++n) {
            const LegIndex far = window_.next_to_leave(2 * fetched_ahead);
            if (far == no_leg) return;
            window_.prefetch(far);
            const LegIndex near = std::exchange(leaving_[leaving_at_++ % fetched_ahead], far);
            if (near == no_leg || !window_.was_given(near)) continue;
            window_.prefetch_removal(near);
            index_.prefetch(window_.leg(near));
            paths_.prefetch(near);
        }
    }

    void leave(LegIndex i, Unlinked reason_if_alone) {
        paths_.dissolve(i, reason_if_alone, [this](LegIndex leg) {
            WindowLeg& l = window_.leg(leg);
            if (l.protocol == Protocol::udp) turns_.forget(l.id, l.client, l.server, window_.segment(l.segment));
            index_.remove(leg, l);
            window_.remove(leg);
        });
    }

    static constexpr std::array<LegIndex, fetched_ahead> no_legs() {
        std::array<LegIndex, fetched_ahead> out{};
        out.fill(no_leg);
        return out;
    }

    EngineLimits limits_;
    NeighbourhoodLimits around_limits_;
    std::vector<Tap> taps_;
    std::vector<std::uint16_t> clock_of_tap_;
    std::unordered_map<std::string, TapId> tap_by_name_;
    std::unordered_map<std::string, std::uint16_t> clocks_;
    LegWindow window_;
    KeyIndex index_{window_};
    TurnBook turns_;
    std::vector<LegId> turned_ids_;  // reused by every turned()
    Leg turned_;                     // likewise
    PathBook paths_;
    Gatherer gatherer_;
    ChainMaker chain_maker_;
    std::vector<Dirty> dirty_;
    std::vector<LegIndex> sharers_;                            // reused by every mark_sharers_dirty()
    std::deque<Waiting> waiting_;                              ///< legs that are not settled yet, the oldest first
    std::array<LegIndex, fetched_ahead> leaving_ = no_legs();  ///< those that were fetched last
    std::size_t leaving_at_ = 0;
    LegIndex cursor_ = 0;
    TimeNs now_ = 0;
    EngineCounters counters_;
    Neighbourhood around_;  // reused by every link()
    Chains chains_;         // likewise
};

Engine::Engine(const EngineLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

TapId Engine::add_tap(const Tap& tap) { return impl_->add_tap(tap); }
const Tap& Engine::tap(TapId id) const { return impl_->tap(id); }
void Engine::expect(LegId id) const { impl_->expect(id); }
void Engine::add(const Leg& leg) { impl_->add(leg); }
void Engine::tick(TimeNs now) { impl_->tick(now); }
void Engine::finish() { impl_->finish(); }
void Engine::tell(const std::function<void(const Path&)>& take) { impl_->tell(take); }
std::vector<Path> Engine::drain() {
    std::vector<Path> out;
    tell([&out](const Path& path) { out.push_back(path); });
    return out;
}
const EngineCounters& Engine::counters() const { return impl_->counters(); }
PairVerdict Engine::weigh(LegId a, LegId b) const { return impl_->weigh(a, b); }
Rivals Engine::rivals(LegId leg, std::size_t count_max) const { return impl_->rivals(leg, count_max); }
std::size_t Engine::memory_bytes() const { return impl_->memory_bytes(); }

}  // namespace clew
