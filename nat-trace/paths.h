// SPDX-License-Identifier: Apache-2.0
// The engine's book of paths: which legs stand in which path, under which id, and what has to be told to the outside.
// The legs of a path form a ring through WindowLeg::next_in_path, from the client's side to the server's.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "nat-trace/chains.h"
#include "nat-trace/path.h"
#include "nat-trace/prefetch.h"
#include "nat-trace/window.h"

namespace clew {

struct PathRecord {
    PathId id = 0;  ///< 0 = the place is free
    LegIndex first = no_leg;
    std::uint32_t leg_count = 0;
    std::uint32_t revision = 0;   ///< of what was last emitted; 0 = never
    bool queued = false;          ///< waits to be emitted
    bool said_ambiguous = false;  ///< what was last emitted gave that reason
};

class PathBook {
  public:
    PathBook(LegWindow& window, const EvidenceLimits& limits) : window_(window), limits_(limits) {}

    /// Puts the chains' legs into paths. The chains must hold all legs of every path they touch. A path's id stays with
    /// its earliest leg; of several emitted paths that become one, the id whose earliest leg is oldest stays.
    void assign(const Chains& chains);
    /// The same for a new leg, which is a chain of its own.
    void assign_alone(LegIndex i);

    /// The leg's path has news to emit (if it may be emitted yet).
    void touch(LegIndex i);

    /// Takes the path of a leg out of the window's sight; calls `remove(LegIndex)` for each of its legs.
    template <typename F>
    void dissolve(LegIndex i, Unlinked reason_if_alone, F&& remove) {
        const std::uint32_t number = window_.leg(i).path;
        emit_last(number, reason_if_alone);
        LegIndex at = records_[number].first;
        for (std::uint32_t n = records_[number].leg_count; n-- > 0;) {
            const LegIndex next = window_.leg(at).next_in_path;
            remove(at);
            at = next;
        }
        drop(number);
    }

    void prefetch(LegIndex i) const { prefetch_line(&of(i)); }
    const PathRecord& of(LegIndex i) const { return records_[window_.leg(i).path]; }
    bool is_alone(LegIndex i) const { return window_.leg(i).path == no_leg || of(i).leg_count == 1; }

    /// A proxy stands somewhere in the leg's path.
    bool has_relay(LegIndex i) const;

    /// Calls `take(const Path&)` with what is new; the path is lent for the call.
    template <typename F>
    void tell(F&& take) {
        for (const Path& path : departed_) take(path);
        departed_.clear();
        for (const std::uint32_t number : queue_) {
            if (next_to_tell(number)) take(std::as_const(told_));
            window_.rest();
        }
        queue_.clear();
    }

    /// Where a leg stands: its path's id, why it is alone (or `linked`), and what a path tells of it.
    void tell_leg(LegIndex i, PathId& path, Unlinked& reason, PathLeg& leg) const;

    std::uint64_t links_made() const { return links_made_; }
    std::uint64_t links_retracted() const { return links_retracted_; }
    std::size_t memory_bytes() const;

  private:
    /// An old path's earliest leg stands in a new chain now.
    struct Claim {
        std::uint32_t old_path = no_leg;
        std::size_t chain = 0;
        TimeNs earliest_ns = 0;
        LegId earliest = 0;
    };

    bool compare(const Chains& chains);
    void claim(const Chains& chains);
    void name_paths(const Chains& chains);
    bool unchanged(Chain chain) const;
    void touch_if_reason_changed(Chain chain);
    void count_links(Chain chain);
    void write_ring(std::uint32_t number, Chain chain);
    PathId fresh_id(Chain chain);
    LegIndex earliest_of(const PathRecord& record) const;
    bool may_emit(const PathRecord& record) const;
    void emit_last(std::uint32_t number, Unlinked reason_if_alone);
    void retract(std::uint32_t number, PathId into);
    void drop(std::uint32_t number);
    std::uint32_t take();

    /// Takes a path out of the queue and puts it into `told_`, if it may be emitted.
    bool next_to_tell(std::uint32_t number);
    void build(const PathRecord& record, Unlinked reason_if_alone, Path& path);
    void add_links(const std::vector<LegIndex>& legs, Path& path) const;
    void add_spans(const std::vector<LegIndex>& legs, Path& path) const;
    PairEvidence evidence_across(const std::vector<LegIndex>& legs, std::size_t at) const;

    LegWindow& window_;
    EvidenceLimits limits_;
    std::vector<PathRecord> records_;
    std::vector<std::uint32_t> free_;
    std::vector<std::uint32_t> queue_;
    std::vector<Path> departed_;            ///< retractions and last words of paths that left
    std::vector<std::uint32_t> old_paths_;  ///< of one assign(), as the next four
    std::vector<bool> as_before_;
    std::vector<Claim> claims_;
    std::vector<Claim> lost_;
    std::vector<std::uint32_t> path_of_chain_;
    Path told_;                        ///< the one that is lent, used again and again
    std::vector<LegIndex> legs_told_;  ///< its legs
    std::uint64_t links_made_ = 0;
    std::uint64_t links_retracted_ = 0;
};

}  // namespace clew
