// SPDX-License-Identifier: Apache-2.0
// One deadline a leg: lists of legs by the tick they are due at, moved through by a cursor with bounded work. One
// thread. A deadline further away than the wheel's circumference fires early, and the caller sets it again.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/fixed_array.h"
#include "dataplane/leg_state.h"
#include "nat-trace/time.h"

namespace clew::sensor {

class DeadlineWheel {
  public:
    static constexpr DurationNs tick_ns = 5 * ns_per_ms;
    static constexpr std::int64_t slot_count = 8192;  ///< circumference: 41 s

    bool allocate(std::uint32_t leg_count_max, bool populate) {
        return links_.allocate(leg_count_max, populate) && slots_.allocate(slot_count, populate);
    }
    static std::size_t memory_bytes(std::uint32_t leg_count_max) {
        return FixedArray<Link>::memory_bytes(leg_count_max) + FixedArray<std::uint32_t>::memory_bytes(slot_count);
    }

    /// Sets or moves the leg's deadline; one in the past is due at the next tick.
    void set(LegNumber leg, TimeNs due) {
        clear(leg);
        const std::int64_t tick =
            std::clamp(due / tick_ns + 1, cursor_ + 1, cursor_ + slot_count - 1);  // never before it is due
        const auto slot = static_cast<std::uint32_t>(tick & (slot_count - 1));
        Link& link = links_[leg];
        link.slot = slot + 1;
        link.before = 0;
        link.after = slots_[slot];
        if (link.after) links_[link.after - 1].before = leg + 1;
        slots_[slot] = leg + 1;
    }

    void clear(LegNumber leg) {
        Link& link = links_[leg];
        if (link.slot == 0) return;
        if (link.before)
            links_[link.before - 1].after = link.after;
        else
            slots_[link.slot - 1] = link.after;
        if (link.after) links_[link.after - 1].before = link.before;
        link = {};
    }

    bool started() const { return started_; }
    void start(TimeNs now) {
        cursor_ = now / tick_ns;
        started_ = true;
    }

    /// Moves the cursor towards `now` and calls due(leg) for each leg passed, its deadline cleared; at most
    /// `leg_count_limit` of them, then stops short. `due` may set deadlines and clear others'. ahead(leg) is called for
    /// the one that will most probably be next, before its due().
    template <typename Due, typename Ahead>
    void advance(TimeNs now, unsigned leg_count_limit, Due&& due, Ahead&& ahead) {
        const std::int64_t target = now / tick_ns;
        if (target - cursor_ > slot_count) cursor_ = target - slot_count;  // once round passes every leg
        while (cursor_ < target) {
            std::uint32_t& first = slots_[static_cast<std::size_t>((cursor_ + 1) & (slot_count - 1))];
            while (first != 0) {
                if (leg_count_limit-- == 0) return;
                const LegNumber leg = first - 1;
                if (links_[leg].after != 0) ahead(links_[leg].after - 1);
                clear(leg);
                due(leg);
            }
            ++cursor_;
        }
    }

  private:
    struct Link {
        std::uint32_t slot;           ///< + 1; 0 = no deadline
        std::uint32_t before, after;  ///< leg + 1; 0 = none
    };
    FixedArray<Link> links_;
    FixedArray<std::uint32_t> slots_;  ///< first leg + 1
    std::int64_t cursor_ = 0;          ///< the last tick that was passed
    bool started_ = false;
};

}  // namespace clew::sensor
