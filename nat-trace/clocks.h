// SPDX-License-Identifier: Apache-2.0
// How far the taps' clocks stand apart, learnt from traffic alone: a packet that passed from one clock's tap to
// another's bounds the offset from above, a packet the other way from below. Bounds hold while a pair's drift is
// constant over the span kept, and at most clock_drift_max; rounds through other clocks tighten them. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "nat-trace/time.h"

namespace clew {

/// A clock's number within one engine.
using ClockId = std::uint16_t;

/// The time by the second clock less the time by the first, at one moment: `offset_ns` give or take `error_ns`.
struct ClockOffset {
    bool known = false;    ///< packets passed both ways
    bool guessed = false;  ///< they passed one way: as if the quickest had taken no time, give or take clock_guess_ns
    DurationNs offset_ns = 0;
    DurationNs error_ns = 0;
    /// The likeliest offset within the bounds: where far more packets passed one way, the quickest of them lost no
    /// time.
    DurationNs likely_ns = 0;
    bool leans = false;  ///< so it was: `likely_ns` is not just the middle
};

/// A packet passed a tap of clock `from`, then one of clock `to`.
struct ClockCrossing {
    ClockId from;
    ClockId to;
    TimeNs at_from;
    TimeNs at_to;
    DurationNs late_ns;        ///< how late the stamps may be
    std::uint64_t connection;  ///< a number for it; of one that stands out, a link may be wrong
};

constexpr std::uint64_t clock_lean_ratio = 4;         ///< far more packets
constexpr double clock_drift_usual = 50e-6;           ///< for what is likely, not for bounds
constexpr double clock_drift_max = 200e-6;            ///< between two clocks: each ± 100 ppm
constexpr DurationNs clock_bucket_ns = ns_per_s;      ///< of the packets of so long the fastest is kept
constexpr std::size_t clock_bucket_count_max = 128;   ///< so many are kept for a pair of clocks and a direction
constexpr DurationNs clock_outlier_ns = ns_per_ms;    ///< a connection that is quicker than all others by so much lies
constexpr DurationNs clock_guess_ns = 2 * ns_per_ms;  ///< between two taps of a region
constexpr std::size_t clock_round_count_max = 24;     ///< rounds are closed among at most so many clocks
constexpr DurationNs clock_learnt_ns_min = 2 * ns_per_us;  ///< a bound that tightens by less is no news

class ClockBook {
  public:
    void observe(const ClockCrossing& crossing);

    /// What `b` shows more than `a` at the moment when `a` shows `at`.
    ClockOffset between(ClockId a, ClockId b, TimeNs at) const;

    /// Takes what was observed since the last call into account; says whether that was news.
    bool learn();

    /// Some packet was seen by this clock and another: how far they are apart is bounded from one side at least.
    bool knows(ClockId clock) const;

    std::size_t memory_bytes() const;

  private:
    struct Least {
        TimeNs at = 0;  ///< by the first clock
        DurationNs difference = 0;
        std::uint64_t connection = 0;
    };
    struct Bound {
        std::int64_t second = 0;
        Least least;  ///< the smallest difference seen in this second
        Least next;   ///< that of another connection; `at` 0: there was none
        const Least& trusted() const;
        bool add(const Least& one);
    };
    struct Line {  ///< limits of an offset at one moment; unlimited where nothing passed
        double low;
        double high;
    };
    struct Passed {
        std::vector<Bound> bounds;  ///< the oldest first
        std::uint64_t count = 0;    ///< packets observed
    };
    static std::uint32_t pair_of(ClockId a, ClockId b) { return std::uint32_t{a} << 16 | b; }
    static std::uint64_t key_of(ClockId a, ClockId b, std::int64_t second) {
        return std::uint64_t{pair_of(a, b)} << 32 | static_cast<std::uint32_t>(second);
    }
    Line direct(ClockId a, ClockId b, TimeNs at) const;
    void solve_all(std::int64_t second) const;
    ClockOffset at_moment(ClockId a, ClockId b, TimeNs at) const;
    Line at_second(ClockId a, ClockId b, std::int64_t second) const;
    /// 1: far more packets passed from `a` to `b` than back, -1: the other way, 0: neither.
    int lean_of(ClockId a, ClockId b) const;
    void set_likely(ClockId a, ClockId b, TimeNs at, ClockOffset& out) const;

    std::unordered_map<std::uint32_t, Passed> passed_;        ///< by (from, to)
    std::vector<ClockId> clocks_;                             ///< that were observed, in order
    mutable std::unordered_map<std::uint64_t, Line> solved_;  ///< by pair and second, until something is learnt
    bool news_ = false;
};

}  // namespace clew
