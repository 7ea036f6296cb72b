// SPDX-License-Identifier: Apache-2.0
// A worker's end of the packet log: what the policy chooses goes into the open block; full blocks wait in line for the
// writer. The worker never waits: while no block is free its packets are dropped and counted.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "dataplane/leg_state.h"
#include "dataplane/vault/block_line.h"
#include "dataplane/vault/open_packet_block.h"
#include "dataplane/vault/packet_policy.h"

namespace clew::vault {

struct PacketAppenderSettings {
    OpenPacketBlockLimits block;
    std::uint32_t block_count = 4;                ///< one open, the others waiting for the writer
    DurationNs block_age_max_ns = 10 * ns_per_s;  ///< an open block is closed then: what a crash may lose
    std::shared_ptr<const PacketPolicy> policy;   ///< null: everything is kept whole
    bool wait_for_writer = false;                 ///< for files: rather than drop packets
};

/// What became of the packets of legs, cumulative.
struct PacketTapCounters {
    std::uint64_t kept = 0, kept_bytes = 0, cut_bytes = 0;  ///< cut: what the policy left out of the kept packets
    std::uint64_t not_chosen = 0, leg_had_enough = 0;
    std::uint64_t dropped_backlog = 0;
};

class PacketAppender {
  public:
    static constexpr std::size_t tap_count_max = 64;  ///< counted apart; further taps are counted with the last

    static Result<std::unique_ptr<PacketAppender>> create(const PacketAppenderSettings& settings,
                                                          std::uint32_t leg_count_max, std::uint64_t id_base,
                                                          bool populate);
    static std::size_t memory_bytes(const PacketAppenderSettings& settings, std::uint32_t leg_count_max);

    // ---- the worker's thread

    /// `describe(LegLabel&)` is called for a leg's first packet in a block.
    template <class Describe>
    void append(sensor::LegNumber leg, LegId id, const SeenHeader& seen, Describe&& describe) {
        LegPlace& place = places_[leg];
        if (place.id != id) place = {.id = id, .block = 0, .leg = 0, .kept = {}};
        std::uint32_t bytes = 0;
        if (!choose(seen, place.kept, bytes)) return;
        OpenPacketBlock* open = block_for(bytes);
        if (!open) return count(seen, &TapCounters::dropped_backlog, 1);
        if (place.block != open->number()) {
            describe(open->next_label());
            place.block = open->number();
            place.leg = open->commit_leg();
        }
        open->append(place.leg, seen, bytes);
        count_kept(seen, place.kept, bytes);
    }
    /// Closes a block that has grown old.
    void advance(TimeNs now) {
        if (has_policy_.load(std::memory_order_relaxed)) [[unlikely]]
            take_policy();
        const OpenPacketBlock* open = line_.open();
        if (open && !open->empty() && now - open->first_ns() > settings_.block_age_max_ns) seal();
    }
    void seal() { line_.seal(); }

    // ---- the writer's thread

    const OpenPacketBlock* oldest_full() const { return line_.oldest_full(); }
    void release() { line_.release(); }

    // ---- any thread

    /// Holds from the worker's next advance() on.
    void set_policy(std::shared_ptr<const PacketPolicy> policy) {
        const std::lock_guard lock(policy_mutex_);
        next_policy_ = std::move(policy);
        has_policy_.store(true, std::memory_order_relaxed);
    }
    template <class Visit>
    void read_unwritten(Visit&& visit) const {
        line_.read_unwritten(visit);
    }
    std::uint32_t waiting() const { return line_.waiting(); }
    PacketTapCounters counters(TapId tap) const;
    PacketTapCounters counters() const;  ///< of all taps together

  private:
    struct LegPlace {
        LegId id;
        std::uint32_t block;
        std::uint32_t leg;
        LegKept kept;
    };
    using Count = std::atomic<std::uint64_t>;
    struct TapCounters {
        Count kept{0}, kept_bytes{0}, cut_bytes{0}, not_chosen{0}, leg_had_enough{0}, dropped_backlog{0};
    };
    explicit PacketAppender(const PacketAppenderSettings& settings)
        : settings_(settings), line_(settings.block_count) {}
    /// Never waits: where another one is being set it is taken the next time. The old one is let go by who sets the
    /// next.
    void take_policy() {
        const std::unique_lock lock(policy_mutex_, std::try_to_lock);
        if (!lock) return;
        settings_.policy.swap(next_policy_);
        has_policy_.store(false, std::memory_order_relaxed);
    }
    bool choose(const SeenHeader& seen, const LegKept& kept, std::uint32_t& bytes);
    OpenPacketBlock* block_for(std::uint32_t bytes);
    void count_kept(const SeenHeader& seen, LegKept& kept, std::uint32_t bytes);
    void count(const SeenHeader& seen, Count TapCounters::*which, std::uint64_t by) {
        Count& counter = taps_[std::min<std::size_t>(seen.packet->tap, tap_count_max - 1)].*which;
        counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    PacketAppenderSettings settings_;
    std::mutex policy_mutex_;  ///< next_policy_
    std::shared_ptr<const PacketPolicy> next_policy_;
    std::atomic<bool> has_policy_{false};
    sensor::FixedArray<LegPlace> places_;  ///< by leg number
    BlockLine<OpenPacketBlock> line_;
    std::array<TapCounters, tap_count_max> taps_;
};

}  // namespace clew::vault
