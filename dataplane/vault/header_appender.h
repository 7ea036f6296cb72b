// SPDX-License-Identifier: Apache-2.0
// A worker's end of the header log: every header goes into the open block; full blocks wait in line for the writer. The
// worker never waits: while no block is free its headers are dropped and counted. The worker appends, one writer takes
// blocks, and readers look at all that is not written yet.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>

#include "dataplane/leg_state.h"
#include "dataplane/vault/block_line.h"
#include "dataplane/vault/open_block.h"

namespace clew::vault {

struct HeaderAppenderSettings {
    OpenBlockLimits block;
    std::uint32_t block_count = 4;                ///< one open, the others waiting for the writer
    DurationNs block_age_max_ns = 10 * ns_per_s;  ///< an open block is closed then: what a crash may lose
    bool payload_checks = true;  ///< keep PacketHeader::payload_check: lines packets up behind relays and for UDP, ICMP
    bool wait_for_writer = false;   ///< for files: rather than drop headers
    bool verify_checksums = false;  ///< over the whole payload: for files; a worker has no time for it
};

class HeaderAppender {
  public:
    static Result<std::unique_ptr<HeaderAppender>> create(const HeaderAppenderSettings& settings,
                                                          std::uint32_t leg_count_max, std::uint64_t id_base,
                                                          bool populate);
    static std::size_t memory_bytes(const HeaderAppenderSettings& settings, std::uint32_t leg_count_max);

    const HeaderAppenderSettings& settings() const { return settings_; }

    // ---- the worker's thread

    /// `describe(LegLabel&)` is called for a leg's first packet in a block.
    template <class Describe>
    void append(sensor::LegNumber leg, LegId id, const SeenHeader& seen, Describe&& describe) {
        OpenBlock* open = line_.open_or_next();
        while (!open) [[unlikely]] {
                if (!settings_.wait_for_writer) return line_.count_dropped();
                std::this_thread::sleep_for(std::chrono::microseconds(200));
                open = line_.open_or_next();
            }
        LegPlace& place = places_[leg];
        if (place.id != id || place.block != open->number()) {
            describe(open->next_label());
            place = {id, open->number(), open->commit_leg()};
        }
        open->append(place.leg, seen);
        if (open->is_full()) seal();
    }
    /// Closes a block that has grown old.
    void advance(TimeNs now) {
        const OpenBlock* open = line_.open();
        if (open && !open->empty() && now - open->first_ns() > settings_.block_age_max_ns) seal();
    }
    void seal() { line_.seal(); }

    // ---- the writer's thread

    const OpenBlock* oldest_full() const { return line_.oldest_full(); }
    void release() { line_.release(); }

    // ---- any thread

    template <class Visit>
    void read_unwritten(Visit&& visit) const {
        line_.read_unwritten(visit);
    }
    std::uint64_t dropped() const { return line_.dropped(); }
    std::uint32_t waiting() const { return line_.waiting(); }

  private:
    struct LegPlace {
        LegId id;
        std::uint32_t block;
        std::uint32_t leg;
    };
    HeaderAppender(const HeaderAppenderSettings& settings) : settings_(settings), line_(settings.block_count) {}

    HeaderAppenderSettings settings_;
    sensor::FixedArray<LegPlace> places_;  ///< by leg number: where it stands in the open block
    BlockLine<OpenBlock> line_;
};

}  // namespace clew::vault
