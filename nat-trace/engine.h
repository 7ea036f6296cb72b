// SPDX-License-Identifier: Apache-2.0
// The engine: legs in, links and paths out. A pure function of what it is given: no threads, no clock, no I/O.
// One thread at a time may use an Engine; several engines are independent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nat-trace/leg.h"
#include "nat-trace/path.h"

namespace clew {

/// A named capture point. Taps of one `clock` are stamped by one clock; different clocks may differ by any offset.
struct Tap {
    std::string name;
    std::string clock;
};

/// Every limit of the engine. When a limit is reached the oldest leaves and is counted.
struct EngineLimits {
    std::size_t leg_count_max = 1'000'000;       ///< legs in the window
    DurationNs leg_age_ns_max = 300 * ns_per_s;  ///< an ended leg leaves this long after its last packet
    DurationNs settle_ns = 200 * ns_per_ms;  ///< how long a leg waits for its neighbours before it is called unlinked
    DurationNs candidate_distance_ns_max = 2 * ns_per_s;  ///< how far apart in time two legs' first packets may be
    std::size_t candidate_count_max = 64;                 ///< rivals looked at for one key
    std::size_t open_leg_count = 16'384;  ///< legs that lie open; of more, those not used for long are packed
};

struct PairVerdict;  // nat-trace/verdict.h
struct Rivals;

/// Counted since the start.
struct EngineCounters {
    std::uint64_t legs_received = 0;   ///< reports taken in, all revisions
    std::uint64_t legs_old = 0;        ///< reports with a revision already known: re-sent, changed nothing
    std::uint64_t legs_in_window = 0;  ///< now
    std::uint64_t legs_expired = 0;    ///< left by age
    std::uint64_t legs_evicted = 0;    ///< left because leg_count_max was reached
    std::uint64_t links_made = 0;
    std::uint64_t links_retracted = 0;
    std::uint64_t stream_notes_refused = 0;  ///< reports whose stream marks, resets and loops found no room
    std::uint64_t common_keys_skipped =
        0;  ///< look-ups under a key that more than candidate_count_max legs share: not followed
};

class Engine {
  public:
    explicit Engine(const EngineLimits& limits);
    ~Engine();
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;

    /// Names a tap; the same name gives the same number. At most 65,535.
    TapId add_tap(const Tap& tap);
    const Tap& tap(TapId id) const;

    /// A report of this leg will be added soon: memory that it needs is fetched meanwhile. Changes nothing else.
    void expect(LegId id) const;

    /// Takes a report in, in any order. Its `tap` must come from add_tap.
    void add(const Leg& leg);

    /// Links what can be linked at `now` (the latest time the caller knows of, of any tap's clock), and expires by age.
    void tick(TimeNs now);

    /// Links what is left without waiting for more: the end of a file.
    void finish();

    /// Calls `take` with each path that is new or changed since the last call, once, in its latest revision. The path
    /// is lent for the call: its place is used again for the next.
    void tell(const std::function<void(const Path&)>& take);

    /// The same, in copies.
    std::vector<Path> drain();

    const EngineCounters& counters() const;

    /// Weighs two legs against each other, for a person who asks why they are linked or are not.
    PairVerdict weigh(LegId a, LegId b) const;

    /// Which legs of other paths share a key with this one around its time; none where the leg is not in the window.
    Rivals rivals(LegId leg, std::size_t count_max) const;

    /// Bytes that the window, its indexes and the paths take now.
    std::size_t memory_bytes() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace clew
