// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/shard.h"

#include <algorithm>
#include <string_view>

#include "nat-trace/window.h"

namespace clew {
namespace {

enum Salt : std::uint64_t {
    isn_salt = 1,
    end_salt = 3,
    head_salt = 4,
    sample_salt = 6,
    seq_salt = 8,
    prefix_salt = 10,
    hint_salt = 16
};

std::uint64_t salted(std::uint64_t salt, std::uint64_t value) { return mix_bits(mix_bits(salt) ^ value); }

std::uint64_t hash_of_text(std::string_view text) {
    std::uint64_t h = 0x51ed270b + text.size();
    for (const char c : text) h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    return mix_bits(h);
}

Endpoint endpoint_in(std::string_view bytes) {
    Endpoint out;
    if (bytes.size() < 18) return out;
    out.ip = IpAddress::from_v6_bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()));
    out.port =
        static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[16]) << 8 | static_cast<std::uint8_t>(bytes[17]));
    return out;
}

void add_hint(const Hint& hint, std::vector<ShardKey>& out) {
    std::string_view value = hint.value();
    switch (hint.kind) {
        case HintKind::toa:
        case HintKind::proxy_source: out.push_back({salted(end_salt, hash_of(endpoint_in(value))), false}); return;
        case HintKind::traceparent: value = value.substr(0, std::min<std::size_t>(16, value.size())); break;
        case HintKind::forwarded_for:
        case HintKind::asked_target:
        case HintKind::none: return;
        default: break;
    }
    const bool weak = hint.kind == HintKind::http_request;
    out.push_back({salted(hint_salt + static_cast<std::uint64_t>(hint.kind), hash_of_text(value)), weak});
}

/// Of a direction without its beginning: the packets themselves, and for TCP their numbers.
void add_samples(const Leg& leg, Direction d, std::vector<ShardKey>& out) {
    const Flow& flow = leg.flow(d);
    const auto way = static_cast<std::uint64_t>(d);
    for (std::size_t i = 0; i < std::min<std::size_t>(flow.sample_count, sample_count_max); ++i) {
        const Sample& sample = flow.samples[i];
        if (sample.payload_hash != 0) {
            out.push_back({salted(sample_salt + way, sample.payload_hash & ~std::uint64_t{1}), true});
            out.push_back({salted(prefix_salt + way, sample.payload_hash >> 32 << 16 | sample.length), true});
        }
        if (leg.protocol != Protocol::tcp) continue;
        out.push_back({salted(seq_salt + way, sample.seq), false});
        out.push_back({salted(seq_salt + 1 - way, sample.ack), false});
    }
}

}  // namespace

std::vector<ShardKey> shard_keys(const Leg& leg) {
    std::vector<ShardKey> out;
    for (const Direction d : {Direction::to_server, Direction::to_client}) {
        const Flow& flow = leg.flow(d);
        const auto way = static_cast<std::uint64_t>(d);
        const bool tcp = leg.protocol == Protocol::tcp;
        if (tcp && flow.isn_from != IsnFrom::none) out.push_back({salted(isn_salt + way, flow.isn), false});
        if (flow.head.length != 0) out.push_back({salted(head_salt + way, flow.head.hash_all), true});
        if (!tcp || flow.isn_from == IsnFrom::none) add_samples(leg, d, out);
    }
    out.push_back({salted(end_salt, hash_of(leg.client)), false});
    for (std::size_t i = 0; i < std::min<std::size_t>(leg.hint_count, hint_count_max); ++i) add_hint(leg.hints[i], out);
    return out;
}

ShardRouter::Group ShardRouter::root_of(Group group) {
    while (groups_[group].parent != group) group = groups_[group].parent = groups_[groups_[group].parent].parent;
    return group;
}

/// A group whose legs were sent keeps its linker; two that were sent to different ones stay what they are.
ShardRouter::Group ShardRouter::join(Group a, Group b) {
    a = root_of(a);
    b = root_of(b);
    if (a == b) return a;
    if (groups_[a].shard != no_shard && groups_[b].shard != no_shard && groups_[a].shard != groups_[b].shard) {
        ++counters_.seams;
        return a;
    }
    if (groups_[a].size < groups_[b].size) std::swap(a, b);
    groups_[b].parent = a;
    groups_[a].size += groups_[b].size;
    if (groups_[a].shard == no_shard) groups_[a].shard = groups_[b].shard;
    return a;
}

void ShardRouter::bind(LegId id, Group& group, std::uint64_t key, std::uint32_t sharers_max, TimeNs now) {
    const auto known = keys_.find(key);
    if (known == keys_.end()) {
        if (keys_.size() >= limits_.key_count_max)
            ++counters_.keys_refused;
        else
            keys_.emplace(key, KeyUse{group, 1, id, now});
        return;
    }
    KeyUse& use = known->second;
    use.used_ns = now;
    if (use.last != id) ++use.sharers;
    use.last = id;
    if (use.sharers > sharers_max) {
        counters_.keys_unbound += use.sharers == sharers_max + 1;
        return;
    }
    group = join(use.group, group);
}

void ShardRouter::add(const Leg& report, TimeNs now) {
    LegPlace& place = legs_[report.id];
    place.seen_ns = now;
    const bool is_new = place.group == no_group;
    if (is_new) {
        ++counters_.legs;
        place.group = static_cast<Group>(groups_.size());
        groups_.push_back({place.group, 1, no_shard});
    }
    Group group = root_of(place.group);
    for (const ShardKey& key : shard_keys(report))
        bind(report.id, group, key.key, key.weak ? limits_.weak_sharers_max : limits_.strong_sharers_max, now);
    // A leg that was sent goes on where it went, at once; but never before what of it still waits.
    const TimeNs due = place.shard != no_shard ? now : now + limits_.hold_ns;
    held_.push_back({held_.empty() ? due : std::max(due, held_.back().due_ns), report});
}

std::uint32_t ShardRouter::shard_of(LegId id) {
    LegPlace& place = legs_[id];
    if (place.shard != no_shard) return place.shard;
    if (place.group == no_group) return static_cast<std::uint32_t>(mix_bits(id) % shard_count_);
    GroupRecord& root = groups_[root_of(place.group)];
    if (root.shard == no_shard) root.shard = static_cast<std::uint32_t>(mix_bits(id) % shard_count_);
    place.shard = root.shard;
    return place.shard;
}

/// Once every age_ns_max: what was not used since the last time leaves, and the groups are numbered anew.
void ShardRouter::forget(TimeNs now) {
    if (forgot_ns_ == 0) forgot_ns_ = now;
    if (now - forgot_ns_ < limits_.age_ns_max) return;
    forgot_ns_ = now;
    const TimeNs oldest = now - limits_.age_ns_max;
    std::erase_if(keys_, [&](const auto& one) { return one.second.used_ns < oldest; });
    std::erase_if(legs_, [&](const auto& one) { return one.second.seen_ns < oldest; });
    std::vector<GroupRecord> kept;
    std::unordered_map<Group, Group> renamed;
    const auto rename = [&](Group& group) {
        const Group root = root_of(group);
        const auto [at, is_new] = renamed.try_emplace(root, static_cast<Group>(kept.size()));
        if (is_new) kept.push_back({at->second, groups_[root].size, groups_[root].shard});
        group = at->second;
    };
    for (auto& [id, place] : legs_) rename(place.group);
    for (auto& [key, use] : keys_) rename(use.group);
    groups_ = std::move(kept);
}

}  // namespace clew
