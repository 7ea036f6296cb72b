// SPDX-License-Identifier: Apache-2.0
#include "nat-trace/paths.h"

#include <algorithm>
#include <utility>

#include "nat-trace/check.h"

namespace clew {
namespace {

bool earlier(const WindowLeg& a, const WindowLeg& b) {
    return a.first_ns != b.first_ns ? a.first_ns < b.first_ns : a.id < b.id;
}

}  // namespace

std::uint32_t PathBook::take() {
    if (free_.empty()) {
        records_.emplace_back();
        return static_cast<std::uint32_t>(records_.size() - 1);
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    return number;
}

void PathBook::drop(std::uint32_t number) {
    const bool queued = records_[number].queued;
    records_[number] = PathRecord{};
    records_[number].queued = queued;  // the queue still names it; tell() puts it back among the free
    if (!queued) free_.push_back(number);
}

bool PathBook::unchanged(Chain chain) const {
    const std::uint32_t number = window_.leg(chain[0].leg).path;
    if (number == no_leg || records_[number].leg_count != chain.size() || records_[number].first != chain[0].leg)
        return false;
    LegIndex at = chain[0].leg;
    for (const ChainLeg& l : chain) {
        const WindowLeg& leg = window_.leg(at);
        if (at != l.leg || leg.relay_next != l.relay_next || leg.rivals != l.rivals || leg.margin_bits != l.margin_bits)
            return false;
        at = leg.next_in_path;
    }
    return true;
}

bool PathBook::has_relay(LegIndex i) const {
    LegIndex at = i;
    do {
        if (window_.leg(at).relay_next) return true;
        at = window_.leg(at).next_in_path;
    } while (at != i && at != no_leg);
    return false;
}

LegIndex PathBook::earliest_of(const PathRecord& record) const {
    LegIndex best = record.first;
    LegIndex at = record.first;
    for (std::uint32_t n = record.leg_count; n-- > 0; at = window_.leg(at).next_in_path)
        if (earlier(window_.leg(at), window_.leg(best))) best = at;
    return best;
}

PathId PathBook::fresh_id(Chain chain) {
    LegIndex first = chain[0].leg;
    for (const ChainLeg& l : chain)
        if (earlier(window_.leg(l.leg), window_.leg(first))) first = l.leg;
    WindowLeg& leg = window_.leg(first);
    // A leg's first path is named after it alone, so that an engine started anew finds the same name.
    const PathId id = mix_bits(leg.id + std::uint64_t{leg.names_given} * 0x9e3779b97f4a7c15ULL);
    if (leg.names_given < 255) ++leg.names_given;
    return id == 0 ? 1 : id;
}

void PathBook::count_links(Chain chain) {
    for (std::size_t n = 0; n < chain.size(); ++n) {
        const WindowLeg& leg = window_.leg(chain[n].leg);
        const bool had = leg.path != no_leg && leg.next_in_path != records_[leg.path].first;
        const LegIndex old_next = had ? leg.next_in_path : no_leg;
        const LegIndex new_next = n + 1 < chain.size() ? chain[n + 1].leg : no_leg;
        links_made_ += new_next != no_leg && new_next != old_next;
        links_retracted_ += old_next != no_leg && new_next != old_next;
    }
}

void PathBook::write_ring(std::uint32_t number, Chain chain) {
    for (std::size_t n = 0; n < chain.size(); ++n) {
        WindowLeg& leg = window_.leg(chain[n].leg);
        leg.path = number;
        leg.next_in_path = chain[(n + 1) % chain.size()].leg;
        leg.relay_next = chain[n].relay_next;
        leg.rivals = chain[n].rivals;
        leg.margin_bits = chain[n].margin_bits;
    }
    records_[number].first = chain[0].leg;
    records_[number].leg_count = static_cast<std::uint32_t>(chain.size());
}

void PathBook::assign_alone(LegIndex i) {
    const ChainLeg leg{i, false, 0, 0};
    const std::uint32_t number = take();
    records_[number] = PathRecord{};
    records_[number].id = fresh_id(Chain(&leg, 1));
    write_ring(number, Chain(&leg, 1));
    touch(i);
}

/// Which paths the chains' legs stand in, and which chains are as before; says whether any is not.
bool PathBook::compare(const Chains& chains) {
    old_paths_.clear();
    as_before_.clear();
    bool any_change = false;
    for (std::size_t c = 0; c < chains.size(); ++c) {
        as_before_.push_back(unchanged(chains[c]));
        any_change |= !as_before_.back();
        for (const ChainLeg& l : chains[c]) {
            const std::uint32_t path = window_.leg(l.leg).path;
            if (path != no_leg && std::find(old_paths_.begin(), old_paths_.end(), path) == old_paths_.end())
                old_paths_.push_back(path);
        }
    }
    return any_change;
}

/// Which new chain each old path's earliest leg stands in now: emitted ids first, then the oldest.
void PathBook::claim(const Chains& chains) {
    claims_.clear();
    for (const std::uint32_t old : old_paths_) {
        const LegIndex first = earliest_of(records_[old]);
        for (std::size_t c = 0; c < chains.size(); ++c)
            for (const ChainLeg& l : chains[c])
                if (l.leg == first) claims_.push_back({old, c, window_.leg(first).first_ns, window_.leg(first).id});
    }
    std::sort(claims_.begin(), claims_.end(), [&](const Claim& x, const Claim& y) {
        const bool ex = records_[x.old_path].revision > 0;
        const bool ey = records_[y.old_path].revision > 0;
        if (ex != ey) return ex;
        return std::pair(x.earliest_ns, x.earliest) < std::pair(y.earliest_ns, y.earliest);
    });
    path_of_chain_.assign(chains.size(), no_leg);
    lost_.clear();
    for (const Claim& claim : claims_) {
        if (path_of_chain_[claim.chain] == no_leg && records_[claim.old_path].revision > 0)
            path_of_chain_[claim.chain] = claim.old_path;
        else
            lost_.push_back(claim);
    }
}

void PathBook::assign(const Chains& chains) {
    if (compare(chains)) {
        claim(chains);
        for (std::size_t c = 0; c < chains.size(); ++c) count_links(chains[c]);
        name_paths(chains);
        for (std::size_t c = 0; c < chains.size(); ++c) write_ring(path_of_chain_[c], chains[c]);
    }
    for (std::size_t c = 0; c < chains.size(); ++c) {
        if (as_before_[c])
            touch_if_reason_changed(chains[c]);
        else
            touch(chains[c][0].leg);
    }
}

/// Chains that keep no path get a new one; paths that lost their legs are retracted or forgotten.
void PathBook::name_paths(const Chains& chains) {
    for (std::uint32_t& number : path_of_chain_) {
        if (number != no_leg) continue;
        number = take();
        records_[number] = PathRecord{};
    }
    for (const Claim& claim : lost_) {
        // A path that was never emitted gives its name back, for whoever is named after the same leg next.
        if (records_[claim.old_path].revision == 0) {
            WindowLeg& namesake = window_.leg(earliest_of(records_[claim.old_path]));
            if (namesake.names_given == 1 && records_[claim.old_path].id == mix_bits(namesake.id))
                namesake.names_given = 0;
        }
    }
    for (std::size_t c = 0; c < chains.size(); ++c)
        if (records_[path_of_chain_[c]].id == 0) records_[path_of_chain_[c]].id = fresh_id(chains[c]);
    for (const Claim& claim : lost_) {
        if (records_[claim.old_path].revision > 0) retract(claim.old_path, records_[path_of_chain_[claim.chain]].id);
        drop(claim.old_path);
    }
}

bool PathBook::may_emit(const PathRecord& record) const {
    return record.leg_count > 1 || (record.leg_count == 1 && window_.leg(record.first).settled);
}

void PathBook::touch_if_reason_changed(Chain chain) {
    const WindowLeg& leg = window_.leg(chain[0].leg);
    if (chain.size() == 1 && records_[leg.path].said_ambiguous != leg.ambiguous) touch(chain[0].leg);
}

void PathBook::touch(LegIndex i) {
    PathRecord& record = records_[window_.leg(i).path];
    if (record.queued || !may_emit(record)) return;
    record.queued = true;
    queue_.push_back(window_.leg(i).path);
}

void PathBook::retract(std::uint32_t number, PathId into) {
    Path path;
    path.id = records_[number].id;
    path.revision = records_[number].revision + 1;
    path.retracted = true;
    path.merged_into = into;
    departed_.push_back(std::move(path));
}

void PathBook::emit_last(std::uint32_t number, Unlinked reason_if_alone) {
    PathRecord& record = records_[number];
    const bool reason_changes = record.leg_count == 1 && reason_if_alone != Unlinked::linked;
    if (!record.queued && record.revision > 0 && !reason_changes) return;
    ++record.revision;
    build(record, reason_if_alone, departed_.emplace_back());
}

bool PathBook::next_to_tell(std::uint32_t number) {
    PathRecord& record = records_[number];
    record.queued = false;
    if (record.id == 0) {
        free_.push_back(number);
        return false;
    }
    if (!may_emit(record)) return false;
    ++record.revision;
    record.said_ambiguous = record.leg_count == 1 && window_.leg(record.first).ambiguous;
    build(record, Unlinked::linked, told_);
    return true;
}

std::size_t PathBook::memory_bytes() const {
    return records_.capacity() * sizeof(PathRecord) + (free_.capacity() + queue_.capacity()) * sizeof(std::uint32_t);
}

}  // namespace clew
