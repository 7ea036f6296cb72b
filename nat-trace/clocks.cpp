// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/clocks.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clew {
namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();
constexpr int search_steps = 48;  // of the drift: to 1e-13
constexpr double span_ns_max = 90e9;
constexpr std::size_t solved_count_max = 1'000'000;

/// The offset at x = 0 is a line's height there: `height + drift * x` stays below every `high` and above every `low`.
struct Point {
    double x;
    double y;
};

class Corridor {
  public:
    std::vector<Point> high;
    std::vector<Point> low;

    double ceiling(double drift) const {
        double least = unlimited;
        for (const Point& p : high) least = std::min(least, p.y - drift * p.x);
        return least;
    }
    double floor(double drift) const {
        double most = -unlimited;
        for (const Point& p : low) most = std::max(most, p.y - drift * p.x);
        return most;
    }
    double width(double drift) const { return ceiling(drift) - floor(drift); }
};

/// Where the concave `f` is largest in [from, to].
template <typename F>
double largest(F&& f, double from, double to) {
    for (int n = 0; n < search_steps; ++n) {
        const double a = from + (to - from) / 3;
        const double b = to - (to - from) / 3;
        (f(a) < f(b) ? from : to) = f(a) < f(b) ? a : b;
    }
    return (from + to) / 2;
}

/// The end of the interval around `inside` where `f` is not negative, towards `outside`.
template <typename F>
double end_of(F&& f, double inside, double outside) {
    if (f(outside) >= 0) return outside;
    for (int n = 0; n < search_steps; ++n) {
        const double middle = (inside + outside) / 2;
        (f(middle) >= 0 ? inside : outside) = middle;
    }
    return inside;
}

}  // namespace

const ClockBook::Least& ClockBook::Bound::trusted() const {
    return next.at != 0 && next.difference - least.difference > clock_outlier_ns ? next : least;
}

/// Says whether that was news.
bool ClockBook::Bound::add(const Least& one) {
    const DurationNs before = trusted().difference;
    if (one.difference < least.difference) {
        if (one.connection != least.connection) next = least;
        least = one;
    } else if (one.connection != least.connection && (next.at == 0 || one.difference < next.difference)) {
        next = one;
    }
    return std::llabs(trusted().difference - before) >= clock_learnt_ns_min;
}

void ClockBook::observe(const ClockCrossing& crossing) {
    const auto [from, to, at_from, at_to, late_ns, connection] = crossing;
    if (from == to || at_from == 0 || at_to == 0) return;
    const std::int64_t second = at_from / clock_bucket_ns;
    const Least one{at_from, at_to - at_from + late_ns, connection};
    Passed& passed = passed_[pair_of(from, to)];
    ++passed.count;
    std::vector<Bound>& bounds = passed.bounds;
    if (bounds.empty())
        for (const ClockId c : {from, to}) {
            const auto place = std::lower_bound(clocks_.begin(), clocks_.end(), c);
            if (place == clocks_.end() || *place != c) clocks_.insert(place, c);
        }
    auto at = std::lower_bound(bounds.begin(), bounds.end(), second,
                               [](const Bound& b, std::int64_t s) { return b.second < s; });
    if (at != bounds.end() && at->second == second) {
        news_ |= at->add(one);
        return;
    }
    news_ = true;
    if (bounds.size() >= clock_bucket_count_max) {
        if (at == bounds.begin()) return;
        at = bounds.erase(bounds.begin()) + (at - bounds.begin() - 1);
    }
    bounds.insert(at, {second, one, {}});
}

ClockBook::Line ClockBook::direct(ClockId a, ClockId b, TimeNs at) const {
    Corridor corridor;
    const auto there = passed_.find(pair_of(a, b));
    const auto back = passed_.find(pair_of(b, a));
    if (there != passed_.end())
        for (const Bound& bound : there->second.bounds) {
            const Least& least = bound.trusted();
            const double x = static_cast<double>(least.at - at);
            if (std::fabs(x) <= span_ns_max) corridor.high.push_back({x, static_cast<double>(least.difference)});
        }
    if (back != passed_.end())
        for (const Bound& bound : back->second.bounds) {
            const Least& least = bound.trusted();
            const double x = static_cast<double>(least.at + least.difference - at);  // when `a` showed that, nearly
            if (std::fabs(x) <= span_ns_max) corridor.low.push_back({x, -static_cast<double>(least.difference)});
        }
    const auto ceiling = [&](double drift) { return corridor.ceiling(drift); };
    const auto floor = [&](double drift) { return -corridor.floor(drift); };
    const auto width = [&](double drift) { return corridor.width(drift); };
    if (corridor.high.empty() && corridor.low.empty()) return {-unlimited, unlimited};
    const auto from_above = [&] {
        return Line{-unlimited, corridor.ceiling(largest(ceiling, -clock_drift_max, clock_drift_max))};
    };
    const auto from_below = [&] {
        return Line{corridor.floor(largest(floor, -clock_drift_max, clock_drift_max)), unlimited};
    };
    if (corridor.low.empty()) return from_above();
    if (corridor.high.empty()) return from_below();
    const double best = largest(width, -clock_drift_max, clock_drift_max);
    // Links that were wrong, or turned round: where far more packets went one way, that way counts.
    const int lean = width(best) < -static_cast<double>(clock_guess_ns) ? lean_of(a, b) : 0;
    if (lean != 0) return lean > 0 ? from_above() : from_below();
    if (width(best) < 0) {  // stamps are worse than stated: the least wrong line, with what it is wrong by
        const double middle = (corridor.ceiling(best) + corridor.floor(best)) / 2;
        return {middle + width(best), middle - width(best)};
    }
    const double from = end_of(width, best, -clock_drift_max);
    const double to = end_of(width, best, clock_drift_max);
    return {corridor.floor(largest(floor, from, to)), corridor.ceiling(largest(ceiling, from, to))};
}

/// Solves all pairs at that moment. The shortest rounds: what may lie between two clocks is limited by what may lie
/// between each and a third.
void ClockBook::solve_all(std::int64_t second) const {
    if (solved_.size() > solved_count_max) solved_.clear();
    const std::size_t n = clocks_.size();
    std::vector<double> high(n * n, unlimited);  // [i][j]: what j may show more than i at most
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = i + 1; j < n; ++j) {
            const Line one = direct(clocks_[i], clocks_[j], second * clock_bucket_ns);
            high[i * n + j] = one.high;
            high[j * n + i] = -one.low;
        }
    const auto slip = [](double offset) { return std::isfinite(offset) ? clock_drift_max * std::fabs(offset) : 0; };
    if (n <= clock_round_count_max)
        for (std::size_t k = 0; k < n; ++k)
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t j = 0; j < n; ++j) {
                    // Each was solved for its first clock's second, and those lie apart by the offset.
                    const double round = high[i * n + k] + high[k * n + j] + slip(high[i * n + k]);
                    // Bounds that contradict each other, by stamps worse than stated, are left as they are.
                    if (round < high[i * n + j] && -high[j * n + i] <= round) high[i * n + j] = round;
                }
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
            if (i != j) solved_[key_of(clocks_[i], clocks_[j], second)] = {-high[j * n + i], high[i * n + j]};
}

ClockBook::Line ClockBook::at_second(ClockId a, ClockId b, std::int64_t second) const {
    auto found = solved_.find(key_of(a, b, second));
    if (found == solved_.end()) {
        solve_all(second);
        found = solved_.find(key_of(a, b, second));
    }
    return found == solved_.end() ? Line{-unlimited, unlimited} : found->second;
}

ClockOffset ClockBook::between(ClockId a, ClockId b, TimeNs at) const {
    if (a == b) return {true, false, 0, 0, 0};
    if (passed_.empty()) return {};
    if (a < b) return at_moment(a, b, at);
    // Solved by the first clock's time, which this clock's is brought to.
    const ClockOffset rough = at_moment(b, a, at);
    ClockOffset other = rough.known || rough.guessed ? at_moment(b, a, at - rough.offset_ns) : rough;
    other.offset_ns = -other.offset_ns;
    other.likely_ns = -other.likely_ns;
    return other;
}

ClockOffset ClockBook::at_moment(ClockId a, ClockId b, TimeNs at) const {
    const std::int64_t second = at / clock_bucket_ns;
    const Line x = at_second(a, b, second);
    const Line y = at_second(a, b, second + 1);
    const double part = static_cast<double>(at - second * clock_bucket_ns) / static_cast<double>(clock_bucket_ns);
    ClockOffset out;
    if (!std::isfinite(x.low + x.high + y.low + y.high)) {
        const bool there = std::isfinite(x.high + y.high);
        if (!there && !std::isfinite(x.low + y.low)) return {};
        const double side = there ? x.high + part * (y.high - x.high) : x.low + part * (y.low - x.low);
        out = {false, true, std::llround(side), clock_guess_ns};
    } else {
        // Between two seconds an offset runs straight.
        const double low = x.low + part * (y.low - x.low);
        const double high = x.high + part * (y.high - x.high);
        out = {true, false, std::llround((low + high) / 2), std::llround((high - low) / 2)};
    }
    set_likely(a, b, at, out);
    return out;
}

int ClockBook::lean_of(ClockId a, ClockId b) const {
    const auto count = [this](ClockId from, ClockId to) {
        const auto passed = passed_.find(pair_of(from, to));
        return passed == passed_.end() ? 0 : passed->second.count;
    };
    const std::uint64_t there = count(a, b);
    const std::uint64_t back = count(b, a);
    return there > back * clock_lean_ratio ? 1 : back > there * clock_lean_ratio ? -1 : 0;
}

void ClockBook::set_likely(ClockId a, ClockId b, TimeNs at, ClockOffset& out) const {
    out.likely_ns = out.offset_ns;
    const int lean = lean_of(a, b);
    if (lean == 0) return;
    double least = unlimited;
    for (const Bound& bound : passed_.at(lean > 0 ? pair_of(a, b) : pair_of(b, a)).bounds) {
        const Least& one = bound.trusted();
        const double apart = std::fabs(static_cast<double>(one.at - at));
        if (apart <= span_ns_max)
            least = std::min(least, static_cast<double>(one.difference) + clock_drift_usual * apart);
    }
    if (least == unlimited) return;
    out.leans = true;
    const DurationNs offset = std::llround(lean > 0 ? least : -least);
    out.likely_ns = std::clamp(offset, out.offset_ns - out.error_ns, out.offset_ns + out.error_ns);
}

bool ClockBook::learn() {
    if (!news_) return false;
    news_ = false;
    solved_.clear();
    return true;
}

bool ClockBook::knows(ClockId clock) const { return std::find(clocks_.begin(), clocks_.end(), clock) != clocks_.end(); }

std::size_t ClockBook::memory_bytes() const {
    std::size_t bytes = solved_.size() * 64;
    for (const auto& [pair, passed] : passed_) bytes += sizeof passed + passed.bounds.capacity() * sizeof(Bound) + 32;
    return bytes;
}

}  // namespace clew
