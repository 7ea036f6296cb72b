// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/keys.h"

#include <algorithm>

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
};

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

/// Of a connection found in the middle: the server's sequence numbers survive a FULLNAT, as seq of the one direction
/// and as ack of the other; the client's survive all but that.
void add_middle(const WindowLeg& leg, LegKeys& keys) {
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const WindowFlow& flow = leg.flow(d);
        if (flow.sample_count == 0) continue;
        const WindowSample& s = flow.samples[0];
        keys.add(salted(salt_stream, d == Direction::to_server ? s.ack : s.seq));
        keys.add(salted(salt_stream, d == Direction::to_server ? s.seq : s.ack));
        // If the handshake alone was missed, what stands before the first bytes are the initial sequence numbers.
        keys.add(salted(salt_isn, s.seq - 1));
        // Behind a gateway that writes both numbers anew only the bytes are the same.
        if (s.hash != 0) keys.add(salted(salt_bytes, std::uint64_t{s.hash} << 32 | s.length));
    }
}

/// The first payload packets as they survive every gateway that forwards packets. TCP's sequence numbers may be
/// shifted, and many clients ask the same, so only the IP ids of both directions together tell connections apart.
void add_stream_sample(const WindowLeg& leg, LegKeys& keys) {
    const WindowFlow& c = leg.flow(Direction::to_server);
    const WindowFlow& s = leg.flow(Direction::to_client);
    if (c.sample_count == 0 || s.sample_count == 0 || c.samples[0].ip_id == 0 || s.samples[0].ip_id == 0) return;
    const std::uint64_t ids = std::uint64_t{c.samples[0].ip_id} << 16 | s.samples[0].ip_id;
    keys.add(salted(salt_sample, mix_bits(ids) ^ (std::uint64_t{c.samples[0].hash} << 32 | s.samples[0].hash)));
}

/// A datagram's payload; an echo's sequence number with it.
void add_datagram_sample(const WindowLeg& leg, Direction d, LegKeys& keys) {
    const WindowFlow& flow = leg.flow(d);
    if (flow.sample_count == 0 || flow.samples[0].hash == 0) return;
    const WindowSample& s = flow.samples[0];
    const std::uint64_t echo = leg.protocol == Protocol::udp ? 0 : s.seq & 0xffff;
    keys.add(salted(salt_sample, std::uint64_t{s.hash} << 32 | std::uint64_t{s.length} << 16 | echo));
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

/// The streams' first bytes, as a proxy repeats them.
void add_stream_heads(const WindowLeg& leg, LegKeys& keys) {
    const std::uint64_t c = leg.flow(Direction::to_server).head;
    const std::uint64_t s = leg.flow(Direction::to_client).head;
    if (c != 0 || s != 0) keys.add(salted(salt_head, c << 32 | s));
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
        if (h.kind == HintKind::forwarded_for)
            keys.add(salted(salt_request, first->value ^ hash_of(Endpoint{h.source.ip, 0})));
    });
    keys.add(salted(salt_request, first->value));
}

LegKeys keys_of(const LegWindow& window, const WindowLeg& leg) {
    LegKeys keys;
    keys.add(salted(salt_endpoint, hash_of(leg.client)));
    if (is_tcp(leg)) {
        add_isns(window, leg, keys);
        if (keys.count == 1) add_middle(leg, keys);
        // Of a connection whose beginning one tap missed, the end is the same; the server's survives most gateways.
        const WindowFlow& s = leg.flow(Direction::to_client);
        if (leg.phase == LegPhase::ended && s.next_seq != 0) keys.add(salted(salt_stream, s.next_seq));
    }
    add_signals(window, leg, keys);
    if (is_tcp(leg)) {
        add_stream_sample(leg, keys);
        add_stream_heads(leg, keys);
        add_request(window, leg, keys);
    } else {
        add_datagram_sample(leg, Direction::to_server, keys);
        add_datagram_sample(leg, Direction::to_client, keys);
    }
    std::sort(keys.keys.begin(), keys.keys.begin() + keys.count);
    keys.count =
        static_cast<std::uint8_t>(std::unique(keys.keys.begin(), keys.keys.begin() + keys.count) - keys.keys.begin());
    return keys;
}

void KeyIndex::insert(LegIndex i, WindowLeg& leg, const LegKeys& keys) {
    const std::size_t first = std::size_t{i} * key_slot_count;
    if (slots_.size() < first + key_slot_count) slots_.resize(std::max(first + key_slot_count, slots_.size() * 3 / 2));
    key_total_ += keys.count;
    if (key_total_ > buckets_.size()) grow_buckets();
    leg.key_count = keys.count;
    for (std::size_t n = 0; n < keys.count; ++n) {
        slots_[first + n].key = keys.keys[n];
        push(static_cast<std::uint32_t>(first + n));
    }
}

void KeyIndex::push(std::uint32_t slot) {
    std::uint32_t& head = buckets_[bucket_of(slots_[slot].key)];
    slots_[slot].previous = no_slot;
    slots_[slot].next = head;
    if (head != no_slot) slots_[head].previous = slot;
    head = slot;
}

void KeyIndex::remove(LegIndex i, WindowLeg& leg) {
    const std::size_t first = std::size_t{i} * key_slot_count;
    for (std::size_t slot = first; slot < first + leg.key_count; ++slot) {
        const Slot& s = slots_[slot];
        (s.previous == no_slot ? buckets_[bucket_of(s.key)] : slots_[s.previous].next) = s.next;
        if (s.next != no_slot) slots_[s.next].previous = s.previous;
    }
    key_total_ -= leg.key_count;
    leg.key_count = 0;
}

void KeyIndex::grow_buckets() {
    const std::vector<std::uint32_t> old = std::move(buckets_);
    buckets_.assign(std::max<std::size_t>(4096, old.size() * 2), no_slot);
    for (const std::uint32_t head : old) {
        // Pushed from the tail on, the chains keep their order: the newest first.
        std::uint32_t tail = head;
        while (tail != no_slot && slots_[tail].next != no_slot) tail = slots_[tail].next;
        for (std::uint32_t slot = tail; slot != no_slot;) {
            const std::uint32_t previous = slots_[slot].previous;
            push(slot);
            slot = previous;
        }
    }
}

}  // namespace clew
