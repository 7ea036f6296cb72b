// SPDX-License-Identifier: Apache-2.0
// The engine's window: the legs it still holds, in a compact form of fixed size, found by id, and ordered by when they
// were last reported. Segments, processes and hints live beside them, because few legs have their own. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "nat-trace/clocks.h"
#include "nat-trace/id_table.h"
#include "nat-trace/leg.h"
#include "nat-trace/name_pool.h"
#include "nat-trace/pages.h"
#include "nat-trace/prefetch.h"
#include "nat-trace/prevalence.h"
#include "nat-trace/stream_book.h"

namespace clew {

/// A leg's place in the window. Stays while the leg is held; used again after it left.
using LegIndex = std::uint32_t;
constexpr LegIndex no_leg = 0xffff'ffff;

/// An offset in ns from a leg's first packet; unknown when it is not known or beyond 4.29 s.
using TimeOffset = std::uint32_t;
constexpr TimeOffset time_offset_unknown = 0xffff'ffff;

constexpr std::size_t window_sample_count_max = 3;  ///< of the leg's samples, so many are kept
constexpr std::size_t key_slot_count = 12;          ///< keys under which one leg can be found

struct WindowSample {
    TimeOffset time = time_offset_unknown;
    std::uint32_t hash = 0;  ///< Sample::payload_hash, each half folded to 16 bits; 0 = not known
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint16_t length = 0;
    std::uint16_t ip_id = 0;

    bool is_cut() const { return (hash & 1) != 0; }  ///< less was captured than sent
    std::uint16_t prefix() const { return static_cast<std::uint16_t>(hash >> 16); }
    /// As far as both were captured. Of what is not known nothing is the same.
    bool same_payload(const WindowSample& other) const {
        if (hash == 0 || other.hash == 0 || length != other.length) return false;
        return is_cut() || other.is_cut() ? prefix() == other.prefix() : hash == other.hash;
    }
};

/// One direction of a leg.
struct WindowFlow {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint32_t retransmissions = 0;
    std::uint32_t isn = 0;
    std::uint32_t next_seq = 0;
    std::uint32_t first_tsval = 0;
    TimeOffset syn = time_offset_unknown;
    TimeOffset first_ack = time_offset_unknown;
    std::uint16_t mss = 0;
    std::uint16_t first_ip_id = 0;
    std::uint8_t window_scale = 0xff;
    std::uint8_t first_ttl = 0;
    /// Of the first packet with payload; else of the last packet or, if none came back, of the first.
    std::uint8_t data_ttl = 0;
    std::uint8_t syn_count = 0;
    bool has_isn = false;
    bool has_timestamps = false;
    bool sack_permitted = false;
    std::uint8_t sample_count = 0;
    std::uint16_t head_length = 0;  ///< bytes of the stream's (or first datagram's) head, at most 256
    std::uint32_t head = 0;         ///< their hash, folded; 0 = not known
    std::array<WindowSample, window_sample_count_max> samples{};
};

/// An explicit signal as the engine compares it.
struct WindowHint {
    HintKind kind = HintKind::none;
    Direction direction = Direction::to_server;
    bool has_destination = false;
    std::uint32_t next = no_leg;  ///< of the same leg
    std::uint64_t value = 0;      ///< hash of the value's bytes
    Endpoint source;              ///< TOA and PROXY: the client it names; X-Forwarded-For: the address
    Endpoint destination;         ///< PROXY: the server it names
    TimeNs time_ns = 0;
};

/// Whether no tap saw the leg's connection nearer to the client, and if so whether it looks like what a proxy opened.
enum class HeadOfChain : std::uint8_t { no = 0, of_its_own = 1, behind_proxy = 2 };

/// Whether an address is known to open connections for others.
enum class KnownProxy : std::uint8_t { no = 0, likely = 1, sure = 2 };

/// A value of a leg that others may share: of `isn` and `head` (of the stream) there are two, one for each direction.
enum class Shared : std::uint8_t { isn = 0, head = 2, server = 4, client = 5, syn_ip_id = 6 };
constexpr std::size_t shared_value_count = 7;

/// How many legs of a leg's tap share a value with it, itself counted; at most 255. As it was when last looked up.
struct Sharers {
    std::array<std::uint8_t, shared_value_count> counts{};
    std::uint8_t epoch = 0;  ///< when it was looked up

    std::uint32_t of(Shared value) const { return counts[static_cast<std::size_t>(value)]; }
    std::uint32_t of(Shared value, Direction d) const {
        return counts[static_cast<std::size_t>(value) + static_cast<std::size_t>(d)];
    }
};

/// One leg in the window. 0 = not known holds for times as in Leg.
struct WindowLeg {
    LegId id = 0;  ///< 0 = the place is free
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    TimeNs arrived_ns = 0;  ///< the engine's time when the first report came
    Endpoint client;
    Endpoint server;
    std::uint32_t revision = 0;
    std::uint32_t segment = 0;
    std::uint32_t process = no_leg;
    std::uint32_t server_name = no_name;  ///< of the window's names
    std::uint32_t first_hint = no_leg;
    std::uint32_t time_error_ns = 0;
    TapId tap = 0;
    ClockId clock = 0;
    Protocol protocol = Protocol::tcp;
    Observer observer = Observer::mirror;
    LegPhase phase = LegPhase::opened;
    LegEnd end = LegEnd::none;
    ClientBy client_by = ClientBy::first_packet;
    SocketRole socket_role = SocketRole::none;
    App app = App::unknown;
    std::uint8_t key_count = 0;

    // where it stands among the paths
    std::uint8_t names_given = 0;  ///< how many paths took their id from this leg
    std::uint8_t rivals = 0;       ///< of the link to the next leg
    std::uint8_t margin_bits = 0;
    bool dirty = false;      ///< waits to be linked
    bool settled = false;    ///< waited long enough for its neighbours
    bool ambiguous = false;  ///< has rivals that nothing tells apart
    HeadOfChain head = HeadOfChain::no;
    bool relay_next = false;  ///< a proxy stands between it and the next leg of its path
    bool leaves_soon = false;
    std::uint32_t path = no_leg;
    LegIndex next_in_path = no_leg;
    LegIndex older = no_leg;  ///< neighbours in the order of the last report
    LegIndex newer = no_leg;

    Sharers sharers;

    std::array<WindowFlow, direction_count> flows{};

    const WindowFlow& flow(Direction d) const { return flows[static_cast<std::size_t>(d)]; }
    bool is_socket() const { return observer == Observer::socket; }
    bool same_ends(const WindowLeg& other) const { return client == other.client && server == other.server; }
    /// The absolute time of an offset; 0 when it is unknown.
    TimeNs at(TimeOffset offset) const { return offset == time_offset_unknown ? 0 : first_ns + offset; }
};
static_assert(sizeof(WindowLeg) <= 400, "a million of them must fit");

/// Mixes 64 bits (the finalizer of MurmurHash3): for keys and ids, not for anything that must be secret.
constexpr std::uint64_t mix_bits(std::uint64_t x) {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}
std::uint64_t hash_of(const Endpoint& endpoint);

class LegWindow {
  public:
    WindowLeg& leg(LegIndex i) { return chunks_[i / chunk_size][i % chunk_size]; }
    const WindowLeg& leg(LegIndex i) const { return chunks_[i / chunk_size][i % chunk_size]; }

    std::size_t size() const { return size_; }
    std::size_t place_count() const { return place_count_; }  ///< all places that were ever taken lie before
    LegIndex find(LegId id) const;                            ///< no_leg when it is not held

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

    /// Fetches a leg into the cache. It may be no_leg.
    void prefetch(LegIndex i) const {
        if (i == no_leg) return;
        const char* at = reinterpret_cast<const char*>(&leg(i));
        for (std::size_t n = 0; n < sizeof(WindowLeg); n += 64) prefetch_line(at + n);
    }
    void prefetch_head(LegIndex i) const { prefetch_line(&leg(i)), prefetch_line(&leg(i).path); }
    /// The next of the oldest that was not given yet, for what its removal will need to be fetched early; no_leg when
    /// there is none, or when `ahead` legs were given that have not left.
    LegIndex next_to_leave(std::size_t ahead);
    /// Fetches what remove() will write beside the leg, which should have been fetched.
    void prefetch_removal(LegIndex i) const {
        values_of(leg(i));
        ids_.prefetch(mix_bits(leg(i).id));
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
    /// How many legs of that tap carry a hint of this value.
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
            if (leg(d.leg).id != d.id) return true;
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
    static constexpr std::size_t chunk_size = 16'384;
    static constexpr int last_step_bits = 26;  ///< a step is 67 ms: 32 bits of them are nine years
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
    void forget_values(const WindowLeg& l);
    void grow_prevalence();
    void grow_ids();

    std::vector<PageVector<WindowLeg>> chunks_;
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
