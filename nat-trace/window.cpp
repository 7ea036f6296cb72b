// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/window.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "nat-trace/check.h"
#include "nat-trace/evidence.h"
#include "nat-trace/turn_book.h"

namespace clew {
namespace {

constexpr std::size_t room_share = 8;                                        ///< room for places grows by an eighth
constexpr std::size_t values_per_leg = shared_value_count + hint_count_max;  ///< at most
constexpr std::uint32_t behind_proxy_count_min = 4;
constexpr std::uint32_t sure_proxy_count_min = 8;
constexpr std::uint32_t sure_proxy_share = 8;  ///< behind a proxy for each one of its own
/// Sharers of a value: it has just become common, or more so. Those whose keys depend on how many they are must be in.
constexpr std::uint32_t looked_at_again[] = {4, 6, crowded_head_count_min, 9};

template <typename Pool>
std::uint32_t take_from(Pool& pool, std::vector<std::uint32_t>& free) {
    if (!free.empty()) {
        const std::uint32_t place = free.back();
        free.pop_back();
        return place;
    }
    if (pool.size() == pool.capacity()) pool.reserve(std::max<std::size_t>(64, pool.size() + pool.size() / room_share));
    pool.emplace_back();
    return static_cast<std::uint32_t>(pool.size() - 1);
}

std::uint64_t hash_of(const Segment& segment) {
    std::uint64_t h = mix_bits(segment.layer_count + (std::uint64_t{segment.netns} << 8));
    const auto eat = [&h](std::uint64_t value) { h = mix_bits(h ^ value) + 0x9e3779b97f4a7c15ULL; };
    for (std::size_t i = 0; i < segment.layer_count; ++i) {
        const Layer& layer = segment.layers[i];
        eat(static_cast<std::uint64_t>(layer.type) << 40 | std::uint64_t{layer.has_id} << 32 | layer.id);
        eat(clew::hash_of(Endpoint{layer.client_end, 1}));
        eat(clew::hash_of(Endpoint{layer.server_end, 2}));
    }
    std::uint64_t macs[2] = {};
    std::memcpy(&macs[0], segment.client_mac.bytes.data(), 6);
    std::memcpy(&macs[1], segment.server_mac.bytes.data(), 6);
    eat(macs[0]);
    eat(macs[1]);
    return h;
}

/// Of a capture out of the order of time a sensor may first have met a packet that came later.
TimeNs earliest(const Leg& report) {
    TimeNs start = report.first_ns;
    for (const Flow& flow : report.flows)
        for (const TimeNs time : {flow.first_ns, flow.syn_ns})
            if (time != 0) start = std::min(start, time);
    return start;
}

TimeOffset offset_from(TimeNs start, TimeNs time) {
    if (time == 0 || time < start || time - start >= time_offset_unknown) return time_offset_unknown;
    return static_cast<TimeOffset>(time - start);
}

/// A payload's hash in half the bits; its last one stays.
std::uint32_t fold_payload(std::uint64_t hash) {
    const auto prefix = static_cast<std::uint32_t>(hash >> 32), all = static_cast<std::uint32_t>(hash);
    const std::uint32_t out = ((prefix ^ prefix >> 16) & 0xffff) << 16 | ((all ^ all >> 16) & 0xfffe) | (all & 1);
    return hash != 0 && out == 0 ? 2 : out;
}

std::uint32_t fold(std::uint64_t hash) { return static_cast<std::uint32_t>(hash ^ (hash >> 32)); }

WindowFlow compact(const Flow& flow, const Flow& peer, TimeNs start) {
    WindowFlow out;
    out.packets = flow.packets;
    out.bytes = flow.bytes;
    out.retransmissions = flow.retransmissions;
    out.isn = flow.isn;
    out.has_isn = flow.isn_from != IsnFrom::none;
    out.next_seq = flow.next_seq;
    out.first_tsval = flow.first_tsval;
    out.syn = offset_from(start, flow.syn_ns);
    out.first_ack = offset_from(start, flow.first_ack_ns);
    out.mss = flow.mss;
    out.first_ip_id = flow.first_ip_id;
    out.window_scale = flow.window_scale;
    out.first_ttl = flow.first_ttl;
    // Unanswered, it may go round in a loop; and a reset may be a middlebox's.
    out.data_ttl = peer.packets == 0 || flow.reset.time_ns != 0 ? flow.first_ttl : flow.last_ttl;
    out.syn_count = static_cast<std::uint8_t>(std::min<std::uint32_t>(flow.syn_count, 255));
    out.has_timestamps = flow.has_timestamps;
    out.sack_permitted = flow.sack_permitted;
    const std::size_t count =
        std::min<std::size_t>(std::min<std::size_t>(flow.sample_count, sample_count_max), window_sample_count_max);
    out.sample_count = static_cast<std::uint8_t>(count);
    for (std::size_t i = 0; i < count; ++i) {
        const Sample& s = flow.samples[i];
        out.samples[i] = {offset_from(start, s.time_ns), fold_payload(s.payload_hash), s.seq, s.ack, s.length, s.ip_id};
    }
    if (count > 0 && flow.samples[0].ttl != 0) out.data_ttl = flow.samples[0].ttl;
    out.head_length = flow.head.length;
    out.head = flow.head.length == 0 ? 0 : fold(flow.head.hash_all);
    return out;
}

/// Equal in everything that linking looks at (counters and last times aside).
bool links_alike(const WindowFlow& a, const WindowFlow& b) {
    return a.has_isn == b.has_isn && a.isn == b.isn && a.sample_count == b.sample_count && a.syn == b.syn &&
           a.first_ack == b.first_ack && a.data_ttl == b.data_ttl && a.first_ttl == b.first_ttl && a.mss == b.mss &&
           a.first_tsval == b.first_tsval && a.head == b.head &&
           std::memcmp(&a.samples, &b.samples, sizeof a.samples) == 0;
}

Endpoint endpoint_in(std::string_view bytes) {
    Endpoint out;
    if (bytes.size() >= 16) out.ip = IpAddress::from_v6_bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()));
    if (bytes.size() >= 18)
        out.port = static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[16]) << 8 |
                                              static_cast<std::uint8_t>(bytes[17]));
    return out;
}

WindowHint compact(const Hint& hint) {
    WindowHint out;
    out.kind = hint.kind;
    out.direction = hint.direction;
    out.time_ns = hint.time_ns;
    std::string_view value = hint.value();
    if (hint.kind == HintKind::traceparent)
        value = value.substr(0, std::min<std::size_t>(16, value.size()));  // the trace id
    std::uint64_t h = 0x51ed270b + value.size();
    for (const char c : value) h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    out.value = mix_bits(h);
    if (hint.kind == HintKind::toa || hint.kind == HintKind::proxy_source || hint.kind == HintKind::forwarded_for)
        out.source = endpoint_in(value);
    if (hint.kind == HintKind::dns_query && value.size() == 12)
        std::copy(value.begin() + 2, value.end(), out.source.ip.bytes.begin());
    if (hint.kind == HintKind::asked_target) {
        const std::size_t port_at = value.size() == 18 ? 16 : 8;
        if (value.size() == 18) out.source = endpoint_in(value);
        if (value.size() >= port_at + 2)
            out.source.port = static_cast<std::uint16_t>(static_cast<std::uint8_t>(value[port_at]) << 8 |
                                                         static_cast<std::uint8_t>(value[port_at + 1]));
    }
    if (hint.kind == HintKind::proxy_source && value.size() >= 36) {
        out.destination = endpoint_in(value.substr(18));
        out.has_destination = !out.destination.ip.is_unspecified();
    }
    return out;
}

/// What many may ask, and so is worth the less the more do.
bool is_counted(const WindowHint& h) { return h.kind == HintKind::http_request || h.kind == HintKind::dns_query; }

/// What is counted of a leg: values of one kind at one tap are counted together.
std::uint64_t value_of(const WindowLeg& l, std::uint64_t kind, std::uint64_t value) {
    return mix_bits(value ^ (std::uint64_t{l.tap} << 8 | kind) * 0x9e37'79b9'7f4a'7c15ULL);
}

}  // namespace

std::uint64_t hash_of(const Endpoint& endpoint) {
    std::uint64_t half[2];
    std::memcpy(half, endpoint.ip.bytes.data(), 16);
    return mix_bits(half[0] ^ mix_bits(half[1] + endpoint.port * 0x9e3779b97f4a7c15ULL));
}

LegIndex LegWindow::find(LegId id) const {
    return ids_.find(mix_bits(id), no_leg, [&](LegIndex i) { return this->id(i) == id; });
}

LegIndex LegWindow::take_place() {
    if (free_.empty()) {
        const std::size_t first = room_;
        room_ += std::max(room_step, room_ / room_share / room_step * room_step);
        CLEW_CHECK(room_ < no_newer);
        legs_.make_room(room_);
        order_.reserve(room_), order_.resize(room_);
        last_steps_.reserve(room_), last_steps_.resize(room_);
        for (std::size_t i = room_; i-- > first;) free_.push_back(static_cast<LegIndex>(i));
    }
    const LegIndex i = free_.back();
    free_.pop_back();
    place_count_ = std::max<std::size_t>(place_count_, i + std::size_t{1});
    return i;
}

void LegWindow::grow_ids() {
    ids_.grow([this](auto&& add) {
        for (LegIndex i = newest_; i != no_leg; i = order_[i].older) add(mix_bits(id(i)), i);
    });
}

void LegWindow::note_last(LegIndex i) {
    constexpr TimeNs step = TimeNs{1} << last_step_bits;
    const TimeNs steps = (std::max<TimeNs>(0, leg(i).last_ns - base_ns_) + step - 1) >> last_step_bits;
    last_steps_[i] = static_cast<std::uint32_t>(std::min<TimeNs>(steps, never_over));
}

LegIndex LegWindow::insert(const Leg& report, ClockId clock) {
    if (ids_.is_full()) grow_ids();
    if (prevalence_.is_full(values_per_leg)) grow_prevalence();
    if (size_ == 0) base_ns_ = report.last_ns;
    const LegIndex i = take_place();
    WindowLeg& l = legs_.take(i);
    l.id = report.id;
    l.clock = clock;
    clock_max_ = std::max(clock_max_, clock);
    fill(l, report);
    const Values values = values_of(l);  // fetched meanwhile
    l.segment = hold_segment(report.segment);
    note_last(i);
    ids_.add(mix_bits(l.id), i);
    append(i);
    ++size_;
    if (l.tap >= legs_of_tap_.size()) legs_of_tap_.resize(l.tap + std::size_t{1});
    ++legs_of_tap_[l.tap];
    count_values(l, values);
    return i;
}

void LegWindow::fill(WindowLeg& l, const Leg& report) {
    l.revision = report.revision;
    l.first_ns = earliest(report);
    l.last_ns = report.last_ns;
    l.client = report.client;
    l.server = report.server;
    l.time_error_ns = report.time_error_ns;
    l.tap = report.tap;
    l.protocol = report.protocol;
    l.observer = report.observer;
    l.phase = report.phase;
    l.end = report.end;
    l.client_by = report.client_by;
    l.socket_role = report.socket_role;
    l.app = report.app;
    if (const std::string_view name = name_in(report.server_name); name != names_.text(l.server_name)) {
        names_.let_go(l.server_name);
        l.server_name = names_.hold(name);
    }
    for (std::size_t d = 0; d < direction_count; ++d)
        l.flows[d] = compact(report.flows[d], report.flows[1 - d], l.first_ns);
    for (const WindowFlow& flow : l.flows)
        for (std::size_t n = 0; n < flow.sample_count; ++n) has_cut_samples_ |= flow.samples[n].is_cut();
    if (report.process.pid != 0) {
        if (l.process == no_leg) l.process = take_from(processes_, free_processes_);
        processes_[l.process] = report.process;
    }
    fill_hints(l, report);
    streams_.note(report);
}

void LegWindow::fill_hints(WindowLeg& l, const Leg& report) {
    drop_hints(l);
    for (std::size_t h = std::min<std::size_t>(report.hint_count, hint_count_max); h-- > 0;) {
        const std::uint32_t place = take_from(hints_, free_hints_);
        hints_[place] = compact(report.hints[h]);
        hints_[place].next = l.first_hint;
        l.first_hint = place;
    }
}

void LegWindow::drop_hints(WindowLeg& l) {
    while (l.first_hint != no_leg) {
        free_hints_.push_back(l.first_hint);
        l.first_hint = hints_[l.first_hint].next;
    }
}

bool LegWindow::update(LegIndex i, const Leg& report) {
    if (prevalence_.is_full(values_per_leg)) grow_prevalence();
    WindowLeg& l = leg(i);
    const WindowLeg before = l;
    std::size_t hints_before = 0;
    std::uint64_t hint_values = 0;
    each_hint(l, [&](const WindowHint& h) { ++hints_before, hint_values ^= h.value; });
    if (!(segments_[l.segment].segment == report.segment)) {
        drop_segment(l.segment);
        l.segment = hold_segment(report.segment);
    }
    forget_values(l);
    if (report.client != l.client) note_head(i, HeadOfChain::no);
    fill(l, report);
    note_last(i);
    count_values(l, values_of(l));
    unlink(i);
    append(i);
    each_hint(l, [&](const WindowHint& h) { --hints_before, hint_values ^= h.value; });
    return hints_before != 0 || hint_values != 0 || before.segment != l.segment || before.first_ns != l.first_ns ||
           !before.same_ends(l) || before.process != l.process || before.app != l.app ||
           before.server_name != l.server_name || !links_alike(before.flows[0], l.flows[0]) ||
           !links_alike(before.flows[1], l.flows[1]);
}

void LegWindow::turn_round(LegIndex i) {
    if (prevalence_.is_full(values_per_leg)) grow_prevalence();
    WindowLeg& l = leg(i);
    Segment segment = segments_[l.segment].segment;
    clew::turn_round(segment);
    drop_segment(l.segment);
    l.segment = hold_segment(segment);
    forget_values(l);
    note_head(i, HeadOfChain::no);
    std::swap(l.client, l.server);
    std::swap(l.flows[0], l.flows[1]);
    for (std::uint32_t h = l.first_hint; h != no_leg; h = hints_[h].next)
        hints_[h].direction = opposite(hints_[h].direction);
    streams_.turn_round(l.id);
    count_values(l, values_of(l));
}

void LegWindow::remove(LegIndex i) {
    WindowLeg& l = leg(i);
    ids_.remove(mix_bits(l.id), i);
    note_head(i, HeadOfChain::no);
    forget_values(l);
    --legs_of_tap_[l.tap];
    unlink(i);
    drop_hints(l);
    streams_.forget(l.id);
    drop_segment(l.segment);
    if (l.process != no_leg) free_processes_.push_back(l.process);
    names_.let_go(l.server_name);
    legs_.give_back(i);
    last_steps_[i] = never_over;
    free_.push_back(i);
    --size_;
}

std::uint64_t LegWindow::isn_value(const WindowLeg& l, Direction d) {
    return value_of(l, 1 + (static_cast<std::uint64_t>(d) << 4), l.flow(d).isn);
}

std::uint64_t LegWindow::head_value(const WindowLeg& l, Direction d) {
    return value_of(l, 2 + (static_cast<std::uint64_t>(d) << 4), l.flow(d).head);
}

std::uint64_t LegWindow::hint_value(const WindowLeg& l, const WindowHint& h) {
    return h.kind == HintKind::dns_query ? value_of(l, 7, hash_of(h.source)) : value_of(l, 4, h.value);
}

std::uint64_t LegWindow::server_value(const WindowLeg& l) { return value_of(l, 3, hash_of(l.server)); }

std::uint64_t LegWindow::client_value(const WindowLeg& l) { return value_of(l, 5, hash_of(l.client)); }

std::uint64_t LegWindow::ip_id_value(const WindowLeg& l) {
    return value_of(l, 6, l.flow(Direction::to_server).first_ip_id);
}

bool LegWindow::became_common(const WindowLeg& l) const {
    const auto just = [](std::uint32_t count) {
        return std::find(std::begin(looked_at_again), std::end(looked_at_again), count) != std::end(looked_at_again);
    };
    bool common = l.protocol == Protocol::tcp && l.flow(Direction::to_server).has_isn &&
                  isn_prevalence(l, Direction::to_server) == common_isn_count_min;
    for (const Direction d : {Direction::to_server, Direction::to_client})
        common |= l.flow(d).head != 0 && just(head_prevalence(l, d));
    each_hint(l, [&](const WindowHint& h) { common |= is_counted(h) && just(hint_prevalence(l, h)); });
    return common;
}

LegWindow::Values LegWindow::values_of(const WindowLeg& l) const {
    Values out;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const auto n = static_cast<std::uint8_t>(d);
        if (l.flow(d).has_isn) out.add(isn_value(l, d), Shared::isn, n);
        if (l.flow(d).head != 0) out.add(head_value(l, d), Shared::head, n);
    }
    out.add(server_value(l), Shared::server);
    out.add(client_value(l), Shared::client);
    if (l.flow(Direction::to_server).has_isn) out.add(ip_id_value(l), Shared::syn_ip_id);
    for (std::size_t n = 0; n < out.count; ++n) prevalence_.prefetch(out.values[n]);
    return out;
}

void LegWindow::count_values(WindowLeg& l, const Values& all) { l.sharers = add_values(l, all); }

Sharers LegWindow::add_values(const WindowLeg& l, const Values& all) {
    each_hint(l, [&](const WindowHint& h) {
        if (is_counted(h)) prevalence_.add(hint_value(l, h));
    });
    Sharers out;
    for (std::size_t n = 0; n < all.count; ++n)
        out.counts[all.places[n]] = static_cast<std::uint8_t>(prevalence_.add(all.values[n]));
    out.epoch = epoch_;
    return out;
}

void LegWindow::note_sharers(WindowLeg& l, const Values& all) {
    l.sharers = Sharers{};
    for (std::size_t n = 0; n < all.count; ++n)
        l.sharers.counts[all.places[n]] = static_cast<std::uint8_t>(prevalence_.count(all.values[n]));
    l.sharers.epoch = epoch_;
}

void LegWindow::forget_values(const WindowLeg& l) {
    const Values all = values_of(l);
    each_hint(l, [&](const WindowHint& h) {
        if (is_counted(h)) prevalence_.remove(hint_value(l, h));
    });
    for (std::size_t n = 0; n < all.count; ++n) prevalence_.remove(all.values[n]);
}

void LegWindow::grow_prevalence() {
    prevalence_.grow();
    WindowLeg unpacked;
    for (LegIndex i = newest_; i != no_leg; i = order_[i].older) {
        const WindowLeg& l = legs_.look_at(i, unpacked);
        add_values(l, values_of(l));
    }
}

void LegWindow::note_head(LegIndex i, HeadOfChain head) {
    WindowLeg& l = leg(i);
    if (l.head == head) return;
    Opener& opener = openers_[opener_of(l)];
    if (l.head == HeadOfChain::of_its_own) --opener.of_their_own;
    if (l.head == HeadOfChain::behind_proxy) --opener.behind_proxy;
    if (head == HeadOfChain::of_its_own) ++opener.of_their_own;
    if (head == HeadOfChain::behind_proxy) ++opener.behind_proxy;
    l.head = head;
}

KnownProxy LegWindow::known_proxy(const WindowLeg& l) const {
    const Opener& opener = openers_[opener_of(l)];
    if (opener.behind_proxy < behind_proxy_count_min || opener.behind_proxy < opener.of_their_own)
        return KnownProxy::no;
    const bool sure =
        opener.behind_proxy >= sure_proxy_count_min && opener.behind_proxy >= sure_proxy_share * opener.of_their_own;
    return sure ? KnownProxy::sure : KnownProxy::likely;
}

void LegWindow::defer(LegIndex i, KnownProxy until) {
    const LegId id = leg(i).id;
    const auto known = std::find_if(deferred_.begin(), deferred_.end(), [&](const Deferred& d) { return d.id == id; });
    if (known != deferred_.end()) {
        known->until = std::min(known->until, until);
        return;
    }
    if (deferred_.size() >= deferred_count_max) deferred_.erase(deferred_.begin());
    deferred_.push_back({i, until, id});
}

LegIndex LegWindow::next_to_leave(std::size_t ahead) {
    const LegIndex i = not_given_;
    if (i == no_leg || given_ >= ahead) return no_leg;
    order_[i].leaves_soon = 1;
    not_given_ = newer_than(i);
    if (not_given_ != no_leg) {
        prefetch_line(&order_[not_given_]);
        legs_.prefetch_place(not_given_);
    }
    ++given_;
    return i;
}

void LegWindow::unlink(LegIndex i) {
    const Neighbours between = order_[i];
    const LegIndex newer = newer_than(i);
    given_ -= between.leaves_soon;
    if (not_given_ == i) not_given_ = newer;
    if (between.older == no_leg)
        oldest_ = newer;
    else
        order_[between.older].newer = between.newer;
    (newer == no_leg ? newest_ : order_[newer].older) = between.older;
    order_[i] = Neighbours{};
}

void LegWindow::append(LegIndex i) {
    order_[i] = Neighbours{};
    order_[i].older = newest_;
    if (newest_ == no_leg)
        oldest_ = i;
    else
        order_[newest_].newer = i & no_newer;
    newest_ = i;
    if (not_given_ == no_leg) not_given_ = i;
}

std::uint32_t LegWindow::hold_segment(const Segment& segment) {
    // Most legs' segments were held a moment ago.
    std::uint64_t macs = 0;
    std::memcpy(&macs, segment.client_mac.bytes.data(), 6);
    const std::uint64_t place = macs ^ segment.netns ^ (segment.layer_count == 0 ? 0 : segment.layers[0].id);
    std::uint32_t& recent = recent_segments_[mix_bits(place) % recent_segments_.size()];
    if (recent < segments_.size() && segments_[recent].uses != 0 && segments_[recent].segment == segment) {
        ++segments_[recent].uses;
        return recent;
    }
    return recent = find_segment(segment);
}

std::uint32_t LegWindow::find_segment(const Segment& segment) {
    const std::uint64_t hash = hash_of(segment);
    const auto [from, to] = segments_by_hash_.equal_range(hash);
    for (auto it = from; it != to; ++it)
        if (segments_[it->second].segment == segment) {
            ++segments_[it->second].uses;
            return it->second;
        }
    const std::uint32_t number = take_from(segments_, free_segments_);
    segments_[number] = {segment, 1};
    segments_by_hash_.emplace(hash, number);
    return number;
}

void LegWindow::drop_segment(std::uint32_t number) {
    if (--segments_[number].uses != 0) return;
    const auto [from, to] = segments_by_hash_.equal_range(hash_of(segments_[number].segment));
    for (auto it = from; it != to; ++it)
        if (it->second == number) {
            segments_by_hash_.erase(it);
            break;
        }
    free_segments_.push_back(number);
}

std::size_t LegWindow::memory_bytes() const {
    return legs_.memory_bytes() + order_.capacity() * sizeof(Neighbours) + free_.capacity() * sizeof(LegIndex) +
           ids_.memory_bytes() + last_steps_.capacity() * sizeof(std::uint32_t) +
           segments_.capacity() * sizeof(HeldSegment) + processes_.capacity() * sizeof(Process) +
           hints_.capacity() * sizeof(WindowHint) + names_.memory_bytes() +
           free_hints_.capacity() * sizeof(std::uint32_t) + prevalence_.memory_bytes() + clocks_.memory_bytes() +
           streams_.memory_bytes() + openers_.capacity() * sizeof(Opener) + deferred_.capacity() * sizeof(Deferred);
}

}  // namespace clew
