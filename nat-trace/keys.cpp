// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/keys.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "nat-trace/evidence.h"

namespace clew {
namespace {

enum Salt : std::uint64_t {
    salt_isn = 0x1000'0000'0000'0000,
    salt_stream = 0x2000'0000'0000'0000,
    salt_endpoint = 0x3000'0000'0000'0000,
    salt_sample = 0x4000'0000'0000'0000,
    salt_signal = 0x5000'0000'0000'0000,
    salt_head = 0x7000'0000'0000'0000,
    salt_request = 0x8000'0000'0000'0000,
    salt_probe = 0x6000'0000'0000'0000,
    salt_bytes = 0xa000'0000'0000'0000,
    salt_lone_syn = 0x9000'0000'0000'0000,
    salt_crowd = 0xb000'0000'0000'0000,
    salt_cut = 0xc000'0000'0000'0000,
    salt_question = 0xd000'0000'0000'0000,
    salt_question_in_time = 0xe000'0000'0000'0000,
};

constexpr int crowd_step_bits = 24;  ///< a step is 17 ms

constexpr std::uint32_t shared_head_count_min = 4;  ///< sharers of a stream's first bytes
constexpr std::uint32_t rare_head_count_max = 16;

/// So many keys for each of a head's nine places before it grows; those that many share take none of them.
constexpr std::size_t head_key_count = 7;

std::uint64_t salted(Salt salt, std::uint64_t value) { return mix_bits(mix_bits(value) ^ salt); }

bool is_tcp(const WindowLeg& leg) { return leg.protocol == Protocol::tcp; }

void add_isns(const LegWindow& window, const WindowLeg& leg, LegKeys& keys) {
    // Client and server ISN are salted alike on purpose: a leg whose sides were taken for each other is found as well.
    for (const Direction d : {Direction::to_client, Direction::to_server})
        if (leg.flow(d).has_isn && leg.flow(d).isn != 0) keys.add(salted(salt_isn, leg.flow(d).isn));
    const WindowFlow& syn = leg.flow(Direction::to_server);
    const WindowFlow& answer = leg.flow(Direction::to_client);
    if (syn.syn != time_offset_unknown && syn.first_ip_id != 0 && !answer.has_isn && syn.sample_count == 0)
        keys.add(salted(salt_lone_syn, std::uint64_t{syn.first_ip_id} << 8 | syn.window_scale));
    // One number for all probes of a scanner finds nothing; with what is probed it does.
    const WindowFlow& c = leg.flow(Direction::to_server);
    if (c.has_isn && (c.isn == 0 || window.isn_prevalence(leg, Direction::to_server) >= common_isn_count_min))
        keys.add(salted(salt_probe, hash_of(leg.server) ^ c.isn));
}

/// What a tap that captured all finds a payload by; and, as soon as one tap captured less of any, what both do.
void add_payload(const LegWindow& window, Salt salt, const WindowSample& s, std::uint64_t with, LegKeys& keys) {
    if (s.hash == 0) return;
    if (!s.is_cut()) keys.add(salted(salt, std::uint64_t{s.hash} << 32 | with));
    if (window.has_cut_samples()) keys.add(salted(salt_cut, std::uint64_t{s.prefix()} << 32 | with));
}

/// What a mirror of the other way shows of the same exchanges: what acknowledges these packets, and what these do.
void add_exchanges(const WindowFlow& flow, LegKeys& keys) {
    for (std::size_t n = 0; n < flow.sample_count; ++n) {
        const WindowSample& s = flow.samples[n];
        keys.add(salted(salt_stream, s.seq + s.length));
        if (n != 0) keys.add(salted(salt_stream, s.ack));
    }
}

/// Of a connection found in the middle: the server's sequence numbers survive a FULLNAT, as seq of the one direction
/// and as ack of the other; the client's survive all but that.
void add_middle(const LegWindow& window, const WindowLeg& leg, LegKeys& keys) {
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const WindowFlow& flow = leg.flow(d);
        if (flow.sample_count == 0) continue;
        const WindowSample& s = flow.samples[0];
        keys.add(salted(salt_stream, d == Direction::to_server ? s.ack : s.seq));
        keys.add(salted(salt_stream, d == Direction::to_server ? s.seq : s.ack));
        // If the handshake alone was missed, what stands before the first bytes are the initial sequence numbers.
        keys.add(salted(salt_isn, s.seq - 1));
        // Behind a gateway that writes both numbers anew only the bytes are the same.
        add_payload(window, salt_bytes, s, s.length, keys);
        if (leg.flow(opposite(d)).packets == 0) add_exchanges(flow, keys);
    }
}

/// The first payload packets as they survive every gateway that forwards packets. TCP's sequence numbers may be
/// shifted, and many clients ask the same, so only the IP ids of both directions together tell connections apart.
void add_stream_sample(const WindowLeg& leg, LegKeys& keys) {
    const WindowFlow& c = leg.flow(Direction::to_server);
    const WindowFlow& s = leg.flow(Direction::to_client);
    if (c.sample_count == 0 || s.sample_count == 0 || c.samples[0].ip_id == 0 || s.samples[0].ip_id == 0) return;
    const std::uint64_t ids = std::uint64_t{c.samples[0].ip_id} << 16 | s.samples[0].ip_id;
    keys.add(salted(salt_sample, mix_bits(ids) ^ (std::uint64_t{c.samples[0].prefix()} << 32 | s.samples[0].prefix())));
}

/// A datagram's payload; an echo's sequence number with it.
void add_datagram_sample(const LegWindow& window, const WindowLeg& leg, Direction d, LegKeys& keys) {
    const WindowFlow& flow = leg.flow(d);
    if (flow.sample_count == 0) return;
    const WindowSample& s = flow.samples[0];
    const std::uint64_t echo = leg.protocol == Protocol::udp ? 0 : s.seq & 0xffff;
    // Many say the same: who said it with one IP id, or to one address, are fewer.
    if (d == Direction::to_server && window.head_prevalence(leg, d) >= crowded_head_count_min) {
        if (s.ip_id != 0) keys.add(salted(salt_sample, mix_bits(std::uint64_t{s.ip_id} << 16 | echo) ^ s.hash));
        keys.add(salted(salt_sample, hash_of(Endpoint{leg.server.ip, 0}) ^ (std::uint64_t{s.hash} << 32 | echo)));
    }
    add_payload(window, salt_sample, s, std::uint64_t{s.length} << 16 | echo, keys);
}

void add_signals(const LegWindow& window, const WindowLeg& leg, LegKeys& keys) {
    window.each_hint(leg, [&](const WindowHint& hint) {
        switch (hint.kind) {
            case HintKind::toa:
            case HintKind::proxy_source: keys.add(salted(salt_endpoint, hash_of(hint.source))); break;
            case HintKind::request_id:
            case HintKind::traceparent:
            case HintKind::tls_random:
            case HintKind::quic_cid:
            case HintKind::dns_query: keys.add(salted(salt_signal, hint.value)); break;
            default: break;
        }
    });
}

}  // namespace

std::uint64_t heads_of(const WindowLeg& leg) {
    return std::uint64_t{leg.flow(Direction::to_server).head} << 32 | leg.flow(Direction::to_client).head;
}

/// The streams' first bytes, as a proxy repeats them: each direction's, since a tap may have missed some of the
/// other's; where many say the same in one, both together. In between both ways, since taps count different sharers.
void add_stream_heads(const LegWindow& window, const WindowLeg& leg, LegKeys& keys) {
    bool is_shared = false;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        if (leg.flow(d).head == 0) continue;
        const std::uint32_t sharers = window.head_prevalence(leg, d);
        if (sharers < rare_head_count_max) keys.add(salted(salt_head, leg.flow(d).head));
        is_shared |= sharers >= shared_head_count_min;
    }
    if (is_shared) keys.add(salted(salt_head, heads_of(leg)));
}

/// Of bytes that many say: those who said them at about the same time. Two whose first payloads lie less than a step
/// apart share a key, as all on one clock do that a proxy passes on at once.
void add_stream_heads_in_time(const LegWindow& window, const WindowLeg& leg, LegKeys& keys) {
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const WindowFlow& flow = leg.flow(d);
        if (flow.head == 0 || flow.sample_count == 0 || flow.samples[0].time == time_offset_unknown) continue;
        if (window.head_prevalence(leg, d) < crowded_head_count_min) return;
        const std::uint64_t step = static_cast<std::uint64_t>(leg.at(flow.samples[0].time)) >> crowd_step_bits;
        for (const std::uint64_t n : {step, step + 1}) keys.add(salted(salt_crowd, mix_bits(heads_of(leg)) ^ n));
        return;
    }
}

/// The first request, with the client it came from or is said to come from; and the request alone.
void add_request(const LegWindow& window, const WindowLeg& leg, LegKeys& keys) {
    const WindowHint* first = nullptr;
    window.each_hint(leg, [&](const WindowHint& h) {
        if (h.kind == HintKind::http_request && (first == nullptr || h.time_ns < first->time_ns)) first = &h;
    });
    if (first == nullptr) return;
    keys.add(salted(salt_request, first->value ^ hash_of(Endpoint{leg.client.ip, 0})));
    window.each_hint(leg, [&](const WindowHint& h) {
        if (h.kind == HintKind::forwarded_for || h.kind == HintKind::proxy_source)
            keys.add(salted(salt_request, first->value ^ hash_of(Endpoint{h.source.ip, 0})));
    });
    keys.add(salted(salt_request, first->value));
}

/// The first DNS question, as a forwarder asks it anew: of a name that many ask for, with its time.
void add_question(const LegWindow& window, const WindowLeg& leg, LegKeys& keys) {
    const WindowHint* first = nullptr;
    window.each_hint(leg, [&](const WindowHint& h) {
        if (h.kind == HintKind::dns_query && (first == nullptr || h.time_ns < first->time_ns)) first = &h;
    });
    if (first == nullptr || first->source.ip.is_unspecified()) return;
    const std::uint64_t question = hash_of(first->source);
    const std::uint32_t sharers = window.hint_prevalence(leg, *first);
    if (sharers < rare_head_count_max) keys.add(salted(salt_question, question));
    if (sharers < crowded_head_count_min) return;
    const std::uint64_t step = static_cast<std::uint64_t>(first->time_ns) >> crowd_step_bits;
    for (const std::uint64_t n : {step, step + 1}) keys.add(salted(salt_question_in_time, mix_bits(question) ^ n));
}

LegKeys keys_of(const LegWindow& window, const WindowLeg& leg) {
    LegKeys keys;
    keys.add(salted(salt_endpoint, hash_of(leg.client)));
    if (is_tcp(leg)) {
        add_isns(window, leg, keys);
        if (keys.count == 1) add_middle(window, leg, keys);
        // Of a connection whose beginning one tap missed, the end is the same; the server's survives most gateways.
        const WindowFlow& s = leg.flow(Direction::to_client);
        if (leg.phase == LegPhase::ended && s.next_seq != 0) keys.add(salted(salt_stream, s.next_seq));
    }
    add_signals(window, leg, keys);
    if (is_tcp(leg)) {
        add_stream_sample(leg, keys);
        add_stream_heads(window, leg, keys);
        add_request(window, leg, keys);
        add_stream_heads_in_time(window, leg, keys);
    } else {
        add_datagram_sample(window, leg, Direction::to_server, keys);
        add_datagram_sample(window, leg, Direction::to_client, keys);
        add_question(window, leg, keys);
    }
    std::sort(keys.keys.begin(), keys.keys.begin() + keys.count);
    keys.count =
        static_cast<std::uint8_t>(std::unique(keys.keys.begin(), keys.keys.begin() + keys.count) - keys.keys.begin());
    return keys;
}

void KeyIndex::insert(LegIndex i, WindowLeg& leg, const LegKeys& keys) {
    key_total_ += keys.count;
    while (key_total_ > heads_.size() * head_key_count) grow();
    leg.key_count = keys.count;
    leg.keys = keys.keys;
    for (std::size_t n = 0; n < keys.count; ++n) push(keys.keys[n], i);
}

void KeyIndex::change(LegIndex i, WindowLeg& leg, const LegKeys& keys) {
    const auto old = leg.keys;
    const auto old_end = old.begin() + leg.key_count;
    const auto new_end = keys.keys.begin() + keys.count;
    for (auto key = old.begin(); key != old_end; ++key)
        if (!std::binary_search(keys.keys.begin(), new_end, *key)) take_out(*key, i);
    key_total_ += keys.count;
    key_total_ -= leg.key_count;
    while (key_total_ > heads_.size() * head_key_count) grow();
    leg.key_count = keys.count;
    leg.keys = keys.keys;
    for (auto key = keys.keys.begin(); key != new_end; ++key)
        if (!std::binary_search(old.begin(), old_end, *key)) push(*key, i);
}

void KeyIndex::push(std::uint32_t key, LegIndex i) {
    const Place place = place_of(key);
    Bucket& head = heads_[place.bucket];
    if (head.count == bucket_leg_count) push_full_bucket_back(head);
    head.tags[head.count] = place.tag;
    head.legs[head.count++] = i;
}

void KeyIndex::push_full_bucket_back(Bucket& head) {
    if (head.chain_length == chain_bucket_count_max) shorten(head);
    std::uint32_t number = 0;
    if (free_.empty()) {
        number = static_cast<std::uint32_t>(overflow_.size());
        if (overflow_.size() == overflow_.capacity())
            overflow_.reserve(std::max(head_count_min, overflow_.size() + overflow_.size() / growth_share));
        overflow_.emplace_back();
    } else {
        number = free_.back();
        free_.pop_back();
    }
    overflow_[number] = head;
    head.count = 0;
    head.next = number;
    ++head.chain_length;
}

/// Drops the older half of a chain: nobody looks so far, and it would grow without end.
void KeyIndex::shorten(Bucket& head) {
    Bucket* at = &head;
    for (std::size_t n = 0; n < chain_bucket_count_max / 2; ++n) at = &overflow_[at->next];
    std::uint32_t drop = std::exchange(at->next, no_bucket);
    while (drop != no_bucket) {
        free_.push_back(drop);
        drop = overflow_[drop].next;
        --head.chain_length;
    }
}

void KeyIndex::remove(LegIndex i, WindowLeg& leg) {
    prefetch(leg);
    for (std::size_t n = 0; n < leg.key_count; ++n) take_out(leg.keys[n], i);
    key_total_ -= leg.key_count;
    leg.key_count = 0;
}

void KeyIndex::take_out(std::uint32_t key, LegIndex i) {
    const Place place = place_of(key);
    Bucket& head = heads_[place.bucket];
    // What leaves is old as a rule, and stands where nobody looks.
    if (head.chain_length > removal_bucket_count_max) {
        head.some_left = true;
        return;
    }
    Bucket* before = nullptr;
    std::uint32_t number = no_bucket;
    for (Bucket* b = &head;;) {
        for (std::uint32_t left = b->places_of(place.tag); left != 0; left &= left - 1) {
            const auto n = static_cast<std::size_t>(std::countr_zero(left));
            if (b->legs[n] != i) continue;
            std::copy(b->tags.begin() + n + 1, b->tags.begin() + b->count, b->tags.begin() + n);
            std::copy(b->legs.begin() + n + 1, b->legs.begin() + b->count, b->legs.begin() + n);
            if (--b->count == 0) drop_empty(head, before, number);
            return;
        }
        if (b->next == no_bucket) return;  // it was dropped with the end of a long chain
        before = b;
        number = b->next;
        b = &overflow_[number];
    }
}

void KeyIndex::drop_empty(Bucket& head, Bucket* before, std::uint32_t number) {
    if (before != nullptr) {
        before->next = overflow_[number].next;
    } else {
        if (head.next == no_bucket) return;
        number = head.next;
        const auto [chain_length, some_left] = std::pair(head.chain_length, head.some_left);
        head = overflow_[number];
        head.chain_length = chain_length;
        head.some_left = some_left;
    }
    free_.push_back(number);
    --head.chain_length;
}

/// More heads: each chain is taken apart from its oldest place on, so that the newest stay first. The keys of a
/// bucket's legs tell where each belongs.
void KeyIndex::grow() {
    PageVector<Bucket> old_heads(std::max(head_count_min, heads_.size() + heads_.size() / growth_share));
    old_heads.swap(heads_);
    PageVector<Bucket> old_overflow = std::move(overflow_);
    overflow_.clear();
    free_.clear();
    std::vector<const Bucket*> chain;
    for (std::size_t n = 0; n < old_heads.size(); ++n) {
        chain.assign(1, &old_heads[n]);
        while (chain.back()->next != no_bucket) chain.push_back(&old_overflow[chain.back()->next]);
        for (std::size_t c = chain.size(); c-- > 0;)
            for (std::size_t p = 0; p < chain[c]->count; ++p) {
                const LegIndex leg = chain[c]->legs[p];
                bool moved = false;
                window_.each_key(leg, [&](std::uint32_t key) {
                    const Place place = place_of(key, old_heads.size());
                    if (moved || place.bucket != n || place.tag != chain[c]->tags[p]) return;
                    push(key, leg);
                    moved = true;
                });
            }
    }
}

std::size_t KeyIndex::memory_bytes() const {
    return (heads_.capacity() + overflow_.capacity()) * sizeof(Bucket) + free_.capacity() * sizeof(std::uint32_t);
}

}  // namespace clew
