// SPDX-License-Identifier: Apache-2.0
// The engine's window: the legs it still holds, found by id, and ordered by when they were last reported. Those that
// were not used for some time lie packed (leg_store.h). Segments, processes and hints live beside them, because few
// legs have their own. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "nat-trace/clocks.h"
#include "nat-trace/id_table.h"
#include "nat-trace/leg.h"
#include "nat-trace/leg_store.h"
#include "nat-trace/name_pool.h"
#include "nat-trace/pages.h"
#include "nat-trace/prefetch.h"
#include "nat-trace/prevalence.h"
#include "nat-trace/stream_book.h"
#include "nat-trace/window_leg.h"

namespace clew {

/// Mixes 64 bits (the finalizer of MurmurHash3): for keys and ids, not for anything that must be secret.
constexpr std::uint64_t mix_bits(std::uint64_t x) {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}
std::uint64_t hash_of(const Endpoint& endpoint);

constexpr std::size_t open_leg_count_usual = 16'384;

class LegWindow {
  public:
    explicit LegWindow(std::size_t open_leg_count = open_leg_count_usual) : legs_(open_leg_count) {}

    /// A leg; at a free place an empty one, which nobody may write to. It stays where it is until rest().
    WindowLeg& leg(LegIndex i) { return legs_.leg(i); }
    const WindowLeg& leg(LegIndex i) const { return legs_.leg(i); }
    LegId id(LegIndex i) const { return legs_.id(i); }  ///< 0 at a free place
    template <typename F>
    void each_key(LegIndex i, F&& take) const {
        legs_.each_key(i, take);
    }
    /// To be called now and then, when nobody holds a leg: those that were not used for some time are packed.
    void rest() { legs_.rest(); }

    std::size_t size() const { return size_; }
    std::size_t place_count() const { return place_count_; }           ///< all places that were ever taken lie before
    LegIndex find(LegId id) const;                                     ///< no_leg when it is not held
    void prefetch_id(LegId id) const { ids_.prefetch(mix_bits(id)); }  ///< what find() will read

    /// Makes a place for a new leg and fills it from the report; the leg becomes the newest.
    LegIndex insert(const Leg& report, ClockId clock);
    /// Takes a later report of a held leg in; says whether anything changed that linking looks at.
    bool update(LegIndex i, const Leg& report);
    void remove(LegIndex i);
    /// Exchanges a held leg's two sides.
    void turn_round(LegIndex i);

    /// The leg's last packet came before `time`, for certain: told from a small array, without a look at the leg.
    bool was_over_before(LegIndex i, TimeNs time) const {
        return base_ns_ + (TimeNs{last_steps_[i]} << last_step_bits) < time;
    }

    LegIndex oldest() const { return oldest_; }  ///< the leg whose last report is longest ago

    /// Fetches a leg into the cache.
    void prefetch(LegIndex i) const { legs_.prefetch(i); }
    /// The next of the oldest that was not given yet, for what its removal will need to be fetched early; no_leg when
    /// there is none, or when `ahead` legs were given that have not left.
    LegIndex next_to_leave(std::size_t ahead);
    bool was_given(LegIndex i) const { return order_[i].leaves_soon; }
    /// Fetches what remove() will write beside the leg, which should have been fetched.
    void prefetch_removal(LegIndex i) const {
        values_of(leg(i));
        ids_.prefetch(mix_bits(id(i)));
    }

    const Segment& segment(std::uint32_t number) const { return segments_[number].segment; }
    std::string_view server_name(const WindowLeg& l) const { return names_.text(l.server_name); }
    const Process* process(const WindowLeg& l) const { return l.process == no_leg ? nullptr : &processes_[l.process]; }

    /// The leg's hints, one after the other.
    template <typename F>
    void each_hint(const WindowLeg& l, F&& take) const {
        for (std::uint32_t h = l.first_hint; h != no_leg; h = hints_[h].next) take(hints_[h]);
    }

    bool has_hint(const WindowLeg& l, HintKind kind) const {
        bool has = false;
        each_hint(l, [&](const WindowHint& h) { has |= h.kind == kind; });
        return has;
    }
    /// The leg carries what `hint` says, on whatever leg that stands.
    bool has_hint_like(const WindowLeg& l, const WindowHint& hint) const {
        bool has = false;
        each_hint(l, [&](const WindowHint& h) { has |= h.kind == hint.kind && h.value == hint.value; });
        return has;
    }

    /// How many legs of the leg's own tap share its ISN, its stream's head, its server's or client's address and port;
    /// 1 = only it. As look_up_sharers() found it.
    std::uint32_t isn_prevalence(const WindowLeg& l, Direction d) const { return l.sharers.of(Shared::isn, d); }
    std::uint32_t head_prevalence(const WindowLeg& l, Direction d) const { return l.sharers.of(Shared::head, d); }
    std::uint32_t server_prevalence(const WindowLeg& l) const { return l.sharers.of(Shared::server); }
    std::uint32_t client_prevalence(const WindowLeg& l) const { return l.sharers.of(Shared::client); }
    /// How many legs of that tap began with a SYN of the same IP id.
    std::uint32_t ip_id_prevalence(const WindowLeg& l) const { return l.sharers.of(Shared::syn_ip_id); }
    /// How many legs of that tap carry a hint of this value; of a DNS query, of its name and type.
    std::uint32_t hint_prevalence(const WindowLeg& l, const WindowHint& h) const {
        return prevalence_.count(hint_value(l, h));
    }
    /// Brings the leg's sharers up to date, once in an epoch.
    void look_up_sharers(LegIndex i) {
        if (leg(i).sharers.epoch != epoch_) note_sharers(leg(i), values_of(leg(i)));
    }
    void renew_sharers(LegIndex i) { note_sharers(leg(i), values_of(leg(i))); }
    /// What was looked up is old from now on.
    void begin_epoch() { ++epoch_; }
    /// Something of the leg has just become common: what was linked by it has to be looked at again.
    bool became_common(const WindowLeg& l) const;
    /// Keeps count of what a client's address opens.
    void note_head(LegIndex i, HeadOfChain head);
    /// Likely: of the connections that the leg's client address opens, some and at least half look like a proxy's.
    /// Sure: more of them, and nearly all.
    KnownProxy known_proxy(const WindowLeg& l) const;
    /// Remembers a leg that would be linked if its client's address were known so well as a proxy's; the oldest are
    /// forgotten.
    void defer(LegIndex i, KnownProxy until);
    /// Calls `take(LegIndex)` for those of which it is known by now.
    template <typename F>
    void each_deferred_of_proxies(F&& take) {
        std::erase_if(deferred_, [&](const Deferred& d) {
            if (id(d.leg) != d.id) return true;
            if (known_proxy(leg(d.leg)) < d.until) return false;
            take(d.leg);
            return true;
        });
    }

    const ClockBook& clocks() const { return clocks_; }
    ClockBook& clocks() { return clocks_; }
    /// Of some packet less was captured than sent, at some tap, since the engine began.
    bool has_cut_samples() const { return has_cut_samples_; }
    /// What was odd in the leg's streams; null when nothing was.
    const OddLeg* odd(const WindowLeg& l) const { return streams_.find(l.id); }
    const StreamBook& streams() const { return streams_; }
    bool has_other_clocks(ClockId clock) const { return clock_max_ > clock || clock > 0; }
    std::size_t legs_of_tap(TapId tap) const { return tap < legs_of_tap_.size() ? legs_of_tap_[tap] : 0; }

    std::size_t memory_bytes() const;

  private:
    static constexpr std::size_t room_step = 16'384;  ///< places
    static constexpr int last_step_bits = 26;         ///< a step is 67 ms: 32 bits of them are nine years
    static constexpr std::uint32_t never_over = 0xffff'ffff;
    struct HeldSegment {
        Segment segment;
        std::uint32_t uses = 0;
    };

    LegIndex take_place();
    void note_last(LegIndex i);
    void fill(WindowLeg& l, const Leg& report);
    void fill_hints(WindowLeg& l, const Leg& report);
    void drop_hints(WindowLeg& l);
    void unlink(LegIndex i);
    void append(LegIndex i);
    std::uint32_t hold_segment(const Segment& segment);
    std::uint32_t find_segment(const Segment& segment);
    void drop_segment(std::uint32_t number);
    static std::uint64_t isn_value(const WindowLeg& l, Direction d);
    static std::uint64_t head_value(const WindowLeg& l, Direction d);
    static std::uint64_t hint_value(const WindowLeg& l, const WindowHint& h);
    static std::uint64_t server_value(const WindowLeg& l);
    static std::uint64_t client_value(const WindowLeg& l);
    static std::uint64_t ip_id_value(const WindowLeg& l);
    /// What is counted of a leg, and where its count stands among the leg's sharers.
    struct Values {
        std::array<std::uint64_t, shared_value_count> values{};
        std::array<std::uint8_t, shared_value_count> places{};
        std::uint8_t count = 0;

        void add(std::uint64_t value, Shared what, std::uint8_t offset = 0) {
            values[count] = value;
            places[count++] = static_cast<std::uint8_t>(static_cast<std::uint8_t>(what) + offset);
        }
    };
    Values values_of(const WindowLeg& l) const;
    void note_sharers(WindowLeg& l, const Values& all);
    void count_values(WindowLeg& l, const Values& all);
    Sharers add_values(const WindowLeg& l, const Values& all);
    void forget_values(const WindowLeg& l);
    void grow_prevalence();
    void grow_ids();

    /// A leg's neighbours in the order of the last report.
    struct Neighbours {
        LegIndex older = no_leg;
        LegIndex newer : 31 = no_newer;
        LegIndex leaves_soon : 1 = 0;
    };
    static constexpr LegIndex no_newer = no_leg >> 1;
    LegIndex newer_than(LegIndex i) const { return order_[i].newer == no_newer ? no_leg : LegIndex{order_[i].newer}; }

    LegStore legs_;
    std::size_t room_ = 0;
    PageVector<Neighbours> order_;  ///< by place
    std::vector<LegIndex> free_;
    IdTable ids_;
    /// Of each place: when its leg was last seen, in steps after base_ns_, rounded up. What is too far from the first
    /// leg of all (nine years) is never over.
    PageVector<std::uint32_t> last_steps_;
    TimeNs base_ns_ = 0;
    std::size_t size_ = 0;
    std::size_t place_count_ = 0;
    LegIndex oldest_ = no_leg;
    LegIndex newest_ = no_leg;
    LegIndex not_given_ = no_leg;  ///< the oldest that next_to_leave() did not give
    std::size_t given_ = 0;        ///< legs that it gave and that have not left
    std::vector<HeldSegment> segments_;
    std::vector<std::uint32_t> free_segments_;
    std::array<std::uint32_t, 256> recent_segments_{};  ///< by a hash of some of it
    std::unordered_multimap<std::uint64_t, std::uint32_t> segments_by_hash_;
    std::vector<Process> processes_;
    std::vector<std::uint32_t> free_processes_;
    NamePool names_;
    PageVector<WindowHint> hints_;
    std::vector<std::uint32_t> free_hints_;
    Prevalence prevalence_;
    std::uint8_t epoch_ = 1;
    ClockBook clocks_;
    StreamBook streams_;
    ClockId clock_max_ = 0;  ///< of all legs so far
    bool has_cut_samples_ = false;
    struct Opener {
        std::uint32_t of_their_own = 0;
        std::uint32_t behind_proxy = 0;
    };
    struct Deferred {
        LegIndex leg = no_leg;
        KnownProxy until = KnownProxy::likely;
        LegId id = 0;
    };
    static constexpr std::size_t deferred_count_max = 1024;
    std::vector<Deferred> deferred_;
    static constexpr std::size_t opener_count = std::size_t{1} << 15;
    std::vector<Opener> openers_ =
        std::vector<Opener>(opener_count);  ///< by a hash of the client's address: some share
    static std::size_t opener_of(const WindowLeg& l) { return hash_of(Endpoint{l.client.ip, 0}) & (opener_count - 1); }
    std::vector<std::size_t> legs_of_tap_;
};

}  // namespace clew
