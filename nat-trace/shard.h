// SPDX-License-Identifier: Apache-2.0
// Divides legs among N linkers so that the legs of one connection come to the same one. Legs that share a key are bound
// together: an initial sequence number, an end that a TOA or PROXY header names, an id, a stream's first bytes. New
// legs are held a moment, until those that belong to them have come, and go out together. docs/NAT_TRACING.md says what
// that means for every kind of gateway. One thread; a pure function of what it is given; bounded memory.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "nat-trace/leg.h"

namespace clew {

struct ShardLimits {
    DurationNs hold_ns = 500 * ns_per_ms;      ///< a new leg waits so long for those that belong to it
    DurationNs age_ns_max = 300 * ns_per_s;    ///< keys and legs are forgotten so long after they were last seen
    std::size_t held_leg_count_max = 200'000;  ///< then the oldest go out early, counted
    std::size_t key_count_max = 8'000'000;     ///< then new ones bind nothing, counted
    std::uint32_t strong_sharers_max = 32;     ///< a key that more legs have is no connection's: it binds no more
    std::uint32_t weak_sharers_max = 8;        ///< likewise for what many connections say: first bytes, requests
};

struct ShardCounters {
    std::uint64_t legs = 0;  ///< distinct ones
    std::uint64_t released_early = 0;
    std::uint64_t seams = 0;  ///< legs that belong to two linkers' legs: sent to one of them
    std::uint64_t keys_refused = 0;
    std::uint64_t keys_unbound = 0;  ///< keys that became too common
};

class ShardRouter {
  public:
    ShardRouter(std::uint32_t shard_count, const ShardLimits& limits) : shard_count_(shard_count), limits_(limits) {}

    /// Takes a report in, of any revision, in any order.
    void add(const Leg& report, TimeNs now);

    /// Calls `deliver(shard, const Leg&)` for what need wait no longer, in the order in which it came.
    template <typename F>
    void release(TimeNs now, F&& deliver) {
        while (!held_.empty() && (held_.front().due_ns <= now || held_.size() > limits_.held_leg_count_max)) {
            if (held_.front().due_ns > now) ++counters_.released_early;
            deliver(shard_of(held_.front().leg.id), held_.front().leg);
            held_.pop_front();
        }
        forget(now);
    }
    template <typename F>
    void flush(F&& deliver) {
        for (const Held& one : held_) deliver(shard_of(one.leg.id), one.leg);
        held_.clear();
    }

    const ShardCounters& counters() const { return counters_; }

  private:
    using Group = std::uint32_t;
    static constexpr Group no_group = 0xffff'ffff;
    static constexpr std::uint32_t no_shard = 0xffff'ffff;
    struct Held {
        TimeNs due_ns = 0;
        Leg leg;
    };
    struct KeyUse {
        Group group = no_group;
        std::uint32_t sharers = 0;
        LegId last = 0;  ///< the leg that used it last: a leg counts once
        TimeNs used_ns = 0;
    };
    struct LegPlace {
        Group group = no_group;
        std::uint32_t shard = no_shard;  ///< once it was sent, for ever
        TimeNs seen_ns = 0;
    };
    struct GroupRecord {
        Group parent = no_group;  ///< itself, when it is a root
        std::uint32_t size = 1;
        std::uint32_t shard = no_shard;  ///< of a root: where its legs went
    };

    std::uint32_t shard_of(LegId id);
    Group root_of(Group group);
    Group join(Group a, Group b);
    void bind(LegId id, Group& group, std::uint64_t key, std::uint32_t sharers_max, TimeNs now);
    void forget(TimeNs now);

    std::uint32_t shard_count_;
    ShardLimits limits_;
    std::deque<Held> held_;
    std::unordered_map<LegId, LegPlace> legs_;
    std::unordered_map<std::uint64_t, KeyUse> keys_;
    std::vector<GroupRecord> groups_;
    TimeNs forgot_ns_ = 0;
    ShardCounters counters_;
};

/// What of a leg binds it to others. `weak` keys are what many connections may say.
struct ShardKey {
    std::uint64_t key = 0;
    bool weak = false;
};
std::vector<ShardKey> shard_keys(const Leg& leg);

}  // namespace clew
